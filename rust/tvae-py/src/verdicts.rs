//! What the rules say, as plain Python objects.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tvae_scan::judge::{
    DirRecord, Documented, FileVerdict, GroupKind, Judgement, Ranked, Tally, Verdict, Warning,
};
use tvae_scan::pickle::Safety;

use crate::records::named;

/// Adds to the record of a file what the rules say about it.
pub(crate) fn add_file(out: &Bound<'_, PyDict>, verdict: &FileVerdict) -> PyResult<()> {
    out.set_item("flags", verdict.flags.iter().map(|flag| flag.as_str()).collect::<Vec<_>>())?;
    match &verdict.duplicates_of {
        Some(first) => {
            named(out, "duplicates_of", &first.path)?;
            out.set_item("duplicates_by", first.by.as_str())?;
        }
        None => out.set_item("duplicates_of", None::<&str>)?,
    }
    out.set_item("warnings", worded(&verdict.warnings))
}

fn worded(warnings: &[Warning]) -> Vec<String> {
    warnings.iter().map(ToString::to_string).collect()
}

/// The record of a directory.
pub(crate) fn dir<'py>(py: Python<'py>, record: &DirRecord) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    named(&out, "path", &record.path)?;
    out.set_item("status", record.status.as_str())?;
    out.set_item("category", &record.category)?;
    out.set_item("rule", &record.rule)?;
    out.set_item("n_files", record.n_files)?;
    out.set_item("bytes", record.bytes)?;
    out.set_item("allocated", record.allocated)?;
    for (name, path) in [("best", &record.best), ("latest", &record.latest)] {
        match path {
            Some(path) => named(&out, name, path)?,
            None => out.set_item(name, None::<&str>)?,
        }
    }
    out.set_item("epoch", record.epoch)?;
    let metrics = PyDict::new(py);
    for metric in &record.metrics {
        let one = PyDict::new(py);
        one.set_item("value", metric.value)?;
        one.set_item("family", &*metric.family)?;
        metrics.set_item(&*metric.name, one)?;
    }
    out.set_item("metrics", metrics)?;
    out.set_item("safety", record.safety.as_str())?;
    out.set_item("best_safety", record.best_safety.map(Safety::as_str))?;
    out.set_item("flags", record.flags.iter().map(|flag| flag.as_str()).collect::<Vec<_>>())?;
    out.set_item("warnings", worded(&record.warnings))?;
    for (name, path) in [("duplicates_of", &record.duplicates_of), ("better", &record.better)] {
        match path {
            Some(path) => named(&out, name, path)?,
            None => out.set_item(name, None::<&str>)?,
        }
    }
    out.set_item("group", record.group.as_deref())?;
    out.set_item("group_kind", record.group_kind.map(GroupKind::as_str))?;
    out.set_item("recommendation", record.recommendation.as_str())?;
    out.set_item("reason", &record.reason)?;
    out.set_item("recommended_by", &record.recommended_by)?;
    out.set_item("verdict", record.verdict.map(Verdict::as_str))?;
    out.set_item("note", record.note.as_deref())?;
    let documented = record.documented.iter().map(|one| documented(py, one));
    out.set_item("documented", documented.collect::<PyResult<Vec<_>>>()?)?;
    Ok(out)
}

fn documented<'py>(py: Python<'py>, found: &Documented) -> PyResult<Bound<'py, PyDict>> {
    let one = PyDict::new(py);
    one.set_item("metric", &found.metric)?;
    one.set_item("documented", found.documented)?;
    one.set_item("stored", found.stored)?;
    one.set_item("stored_as", found.stored_as.as_deref())?;
    one.set_item("source", &found.source)?;
    one.set_item("differs", found.differs)?;
    Ok(one)
}

/// The tree in numbers.
pub(crate) fn summary<'py>(py: Python<'py>, judgement: &Judgement) -> PyResult<Bound<'py, PyDict>> {
    let summary = &judgement.summary;
    let out = PyDict::new(py);
    out.set_item("n_dirs", summary.n_dirs)?;
    out.set_item("n_files", summary.n_files)?;
    out.set_item("bytes", summary.bytes)?;
    out.set_item("allocated", summary.allocated)?;
    out.set_item("status", &summary.file_statuses)?;
    out.set_item("safety", &summary.safeties)?;
    for (name, tallies) in [
        ("dir_status", &summary.statuses),
        ("category", &summary.categories),
        ("recommendation", &summary.recommendations),
    ] {
        let (counts, bytes) = (PyDict::new(py), PyDict::new(py));
        for (word, tally) in tallies {
            counts.set_item(word, tally.count)?;
            bytes.set_item(word, tally.bytes)?;
        }
        out.set_item(name, counts)?;
        out.set_item(format!("{name}_bytes"), bytes)?;
    }
    out.set_item("flagged", judgement.dirs.iter().filter(|dir| !dir.flags.is_empty()).count())?;
    out.set_item("flags", &summary.flags)?;
    out.set_item("file_flags", &summary.file_flags)?;
    let disk = PyDict::new(py);
    for (name, tally) in [
        ("after", &summary.after),
        ("archived", &summary.archived),
        ("deleted", &summary.deleted),
        ("duplicates", &summary.duplicates),
    ] {
        disk.set_item(name, space(py, tally)?)?;
    }
    out.set_item("disk", disk)?;
    out.set_item("notes", &judgement.notes)?;
    Ok(out)
}

fn space<'py>(py: Python<'py>, tally: &Tally) -> PyResult<Bound<'py, PyDict>> {
    let one = PyDict::new(py);
    one.set_item("files", tally.count)?;
    one.set_item("bytes", tally.bytes)?;
    one.set_item("allocated", tally.allocated)?;
    Ok(one)
}

/// A line of the leaderboard; the places behind the first `n` of a family have no rank.
pub(crate) fn ranked<'py>(py: Python<'py>, entry: &Ranked, n: usize) -> PyResult<Bound<'py, PyDict>> {
    let one = PyDict::new(py);
    named(&one, "path", &entry.path)?;
    one.set_item("family", &entry.family)?;
    one.set_item("order", &entry.order)?;
    one.set_item("rank", entry.place.filter(|place| *place <= n))?;
    let values = PyDict::new(py);
    for (name, value) in &entry.values {
        values.set_item(name, value)?;
    }
    one.set_item("values", values)?;
    if !entry.stored.is_empty() {
        let stored = PyDict::new(py);
        for (name, value) in &entry.stored {
            stored.set_item(name, value)?;
        }
        one.set_item("stored", stored)?;
    }
    if !entry.branches.is_empty() {
        let branches = PyDict::new(py);
        for (name, branch) in &entry.branches {
            branches.set_item(name, branch)?;
        }
        one.set_item("branches", branches)?;
    }
    one.set_item("reason", &entry.reason)?;
    Ok(one)
}
