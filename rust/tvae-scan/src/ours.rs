//! The record that this package writes into the metadata of its safetensors files.

use crate::content::whole;
use crate::inspect::File;
use crate::issue::Severity;
use crate::json;
use crate::metrics::{self, Found};
use crate::value::Value;

/// Keys that are kept.
const MOST_KEYS: usize = 1000;
/// Bytes of texts that are taken for JSON, all together.
const MOST_DECODED: usize = 1 << 20;

/// Takes over the record, and the value asked for.
pub(crate) fn read(metadata: Vec<(String, String)>, file: &mut File<'_>) {
    file.record.top_keys = metadata.iter().take(MOST_KEYS).map(|(key, _)| key.clone()).collect();
    let mut room = MOST_DECODED;
    let decoded: Vec<(String, Value)> = metadata
        .into_iter()
        .map(|(key, text)| {
            let value = match text.as_bytes().first() {
                Some(b'{' | b'[') if text.len() <= room => {
                    room -= text.len();
                    json::parse(text.as_bytes()).ok()
                }
                _ => None,
            };
            (key, value.unwrap_or(Value::Text(text)))
        })
        .collect();
    let all = Value::Map(decoded);
    if let Some(record) = all.get("tvae") {
        take(record, file);
    }
    file.value = file.want.key.and_then(|key| crate::find::within(&all, key)).cloned();
}

fn take(record: &Value, file: &mut File<'_>) {
    let Value::Map(_) = record else {
        file.streams.issues.add("T029", Severity::Warning, "the tvae record is no JSON object");
        return;
    };
    file.record.epoch = record.get("epoch").and_then(whole);
    if let Some(Value::Map(stored)) = record.get("metrics") {
        let stored = stored.iter().map(|(key, value)| (key.clone(), value.clone(), "float")).collect();
        let found = Found { dicts: [Vec::new(), Vec::new(), stored], top: Vec::new() };
        file.record.metrics = metrics::collect(found);
    }
    if let Some(config @ Value::Map(_)) = record.get("config") {
        let stated = match record.get("config_hash") {
            Some(Value::Text(hash)) => Some(hash.clone()),
            _ => None,
        };
        file.record.config_hash = stated.or_else(|| Some(config.hash()));
        file.record.config = Some(config.clone());
    }
}
