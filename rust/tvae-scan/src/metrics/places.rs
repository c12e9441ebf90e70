//! The places of a checkpoint that hold metrics, and in which order they count.

use super::family::{self, Dialect, Evidence, Tells};
use super::histories::{self, History, Sources};
use super::names::{self, Usual};
use super::readings::{Unit, divide, finished, largest, metric, named};
use super::stored::{Gather, Key, Owner, Stored};
use super::{DICTS, Metric, Reading, merge};
use crate::convert::attributes;
use crate::pickle::{Document, NodeId, Value as Node};
use crate::value::Value;
use crate::words::{self, Word};

/// The place of `metrics` among the dictionaries of metrics.
const PLAIN: usize = 4;
/// Dictionaries of whole histories.
const WHOLE_HISTORIES: [&str; 3] = ["history", "metrics_history", "training_history"];
/// Keys of a kind that are looked at.
const MOST_KEYS: usize = 256;
/// Room for the keys of most files.
const USUAL: usize = 16;
/// Entries of a dictionary of histories that are looked at.
const MOST_HISTORIES: usize = 256;

/// What a key at the top of a file has to do with metrics.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Role {
    /// It is a dictionary of metrics, by its place among them.
    Dict(usize),
    BestDict,
    /// It is a metric.
    Metric(&'static Usual),
    /// It is a history, and perhaps a usual one.
    History(Option<&'static History>),
    WholeHistories,
    Best,
    Training,
    /// Only the trainer of v5.12 keeps it: homeostasis, or epochs without improvement.
    Trainer,
}

/// The role of a key at the top, if it has one.
pub(crate) fn role(key: &str) -> Option<Role> {
    if let Some(place) = DICTS.iter().position(|name| *name == key) {
        return Some(Role::Dict(place));
    }
    if let Some(usual) = names::find(key.as_bytes()).filter(|usual| usual.top) {
        return Some(Role::Metric(usual));
    }
    match key {
        _ if WHOLE_HISTORIES.contains(&key) => Some(Role::WholeHistories),
        "best_metrics" => Some(Role::BestDict),
        "homeostasis_state" | "epochs_without_improvement" => Some(Role::Trainer),
        _ if names::best(key).is_some() => Some(Role::Best),
        _ if names::is_training(key) => Some(Role::Training),
        _ if names::is_history(key).is_some() => Some(Role::History(histories::find(key.as_bytes()))),
        _ => None,
    }
}

/// What of a file can hold metrics.
#[derive(Debug, Default)]
pub(crate) struct Places {
    dicts: [Option<NodeId>; 5],
    best_dict: Option<NodeId>,
    /// The other keys and their values, in the order of the file.
    keys: Vec<(Role, Word, NodeId)>,
    /// How many of them are metrics, histories, dictionaries of these, bests, and of the training.
    counts: [usize; 5],
    /// What the metrics among them tell.
    tells: Tells,
    trainer: bool,
    pub config: Option<NodeId>,
    pub version: Option<NodeId>,
}

impl Places {
    /// Takes a value at the top with its key.
    pub(crate) fn add(&mut self, role: Role, key: Word, item: NodeId) {
        let kind = match role {
            Role::Dict(place) => {
                self.dicts[place] = Some(item);
                return;
            }
            Role::BestDict => {
                self.best_dict = Some(item);
                return;
            }
            Role::Trainer => {
                self.trainer = true;
                return;
            }
            Role::Metric(_) => 0,
            Role::History(_) => 1,
            Role::WholeHistories => 2,
            Role::Best => 3,
            Role::Training => 4,
        };
        if self.counts[kind] == MOST_KEYS {
            return;
        }
        self.counts[kind] += 1;
        if let Role::Metric(usual) = role {
            self.tells.add(usual.tells);
        }
        if self.keys.is_empty() {
            self.keys.reserve(USUAL);
        }
        self.keys.push((role, key, item));
    }

    /// Metrics by canonical name, in order of the alphabet.
    pub(crate) fn metrics(self, document: &Document<'_>) -> Vec<Metric> {
        let mut out = Vec::new();
        let mut dialect = Dialect::Unknown;
        for place in 0..PLAIN {
            if let Some(dict) = self.dict(document, place) {
                dialect = if dialect == Dialect::Unknown { dict.dialect } else { dialect };
                dict.name(&mut out);
            }
        }
        let plain = self.dict(document, PLAIN);
        if let Some(plain) = &plain {
            dialect = if dialect == Dialect::Unknown { plain.dialect } else { dialect };
        }
        out.reserve(self.keys.len() + plain.as_ref().map_or(0, |plain| plain.gather.found.len()));
        self.at_top(document, dialect, &mut out);
        if let Some(plain) = plain {
            let (at, unknown) = (out.len(), plain.dialect == Dialect::Unknown);
            plain.name(&mut out);
            if unknown && let Some(version) = self.exported(document) {
                for metric in &mut out[at..] {
                    metric.reading.family = family::ours(Some(version));
                }
            }
        }
        self.last_values(document, &mut out);
        self.best_values(document, dialect, &mut out);
        self.training(document, &mut out);
        merge(out)
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
            match document.text_bytes(key) {
                Some(b"name") => evidence.named = document.text_bytes(item).is_some(),
                Some(b"model") => nested = true,
                Some(b"version") => evidence.v5121 |= is_v5121(item),
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
            at = pairs.find(|(key, _)| document.text_bytes(*key) == Some(wanted.as_bytes()))?.1;
        }
        match document.value(at) {
            Node::Int(version) => Some(version),
            _ => None,
        }
    }

    /// The metrics of one dictionary.
    fn dict<'d, 'a>(&self, document: &'d Document<'a>, place: usize) -> Option<Dict<'d, 'a>> {
        let item = self.dicts[place]?;
        let mut gather = Gather::new(document);
        gather.group(item, &Word::Borrowed(DICTS[place]), Owner::Model, 0);
        let comprehensive = place == 0 || gather.comprehensive;
        let dialect = Dialect::of(gather.tells, comprehensive, || self.evidence(document));
        Some(Dict { gather, dialect })
    }

    /// Scalars at the top, and the families that they have by their own neighbours or by those in `metrics`.
    fn at_top(&self, document: &Document<'_>, beside: Dialect, out: &mut Vec<Metric>) {
        if self.counts[0] == 0 {
            return;
        }
        let own = Dialect::of(self.tells, false, || self.evidence(document));
        let aliased = self.tells.has(Tells::ALIASED);
        let mut gather = Gather::new(document);
        for &(role, _, item) in &self.keys {
            let Role::Metric(usual) = role else { continue };
            // Some keep the values of all epochs under the plain name.
            let (measured, source) = match gather.measured(item, || false) {
                Some((Value::List(_), _)) | None => {
                    (gather.last(item), Word::Owned(format!("{}[-1]", usual.key)))
                }
                measured => (measured, Word::Borrowed("top level")),
            };
            if let Some(measured) = measured {
                gather.add(Key::Usual(usual), source, Owner::Model, measured);
            }
        }
        let large = gather.large;
        for one in gather.found {
            let Key::Usual(usual) = one.key else { continue };
            let name = usual.name_at_top(aliased);
            let dialect = if usual.key == "composite_score" { beside } else { own };
            out.push(named(one, name, dialect.family(name.quantity, large)));
        }
    }

    /// The last values of histories.
    fn last_values(&self, document: &Document<'_>, out: &mut Vec<Metric>) {
        let mut gather = Gather::new(document);
        for (role, key, item) in &self.keys {
            match role {
                Role::History(Some(history)) => out.extend(usual_history(&gather, history, *item)),
                Role::History(None) => {
                    if let Some(stem) = names::history(key) {
                        out.extend(last_value(&gather, &stem, key.rsplit('.').next(), key, *item));
                    }
                }
                _ => {}
            }
        }
        for (role, key, item) in &self.keys {
            if !matches!(role, Role::WholeHistories) {
                continue;
            }
            let Node::Dict(dict) = document.value(*item) else {
                gather.group(*item, key, Owner::Model, 0);
                continue;
            };
            for &(name, item) in dict.pairs.iter().take(MOST_HISTORIES) {
                let Some(name) = document.as_text(name) else { continue };
                let stem = names::history(name);
                let stem = stem.as_deref().unwrap_or(name);
                out.extend(last_value(
                    &gather,
                    stem,
                    name.rsplit('.').next(),
                    &format!("{key}.{name}"),
                    item,
                ));
            }
        }
        out.extend(gather.found.into_iter().map(|one| metric(one, false, |_| family::UNKNOWN)));
    }

    /// Best values, which may belong to other weights.
    fn best_values(&self, document: &Document<'_>, dialect: Dialect, out: &mut Vec<Metric>) {
        let quick = self.trainer || matches!(dialect, Dialect::V512 | Dialect::V5121);
        let mut gather = Gather::new(document);
        for (role, key, item) in &self.keys {
            let (Role::Best, Some(stem)) = (role, names::best(key)) else { continue };
            let Some((value, dtype)) = gather.measured(*item, || false) else { continue };
            let name = names::canonical_at_top(stem);
            let family = family::of_best(&name, quick);
            let source = Word::Borrowed("top level");
            let one = Stored { key: Key::Other(key.clone()), source, owner: Owner::Model, value, dtype };
            let is_coverage = names::is_coverage(&name);
            out.push(finished(one, name, is_coverage, family));
        }
        if let Some(item) = self.best_dict {
            gather.group(item, &Word::Borrowed("best_metrics"), Owner::Model, 0);
        }
        out.extend(gather.found.into_iter().map(|one| metric(one, false, |_| "best so far")));
    }

    /// Values of the last epoch of training.
    fn training(&self, document: &Document<'_>, out: &mut Vec<Metric>) {
        let mut gather = Gather::new(document);
        for (role, key, item) in &self.keys {
            if matches!(role, Role::Training) {
                gather.group(*item, key, Owner::Training, 0);
            }
        }
        out.extend(gather.found.into_iter().map(|one| metric(one, false, |_| family::UNKNOWN)));
    }
}

/// The metrics of one dictionary, before they have their names.
struct Dict<'d, 'a> {
    gather: Gather<'d, 'a>,
    dialect: Dialect,
}

impl Dict<'_, '_> {
    fn name(self, out: &mut Vec<Metric>) {
        let Self { gather: Gather { found, tells, large, .. }, dialect } = self;
        let aliased = tells.has(Tells::ALIASED);
        let each = found.into_iter();
        out.extend(each.map(|one| metric(one, aliased, |quantity| dialect.family(quantity, large))));
    }
}

/// The last value of a usual history.
fn usual_history(gather: &Gather<'_, '_>, history: &History, item: NodeId) -> Option<Metric> {
    let (mut value, dtype) = gather.last(item)?;
    let History { key, name, sources: Sources { plain, percent, count } } = history;
    let mut source = *plain;
    if name.is_coverage
        && let Some(number) = value.number()
        && let Some(unit) = Unit::of(largest(gather, name.text, item))
    {
        value = Value::Float(number / unit.size());
        source = if unit == Unit::Percent { percent } else { count };
    }
    let reading = Reading {
        value,
        raw_key: Word::Borrowed(key),
        source: Word::Borrowed(source),
        dtype: Word::Borrowed(dtype),
        family: Word::Borrowed(family::of_history(name.text)),
    };
    Some(Metric { name: Word::Borrowed(name.text), reading, others: Vec::new() })
}

/// The last value of the history of `stem`, which is at `path` and there under `key`.
fn last_value(
    gather: &Gather<'_, '_>,
    stem: &str,
    key: Option<&str>,
    path: &str,
    item: NodeId,
) -> Option<Metric> {
    let (value, dtype) = gather.last(item)?;
    let name = names::canonical_at_top(stem);
    let mut one = Stored {
        key: Key::Other(words::word(key.unwrap_or_default())),
        source: Word::Owned(format!("{path}[-1]")),
        owner: Owner::Model,
        value,
        dtype,
    };
    if names::is_coverage(&name) && one.value.number().is_some() {
        divide(&mut one, largest(gather, &name, item));
    }
    let family = family::of_history(&name);
    Some(finished(one, name, false, family))
}
