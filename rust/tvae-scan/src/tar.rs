//! What torch 0.1 wrote: a tar file of `sys_info`, `pickle`, `storages` and `tensors`, all of them pickles in part.

use crate::detect::octal;
use crate::inspect::File;
use crate::issue::Severity;
use crate::pickle::{self, Budget, Document, NodeId, Safety, Value as Node};
use crate::record::Status;
use crate::source::Source;
use crate::streams::bytes_of_stream;

/// Members that are looked at.
const MOST_MEMBERS: usize = 1000;
/// Storages or tensors that are followed.
const MOST_ENTRIES: i64 = 100_000;

/// A regular file in the archive.
struct Member {
    name: String,
    start: u64,
    end: u64,
}

/// Reads such a file, or names it as another tar.
pub(crate) fn read(source: &Source, file: &mut File<'_>) {
    file.record.kind = "tar".into();
    let members = members(source, file);
    file.record.n_records = Some(members.len() as u64);
    let Some(values) = members.iter().find(|member| member.name == "pickle") else {
        return file.unsupported("Z005", "a tar archive that torch did not write");
    };
    file.record.kind = "torch_tar".into();
    if let Some((bytes, end)) = stream(source, values.start, values.end, file) {
        let found = pickle::load(&bytes[..end], &Budget::default());
        if let Some(document) = &found.document {
            file.values(document);
        }
    }
    for member in &members {
        match member.name.as_str() {
            "sys_info" => drop(stream(source, member.start, member.end, file)),
            "storages" => storages(source, member, file),
            "tensors" => tensors(source, member, file),
            _ => {}
        }
    }
    if file.streams.safety == Safety::Unparsed {
        file.record.status = Status::Corrupt;
    }
    let message = "the format of torch 0.1: its tensors are not listed";
    file.streams.issues.add("Z051", Severity::Info, message);
}

fn members(source: &Source, file: &mut File<'_>) -> Vec<Member> {
    let mut members = Vec::new();
    let mut at = 0;
    for _ in 0..MOST_MEMBERS {
        let Ok(header) = source.read(at, 512) else { break };
        if header.iter().all(|&byte| byte == 0) {
            break;
        }
        let name: Vec<u8> = header[..100].iter().copied().take_while(|&byte| byte != 0).collect();
        let name = String::from_utf8_lossy(&name).into_owned();
        let Some(size) = octal(&header[124..136]) else {
            file.streams.issues.add_at("Z052", Severity::Error, "a damaged member", at);
            file.streams.worsen(Safety::Unparsed);
            break;
        };
        let start = at + 512;
        let Some(end) = start.checked_add(size).filter(|end| *end <= source.size()) else {
            file.streams.issues.add_at("Z010", Severity::Error, format!("cut in member {name:?}"), at);
            file.streams.worsen(Safety::Unparsed);
            break;
        };
        let plain = name.trim_start_matches("./").trim_end_matches('/').to_owned();
        match header[156] {
            0 | b'0' if plain.starts_with('/') || plain.split('/').any(|part| part == "..") => {
                file.streams.issues.add_at(
                    "Z050",
                    Severity::High,
                    format!("member {name:?} points outside"),
                    at,
                );
                file.streams.worsen(Safety::Unparsed);
            }
            0 | b'0' => members.push(Member { name: plain, start, end }),
            b'5' => {}
            other => {
                let message = format!("member {name:?} is no file (type {:?})", char::from(other));
                file.streams.issues.add_at("Z050", Severity::High, message, at);
                file.streams.worsen(Safety::Unparsed);
            }
        }
        at = end.div_ceil(512) * 512;
    }
    members
}

/// The stream at `start`, followed and counted, and where it ends in its bytes.
fn stream(source: &Source, start: u64, end: u64, file: &mut File<'_>) -> Option<(Vec<u8>, usize)> {
    let mut bytes = bytes_of_stream(source, start).ok()?;
    bytes.truncate(usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX));
    let found = file.streams.load(&bytes, start);
    let (stop, complete) = (found.end, found.complete);
    complete.then_some((bytes, stop))
}

/// A number, and where the stream of it ends.
fn count(source: &Source, member: &Member, file: &mut File<'_>) -> Option<(i64, u64)> {
    let (bytes, stop) = stream(source, member.start, member.end, file)?;
    let found = pickle::load(&bytes[..stop], &Budget::default());
    let document = found.document?;
    let Node::Int(count) = document.value(document.root()) else { return None };
    (0..=MOST_ENTRIES).contains(&count).then_some((count, member.start + stop as u64))
}

/// Follows every stream among the storages.
fn storages(source: &Source, member: &Member, file: &mut File<'_>) {
    let done = count(source, member, file).and_then(|(count, mut at)| {
        for _ in 0..count {
            let (bytes, stop) = stream(source, at, member.end, file)?;
            let found = pickle::load(&bytes[..stop], &Budget::default());
            let each = found.document.as_ref().and_then(itemsize)?;
            at += stop as u64;
            let elements = u64::from_le_bytes(source.read(at, 8).ok()?.try_into().ok()?);
            at = elements.checked_mul(each)?.checked_add(at + 8).filter(|end| *end <= member.end)?;
        }
        // The list of views ends the member.
        stream(source, at, member.end, file)
    });
    if done.is_none() {
        unfollowed("storages", file);
    }
}

/// Follows every stream among the tensors.
fn tensors(source: &Source, member: &Member, file: &mut File<'_>) {
    let done = count(source, member, file).and_then(|(count, mut at)| {
        for _ in 0..count {
            let (_, stop) = stream(source, at, member.end, file)?;
            at += stop as u64;
            let dimensions = u32::from_le_bytes(source.read(at, 4).ok()?.try_into().ok()?);
            at = u64::from(dimensions)
                .checked_mul(16)?
                .checked_add(at + 16)
                .filter(|end| *end <= member.end)?;
        }
        Some(())
    });
    if done.is_none() {
        unfollowed("tensors", file);
    }
}

fn unfollowed(name: &str, file: &mut File<'_>) {
    file.streams.issues.add(
        "Z053",
        Severity::Error,
        format!("member {name:?} could not be followed to its end"),
    );
    file.streams.worsen(Safety::Unparsed);
}

/// Bytes of an element of the storage class that the third of (key, location, class) names.
fn itemsize(document: &Document<'_>) -> Option<u64> {
    let third: NodeId = match document.value(document.root()) {
        Node::Tuple(items) => *items.get(2)?,
        _ => return None,
    };
    match document.value(third) {
        Node::Global { name, .. } => pickle::DType::from_storage_class(name).map(pickle::DType::itemsize),
        _ => None,
    }
}
