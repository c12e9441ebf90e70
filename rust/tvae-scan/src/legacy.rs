//! What `torch.save` wrote before 1.6: a magic number, a protocol, facts about the machine, the values and the
//! list of storage keys, each a pickle; then every storage as a count and its bytes.

use crate::file::File;
use crate::issue::Severity;
use crate::pickle::{Document, Safety, Value as Node};
use crate::record::{Salvage, Status};
use crate::source::Source;
use crate::streams::bytes_of_stream;
use crate::tensors::storages::Place;

/// Storages that are looked for.
const MOST_KEYS: usize = 100_000;

/// Read of a stream that is longer than what is kept, before its length is looked for.
const USUAL: u64 = 128 << 10;
/// Bytes between two lengths up to which they are read at once: another call takes longer than these do.
const MOST_BETWEEN: u64 = 8 << 10;
/// Bytes that are read at once for lengths.
const MOST_AT_ONCE: u64 = 64 << 10;

/// Reads such a file.
pub(crate) fn read(source: &Source, file: &mut File<'_>) {
    file.record.kind = "torch_legacy".into();
    let mut at = 0;
    let mut found = Found::default();
    for part in ["magic number", "protocol", "system", "values", "storage keys"] {
        let (most, all);
        let stream = 'found: {
            if let Some(kept) = file.streams.load_kept(source, at) {
                break 'found kept;
            }
            most = source.read_up_to(at, USUAL).unwrap_or_default();
            let before = file.streams.so_far();
            let stream = file.streams.load(&most, at);
            if stream.complete {
                break 'found stream;
            }
            file.streams.back_to(before);
            let read = bytes_of_stream(source, at).ok().filter(|bytes| !bytes.is_empty());
            let Some(read) = read else {
                return cut(file, format!("cut before the pickle of its {part}"));
            };
            all = read;
            file.streams.load(&all, at)
        };
        if let ("values", Some(document)) = (part, &stream.document) {
            file.values(document);
        }
        if !stream.complete {
            return cut(file, format!("damaged in the pickle of its {part}"));
        }
        at += stream.end as u64;
        found.end = at;
        if let Some(document) = stream.document {
            if part == "storage keys" {
                found = storages(source, &document, at, file);
            }
            file.streams.recycle(document);
        }
    }
    let Found { wanted, present, end } = found;
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
    if !file.record.top_keys.is_empty() || !file.room.tensors.placed.is_empty() {
        let storages = file.room.tensors.storages.len() as u64;
        file.record.status = Status::Salvaged;
        file.record.salvaged = Some(Salvage { present: 0, storages });
        file.placed_before();
    }
}

/// What was found of the storages: how many are listed and how many are there, and where they end.
#[derive(Default)]
struct Found {
    wanted: u64,
    present: u64,
    end: u64,
}

/// A storage of the list: its key, and its position among those that tensors use.
struct Listed<'d> {
    key: &'d [u8],
    at: Option<usize>,
}

/// Puts the storages of the list in a document where they are, as far as they are there.
fn storages(source: &Source, document: &Document<'_>, start: u64, file: &mut File<'_>) -> Found {
    let items = match document.value(document.root()) {
        Node::List(items) => &items[..items.len().min(MOST_KEYS)],
        _ => &[],
    };
    let keys = items.iter().filter_map(|&item| document.text_bytes(item));
    let list: Vec<Listed<'_>> =
        keys.map(|key| Listed { key, at: file.room.tensors.storages.find(key) }).collect();
    let mut lengths = Lengths { source, start: 0, len: 0, room: std::mem::take(&mut file.room.lengths) };
    let mut found = Found { wanted: list.len() as u64, present: 0, end: start };
    for (number, Listed { key, at: place }) in list.iter().enumerate() {
        let key = || String::from_utf8_lossy(key);
        let (issues, known) = (&mut file.streams.issues, &mut file.room.tensors.storages.list);
        let at = found.end;
        let Some(place) = *place else {
            let message = format!("storage {} belongs to no value, so its size is not known", key());
            issues.add_at("T008", Severity::Error, message, at);
            break;
        };
        let storage = known[place];
        if storage.place.is_some() {
            let message =
                format!("storage {} is listed twice, so the others are not where they should be", key());
            issues.add_at("T008", Severity::Error, message, at);
            break;
        }
        let Some((count, bytes)) = storage.count.zip(storage.bytes) else { break };
        let sizes = || list[number..].iter().map_while(|listed| known[listed.at?].bytes);
        let Some(stated) = lengths.get(at, sizes) else {
            issues.add_at("Z010", Severity::Error, format!("cut before storage {}", key()), at);
            break;
        };
        if stated != count {
            let message = format!("storage {} has {stated} elements instead of {count}", key());
            issues.add_at("T002", Severity::Error, message, at);
            break;
        }
        let end = (at + 8).checked_add(bytes).filter(|end| *end <= source.size());
        let Some(end) = end else {
            issues.add_at("Z010", Severity::Error, format!("cut in storage {}", key()), at);
            break;
        };
        known[place].place = Some(Place { offset: Some(at + 8), length: bytes, crc: None });
        found.present += 1;
        found.end = end;
    }
    file.room.lengths = lengths.room;
    found
}

/// The lengths of storages, each before its bytes: those that are close together are read at once.
struct Lengths<'s> {
    source: &'s Source<'s>,
    /// Where what was read last begins, and how much it is.
    start: u64,
    len: usize,
    room: Vec<u8>,
}

impl Lengths<'_> {
    /// The length at `at`, if the file has it. The storages from there on should have these sizes.
    fn get<I: Iterator<Item = u64>>(&mut self, at: u64, sizes: impl Fn() -> I) -> Option<u64> {
        let end = at.checked_add(8).filter(|&end| end <= self.source.size())?;
        if let Some(held) = self.source.held(at, 8) {
            return Some(u64::from_le_bytes(*held.first_chunk()?));
        }
        if end > self.start + self.len as u64 {
            (self.start, self.len) = (at, usize::try_from(self.reach(end, sizes()) - at).ok()?);
            self.room.resize(self.len.max(self.room.len()), 0);
            if self.source.fill(&mut self.room[..self.len], at).is_err() {
                self.len = 0;
                return None;
            }
        }
        let from = usize::try_from(at - self.start).ok()?;
        Some(u64::from_le_bytes(*self.room[..self.len].get(from..)?.first_chunk()?))
    }

    /// How far to read for a length that ends at `first` and those behind it.
    fn reach(&self, first: u64, sizes: impl Iterator<Item = u64>) -> u64 {
        let most = self.source.size().min(first.saturating_add(MOST_AT_ONCE));
        let near = sizes.take_while(|&size| size <= MOST_BETWEEN);
        let ends = near.scan(first, |end, size| {
            *end += size + 8;
            Some(*end)
        });
        ends.take_while(|&end| end <= most && self.source.held(end - 8, 8).is_none()).last().unwrap_or(first)
    }
}
