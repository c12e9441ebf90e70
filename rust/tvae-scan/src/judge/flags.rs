//! What the metrics of one file, or of the best and the latest, say against it.

use crate::metrics::{Metric, Reading};
use crate::record::FileRecord;
use crate::rules::Rules;
use crate::value::Value;

use super::records::{Flag, Warning};

/// How close a reading is to a measurement of the stored weights, the closest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Measured,
    /// The end of a history.
    History,
    /// The best value so far: of other weights, perhaps.
    BestSoFar,
}

const LEVELS: [Level; 3] = [Level::Measured, Level::History, Level::BestSoFar];
const COVERAGES: [&str; 3] = ["coverage", "coverage_A", "coverage_B"];
const HIERARCHIES: [&str; 3] = ["hierarchy", "hierarchy_A", "hierarchy_B"];

/// Where a reading comes from.
pub(super) fn level(reading: &Reading) -> Level {
    let (key, source) = (reading.raw_key.as_bytes(), reading.source.as_bytes());
    // So short that the search of the library costs more.
    let has = |text: &[u8], part: &[u8]| text.windows(part.len()).any(|at| at == part);
    if key.starts_with(b"best_") {
        Level::BestSoFar
    } else if has(key, b"history") || has(source, b"[-1]") {
        Level::History
    } else {
        Level::Measured
    }
}

/// The metric of a name.
pub(super) fn metric<'r>(record: &'r FileRecord, name: &str) -> Option<&'r Metric> {
    record.metrics.iter().find(|metric| metric.name == name)
}

/// The first finite value of this level that a metric has.
fn finite(metric: &Metric, wanted: Level) -> Option<f64> {
    std::iter::once(&metric.reading)
        .chain(&metric.others)
        .filter(|reading| level(reading) == wanted)
        .find_map(|reading| reading.value.number().filter(|value| value.is_finite()))
}

/// The coverage; without an unqualified one that of the better branch.
pub(super) fn coverage(record: &FileRecord) -> Option<f64> {
    let whole = metric(record, "coverage");
    let branches = ["coverage_A", "coverage_B"].map(|name| metric(record, name));
    LEVELS.into_iter().find_map(|level| {
        let value = whole.and_then(|metric| finite(metric, level));
        let branches = branches.iter().flatten().filter_map(|metric| finite(metric, level));
        value.or_else(|| branches.reduce(f64::max))
    })
}

/// The highest hierarchy, and so the worst, of the best level that has one.
fn hierarchy(record: &FileRecord) -> Option<f64> {
    let stated = HIERARCHIES.map(|name| metric(record, name));
    let of = |level| stated.iter().flatten().filter_map(move |metric| finite(metric, level));
    LEVELS.into_iter().find_map(|level| of(level).reduce(f64::max))
}

/// The flags of a file, and what is odd besides.
pub(super) fn of_file(record: &FileRecord, rules: &Rules) -> (Vec<Flag>, Vec<Warning>) {
    let limits = &rules.thresholds;
    let (mut flags, mut warnings) = (Vec::new(), Vec::new());
    match coverage(record) {
        Some(value) if value < limits.coverage_collapse => flags.push(Flag::CoverageCollapse),
        Some(value) if value < limits.coverage_warn => {
            warnings.push(Warning::Coverage { value, limit: limits.coverage_warn });
        }
        _ => {}
    }
    if hierarchy(record).is_some_and(|value| value >= limits.inverted) {
        flags.push(Flag::InvertedHierarchy);
    }
    if record.metrics.iter().any(has_nan) {
        flags.push(Flag::Nan);
    }
    (flags, warnings)
}

/// The flag of one value of a metric.
pub(super) fn of_value(name: &str, value: f64, rules: &Rules) -> Option<Flag> {
    if COVERAGES.contains(&name) && value < rules.thresholds.coverage_collapse {
        Some(Flag::CoverageCollapse)
    } else if HIERARCHIES.contains(&name) && value >= rules.thresholds.inverted {
        Some(Flag::InvertedHierarchy)
    } else {
        None
    }
}

/// Whether the reading that counts, or another measurement, is no finite number.
fn has_nan(metric: &Metric) -> bool {
    is_broken(&metric.reading.value)
        || metric.others.iter().any(|other| level(other) == Level::Measured && is_broken(&other.value))
}

fn is_broken(value: &Value) -> bool {
    match value {
        Value::Float(value) => !value.is_finite(),
        Value::List(items) => items.iter().any(is_broken),
        Value::Map(items) => items.iter().any(|(_, item)| is_broken(item)),
        _ => false,
    }
}

/// Whether the best and the latest of a run disagree beyond the limits.
///
/// A collapse of one of them always counts; other values are compared under the same name and of the same family.
pub(super) fn diverge(best: &FileRecord, latest: &FileRecord, rules: &Rules) -> bool {
    let limits = &rules.thresholds;
    if let (Some(one), Some(other)) = (coverage(best), coverage(latest)) {
        let collapsed = |value| value < limits.coverage_collapse;
        if collapsed(one) != collapsed(other) || (one - other).abs() > limits.divergence_coverage {
            return true;
        }
    }
    HIERARCHIES.iter().any(|name| {
        let (Some(one), Some(other)) = (metric(best, name), metric(latest, name)) else { return false };
        let (one, other) = (&one.reading, &other.reading);
        let (Some(first), Some(second)) = (one.value.number(), other.value.number()) else { return false };
        one.family == other.family
            && level(one) == level(other)
            && (first - second).abs() > limits.divergence_hierarchy
    })
}
