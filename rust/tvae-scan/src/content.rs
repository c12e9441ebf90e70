//! What the values of a checkpoint say: epoch, metrics and configuration.

use std::ops::Range;
use std::sync::Arc;

use crate::convert::{Converter, label};
use crate::metrics::{self, Metric};
use crate::pickle::{Document, NodeId, Value as Node};
use crate::record::Optimizer;
use crate::top::{self, Role};
use crate::value::{Value, Word};
use crate::{lineage, optimizer};

/// Values of a configuration or of metrics that are kept.
const ROOM: usize = 20_000;
/// Keys at the top that are kept.
const MOST_KEYS: usize = 1000;

/// What a dictionary at the top of a checkpoint says.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub epoch: Option<i64>,
    pub metrics: Vec<Metric>,
    pub config: Option<Arc<Value>>,
    pub top_keys: Vec<Word>,
    pub optimizers: Vec<Optimizer>,
    pub lineage: Vec<(Word, Value)>,
    /// How much of the lineage the config does not tell.
    pub apart: usize,
}

/// What configs and optimizers say, where that is known before they are read.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub config: Option<Config>,
    pub optimizers: Option<Vec<Optimizer>>,
}

/// What a config says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Config {
    pub values: Option<Arc<Value>>,
    pub lineage: Vec<(Word, Value)>,
}

/// Stretches of the stream that configs and optimizers are within; `None` if a key at the top is not in it. A text that a
/// GET asks for may come earlier, inside another value, so that only a key that is not `asked` for ends one.
pub(crate) fn stretches(
    document: &Document<'_>,
    asked: impl Fn(NodeId) -> bool,
) -> Option<[Range<usize>; 2]> {
    let Node::Dict(top) = document.value(document.root()) else { return None };
    let mut found = [usize::MAX, usize::MAX].map(|start| Range { start, end: 0 });
    let mut open = [false; 2];
    for &(key, _) in top.pairs {
        let start = document.place(key)?;
        if open.contains(&true) && !asked(key) {
            for (stretch, _) in found.iter_mut().zip(open).filter(|one| one.1) {
                stretch.end = start;
            }
            open = [false; 2];
        }
        let place = match top::of(&label(document, key)) {
            Role::Config(_) => 0,
            Role::Optimizer => 1,
            _ => continue,
        };
        open[place] = true;
        found[place].start = found[place].start.min(start);
    }
    for (stretch, _) in found.iter_mut().zip(open).filter(|one| one.1) {
        stretch.end = usize::MAX;
    }
    Some(found)
}

/// What the values at the top say.
pub(crate) fn summary(document: &Document<'_>, told: Told) -> Summary {
    let mut summary = Summary::default();
    let Node::Dict(top) = document.value(document.root()) else { return summary };
    summary.top_keys.reserve(top.pairs.len().min(MOST_KEYS));
    let mut configs: [Option<NodeId>; 4] = [None; 4];
    let mut places = metrics::Places::default();
    for &(key, item) in top.pairs {
        let text = document.text_bytes(key);
        let (key, role) = if let Some((key, role)) = text.and_then(top::usual) {
            (Word::Borrowed(key), role)
        } else if let Some(text) = document.as_text(key) {
            // What is no usual word may be a history or the best of something.
            if let Some(role) = metrics::role(text) {
                places.add(role, text.to_owned().into(), item);
            }
            (label(document, key), Role::Other)
        } else {
            let key = label(document, key);
            let role = top::of(&key);
            (key, role)
        };
        match role {
            Role::Epoch => summary.epoch = whole(&Converter::new(document, 1).convert(item)),
            Role::Config(place) => configs[place] = Some(item),
            _ => {}
        }
        if text.is_some() {
            match role {
                Role::Config(0) => places.config = Some(item),
                Role::Version => {
                    places.version = Some(item);
                    summary.lineage.extend(lineage::kept(document, &key, item));
                }
                Role::Lineage => summary.lineage.extend(lineage::kept(document, &key, item)),
                Role::Optimizer if told.optimizers.is_none() => {
                    optimizer::read(document, &key, item, &mut summary.optimizers);
                }
                Role::Metrics(role) => places.add(role, key.clone(), item),
                _ => {}
            }
        }
        if summary.top_keys.len() < MOST_KEYS {
            summary.top_keys.push(key);
        }
    }
    summary.apart = summary.lineage.len();
    if let Some(Config { values, lineage }) = told.config {
        summary.lineage.extend(lineage);
        summary.config = values;
    } else {
        if let Some(config) = places.config {
            lineage::of_config(document, config, &mut summary.lineage);
        }
        let configs = configs.into_iter().flatten().map(|item| Converter::new(document, ROOM).convert(item));
        summary.config = configs.into_iter().find(|config| matches!(config, Value::Map(_))).map(Arc::new);
    }
    if let Some(optimizers) = told.optimizers {
        summary.optimizers = optimizers;
    }
    summary.metrics = places.metrics(document);
    summary
}

/// An epoch, in whatever form it was stored.
pub(crate) fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        #[allow(clippy::cast_possible_truncation)] // whole, and of the size of an epoch
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => Some(*number as i64),
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}
