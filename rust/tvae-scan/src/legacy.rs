//! What `torch.save` wrote before 1.6: a magic number, a protocol, facts about the machine, the values and the
//! list of storage keys, each a pickle; then every storage as a count and its bytes.

use crate::inspect::File;
use crate::issue::Severity;
use crate::pickle::{Document, Safety, Value as Node};
use crate::places::Place;
use crate::record::{Salvage, Status};
use crate::source::Source;
use crate::streams::bytes_of_stream;

/// Storages that are looked for.
const MOST_KEYS: usize = 100_000;

/// Reads such a file.
pub(crate) fn read(source: &Source, file: &mut File<'_>) {
    file.record.kind = "torch_legacy".into();
    let mut at = 0;
    let mut keys = Vec::new();
    for part in ["magic number", "protocol", "system", "values", "storage keys"] {
        let bytes;
        let found = if let Some(found) = file.streams.load_kept(source, at) {
            found
        } else {
            let read = bytes_of_stream(source, at).ok().filter(|bytes| !bytes.is_empty());
            let Some(read) = read else {
                return cut(file, format!("cut before the pickle of its {part}"));
            };
            bytes = read;
            file.streams.load(&bytes, at)
        };
        match (part, &found.document) {
            ("values", Some(document)) => file.values(document),
            ("storage keys", Some(document)) => keys = texts(document),
            _ => {}
        }
        if !found.complete {
            return cut(file, format!("damaged in the pickle of its {part}"));
        }
        at += found.end as u64;
        if let Some(document) = found.document {
            file.streams.recycle(document);
        }
    }
    let (present, end) = storages(source, &keys, at, file);
    let wanted = keys.len() as u64;
    if present < wanted {
        file.record.status = Status::Salvaged;
        file.record.salvaged = Some(Salvage { present, storages: wanted });
    } else if end < source.size() {
        let message = format!("{} bytes behind the last storage", source.size() - end);
        file.streams.issues.add_at("S010", Severity::Warning, message, end);
        if let Ok(rest) = bytes_of_stream(source, end) {
            file.streams.behind(&rest, end);
        }
    }
    file.placed_before();
}

/// The values, if they were read, are worth keeping.
fn cut(file: &mut File<'_>, message: String) {
    file.streams.issues.add("Z010", Severity::Error, message);
    file.streams.worsen(Safety::Unparsed);
    file.record.status = Status::Corrupt;
    if !file.record.top_keys.is_empty() || !file.tensors.placed.is_empty() {
        let storages = file.tensors.storages.len() as u64;
        file.record.status = Status::Salvaged;
        file.record.salvaged = Some(Salvage { present: 0, storages });
        file.placed_before();
    }
}

fn texts(document: &Document<'_>) -> Vec<String> {
    let Node::List(items) = document.value(document.root()) else { return Vec::new() };
    items.iter().take(MOST_KEYS).filter_map(|item| document.as_text(*item)).map(str::to_owned).collect()
}

/// Puts the storages where they are, as far as they are there; gives how many are, and where they end.
fn storages(source: &Source, keys: &[String], start: u64, file: &mut File<'_>) -> (u64, u64) {
    let (mut present, mut at) = (0, start);
    for key in keys {
        let issues = &mut file.streams.issues;
        let Some(place) = file.tensors.storages.find(key.as_bytes()) else {
            let message = format!("storage {key} belongs to no value, so its size is not known");
            issues.add_at("T008", Severity::Error, message, at);
            break;
        };
        let storage = &mut file.tensors.storages.list[place];
        if storage.place.is_some() {
            let message =
                format!("storage {key} is listed twice, so the others are not where they should be");
            issues.add_at("T008", Severity::Error, message, at);
            break;
        }
        let Some((count, bytes)) = storage.count.zip(storage.bytes) else { break };
        let stated =
            source.bytes(at, 8).ok().and_then(|bytes| Some(u64::from_le_bytes(*bytes.first_chunk()?)));
        let Some(stated) = stated else {
            issues.add_at("Z010", Severity::Error, format!("cut before storage {key}"), at);
            break;
        };
        if stated != count {
            let message = format!("storage {key} has {stated} elements instead of {count}");
            issues.add_at("T002", Severity::Error, message, at);
            break;
        }
        let end = (at + 8).checked_add(bytes).filter(|end| *end <= source.size());
        let Some(end) = end else {
            issues.add_at("Z010", Severity::Error, format!("cut in storage {key}"), at);
            break;
        };
        storage.place = Some(Place { offset: Some(at + 8), length: bytes, crc: None });
        present += 1;
        at = end;
    }
    (present, at)
}
