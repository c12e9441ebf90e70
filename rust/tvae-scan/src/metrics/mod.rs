//! Metrics under one name each, whatever a checkpoint calls them; doubt is kept, not guessed away.
//!
//! Where a file says the same thing in several places, this is the order in which they count:
//! `comprehensive_metrics`, `eval_metrics`, `val_metrics`, `final_metrics`, the top of the file, `metrics`, the last
//! value of a history, a `best_*` value, `best_metrics`, and `train_metrics` under names of their own, `train_*`.
//! Coverage is a fraction: what was stored as a percentage or as a count of the 19683 operations is divided, and the
//! source of the reading says so.

mod family;
mod histories;
mod names;
mod places;
mod readings;
mod stored;

use serde::{Deserialize, Serialize};

pub use family::families;
pub(crate) use places::{Places, Role, role};

use crate::issue::{Issues, Severity};
use crate::value::Value;
use crate::words::{self, Word};

/// A metric as one place of a file states it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Reading {
    /// The value: a number, a table by level, or null where it is stored in a tensor.
    pub value: Value,
    /// The key that it was stored under.
    #[serde(deserialize_with = "words::read")]
    pub raw_key: Word,
    /// Where that key is: `metrics`, `eval_metrics`, `top level`, `coverage_history[-1]`; ends with ` / 100` or
    /// ` / 19683` if the value was divided by it.
    #[serde(deserialize_with = "words::read")]
    pub source: Word,
    /// The type that it was stored as, such as `float` or `numpy.float32`.
    #[serde(deserialize_with = "words::read")]
    pub dtype: Word,
    /// Which definition of the metric it was computed by, one of [`families`]; values of different families do not
    /// compare. `unknown` if nothing tells.
    #[serde(deserialize_with = "words::read")]
    pub family: Word,
}

/// A metric under its canonical name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// The canonical name.
    #[serde(deserialize_with = "words::read")]
    pub name: Word,
    /// The reading that counts.
    pub reading: Reading,
    /// What other places of the file say, by falling precedence.
    pub others: Vec<Reading>,
}

/// The dictionaries that hold metrics, by falling precedence; the first four count more than the top of the file.
const DICTS: [&str; 5] = ["comprehensive_metrics", "eval_metrics", "val_metrics", "final_metrics", "metrics"];

/// The words of metrics: their keys and names, their families, and where they usually are.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    let places = DICTS.into_iter().chain(["top level", "best_metrics"]);
    let names = names::words().chain(histories::words());
    names.chain(families().map(|family| family.0)).chain(places)
}

/// The metrics of our own record.
pub(crate) fn ours(stored: &[(Word, Value)], version: Option<i64>) -> Vec<Metric> {
    let family = family::ours(version);
    let readings = stored.iter().filter_map(|(key, value)| {
        let dtype = match value {
            Value::Null => "null",
            Value::Int(_) => "int",
            Value::Float(_) => "float",
            Value::List(_) => "list",
            Value::Map(_) => "dict",
            _ => return None,
        };
        let name = words::word(key);
        let reading = Reading {
            value: value.clone(),
            raw_key: name.clone(),
            source: "metrics".into(),
            dtype: dtype.into(),
            family: family.clone(),
        };
        Some(Metric { name, reading, others: Vec::new() })
    });
    merge(readings.collect())
}

/// Reports metrics that are no finite numbers.
pub(crate) fn report(metrics: &[Metric], issues: &mut Issues) {
    for metric in metrics {
        if std::iter::once(&metric.reading).chain(&metric.others).any(|one| !is_finite(&one.value)) {
            let name: String = metric.name.chars().take(80).collect();
            issues.add("M001", Severity::Warning, format!("metric {name} is not finite"));
        }
    }
}

fn is_finite(value: &Value) -> bool {
    match value {
        Value::Float(number) => number.is_finite(),
        Value::List(items) => items.iter().all(is_finite),
        Value::Map(items) => items.iter().all(|(_, item)| is_finite(item)),
        _ => true,
    }
}

/// Readings of one name together, in order of the alphabet.
fn merge(mut metrics: Vec<Metric>) -> Vec<Metric> {
    let names = metrics.iter().map(|metric| beginning(metric.name.as_bytes()));
    let mut order: Vec<(u128, usize)> = names.zip(0..).collect();
    order.sort_unstable_by(|(one, at), (other, place)| {
        one.cmp(other).then_with(|| metrics[*at].name.cmp(&metrics[*place].name)).then(at.cmp(place))
    });
    // They are large, so each is moved just once.
    for at in 0..order.len() {
        let mut from = order[at].1;
        while from < at {
            from = order[from].1;
        }
        if from != at {
            metrics.swap(at, from);
        }
    }
    metrics.dedup_by(|other, first| {
        let same = other.name == first.name;
        if same {
            first.others.push(std::mem::take(&mut other.reading));
        }
        same
    });
    metrics
}

/// The first bytes of a name, which compare as it does up to there.
fn beginning(name: &[u8]) -> u128 {
    if let Some(&first) = name.first_chunk() {
        return u128::from_be_bytes(first);
    }
    if let (Some(&first), Some(&last)) = (name.first_chunk(), name.last_chunk()) {
        let rest = u128::from(u64::from_be_bytes(last)) << (8 * (16 - name.len()));
        return u128::from(u64::from_be_bytes(first)) << 64 | rest;
    }
    let bytes = name.iter().fold(0, |sum, &byte| sum << 8 | u128::from(byte));
    if bytes == 0 { 0 } else { bytes << (8 * (16 - name.len())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(name: &str, number: i64) -> Metric {
        let reading = Reading { value: Value::Int(number), ..Reading::default() };
        Metric { name: name.to_owned().into(), reading, others: Vec::new() }
    }

    #[test]
    fn metrics_are_in_order_and_readings_of_a_name_together() {
        let names = ["r_v0", "coverage", "Q", "hierarchy_snapped_B", "coverage_A", "", "hierarchy_snapped_A"];
        let names = [&names[..], &["coverage", "r_v", "Q", "coverage", "r_v0_A"], &names[..]].concat();
        let merged = merge(names.iter().zip(0..).map(|(name, at)| metric(name, at)).collect());
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(merged.iter().map(|one| &*one.name).collect::<Vec<_>>(), sorted);
        for one in &merged {
            let readings = std::iter::once(&one.reading).chain(&one.others).map(|one| one.value.clone());
            let places = names.iter().zip(0..).filter(|(name, _)| **name == one.name);
            assert!(readings.eq(places.map(|(_, at)| Value::Int(at))), "{}", one.name);
        }
    }

    #[test]
    fn beginnings_compare_as_names() {
        let names =
            ["", "a", "ab", "abcdefg", "abcdefgh", "abcdefghi", "abcdefghijklmno", "abcdefghijklmnop", "b"];
        assert!(names.windows(2).all(|pair| beginning(pair[0].as_bytes()) < beginning(pair[1].as_bytes())));
    }
}
