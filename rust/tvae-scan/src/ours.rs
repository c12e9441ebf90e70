//! The record that this package writes into the metadata of its safetensors files.

use std::collections::BTreeSet;

use crate::content::whole;
use crate::file::File;
use crate::issue::Severity;
use crate::optimizer::Moments;
use crate::record::Optimizer;
use crate::tensors::Tensor;
use crate::value::{Value, Word};
use crate::{json, lineage, metrics, words};

/// How the names of tensors begin that are no weights, but the state of a run.
pub(crate) const STATE: &str = "state/";

/// Keys that are kept.
const MOST_KEYS: usize = 1000;
/// Bytes of texts that are taken for JSON, all together.
const MOST_DECODED: usize = 1 << 20;

/// Takes over the record, and the value asked for.
pub(crate) fn read(metadata: Vec<(String, String)>, file: &mut File<'_>) {
    file.record.top_keys = metadata.iter().take(MOST_KEYS).map(|(key, _)| words::word(key)).collect();
    let mut room = MOST_DECODED;
    let decoded: Vec<(Word, Value)> = metadata
        .into_iter()
        .map(|(key, text)| {
            let value = match text.as_bytes().first() {
                Some(b'{' | b'[') if text.len() <= room => {
                    room -= text.len();
                    json::parse(text.as_bytes()).ok()
                }
                _ => None,
            };
            (key.into(), value.unwrap_or(Value::Text(text)))
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
        let version = match record.get("metric_version") {
            Some(Value::Int(version)) => Some(*version),
            _ => None,
        };
        file.record.metrics = metrics::ours(stored, version);
        metrics::report(&file.record.metrics, &mut file.streams.issues);
    }
    file.record.lineage = lineage::of_record(record);
    if let Some(config @ Value::Map(_)) = record.get("config") {
        let stated = match record.get("config_hash") {
            Some(Value::Text(hash)) => Some(hash.clone()),
            _ => None,
        };
        file.record.stated_hash = stated;
        file.record.config = Some(config.clone().into());
    }
}

/// The optimizers of a resume state, the moments of which are called `state/optim/KIND/PARAMETER/MOMENT`. Their
/// learning rates stand in the config.
pub(crate) fn optimizers(state: &[&Tensor]) -> Vec<Optimizer> {
    let mut found: Vec<(&str, BTreeSet<&str>, Moments)> = Vec::new();
    for tensor in state {
        let Some(rest) = tensor.name.strip_prefix("state/optim/") else { continue };
        let Some((kind, rest)) = rest.split_once('/') else { continue };
        let Some((parameter, moment)) = rest.rsplit_once('/') else { continue };
        let at = found.iter().position(|one| one.0 == kind).unwrap_or_else(|| {
            found.push((kind, BTreeSet::new(), Moments::default()));
            found.len() - 1
        });
        found[at].1.insert(parameter);
        found[at].2.see(moment);
    }
    let each = found.into_iter().map(|(kind, parameters, moments)| Optimizer {
        key: format!("state/optim/{kind}").into(),
        kind: moments.kind().map(Into::into),
        n_params: parameters.len() as u64,
        lr: Vec::new(),
    });
    each.collect()
}
