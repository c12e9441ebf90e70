//! A leaderboard in which only values of one definition compete.

use std::path::PathBuf;

use serde::Serialize;

use crate::record::Salvage;
use crate::rules::Rules;
use crate::scan::Scan;

use super::flags;
use super::measured::Contradicted;
use super::names::Names;
use super::number::{pair, short};
use super::records::{DirRecord, Judgement, Verdict};
use super::standing::{Direction, Mark, Standing};
use super::view::{View, is_unsafe};

/// The place of a directory among those that it compares with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ranked {
    /// Its place in [`Judgement::dirs`].
    pub dir: usize,
    /// Its path.
    pub path: PathBuf,
    /// The table that it stands in: the definitions of the values; empty if it does not compete.
    pub family: String,
    /// The order of the table: `coverage (more is better), then hierarchy_B (less is better)`.
    pub order: String,
    /// From 1; none if it does not compete.
    pub place: Option<usize>,
    /// What it is compared by, the weightiest first.
    pub values: Vec<(String, f64)>,
    /// Those of the values that were measured, each with what the file stores instead.
    pub stored: Vec<(String, f64)>,
    /// Those of the values that are of the better of two branches, each with that branch.
    pub branches: Vec<(String, &'static str)>,
    /// Why it is where it is.
    pub reason: String,
}

/// Ranks the best files of all directories, each against those of its own metric family: the largest family first,
/// then what does not compete. `by` names a metric and whether more of it is better; without it the order is coverage,
/// hierarchy, richness. A stored value that a measurement contradicts gives way to the measured one.
#[must_use]
pub fn rank(
    scan: &Scan,
    judgement: &Judgement,
    rules: &Rules,
    by: Option<(&str, bool)>,
    contradicted: &Contradicted,
) -> Vec<Ranked> {
    let views = View::all(scan);
    let names = Names::of(&views);
    let mut tables: Vec<(String, Vec<Entry>)> = Vec::new();
    let mut excluded = Vec::new();
    for (dir, record) in judgement.dirs.iter().enumerate() {
        match compete(scan, judgement, rules, record, by, contradicted) {
            Ok(standing) => {
                let class = standing.class();
                let entry = Entry { dir, standing };
                match tables.iter_mut().find(|(known, _)| *known == class) {
                    Some((_, all)) => all.push(entry),
                    None => tables.push((class, vec![entry])),
                }
            }
            Err(reason) => excluded.push(Ranked {
                dir,
                path: record.path.clone(),
                family: String::new(),
                order: String::new(),
                place: None,
                values: Vec::new(),
                stored: Vec::new(),
                branches: Vec::new(),
                reason,
            }),
        }
    }
    // Stable: among tables of one size the first stays first, and so do equals in a table.
    tables.sort_by_key(|(_, all)| std::cmp::Reverse(all.len()));
    let total: usize = tables.iter().map(|(_, all)| all.len()).sum();
    let mut ranked = Vec::new();
    for (_, mut all) in tables {
        all.sort_by(|one, other| one.standing.order(&other.standing));
        let others = total - all.len();
        let winner = all[0].clone();
        let size = all.len();
        for (place, entry) in all.into_iter().enumerate() {
            let reason = if place == 0 {
                first(size, others, &entry.standing)
            } else {
                lost(&entry.standing, &winner.standing, &names.word(&judgement.dirs[winner.dir].path))
            };
            let (mut stored, mut told) = (Vec::new(), vec![reason]);
            let branch = |mark: &Mark| Some((mark.name.clone(), mark.branch?));
            let branches = entry.standing.0.iter().filter_map(branch).collect();
            for mark in &entry.standing.0 {
                let Some(instead) = mark.stored else { continue };
                let (value, other) = pair(mark.value, instead);
                told.push(format!("; {} measured {value}, stored {other}", mark.name));
                stored.push((mark.name.clone(), instead));
            }
            ranked.push(Ranked {
                dir: entry.dir,
                path: judgement.dirs[entry.dir].path.clone(),
                family: entry.standing.family(),
                order: order(&entry.standing),
                place: Some(place + 1),
                values: entry.standing.0.into_iter().map(|mark| (mark.name, mark.value)).collect(),
                stored,
                branches,
                reason: told.concat(),
            });
        }
    }
    ranked.append(&mut excluded);
    ranked
}

#[derive(Debug, Clone)]
struct Entry {
    dir: usize,
    standing: Standing,
}

/// What a directory competes with, or why it does not.
fn compete(
    scan: &Scan,
    judgement: &Judgement,
    rules: &Rules,
    dir: &DirRecord,
    by: Option<(&str, bool)>,
    contradicted: &Contradicted,
) -> Result<Standing, String> {
    let Some(best) = &dir.best else {
        return Err(if dir.n_files == 0 { "holds no checkpoint" } else { "has no best checkpoint" }.into());
    };
    // Records are in order of the path, as bytes.
    let bytes = |path: &std::path::Path| path.as_os_str().as_encoded_bytes().to_vec();
    let wanted = bytes(best);
    let place = scan.files.binary_search_by(|file| bytes(&file.path).cmp(&wanted));
    let place = place.ok().or_else(|| scan.files.iter().position(|file| file.path == *best));
    let Some(at) = place else { return Err("its best checkpoint has no record".into()) };
    let (record, verdict) = (&scan.files[at], &judgement.files[at]);
    if dir.verdict == Some(Verdict::Invalid) {
        let note = dir.note.as_deref().unwrap_or("no reason is given");
        return Err(format!("said to be invalid: {note}"));
    }
    if is_unsafe(record.safety) {
        return Err(format!("its best checkpoint is {}", record.safety.as_str()));
    }
    if !record.status.is_decoded() {
        return Err(format!("its best checkpoint is {}", record.status.as_str()));
    }
    if record.lacks_storages() {
        return Err(match record.salvaged {
            Some(Salvage { present, storages }) => {
                format!("its best checkpoint was cut: {present} of {storages} storages are there")
            }
            None => "its best checkpoint lacks a storage".into(),
        });
    }
    let measured = || contradicted.get(best).into_iter().flatten();
    if dir.verdict != Some(Verdict::Valid) {
        let raised = |(name, value): &(String, f64)| {
            Some((flags::of_value(name, *value, rules)?, name.clone(), *value))
        };
        if let Some((flag, name, value)) = measured().find_map(raised) {
            return Err(format!("flagged as measured: {} ({name} {})", flag.as_str(), short(value)));
        }
    }
    if !verdict.flags.is_empty() && dir.verdict != Some(Verdict::Valid) {
        let flags: Vec<&str> = verdict.flags.iter().map(|flag| flag.as_str()).collect();
        return Err(format!("flagged: {}", flags.join(", ")));
    }
    let mut standing = match by {
        None => Standing::of(record).ok_or("states neither coverage nor hierarchy")?,
        Some((name, more)) => {
            let direction = if more { Direction::Higher } else { Direction::Lower };
            Standing::by(record, name, direction).ok_or_else(|| format!("states no {name}"))?
        }
    };
    for (name, value) in measured() {
        for mark in standing.0.iter_mut().filter(|mark| mark.is_of(name)) {
            // Both branches may have given it.
            mark.stored.get_or_insert(mark.value);
            mark.value = *value;
            mark.branch = None;
        }
    }
    Ok(standing)
}

fn first(size: usize, others: usize, standing: &Standing) -> String {
    let mut text =
        if size == 1 { "the only one of its family".into() } else { format!("the best of {size}") };
    if size > 1 && standing.0.iter().any(|mark| mark.family.starts_with("unknown")) {
        text += ", if they were measured alike: their family is unknown";
    }
    if others > 0 {
        text += "; not compared with those of other families";
    }
    text
}

/// Which value lost against which.
fn lost(loser: &Standing, winner: &Standing, name: &str) -> String {
    let pairs = loser.0.iter().zip(&winner.0);
    match pairs.into_iter().find(|(one, other)| one.order(other).is_ne()) {
        Some((one, other)) => {
            let (value, against) = pair(one.value, other.value);
            format!("{} {} against {} of {name}", one.name, one.say(&value), other.say(&against))
        }
        None => match loser.0.first() {
            Some(mark) => {
                let value = mark.say(&short(mark.value));
                format!("as good as {name} ({} {value}), which comes first by its path", mark.name)
            }
            None => format!("as good as {name}"),
        },
    }
}

/// What counts in which order, with the definition of each if there are several.
fn order(standing: &Standing) -> String {
    let several = standing.0.iter().any(|mark| mark.family != standing.0[0].family);
    let words = standing.0.iter().map(|mark| {
        let better = match mark.direction {
            Direction::Higher => "more is better",
            Direction::Lower => "less is better",
        };
        let family = if several { format!("{}; ", mark.family) } else { String::new() };
        format!("{} ({family}{better})", mark.name)
    });
    words.collect::<Vec<_>>().join(", then ")
}
