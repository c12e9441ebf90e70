//! Where a checkpoint comes from, as far as it says so itself.

use crate::convert::{Converter, attributes};
use crate::pickle::{Document, NodeId, Value as Node};
use crate::value::Value;

/// Keys at the top of a file that tell where it comes from: its own version and run, what it was trained from, when
/// and by what, and the libraries that wrote it.
const KEYS: [&str; 38] = [
    "base_checkpoint",
    "base_sha256",
    "command",
    "config_path",
    "created_at",
    "cuda_version",
    "date",
    "environment",
    "experiment_name",
    "git_commit",
    "git_hash",
    "git_revision",
    "git_sha",
    "global_step",
    "metric_version",
    "model_class",
    "model_name",
    "model_version",
    "numpy_version",
    "parent",
    "parent_checkpoint",
    "parent_hash",
    "phase",
    "python_version",
    "pytorch-lightning_version",
    "pytorch_version",
    "recommended_usage",
    "run_id",
    "run_name",
    "saved_at",
    "seed",
    "source_checkpoint",
    "step",
    "timestamp",
    "torch_version",
    "training_script",
    "usage_metadata",
    "version",
];
/// Where a config names what the training began from, itself or by its `path`; and its own version.
const IN_CONFIG: [&str; 7] = [
    "base_checkpoint",
    "checkpoint",
    "epsilon_checkpoint",
    "frozen_checkpoint",
    "start_checkpoint",
    "v5_5_checkpoint",
    "version",
];
/// Keys of our own record.
const RECORD: [&str; 12] = [
    "version",
    "created_at",
    "command",
    "training_script",
    "config_path",
    "base_checkpoint",
    "base_sha256",
    "git_revision",
    "step",
    "seed",
    "metric_version",
    "environment",
];
/// Values of one entry that are kept, and characters of its texts.
const ROOM: usize = 32;
const MOST_TEXT: usize = 512;

/// What the values of a checkpoint say, in the order of the file; then what its config says.
pub(crate) fn read(document: &Document<'_>) -> Vec<(String, Value)> {
    let Node::Dict(top) = document.value(document.root()) else { return Vec::new() };
    let mut found = Vec::new();
    let mut config = None;
    for &(key, item) in top.pairs {
        let Some(key) = document.text_bytes(key) else { continue };
        if key == b"config" {
            config = Some(item);
        } else if let Ok(at) = KEYS.binary_search_by(|known| known.as_bytes().cmp(key)) {
            found.extend(kept(document, KEYS[at].into(), item));
        }
    }
    let Some(config) = config else { return found };
    for &(key, item) in attributes(document, config) {
        let Some(key) = document.text_bytes(key) else { continue };
        let Some(key) = IN_CONFIG.iter().find(|known| known.as_bytes() == key) else { continue };
        let mut keep = |name: String, item: NodeId| found.extend(kept(document, name, item));
        match document.value(item) {
            Node::Dict(_) => {
                if let Some(path) = document.lookup(item, "path") {
                    keep(format!("config.{key}.path"), path);
                }
            }
            _ => keep(format!("config.{key}"), item),
        }
    }
    found
}

fn kept(document: &Document<'_>, name: String, item: NodeId) -> Option<(String, Value)> {
    let value = Converter::new(document, ROOM).convert(item);
    (!matches!(value, Value::Null)).then(|| (name, short(value)))
}

/// What our own record says.
pub(crate) fn of_record(record: &Value) -> Vec<(String, Value)> {
    let each = RECORD.iter().filter_map(|key| {
        let value = record.get(key).filter(|value| !matches!(value, Value::Null))?;
        Some(((*key).to_owned(), short(value.clone())))
    });
    each.collect()
}

/// A value with its texts cut, and at most as many entries as are kept.
fn short(value: Value) -> Value {
    match value {
        Value::Text(text) => match text.char_indices().nth(MOST_TEXT) {
            Some((end, _)) => Value::Text(format!("{}…", &text[..end])),
            None => Value::Text(text),
        },
        Value::List(items) => Value::List(items.into_iter().take(ROOM).map(short).collect()),
        Value::Map(items) => {
            Value::Map(items.into_iter().take(ROOM).map(|(key, value)| (key, short(value))).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_are_sorted() {
        assert!(KEYS.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn long_values_are_cut() {
        let Value::Text(text) = short(Value::Text("é".repeat(2000))) else { panic!("no text") };
        assert_eq!(text.chars().count(), MOST_TEXT + 1);
        let Value::List(items) = short(Value::List(vec![Value::Null; 500])) else { panic!("no list") };
        assert_eq!(items.len(), ROOM);
    }

    #[test]
    fn our_record_tells_what_it_has() {
        let record = Value::Map(vec![
            ("version".into(), Value::Text("0.1.0".into())),
            ("base_checkpoint".into(), Value::Null),
            ("epoch".into(), Value::Int(3)),
        ]);
        assert_eq!(of_record(&record), [("version".to_owned(), Value::Text("0.1.0".into()))]);
    }
}
