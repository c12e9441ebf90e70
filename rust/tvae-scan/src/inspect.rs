//! One file: from its path to its record.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::time::Instant;

use crate::content::{self, Place, Summary, Tensors};
use crate::detect::{HEAD, Look, detect};
use crate::error::Error;
use crate::issue::{Issues, Severity};
use crate::pickle::{Document, Safety};
use crate::record::{FileRecord, StateDict, Status};
use crate::source::Source;
use crate::streams::Streams;
use crate::tensors::Tensor;
use crate::value::{Value, Word};
use crate::{archive, layout, legacy, metrics, ours, safetensors, stream, tar, zip};

/// What is wanted of a file beyond its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Want<'k> {
    /// Where every tensor is.
    pub tensors: bool,
    /// The value under this key path.
    pub key: Option<&'k str>,
}

/// A file on its way to its record.
#[derive(Debug, Default)]
pub(crate) struct File<'k> {
    pub want: Want<'k>,
    pub record: FileRecord,
    pub streams: Streams,
    pub tensors: Tensors,
    pub value: Option<Value>,
}

impl File<'_> {
    /// The file is damaged, and nothing of it is known.
    pub(crate) fn corrupt(&mut self, code: &'static str, message: impl Into<String>) {
        self.streams.issues.add(code, Severity::Error, message);
        self.record.status = Status::Corrupt;
        self.streams.worsen(Safety::Unparsed);
    }

    /// The file is something else.
    pub(crate) fn unsupported(&mut self, code: &'static str, message: impl Into<String>) {
        self.streams.issues.add(code, Severity::Error, message);
        self.record.status = Status::Unsupported;
        self.streams.worsen(Safety::Unparsed);
    }

    /// Takes over what the values of a checkpoint say.
    pub(crate) fn values(&mut self, document: &Document<'_>) {
        let Summary { epoch, metrics, config, top_keys, optimizers, lineage } = content::summary(document);
        metrics::report(&metrics, &mut self.streams.issues);
        self.record.epoch = epoch;
        self.record.metrics = metrics;
        self.record.config_hash = config.as_ref().map(Value::hash);
        self.record.config = config;
        self.record.top_keys = top_keys;
        self.record.optimizers = optimizers;
        self.record.lineage = lineage;
        self.tensors = content::tensors(document, &mut self.streams.issues);
        self.value = self.want.key.and_then(|key| crate::find::find(document, key));
    }

    /// Takes over where the storages are.
    pub(crate) fn places(&mut self, places: &HashMap<String, Place>) {
        let cut = self.record.salvaged.is_some();
        content::place(&mut self.tensors, places, cut, &mut self.streams.issues);
        self.record.state_dicts = content::state_dicts(&self.tensors);
        layout::add_experiment(&self.record.top_keys, &mut self.record.state_dicts);
    }
}

/// The record of a file.
///
/// # Errors
/// [`Error`] if the path cannot be read; whatever is wrong with what is read stands in the record.
pub fn inspect(path: &Path) -> Result<FileRecord, Error> {
    Ok(look(path, Want::default())?.record)
}

/// The record of a checkpoint, and every tensor in it with its place in the file.
///
/// # Errors
/// [`Error`] if the path cannot be read, or holds no checkpoint that could be decoded.
pub fn open(path: &Path) -> Result<(FileRecord, Vec<Tensor>), Error> {
    let file = look(path, Want { tensors: true, key: None })?;
    decoded(&file.record)?;
    let tensors = file.tensors.placed.into_iter().map(|placed| placed.tensor).collect();
    Ok((file.record, tensors))
}

/// The value under a key path such as `config.lr`; `None` if there is none.
///
/// # Errors
/// [`Error`] if the path cannot be read, or holds no checkpoint that could be decoded.
pub fn value(path: &Path, key: &str) -> Result<Option<Value>, Error> {
    let file = look(path, Want { tensors: false, key: Some(key) })?;
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

fn look<'k>(path: &Path, want: Want<'k>) -> Result<File<'k>, Error> {
    let started = Instant::now();
    let (mut file, changed) = once(path, want)?;
    if changed {
        // A save may just have ended; one that goes on is not waited for.
        let changed;
        (file, changed) = once(path, want)?;
        if changed {
            let message = "it was written to while it was read, so this may be half of either";
            file.streams.issues.add("F007", Severity::Warning, message);
            file.streams.worsen(Safety::Unparsed);
        }
    }
    named(path, &mut file);
    let File { record, streams, .. } = &mut file;
    record.safety = streams.safety;
    record.imports = std::mem::take(&mut streams.imports);
    record.issues = std::mem::take(&mut streams.issues).into_vec();
    record.elapsed_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    Ok(file)
}

/// Reads the file, and tells whether it changed meanwhile.
fn once<'k>(path: &Path, want: Want<'k>) -> Result<(File<'k>, bool), Error> {
    let source = Source::open(path)?;
    let head = source.read_up_to(0, HEAD).map_err(|source| Error::Io { path: path.into(), source })?;
    let mut file = File { want, ..File::default() };
    file.record.path = path.into();
    file.record.size = source.size();
    file.record.allocated = source.allocated();
    file.record.mtime = source.mtime();
    file.record.identity = source.identity();
    read(&source, &head, &mut file);
    Ok((file, source.has_changed()))
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

fn read(source: &Source, head: &[u8], file: &mut File<'_>) {
    if head.is_empty() {
        file.record.kind = "empty".into();
        file.corrupt("Z001", "an empty file");
        return;
    }
    match detect(head) {
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
    if let Ok(directory) = zip::directory(source, true, &mut ignored)
        && !directory.entries.is_empty()
    {
        let message = "it ends as a zip file: other programs read another content than torch";
        file.streams.issues.add("Z043", Severity::High, message);
        file.streams.worsen(Safety::Unparsed);
        archive::pickles(source, &directory, None, file);
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
    file.tensors = Tensors::of(header.tensors);
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
