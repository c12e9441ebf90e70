//! Where a checkpoint comes from, as far as it says so itself.

use crate::convert::{Converter, attributes};
use crate::pickle::{Document, Node, NodeId};
use crate::value::{Value, Word};
use crate::words;

/// Keys at the top of a file that tell where it comes from: its own version and run, what it was trained from, when
/// and by what, and the libraries that wrote it.
pub(crate) const KEYS: [&str; 38] = [
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
macro_rules! in_config {
    ($key:literal) => {
        ($key, concat!("config.", $key), concat!("config.", $key, ".path"))
    };
}

/// Where a config names what the training began from, itself or by its `path`; and its own version. Beside each key
/// stands what the entry is called.
const IN_CONFIG: [(&str, &str, &str); 7] = [
    in_config!("base_checkpoint"),
    in_config!("checkpoint"),
    in_config!("epsilon_checkpoint"),
    in_config!("frozen_checkpoint"),
    in_config!("start_checkpoint"),
    in_config!("v5_5_checkpoint"),
    in_config!("version"),
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

/// The words of lineage: its keys, and what is told of a config.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    KEYS.into_iter().chain(IN_CONFIG.into_iter().flat_map(|(key, name, path)| [key, name, path]))
}

/// What the value under one of the keys says.
pub(crate) fn kept(document: &Document<'_>, name: &Word, item: NodeId) -> Option<(Word, Value)> {
    let value = Converter::new(document, ROOM).convert(item);
    (!matches!(value, Value::Null)).then(|| (name.clone(), short(value)))
}

/// Adds what the config says.
pub(crate) fn of_config(document: &Document<'_>, config: NodeId, found: &mut Vec<(Word, Value)>) {
    for &(key, item) in attributes(document, config) {
        let Some(key) = document.text_bytes(key) else { continue };
        if !key.ends_with(b"checkpoint") && key != b"version" {
            continue;
        }
        let Some(&(_, name, path)) = IN_CONFIG.iter().find(|known| known.0.as_bytes() == key) else {
            continue;
        };
        match document.node(item) {
            Node::Dict(_) => {
                if let Some(item) = document.lookup(item, "path") {
                    found.extend(kept(document, &Word::Borrowed(path), item));
                }
            }
            _ => found.extend(kept(document, &Word::Borrowed(name), item)),
        }
    }
}

/// What our own record says.
pub(crate) fn of_record(record: &Value) -> Vec<(Word, Value)> {
    let each = RECORD.iter().filter_map(|key| {
        let value = record.get(key).filter(|value| !matches!(value, Value::Null))?;
        Some((words::word(key), short(value.clone())))
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
    fn the_keys_of_a_config_end_alike() {
        assert!(IN_CONFIG.iter().all(|(key, ..)| key.ends_with("checkpoint") || *key == "version"));
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
        assert_eq!(of_record(&record), [("version".into(), Value::Text("0.1.0".into()))]);
    }
}
