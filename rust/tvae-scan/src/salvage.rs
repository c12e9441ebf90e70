//! An archive without its directory: a save that was cut. `data.pkl` comes first, so most of it is still told.

use std::collections::HashMap;

use crate::inspect::File;
use crate::issue::Severity;
use crate::pickle::Safety;
use crate::places::Place;
use crate::record::{Salvage, Status};
use crate::source::Source;
use crate::streams::bytes_of_stream;
use crate::zip;

/// Bytes behind a record in which the next one begins.
const GAP: u64 = 4096;
/// Pickles beside the first that are followed.
const MOST_PICKLES: usize = 64;
/// Records that are looked for.
const MOST_RECORDS: usize = 200_000;

/// Reads the values from the head of the archive, and looks which storages are there.
pub(crate) fn read(source: &Source, code: &'static str, message: &str, file: &mut File<'_>) {
    file.streams.issues.add(code, Severity::Error, message);
    file.streams.issues.hint("copy it again or use an earlier checkpoint");
    file.record.status = Status::Corrupt;
    let local = zip::local(source, 0).filter(|local| local.name.ends_with(b"/data.pkl"));
    let bytes = local.as_ref().and_then(|local| bytes_of_stream(source, local.data).ok());
    let (Some(local), Some(bytes)) = (local, bytes) else { return file.streams.worsen(Safety::Unparsed) };
    let found = file.streams.load(&bytes, local.data);
    let Some(document) = found.document.as_ref().filter(|_| found.complete) else {
        return file.streams.worsen(Safety::Unparsed);
    };
    let prefix = &local.name[..local.name.len() - "data.pkl".len()];
    file.record.torch_prefix = Some(String::from_utf8_lossy(&prefix[..prefix.len() - 1]).into_owned());
    file.record.status = Status::Salvaged;
    file.values(document);
    let (places, pickles) = walk(source, local.data + found.end as u64, prefix, file);
    for at in pickles {
        match bytes_of_stream(source, at) {
            Ok(bytes) => drop(file.streams.load(&bytes, at)),
            Err(_) => file.streams.worsen(Safety::Unparsed),
        }
    }
    file.record.salvaged =
        Some(Salvage { present: places.len() as u64, storages: file.tensors.storages.len() as u64 });
    file.places(&places);
}

/// The storages that are whole, and where other pickles begin, found by walking from record to record.
fn walk(source: &Source, start: u64, prefix: &[u8], file: &File<'_>) -> (HashMap<String, Place>, Vec<u64>) {
    let (mut places, mut pickles) = (HashMap::new(), Vec::new());
    let mut at = start;
    for _ in 0..MOST_RECORDS {
        let Ok(gap) = source.read_up_to(at, GAP) else { break };
        let Some(next) = gap.windows(4).position(|bytes| bytes == b"PK\x03\x04") else { break };
        let Some(local) = zip::local(source, at + next as u64) else { break };
        at = local.data;
        if local.name.to_ascii_lowercase().ends_with(b".pkl") && pickles.len() < MOST_PICKLES {
            pickles.push(at);
        }
        let key = local.name.strip_prefix(prefix).and_then(|name| name.strip_prefix(b"data/"));
        let Some(key) = key.and_then(|key| std::str::from_utf8(key).ok()) else { continue };
        let Some(length) = file.tensors.storages.get(key).and_then(|storage| storage.bytes) else { continue };
        match at.checked_add(length).filter(|end| *end <= source.size()) {
            Some(end) => {
                places.insert(key.to_owned(), Place { offset: Some(at), length, crc: None });
                at = end;
            }
            None => break,
        }
    }
    (places, pickles)
}
