//! What the values of a checkpoint say: epoch, metrics and configuration.

use crate::convert::{Converter, label};
use crate::lineage;
use crate::metrics::{self, Metric};
use crate::optimizer;
use crate::pickle::{Document, NodeId, Value as Node};
use crate::record::Optimizer;
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
    pub optimizers: Vec<Optimizer>,
    pub lineage: Vec<(String, Value)>,
}

/// What the values at the top say.
pub(crate) fn summary(document: &Document<'_>) -> Summary {
    let mut summary = Summary::default();
    let Node::Dict(top) = document.value(document.root()) else { return summary };
    let mut configs: [Option<NodeId>; 4] = [None; 4];
    for &(key, item) in top.pairs {
        let key = label(document, key);
        if key == "epoch" {
            summary.epoch = whole(&Converter::new(document, 1).convert(item));
        } else if let Some(place) = CONFIGS.iter().position(|name| *name == key) {
            configs[place] = Some(item);
        }
        if summary.top_keys.len() < MOST_KEYS {
            summary.top_keys.push(key);
        }
    }
    summary.metrics = metrics::read(document);
    summary.optimizers = optimizer::read(document);
    summary.config = configs
        .into_iter()
        .flatten()
        .map(|item| Converter::new(document, ROOM).convert(item))
        .find(|config| matches!(config, Value::Map(_)));
    summary.lineage = lineage::read(document);
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
