//! Metrics under one name each, whatever a checkpoint calls them; doubt is kept, not guessed away.
//!
//! Where a file says the same thing in several places, this is the order in which they count:
//! `comprehensive_metrics`, `eval_metrics`, `val_metrics`, `final_metrics`, the top of the file, `metrics`, the last
//! value of a history, a `best_*` value, `best_metrics`, and `train_metrics` under names of their own, `train_*`.
//! Coverage is a fraction: what was stored as a percentage or as a count of the 19683 operations is divided, and the
//! source of the reading says so.

mod family;
mod names;
mod stored;

use serde::{Deserialize, Serialize};

pub use family::families;

use crate::convert::attributes;
use crate::issue::{Issues, Severity};
use crate::pickle::{Document, NodeId, Value as Node};
use crate::value::Value;
use crate::words::{self, Word};
use family::{Dialect, Evidence};
use stored::{Gather, Owner, Stored};

/// A metric as one place of a file states it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

/// Operations of the space of the files that store counts.
const OPERATIONS: f64 = 19_683.0;
/// A fraction may be above one by rounding.
const ONE: f64 = 1.0 + 1e-6;

/// The dictionaries that hold metrics, by falling precedence; the first four count more than the top of the file.
const DICTS: [&str; 5] = ["comprehensive_metrics", "eval_metrics", "val_metrics", "final_metrics", "metrics"];
/// The place of `metrics` among them.
const PLAIN: usize = 4;
/// Dictionaries of whole histories.
const HISTORIES: [&str; 3] = ["history", "metrics_history", "training_history"];

/// The words of metrics: their keys and names, their families, and where they usually are.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    let places = DICTS.into_iter().chain(["top level", "best_metrics"]);
    names::words().chain(families().map(|family| family.0)).chain(places)
}

/// Metrics by canonical name, in order of the alphabet.
pub(crate) fn read(document: &Document<'_>) -> Vec<Metric> {
    let Node::Dict(top) = document.value(document.root()) else { return Vec::new() };
    let mut file = Places::default();
    for &(key, item) in top.pairs {
        if let Some(key) = document.as_text(key) {
            file.sort(key, item);
        }
    }
    for keys in [&mut file.top, &mut file.histories, &mut file.bests, &mut file.whole_histories] {
        keys.truncate(MOST_KEYS);
    }
    file.training.truncate(MOST_KEYS);
    merge(file.readings(document))
}

/// Room for the readings of most files.
const USUAL: usize = 48;
/// Keys of a kind that are looked at.
const MOST_KEYS: usize = 256;

/// What of a file can hold metrics.
#[derive(Default)]
struct Places<'d> {
    dicts: [Option<NodeId>; 5],
    top: Vec<(&'d str, NodeId)>,
    histories: Vec<(&'d str, NodeId)>,
    bests: Vec<(&'d str, NodeId)>,
    whole_histories: Vec<(&'d str, NodeId)>,
    training: Vec<(&'d str, NodeId)>,
    best_dict: Option<NodeId>,
    /// What only the trainer of v5.12 keeps is there: homeostasis, or epochs without improvement.
    trainer: bool,
    config: Option<NodeId>,
    version: Option<NodeId>,
}

impl<'d> Places<'d> {
    fn sort(&mut self, key: &'d str, item: NodeId) {
        if let Some(place) = DICTS.iter().position(|name| *name == key) {
            self.dicts[place] = Some(item);
        } else if names::is_top(key) {
            self.top.push((key, item));
        } else if HISTORIES.contains(&key) {
            self.whole_histories.push((key, item));
        } else if key == "best_metrics" {
            self.best_dict = Some(item);
        } else if names::best(key).is_some() {
            self.bests.push((key, item));
        } else if names::is_training(key) {
            self.training.push((key, item));
        } else if names::is_history(key).is_some() {
            self.histories.push((key, item));
        }
        match key {
            "homeostasis_state" | "epochs_without_improvement" => self.trainer = true,
            "config" => self.config = Some(item),
            "version" => self.version = Some(item),
            _ => {}
        }
    }

    /// What the config and the version tell.
    fn evidence(&self, document: &Document<'_>) -> Evidence {
        let is_v5121 = |item| {
            let version = document.as_text(item).unwrap_or_default();
            version.trim_start_matches(['v', 'V']).starts_with("5.12.1")
        };
        let mut evidence = Evidence { v5121: self.version.is_some_and(is_v5121), ..Evidence::default() };
        let mut nested = false;
        for &(key, item) in self.config.map_or(&[][..], |config| attributes(document, config)) {
            match document.as_text(key) {
                Some("name") => evidence.named = document.as_text(item).is_some(),
                Some("model") => nested = true,
                Some("version") => evidence.v5121 |= is_v5121(item),
                _ => {}
            }
        }
        evidence.named &= !nested;
        evidence
    }

    /// By which version the metrics were measured, if the file was exported here.
    fn exported(&self, document: &Document<'_>) -> Option<i64> {
        let mut at = self.config?;
        for wanted in family::EXPORTED {
            let mut pairs = attributes(document, at).iter();
            at = pairs.find(|(key, _)| document.as_text(*key) == Some(wanted))?.1;
        }
        match document.value(at) {
            Node::Int(version) => Some(version),
            _ => None,
        }
    }

    /// Every reading with its canonical name, by falling precedence.
    fn readings(self, document: &Document<'_>) -> Vec<(Word, Reading)> {
        let mut out = Vec::with_capacity(USUAL);
        let mut dialect = Dialect::Unknown;
        for (place, item) in self.dicts.into_iter().enumerate() {
            if place == PLAIN {
                continue;
            }
            dialect = self.dict(document, place, item, dialect, &mut out);
        }
        let at = out.len();
        dialect = self.dict(document, PLAIN, self.dicts[PLAIN], dialect, &mut out);
        let plain = out.split_off(at);
        self.at_top(document, dialect, &mut out);
        out.extend(plain);
        self.last_values(document, &mut out);
        self.best_values(document, dialect, &mut out);
        let mut gather = Gather::new(document);
        for (key, item) in self.training {
            gather.group(item, &names::word(key), Owner::Training, 0);
        }
        out.extend(gather.found.into_iter().map(|one| reading(one, false, |_| family::UNKNOWN)));
        out
    }

    /// The readings of one dictionary; gives its dialect, or `known` if it has none.
    fn dict(
        &self,
        document: &Document<'_>,
        place: usize,
        item: Option<NodeId>,
        known: Dialect,
        out: &mut Vec<(Word, Reading)>,
    ) -> Dialect {
        let Some(item) = item else { return known };
        let mut gather = Gather::new(document);
        gather.group(item, &Word::Borrowed(DICTS[place]), Owner::Model, 0);
        let comprehensive = place == 0 || gather.comprehensive;
        let dialect =
            Dialect::of(gather.found.iter().map(|one| &*one.key), comprehensive, || self.evidence(document));
        let large = gather.found.iter().any(is_large_radius);
        let aliased = gather.found.iter().any(|one| matches!(&*one.key, "dist_corr_A" | "dist_corr_B"));
        let at = out.len();
        out.extend(
            gather.found.into_iter().map(|one| reading(one, aliased, |name| dialect.family(name, large))),
        );
        if place == PLAIN
            && dialect == Dialect::Unknown
            && let Some(version) = self.exported(document)
        {
            for (_, one) in &mut out[at..] {
                one.family = family::ours(Some(version));
            }
        }
        if known == Dialect::Unknown { dialect } else { known }
    }

    /// Scalars at the top, and the families that they have by their own neighbours or by those in `metrics`.
    fn at_top(&self, document: &Document<'_>, beside: Dialect, out: &mut Vec<(Word, Reading)>) {
        let own = Dialect::of(self.top.iter().map(|(key, _)| *key), false, || self.evidence(document));
        let aliased = self.top.iter().any(|(key, _)| matches!(*key, "dist_corr_A" | "dist_corr_B"));
        let gather = Gather::new(document);
        let mut found = Vec::new();
        for &(key, item) in &self.top {
            let value = gather.measured(item, || false).map(|value| (value, Word::Borrowed("top level")));
            // Some keep the values of all epochs under the plain name.
            let value = match value {
                Some(((Value::List(_), _), _)) | None => {
                    gather.last(item).map(|value| (value, Word::Owned(format!("{key}[-1]"))))
                }
                value => value,
            };
            if let Some(((value, dtype), source)) = value {
                let (key, known) = (names::word(key), None);
                found.push(Stored { key, known, source, owner: Owner::Model, value, dtype });
            }
        }
        let large = found.iter().any(is_large_radius);
        for one in found {
            let name = names::canonical_at_top(&one.key, aliased);
            let dialect = if one.key == "composite_score" { beside } else { own };
            let family = dialect.family(&name, large);
            out.push((name.clone(), finished(one, &name, None, family)));
        }
    }

    /// The last values of histories.
    fn last_values(&self, document: &Document<'_>, out: &mut Vec<(Word, Reading)>) {
        let mut gather = Gather::new(document);
        let mut inner: Vec<(String, String, NodeId)> = Vec::new();
        for &(key, item) in &self.histories {
            if let Some(stem) = names::history(key) {
                inner.push((stem, key.into(), item));
            }
        }
        for &(key, item) in &self.whole_histories {
            match document.value(item) {
                Node::Dict(dict) => inner.extend(dict.pairs.iter().take(256).filter_map(|(name, item)| {
                    let name = document.as_text(*name)?;
                    let stem = names::history(name).unwrap_or_else(|| name.into());
                    Some((stem, format!("{key}.{name}"), *item))
                })),
                _ => gather.group(item, &names::word(key), Owner::Model, 0),
            }
        }
        for (stem, path, item) in inner {
            let Some((value, dtype)) = gather.last(item) else { continue };
            let name = names::canonical_at_top(&stem, false);
            let raw_key = Word::Owned(path.rsplit('.').next().unwrap_or(&path).to_owned());
            let largest = name.starts_with("coverage").then(|| gather.largest(item));
            let counts = largest.map(|largest| match &*name {
                // Those of v5.5 are counts, however few.
                "coverage_A" | "coverage_B" if largest > ONE => OPERATIONS,
                _ => largest,
            });
            let one = Stored {
                key: raw_key,
                known: None,
                source: Word::Owned(format!("{path}[-1]")),
                owner: Owner::Model,
                value,
                dtype,
            };
            out.push((name.clone(), finished(one, &name, counts, family::of_history(&name))));
        }
        out.extend(gather.found.into_iter().map(|one| reading(one, false, |_| family::UNKNOWN)));
    }

    /// Best values, which may belong to other weights.
    fn best_values(&self, document: &Document<'_>, dialect: Dialect, out: &mut Vec<(Word, Reading)>) {
        let quick = self.trainer || matches!(dialect, Dialect::V512 | Dialect::V5121);
        let mut gather = Gather::new(document);
        for &(key, item) in &self.bests {
            let Some(stem) = names::best(key) else { continue };
            let Some((value, dtype)) = gather.measured(item, || false) else { continue };
            let name = names::canonical_at_top(stem, false);
            let family = family::of_best(&name, quick);
            let one = Stored {
                key: names::word(key),
                known: None,
                source: "top level".into(),
                owner: Owner::Model,
                value,
                dtype,
            };
            out.push((name.clone(), finished(one, &name, None, family)));
        }
        if let Some(item) = self.best_dict {
            gather.group(item, &Word::Borrowed("best_metrics"), Owner::Model, 0);
        }
        out.extend(gather.found.into_iter().map(|one| reading(one, false, |_| "best so far")));
    }
}

/// The metrics of our own record.
pub(crate) fn ours(stored: &[(String, Value)], version: Option<i64>) -> Vec<Metric> {
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
        let reading = Reading {
            value: value.clone(),
            raw_key: names::word(key),
            source: DICTS[PLAIN].into(),
            dtype: dtype.into(),
            family: family.clone(),
        };
        Some((names::word(key), reading))
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

/// A radius that no Euclidean norm in the ball of curvature 1 can be.
fn is_large_radius(one: &Stored) -> bool {
    let is_radius =
        one.key.starts_with("r_v") || one.key.starts_with("mean_radius") || one.key.starts_with("radius_v");
    is_radius && one.value.number().is_some_and(|value| value >= 1.0)
}

/// A reading under its canonical name.
fn reading(one: Stored, aliased: bool, family: impl FnOnce(&str) -> &'static str) -> (Word, Reading) {
    let name = if let Some(known) = one.known {
        names::canonical_of(known, aliased)
    } else {
        let stem = names::history(&one.key);
        names::canonical(stem.as_deref().unwrap_or(&one.key), aliased)
    };
    let name = match one.owner {
        Owner::Branch(branch) if !name.ends_with("_A") && !name.ends_with("_B") => {
            names::word(&format!("{name}_{branch}"))
        }
        Owner::Training if !name.starts_with("train_") => names::word(&format!("train_{name}")),
        _ => name,
    };
    let family = if one.owner == Owner::Training { "training" } else { family(&name) };
    let reading = finished(one, name.strip_prefix("train_").unwrap_or(&name), None, family);
    (name, reading)
}

/// A reading, coverage as a fraction; `largest` is the largest value of the history that it ends.
fn finished(one: Stored, name: &str, largest: Option<f64>, family: &'static str) -> Reading {
    let Stored { key, mut source, mut value, dtype, .. } = one;
    let is_coverage = matches!(name, "coverage" | "coverage_A" | "coverage_B" | "coverage_sampled");
    if let Some(number) = value.number().filter(|_| is_coverage) {
        let largest = largest.unwrap_or(number);
        let unit = match largest {
            largest if largest > 100.0 && largest <= OPERATIONS => Some((OPERATIONS, " / 19683")),
            largest if largest > ONE && largest <= 100.0 => Some((100.0, " / 100")),
            _ => None,
        };
        if let Some((unit, told)) = unit {
            value = Value::Float(number / unit);
            source.to_mut().push_str(told);
        }
    }
    Reading { value, raw_key: key, source, dtype: Word::Borrowed(dtype), family: Word::Borrowed(family) }
}

/// Readings of one name together, in order of the alphabet.
fn merge(readings: Vec<(Word, Reading)>) -> Vec<Metric> {
    // The order is sorted, not the readings, which are large.
    let mut order: Vec<usize> = (0..readings.len()).collect();
    order.sort_by(|&one, &other| readings[one].0.cmp(&readings[other].0));
    let mut readings: Vec<Option<(Word, Reading)>> = readings.into_iter().map(Some).collect();
    let mut metrics: Vec<Metric> = Vec::with_capacity(readings.len());
    for (name, reading) in order.into_iter().filter_map(|at| readings[at].take()) {
        match metrics.last_mut() {
            Some(last) if last.name == name => last.others.push(reading),
            _ => metrics.push(Metric { name, reading, others: Vec::new() }),
        }
    }
    metrics
}
