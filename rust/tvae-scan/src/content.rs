//! What the values of a checkpoint say: epoch, metrics and configuration.

use crate::convert::{Converter, label, type_name};
use crate::metrics::{self, Metric, Stored};
use crate::pickle::{Document, NodeId, Value as Node};
use crate::value::Value;

/// Values of a configuration or of metrics that are kept.
const ROOM: usize = 20_000;
/// Keys at the top that are kept.
const MOST_KEYS: usize = 1000;
/// Where a configuration may be, by falling precedence.
const CONFIGS: [&str; 4] = ["config", "args", "hparams", "hyper_parameters"];

/// What a dictionary at the top of a checkpoint says.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub epoch: Option<i64>,
    pub metrics: Vec<Metric>,
    pub config: Option<Value>,
    pub top_keys: Vec<String>,
}

/// What the values at the top say.
pub(crate) fn summary(document: &Document<'_>) -> Summary {
    let mut summary = Summary::default();
    let Node::Dict(top) = document.value(document.root()) else { return summary };
    let mut found = metrics::Found::default();
    let mut configs: [Option<NodeId>; 4] = [None; 4];
    for &(key, item) in top.pairs {
        let key = label(document, key);
        if key == "epoch" {
            summary.epoch = whole(&Converter::new(document, 1).convert(item));
        } else if let Some(place) = CONFIGS.iter().position(|name| *name == key) {
            configs[place] = Some(item);
        } else if let Some(place) = metrics::dict_place(&key) {
            found.dicts[place] = stored(document, item);
        } else if metrics::is_wanted(&key) {
            let value = Converter::new(document, ROOM).convert(item);
            found.top.push((key.clone(), value, type_name(&document.value(item))));
        }
        if summary.top_keys.len() < MOST_KEYS {
            summary.top_keys.push(key);
        }
    }
    summary.metrics = metrics::collect(found);
    summary.config = configs
        .into_iter()
        .flatten()
        .map(|item| Converter::new(document, ROOM).convert(item))
        .find(|config| matches!(config, Value::Map(_)));
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

fn stored(document: &Document<'_>, item: NodeId) -> Vec<Stored> {
    let pairs = match document.value(item) {
        Node::Dict(dict) => dict.pairs,
        Node::Object(object) => match object.state.map(|state| document.value(state)) {
            Some(Node::Dict(dict)) => dict.pairs,
            _ => return Vec::new(),
        },
        _ => return Vec::new(),
    };
    let mut converter = Converter::new(document, ROOM);
    pairs
        .iter()
        .take(MOST_KEYS)
        .map(|&(key, item)| {
            let node = document.value(item);
            let value = if matches!(node, Node::Tensor(_)) { Value::Null } else { converter.convert(item) };
            (label(document, key), value, type_name(&node))
        })
        .collect()
}
