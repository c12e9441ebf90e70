//! Measured values in the place of the stored ones that they contradict.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::PathBuf;

use crate::rules::Rules;
use crate::scan::Scan;
use crate::value::Value;

use super::flags;
use super::number::short;
use super::records::Flag;
use super::view::View;

/// What was measured of files where it contradicts what they store: metrics with their measured values, by path.
pub type Contradicted = HashMap<PathBuf, Vec<(String, f64)>>;

/// The scan as if the files stored what was measured of them.
pub(super) fn instead<'s>(scan: &'s Scan, contradicted: &Contradicted) -> Cow<'s, Scan> {
    if contradicted.is_empty() {
        return Cow::Borrowed(scan);
    }
    let mut scan = scan.clone();
    for file in &mut scan.files {
        for (name, value) in contradicted.get(&file.path).into_iter().flatten() {
            for metric in file.metrics.iter_mut().filter(|metric| metric.name == *name) {
                metric.reading.value = Value::Float(*value);
                metric.others.clear();
            }
        }
    }
    Cow::Owned(scan)
}

/// A flag in words, with the first measurement in a directory that raises it.
pub(super) fn flagged(flag: Flag, view: &View<'_>, rules: &Rules, contradicted: &Contradicted) -> String {
    let mut values = view.files.iter().filter_map(|(_, file)| contradicted.get(&file.path)).flatten();
    match values.find(|(name, value)| flags::of_value(name, *value, rules) == Some(flag)) {
        Some((name, value)) => format!("{} as measured ({name} {})", flag.as_str(), short(*value)),
        None => flag.as_str().into(),
    }
}
