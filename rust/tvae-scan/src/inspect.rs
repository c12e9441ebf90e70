//! One file: from its path to its record.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use crate::archive::{beside, zip};
use crate::detect::{HEAD, Look, detect};
use crate::error::Error;
use crate::file::{File, Room, Want};
use crate::inspector::Inspector;
use crate::issue::{Issues, Severity};
use crate::pickle::Safety;
use crate::record::{FileRecord, StateDict, Status};
use crate::source::{ReadAt, Source};
use crate::tensors::Tensor;
use crate::tensors::layout;
use crate::value::{Value, Word};
use crate::{archive, legacy, ours, safetensors, stream, tar};

/// Read first of what is no zip file: the streams of most files that torch wrote before 1.6.
const START: u64 = 32 << 10;
/// Kept of the end of what is no zip file: all in which one behind it is looked for.
const END: u64 = 68 << 10;

/// The record of a file.
///
/// # Errors
/// [`Error`] if the path cannot be opened; whatever is wrong with what is read stands in the record.
pub fn inspect(path: &Path) -> Result<FileRecord, Error> {
    Inspector::new().inspect(path)
}

/// The record of a file that something else reads, under the name of a path.
///
/// # Errors
/// [`Error`] if the reader cannot even say how long the file is.
pub fn inspect_reader(path: &Path, reader: &dyn ReadAt) -> Result<FileRecord, Error> {
    Inspector::new().inspect_reader(path, reader)
}

/// The record of a checkpoint, and every tensor in it with its place in the file.
///
/// # Errors
/// [`Error`] if the path cannot be read, or holds no checkpoint that could be decoded.
pub fn open(path: &Path) -> Result<(FileRecord, Vec<Tensor>), Error> {
    let file = Inspector::new().file(path, Want { tensors: true, key: None })?;
    decoded(&file.record)?;
    Ok((file.record, file.listed))
}

/// The value under a key path such as `config.lr`; `None` if there is none.
///
/// # Errors
/// [`Error`] if the path cannot be read, or holds no checkpoint that could be decoded.
pub fn value(path: &Path, key: &str) -> Result<Option<Value>, Error> {
    let file = Inspector::new().file(path, Want { tensors: false, key: Some(key) })?;
    decoded(&file.record)?;
    Ok(file.value)
}

fn decoded(record: &FileRecord) -> Result<(), Error> {
    if record.status.is_decoded() {
        return Ok(());
    }
    let worst = record.issues.iter().max_by_key(|issue| issue.severity);
    let reason = worst.map_or_else(|| "no checkpoint".into(), |issue| issue.message.clone());
    Err(Error::NotCheckpoint { path: record.path.clone(), reason })
}

/// Reads a file that is open into its record.
#[allow(clippy::cast_precision_loss)] // a time is a number of seconds here; the exact one is in the identity
pub(crate) fn look<'k>(path: &Path, source: &mut Source<'_>, want: Want<'k>, room: Box<Room>) -> File<'k> {
    let started = Instant::now();
    let mut file = File::new(want, room);
    let facts = source.facts();
    file.record.path = path.into();
    file.record.size = facts.identity.size;
    file.record.allocated = facts.allocated;
    file.record.mtime = facts.identity.mtime_ns as f64 * 1e-9;
    file.record.identity = facts.identity;
    source.keep_tail();
    let first = zip::first_extent(source).unwrap_or(START);
    source.keep_head(first);
    let look = source.bytes_up_to(0, HEAD).map(|head| (!head.is_empty()).then(|| detect(&head)));
    match look {
        Ok(look) => read(source, look, &mut file),
        Err(_) => file.record.status = Status::Unreadable,
    }
    named(path, &mut file);
    let File { record, streams, .. } = &mut file;
    record.safety = streams.safety;
    record.imports = std::mem::take(&mut streams.imports);
    record.issues = std::mem::take(&mut streams.issues).into_vec();
    record.elapsed_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    file
}

/// Reports a name that says something else than the content, or that draws on a terminal.
fn named(path: &Path, file: &mut File<'_>) {
    let name = path.file_name().unwrap_or_default();
    if name.to_str().is_none_or(|name| name.chars().any(is_unseen)) {
        let message = "its name is not UTF-8 or has control characters: check what a terminal shows of it";
        file.streams.issues.add("F008", Severity::Warning, message);
    }
    let suffix = path.extension().and_then(|suffix| suffix.to_str()).unwrap_or_default();
    let ends = |known: &str| suffix.eq_ignore_ascii_case(known);
    let kind = &*file.record.kind;
    if ends("safetensors") && !matches!(kind, "safetensors" | "empty" | "unknown" | "other") {
        let message = format!("called .safetensors, which holds no code, and is {kind}, which may");
        file.streams.issues.add("Z055", Severity::High, message);
    } else if kind == "safetensors" && ["pt", "pth", "ckpt", "pkl", "pickle"].iter().any(|one| ends(one)) {
        let message = format!("called .{suffix} and is safetensors: torch.load refuses it");
        file.streams.issues.add("Z055", Severity::Warning, message);
    }
}

/// A character that is not seen, or that changes how others are.
fn is_unseen(sign: char) -> bool {
    sign.is_control()
        || matches!(sign, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn read(source: &mut Source, look: Option<Look>, file: &mut File<'_>) {
    let Some(look) = look else {
        file.record.kind = "empty".into();
        file.corrupt("Z001", "an empty file");
        return;
    };
    if look != Look::Zip {
        source.keep_end(END);
    }
    match look {
        Look::Zip => return archive::read(source, file),
        Look::Legacy => legacy::read(source, file),
        Look::Tar => tar::read(source, file),
        Look::Safetensors => tensors_alone(source, file),
        Look::Pickle => stream::read(source, file),
        Look::Other(name) => {
            file.record.kind = "other".into();
            if name == "only zeros" {
                file.corrupt("Z003", "only zeros");
            } else {
                file.unsupported("Z004", format!("{name}, no checkpoint"));
            }
        }
    }
    behind(source, file);
}

/// A zip file hides behind other bytes: Python's `zipfile` opens it, torch does not.
fn behind(source: &Source, file: &mut File<'_>) {
    let mut ignored = Issues::default();
    if let Ok(directory) = zip::directory(source, true, &mut file.room.outlines, &mut ignored)
        && directory.len() > 0
    {
        let message = "it ends as a zip file: other programs read another content than torch";
        file.streams.issues.add("Z043", Severity::High, message);
        file.streams.worsen(Safety::Unparsed);
        let all = 0..directory.len();
        beside::pickles(source, &directory, all, file);
    }
}

fn tensors_alone(source: &Source, file: &mut File<'_>) {
    file.record.kind = "safetensors".into();
    let Some(header) = safetensors::read(source, &mut file.streams.issues) else {
        let large = file.streams.issues.has("T028");
        file.record.status = if large { Status::Unsupported } else { Status::Corrupt };
        file.streams.worsen(Safety::Unparsed);
        return;
    };
    if safetensors::REFUSED.iter().any(|code| file.streams.issues.has(code)) {
        file.record.status = Status::Corrupt;
    }
    file.record.n_records = Some(header.tensors.len() as u64 + header.more);
    ours::read(header.metadata, file);
    let (state, weights): (Vec<&Tensor>, Vec<&Tensor>) =
        header.tensors.iter().partition(|tensor| tensor.name.starts_with(ours::STATE));
    file.record.optimizers = ours::optimizers(&state);
    for (key, tensors) in [("", weights), (ours::STATE, state)] {
        if !tensors.is_empty() {
            file.record.state_dicts.push(flat(key.trim_end_matches('/'), &tensors));
        }
    }
    if let Some(first) = file.record.state_dicts.first_mut() {
        first.n_tensors += header.more;
        first.n_params = first.n_params.saturating_add(header.more_elements);
        first.bytes = first.bytes.saturating_add(header.more_bytes);
    }
    file.listed = header.tensors;
}

/// Tensors that share no storages.
fn flat(key: &str, tensors: &[&Tensor]) -> StateDict {
    let dtypes: BTreeSet<&str> = tensors.iter().map(|tensor| tensor.dtype).collect();
    StateDict {
        key: key.into(),
        n_tensors: tensors.len() as u64,
        n_params: tensors.iter().fold(0, |sum, tensor| sum.saturating_add(tensor.elements())),
        bytes: tensors.iter().fold(0, |sum, tensor| sum.saturating_add(tensor.nbytes)),
        dtypes: dtypes.into_iter().map(Word::Borrowed).collect(),
        layout: layout::layout("", tensors),
        fingerprint: None,
    }
}
