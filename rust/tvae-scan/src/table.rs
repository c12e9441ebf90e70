//! Records as columns, for programs that analyse tables: one row a record, one column a field or metric.

use std::collections::BTreeSet;
use std::path::Path;

use crate::judge::Judgement;
use crate::record::FileRecord;
use crate::scan::Scan;
use crate::tensors::Tensor;

/// The values of one column, a place for every row.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Text.
    Text(Vec<Option<String>>),
    /// Whole numbers.
    Int(Vec<Option<i64>>),
    /// Numbers.
    Float(Vec<Option<f64>>),
    /// Lists of text.
    Texts(Vec<Vec<String>>),
    /// Lists of whole numbers.
    Ints(Vec<Vec<i64>>),
}

/// Columns of equal length, each with its name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table(pub Vec<(String, Column)>);

/// The name of a metric, its value and the family of its definition.
pub type Stated<'r> = (&'r str, f64, &'r str);

impl Table {
    /// Adds a column of text.
    pub fn text<R>(&mut self, name: &str, rows: &[R], of: impl Fn(&R) -> Option<String>) {
        self.0.push((name.into(), Column::Text(rows.iter().map(of).collect())));
    }

    /// Adds a column of whole numbers; what does not fit is missing.
    pub fn int<R, N: TryInto<i64>>(&mut self, name: &str, rows: &[R], of: impl Fn(&R) -> Option<N>) {
        let values = rows.iter().map(|row| of(row).and_then(|value| value.try_into().ok()));
        self.0.push((name.into(), Column::Int(values.collect())));
    }

    /// Adds a column of numbers.
    pub fn float<R>(&mut self, name: &str, rows: &[R], of: impl Fn(&R) -> Option<f64>) {
        self.0.push((name.into(), Column::Float(rows.iter().map(of).collect())));
    }

    /// Adds a column of lists.
    pub fn texts<R>(&mut self, name: &str, rows: &[R], of: impl Fn(&R) -> Vec<String>) {
        self.0.push((name.into(), Column::Texts(rows.iter().map(of).collect())));
    }

    /// Adds two columns for every metric that is a number somewhere: its value, and the family of its definition.
    /// `of` gives the name, value and family of each.
    pub fn metrics<'r, R>(&mut self, rows: &'r [R], of: impl Fn(&'r R) -> Vec<Stated<'r>>) {
        let stated: Vec<Vec<Stated<'r>>> = rows.iter().map(of).collect();
        let names: BTreeSet<&str> = stated.iter().flatten().map(|one| one.0).collect();
        // A metric that is called like a field keeps out of its way.
        let taken: BTreeSet<String> = self.0.iter().map(|(name, _)| name.clone()).collect();
        for name in names {
            let column = if taken.contains(name) { format!("metrics.{name}") } else { name.into() };
            let find = |row: &Vec<Stated<'r>>| row.iter().find(|one| one.0 == name).copied();
            self.float(&column, &stated, |row| find(row).map(|one| one.1));
            self.text(&format!("{column}_family"), &stated, |row| find(row).map(|one| one.2.to_owned()));
        }
    }
}

/// A path as text.
#[must_use]
pub fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A row for each file.
#[must_use]
pub fn files(scan: &Scan, judgement: &Judgement) -> Table {
    let rows = &scan.files[..];
    let mut table = Table::default();
    table.text("path", rows, |row| Some(shown(&row.path)));
    table.int("size", rows, |row| Some(row.size));
    table.int("allocated", rows, |row| Some(row.allocated));
    table.float("mtime", rows, |row| Some(row.mtime));
    table.text("kind", rows, |row| Some(row.kind.to_string()));
    table.text("status", rows, |row| Some(row.status.as_str().into()));
    table.text("safety", rows, |row| Some(row.safety.as_str().into()));
    table.int("epoch", rows, |row| row.epoch);
    table.text("config_hash", rows, FileRecord::config_hash);
    table.text("serialization_id", rows, |row| row.serialization_id.clone());
    table.int("n_records", rows, |row| row.n_records);
    table.int("n_tensors", rows, |row| Some(row.state_dicts.iter().map(|one| one.n_tensors).sum::<u64>()));
    table.int("n_params", rows, |row| {
        Some(row.state_dicts.iter().fold(0_u64, |sum, one| sum.saturating_add(one.n_params)))
    });
    table.texts("layouts", rows, |row| {
        row.state_dicts.iter().filter_map(|one| one.layout.as_deref().map(str::to_owned)).collect()
    });
    table.texts("top_keys", rows, |row| row.top_keys.iter().map(ToString::to_string).collect());
    table.texts("imports", rows, |row| {
        row.imports.iter().map(|one| format!("{}.{}", one.module, one.name)).collect()
    });
    table.texts("issues", rows, |row| row.issues.iter().map(|issue| issue.code.to_string()).collect());
    table.int("elapsed_us", rows, |row| Some(row.elapsed_us));
    let verdicts = &judgement.files[..];
    table.texts("flags", verdicts, |one| one.flags.iter().map(|flag| flag.as_str().into()).collect());
    table.text("duplicates_of", verdicts, |one| one.duplicates_of.as_ref().map(|first| shown(&first.path)));
    table.metrics(rows, |row| {
        let stated = row.metrics.iter().map(|one| (&*one.name, &one.reading));
        stated.filter_map(|(name, told)| Some((name, told.value.number()?, &*told.family))).collect()
    });
    table
}

/// A row for each directory.
#[must_use]
pub fn dirs(judgement: &Judgement) -> Table {
    let rows = &judgement.dirs[..];
    let mut table = Table::default();
    table.text("path", rows, |row| Some(shown(&row.path)));
    table.text("status", rows, |row| Some(row.status.as_str().into()));
    table.text("category", rows, |row| Some(row.category.clone()));
    table.text("rule", rows, |row| Some(row.rule.clone()));
    table.int("n_files", rows, |row| Some(row.n_files));
    table.int("bytes", rows, |row| Some(row.bytes));
    table.int("allocated", rows, |row| Some(row.allocated));
    table.text("best", rows, |row| row.best.as_deref().map(shown));
    table.text("latest", rows, |row| row.latest.as_deref().map(shown));
    table.int("epoch", rows, |row| row.epoch);
    table.text("safety", rows, |row| Some(row.safety.as_str().into()));
    table.text("best_safety", rows, |row| row.best_safety.map(|safety| safety.as_str().into()));
    table.texts("flags", rows, |row| row.flags.iter().map(|flag| flag.as_str().into()).collect());
    table.text("duplicates_of", rows, |row| row.duplicates_of.as_deref().map(shown));
    table.text("group", rows, |row| row.group.clone());
    table.text("recommendation", rows, |row| Some(row.recommendation.as_str().into()));
    table.text("reason", rows, |row| Some(row.reason.clone()));
    table.text("note", rows, |row| row.note.clone());
    table.metrics(rows, |row| row.metrics.iter().map(|one| (&*one.name, one.value, &*one.family)).collect());
    table
}

/// A row for each tensor of each file.
#[must_use]
pub fn tensors(rows: &[(String, Tensor)]) -> Table {
    let mut table = Table::default();
    let ints = |of: &dyn Fn(&Tensor) -> Vec<i64>| Column::Ints(rows.iter().map(|(_, one)| of(one)).collect());
    let shape = ints(&|one| one.shape.iter().map(|&size| i64::try_from(size).unwrap_or(i64::MAX)).collect());
    let stride = ints(&|one| one.stride.clone());
    table.text("path", rows, |(path, _)| Some(path.clone()));
    table.text("name", rows, |(_, one)| Some(one.name.clone()));
    table.text("dtype", rows, |(_, one)| Some(one.dtype.into()));
    table.0.push(("shape".into(), shape));
    table.0.push(("stride".into(), stride));
    table.int("file_offset", rows, |(_, one)| one.file_offset);
    table.int("nbytes", rows, |(_, one)| Some(one.nbytes));
    table
}
