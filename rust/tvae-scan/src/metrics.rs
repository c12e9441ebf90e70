//! Metrics under one name each, whatever a checkpoint calls them; doubt is kept, not guessed away.

use serde::{Deserialize, Serialize};

use crate::value::{Value, Word};

/// A metric as one place of a file states it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The value: a number, a table by level, or null where it is stored in a tensor.
    pub value: Value,
    /// The key that it was stored under.
    pub raw_key: String,
    /// Where that key is: `metrics`, `eval_metrics`, `top level`, `coverage_history[-1]`.
    pub source: String,
    /// The type that it was stored as, such as `float` or `numpy.float32`.
    pub dtype: Word,
    /// Which definition of the metric it was computed by, such as `tvae 1`; values of different families do not
    /// compare. `unknown` if nothing tells.
    pub family: Word,
}

/// A metric under its canonical name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// The canonical name.
    pub name: String,
    /// The reading that counts.
    pub reading: Reading,
    /// What other places of the file say, by falling precedence.
    pub others: Vec<Reading>,
}

/// Spellings of the predecessor. An unqualified name stays unqualified: which branch it means is not known.
const NAMES: [(&str, &str); 12] = [
    ("accuracy", "coverage"),
    ("distance_corr_A", "target_distance_corr_A"),
    ("distance_corr_B", "target_distance_corr_B"),
    ("distance_correlation", "dist_corr"),
    ("mean_radii", "level_mean_radii"),
    ("radial_corr", "hierarchy"),
    ("radial_corr_A", "hierarchy_A"),
    ("radial_corr_B", "hierarchy_B"),
    ("radius_v0", "r_v0_A"),
    ("radius_v9", "r_v9_A"),
    ("richness_per_level", "level_richness"),
    ("within_var", "richness"),
];

/// Names that are metrics also at the top of a file, where everything else has its keys too.
const TOP: [&str; 27] = [
    "coverage",
    "hierarchy",
    "hierarchy_A",
    "hierarchy_B",
    "radial_corr",
    "radial_corr_A",
    "radial_corr_B",
    "richness",
    "richness_A",
    "richness_B",
    "dist_corr",
    "dist_corr_A",
    "dist_corr_B",
    "distance_corr_A",
    "distance_corr_B",
    "Q",
    "Q_A",
    "Q_B",
    "r_v0",
    "r_v9",
    "r_v0_A",
    "r_v9_A",
    "radius_v0",
    "radius_v9",
    "mean_radius",
    "std_radius",
    "corr_hyperbolic",
];

/// Scalars and histories that stand in where nothing better is stored.
const BEST: [(&str, &str); 5] = [
    ("best_coverage", "coverage"),
    ("best_Q", "Q"),
    ("best_hierarchy", "hierarchy"),
    ("best_corr_hyp", "corr_hyperbolic"),
    ("best_corr_euc", "corr_euclidean"),
];
const HISTORIES: [(&str, &str); 7] = [
    ("coverage_A_history", "coverage_A"),
    ("coverage_B_history", "coverage_B"),
    ("coverage_history", "coverage"),
    ("correlation_history_hyp", "corr_hyperbolic"),
    ("correlation_hyp_history", "corr_hyperbolic"),
    ("correlation_history_euc", "corr_euclidean"),
    ("correlation_euc_history", "corr_euclidean"),
];

/// The family of a value that nothing tells anything about.
const UNKNOWN: Word = Word::Borrowed("unknown");

/// Operations of the space of the files that store counts.
const OPERATIONS: f64 = 19_683.0;

/// The dictionaries that hold metrics, by falling precedence; the top of the file comes third.
const DICTS: [&str; 3] = ["comprehensive_metrics", "eval_metrics", "metrics"];

/// One stored value: its key, what it holds, and its type.
pub(crate) type Stored = (String, Value, &'static str);

/// What the file keeps under the keys of this module, as far as it has them.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The content of `DICTS`, in their order.
    pub dicts: [Vec<Stored>; 3],
    /// Everything at the top of the file that [`is_wanted`] wants.
    pub top: Vec<Stored>,
}

/// The place of a key in [`Found::dicts`].
pub(crate) fn dict_place(key: &str) -> Option<usize> {
    DICTS.iter().position(|name| *name == key)
}

/// Whether a key at the top of a file can be a metric.
pub(crate) fn is_wanted(key: &str) -> bool {
    TOP.contains(&key) || BEST.iter().chain(&HISTORIES).any(|(name, _)| *name == key)
}

/// Metrics by canonical name, in order of the alphabet.
pub(crate) fn collect(found: Found) -> Vec<Metric> {
    let Found { dicts: [comprehensive, eval, plain], top } = found;
    let (scalars, rest): (Vec<Stored>, Vec<Stored>) =
        top.into_iter().partition(|(key, _, _)| TOP.contains(&key.as_str()));
    let mut readings = Vec::new();
    for (stored, source) in
        [(comprehensive, DICTS[0]), (eval, DICTS[1]), (scalars, "top level"), (plain, DICTS[2])]
    {
        let keys: Vec<String> = stored.iter().map(|(key, _, _)| key.clone()).collect();
        for (key, value, dtype) in stored {
            if let Some(value) = measured(value) {
                let name = canonical(&key, &keys);
                readings.push((
                    name,
                    Reading {
                        value,
                        raw_key: key,
                        source: source.into(),
                        dtype: dtype.into(),
                        family: UNKNOWN,
                    },
                ));
            }
        }
    }
    readings.extend(rest.into_iter().filter_map(stand_in));
    let mut metrics: Vec<Metric> = Vec::new();
    for (name, reading) in readings {
        match metrics.iter_mut().find(|known| known.name == name) {
            Some(known) => known.others.push(reading),
            None => metrics.push(Metric { name, reading, others: Vec::new() }),
        }
    }
    metrics.sort_by(|one, other| one.name.cmp(&other.name));
    metrics
}

/// The canonical name of `key`, beside which its dictionary has `keys`.
fn canonical(key: &str, keys: &[String]) -> String {
    // v5.12 wrote `distance_corr_*` as an alias of `dist_corr_*`; in v5.11 it was another quantity.
    if let Some(branch) = key.strip_prefix("distance_corr_") {
        let newer = format!("dist_corr_{branch}");
        if keys.contains(&newer) {
            return newer;
        }
    }
    NAMES.iter().find(|(name, _)| *name == key).map_or(key, |(_, name)| name).into()
}

/// A value that can be a metric: a number, text that is one, a table of numbers, null.
fn measured(value: Value) -> Option<Value> {
    match value {
        Value::Int(_) | Value::Float(_) | Value::Null => Some(value),
        Value::Text(text) => text.trim().parse().ok().map(Value::Float),
        Value::Map(items) if items.iter().all(|(_, item)| item.number().is_some()) => Some(Value::Map(items)),
        Value::List(items) if items.iter().all(|item| item.number().is_some()) => Some(Value::List(items)),
        _ => None,
    }
}

fn stand_in((key, value, dtype): Stored) -> Option<(String, Reading)> {
    if let Some((_, name)) = BEST.iter().find(|(name, _)| *name == key) {
        let value = measured(value)?;
        return Some((
            (*name).into(),
            Reading { value, raw_key: key, source: "top level".into(), dtype: dtype.into(), family: UNKNOWN },
        ));
    }
    let (_, name) = HISTORIES.iter().find(|(name, _)| *name == key)?;
    let Value::List(items) = value else { return None };
    let last = items.last()?.number()?;
    let mut source = format!("{key}[-1]");
    let mut value = last;
    if name.starts_with("coverage") && last > 1.0 {
        value = last / OPERATIONS;
        source.push_str(" / 19683");
    }
    Some((
        (*name).into(),
        Reading { value: Value::Float(value), raw_key: key, source, dtype: dtype.into(), family: UNKNOWN },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(items: &[(&str, f64)]) -> Vec<Stored> {
        items.iter().map(|(key, value)| ((*key).into(), Value::Float(*value), "float")).collect()
    }

    fn told(metrics: &[Metric], name: &str) -> Option<(f64, String, usize)> {
        let metric = metrics.iter().find(|metric| metric.name == name)?;
        Some((metric.reading.value.number()?, metric.reading.source.clone(), metric.others.len()))
    }

    #[test]
    fn the_later_evaluation_counts_and_nothing_is_lost() {
        let dicts = [Vec::new(), stored(&[("hierarchy_B", -0.8)]), stored(&[("radial_corr_B", -0.5)])];
        let metrics = collect(Found { dicts, top: stored(&[("hierarchy_B", -0.6), ("best_Q", 1.5)]) });
        assert_eq!(told(&metrics, "hierarchy_B"), Some((-0.8, "eval_metrics".into(), 2)));
        assert_eq!(told(&metrics, "Q"), Some((1.5, "top level".into(), 0)));
    }

    #[test]
    fn an_old_distance_correlation_is_another_quantity_unless_it_is_an_alias() {
        let old = collect(Found {
            dicts: [Vec::new(), Vec::new(), stored(&[("distance_corr_A", 0.3)])],
            top: Vec::new(),
        });
        assert_eq!(told(&old, "target_distance_corr_A"), Some((0.3, "metrics".into(), 0)));
        let new = stored(&[("dist_corr_A", 0.4), ("distance_corr_A", 0.4)]);
        let new = collect(Found { dicts: [Vec::new(), Vec::new(), new], top: Vec::new() });
        assert_eq!(told(&new, "dist_corr_A"), Some((0.4, "metrics".into(), 1)));
        assert_eq!(told(&new, "target_distance_corr_A"), None);
    }

    #[test]
    fn numbers_that_became_text_are_numbers() {
        assert_eq!(measured(Value::Text("0.8053189".into())), Some(Value::Float(0.805_318_9)));
        assert_eq!(measured(Value::Text("best".into())), None);
    }
}
