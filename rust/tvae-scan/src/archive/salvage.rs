//! An archive without its directory: a save that was cut. `data.pkl` comes first, so most of it is still told.

use std::collections::HashMap;

use super::zip;
use crate::file::File;
use crate::issue::Severity;
use crate::pickle::Safety;
use crate::record::{Salvage, Status};
use crate::source::Source;
use crate::streams::bytes_of_stream;
use crate::tensors::storages::Place;

/// Bytes behind a record in which the next one begins.
const GAP: u64 = 4096;
/// Pickles beside the first that are followed.
const MOST_PICKLES: usize = 64;
/// Records that are looked for.
const MOST_RECORDS: usize = 50_000;

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
    let Walked { places, pickles, directory } = walk(source, local.data + found.end as u64, prefix, file);
    if code == "Z010" && directory.is_some_and(|at| has_end(source, at)) {
        // Not cut at all: what follows hides the end record from every reader.
        file.streams.issues.drop(code);
        let message = "more than 64 KB behind the end record: torch refuses the file";
        file.streams.issues.add("Z042", Severity::Error, message);
        file.record.status = Status::Corrupt;
        file.streams.worsen(Safety::Unparsed);
    }
    for at in pickles {
        match bytes_of_stream(source, at) {
            Ok(bytes) => drop(file.streams.load(&bytes, at)),
            Err(_) => file.streams.worsen(Safety::Unparsed),
        }
    }
    file.record.salvaged =
        Some(Salvage { present: places.len() as u64, storages: file.room.tensors.storages.len() as u64 });
    file.places(&places);
}

/// What was found from record to record.
#[derive(Default)]
struct Walked {
    /// The storages that are whole.
    places: HashMap<String, Place>,
    /// Where other pickles begin.
    pickles: Vec<u64>,
    /// Where the directory begins, if the records were followed to it.
    directory: Option<u64>,
}

fn walk(source: &Source, start: u64, prefix: &[u8], file: &File<'_>) -> Walked {
    let mut walked = Walked::default();
    let mut at = start;
    for _ in 0..MOST_RECORDS {
        let Ok(gap) = source.read_up_to(at, GAP) else { break };
        let next = gap.windows(4).position(|bytes| matches!(bytes, b"PK\x03\x04" | b"PK\x01\x02"));
        let Some(next) = next else { break };
        if gap[next + 2] == 1 {
            walked.directory = Some(at + next as u64);
            break;
        }
        let Some(local) = zip::local(source, at + next as u64) else { break };
        at = local.data;
        if local.name.to_ascii_lowercase().ends_with(b".pkl") && walked.pickles.len() < MOST_PICKLES {
            walked.pickles.push(at);
        }
        let key = local.name.strip_prefix(prefix).and_then(|name| name.strip_prefix(b"data/"));
        let Some(key) = key.and_then(|key| std::str::from_utf8(key).ok()) else { continue };
        let Some(length) = file.room.tensors.storages.get(key).and_then(|storage| storage.bytes) else {
            continue;
        };
        let Some(end) = at.checked_add(length).filter(|end| *end <= source.size()) else { break };
        // torch writes a descriptor behind each record; zeros in its place are bytes that never came.
        let described = local.flags & 8 != 0 && end < source.size();
        if described && source.read_up_to(end, 4).is_ok_and(|sign| !b"PK\x07\x08".starts_with(&sign)) {
            break;
        }
        walked.places.insert(key.to_owned(), Place { offset: Some(at), length, crc: None });
        at = end;
    }
    walked
}

/// An end record follows a directory.
fn has_end(source: &Source, directory: u64) -> bool {
    let mut at = directory;
    for _ in 0..MOST_RECORDS {
        let Ok(head) = source.read_up_to(at, 46) else { return false };
        match head.get(..4) {
            Some(b"PK\x01\x02") if head.len() == 46 => {
                at += 46 + [28, 30, 32].map(|field| u64::from(zip::u16_at(&head, field))).iter().sum::<u64>();
            }
            Some(b"PK\x06\x06") => at += 56,
            Some(b"PK\x06\x07") => at += 20,
            Some(b"PK\x05\x06") => return at + 22 <= source.size(),
            _ => return false,
        }
    }
    false
}
