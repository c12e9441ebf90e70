//! What `torch.save` has written since 1.6: a zip file with `data.pkl` and one record per storage.

use std::collections::HashMap;

use crate::content::Place;
use crate::inspect::File;
use crate::issue::Severity;
use crate::pickle::Safety;
use crate::record::Status;
use crate::source::Source;
use crate::zip::{self, Directory, Entry, Failure};
use crate::{content, contents, salvage};

/// Pickles beside `data.pkl` that are followed.
const MOST_PICKLES: usize = 64;
/// Records that torch did not write of which the first bytes are looked at.
const MOST_FOREIGN: usize = 65_536;

/// Reads a file that begins as a zip file.
pub(crate) fn read(source: &Source, file: &mut File<'_>) {
    file.record.kind = "torch_zip".into();
    let directory = match zip::directory(source, false, &mut file.streams.issues) {
        Ok(directory) => directory,
        Err(Failure::NoEnd) => {
            let message = "cut: the directory at the end of the archive is missing";
            return salvage::read(source, "Z010", message, file);
        }
        Err(Failure::Corrupt(message)) => {
            salvage::read(source, "Z040", &message, file);
            file.record.status = Status::Corrupt;
            // A more forgiving reader may find records in it that were not found here.
            return file.streams.worsen(Safety::Unparsed);
        }
        Err(Failure::TooMany(message)) => {
            salvage::read(source, "Z044", &message, file);
            return file.streams.worsen(Safety::Unparsed);
        }
        Err(Failure::Unsupported(what)) => return file.unsupported("Z046", what),
    };
    file.record.n_records = Some(directory.entries.len() as u64);
    if file.streams.issues.has("Z041") {
        // The other archive was not looked at.
        file.streams.worsen(Safety::Unparsed);
    }
    let Some(first) = directory.entries.first() else {
        file.record.kind = "zip".into();
        return file.corrupt("Z002", "an archive without records");
    };
    let first = directory.name(first);
    // Torch refuses a first name without a folder; its records are then looked for at the top.
    let prefix = first
        .iter()
        .rposition(|&byte| byte == b'/')
        .map_or(&[][..], |_| first.split(|&byte| byte == b'/').next().unwrap_or_default());
    let prefix = prefix.to_vec();
    let names = Names::of(&directory, &prefix);
    names.check(&directory, file);
    overlaps(&directory, file);
    let main = names.get("data.pkl");
    if main.is_some_and(|at| directory.entries[at].name_is_folded(&directory, b"data.pkl")) {
        file.streams.issues.add("Z031", Severity::Warning, "data.pkl is spelled in capitals");
    }
    kind(&names, main.is_some(), file);
    let Some(main) = main else {
        pickles(source, &directory, None, file);
        if file.record.kind == "zip" {
            return file.unsupported("Z005", "a zip archive without data.pkl, which torch did not write");
        }
        let message = format!("{}, without data.pkl", file.record.kind);
        file.streams.issues.add("Z006", Severity::Error, message);
        file.record.status = Status::Unsupported;
        return;
    };
    file.record.torch_prefix = Some(String::from_utf8_lossy(&prefix).into_owned());
    id(source, &directory, &names, file);
    values(source, &directory, &names, main, file);
    // What torch does not read comes second: it may use up what may be spent on a file.
    pickles(source, &directory, Some(main), file);
    unused(source, &directory, &names, file);
}

/// Reads `data.pkl`, the record at `main`.
fn values(source: &Source, directory: &Directory, names: &Names, main: usize, file: &mut File<'_>) {
    let entry = directory.entries[main];
    let Some(read) = contents::read(source, directory, &entry, file) else {
        let readable = entry.flags & 1 == 0 && matches!(entry.method, 0 | 8);
        file.record.status = if readable { Status::Corrupt } else { Status::Unsupported };
        return file.streams.worsen(Safety::Unparsed);
    };
    let found = file.streams.load(&read.bytes, read.base);
    if let Some(rest) = read.bytes.get(found.end..).filter(|rest| !rest.is_empty() && found.complete) {
        let at = read.base + found.end as u64;
        let message = format!("{} bytes behind the end of data.pkl", rest.len());
        file.streams.issues.add_at("S010", Severity::Warning, message, at);
        file.streams.behind(rest, at);
    }
    if !found.complete {
        file.record.status = Status::Corrupt;
    }
    if let Some(document) = &found.document {
        file.values(document);
        let places = storages(source, directory, names, file);
        file.places(&places);
    }
}

/// Follows every pickle of the archive but the one at `main`, whether torch reads it or not.
pub(crate) fn pickles(source: &Source, directory: &Directory, main: Option<usize>, file: &mut File<'_>) {
    let (mut seen, mut looked) = (0, 0);
    for (at, entry) in directory.entries.iter().enumerate() {
        let name = directory.name(entry);
        let pickled = name.len() >= 4 && name[name.len() - 4..].eq_ignore_ascii_case(b".pkl");
        if Some(at) == main || !(pickled || is_foreign(name)) {
            continue;
        }
        looked += 1;
        let begin = if pickled { Begin::Pickle } else { begin(source, entry) };
        if begin == Begin::Other && looked < MOST_FOREIGN {
            continue;
        }
        let shown = String::from_utf8_lossy(name).into_owned();
        if begin == Begin::Program {
            let message = format!("{shown:?} is an archive or a program, which was not looked into");
            file.streams.issues.add_at("Z036", Severity::High, message, entry.header);
            file.streams.worsen(Safety::Unparsed);
            continue;
        }
        if begin == Begin::Perhaps {
            // Text, for the most part.
            if let Some(read) = contents::read(source, directory, entry, file) {
                file.streams.perhaps(&read.bytes, read.base);
            }
            continue;
        }
        if !pickled && begin == Begin::Pickle {
            let message = format!("{shown:?} begins as a pickle, which its name does not say");
            file.streams.issues.add_at("Z036", Severity::Warning, message, entry.header);
        }
        seen += 1;
        if seen > MOST_PICKLES || looked >= MOST_FOREIGN {
            let message = "too many records that torch did not write: not every one was looked at";
            file.streams.issues.add("Z044", Severity::Warning, message);
            return file.streams.worsen(Safety::Unparsed);
        }
        follow(source, directory, entry, file);
    }
}

/// Follows a record, and what stands behind its pickle.
fn follow(source: &Source, directory: &Directory, entry: &Entry, file: &mut File<'_>) {
    match contents::read(source, directory, entry, file) {
        Some(read) => {
            let found = file.streams.judge(&read.bytes, read.base);
            if let Some(rest) = read.bytes.get(found.end..).filter(|rest| !rest.is_empty()) {
                file.streams.behind(rest, read.base + found.end as u64);
            }
        }
        None => file.streams.worsen(Safety::Unparsed),
    }
}

/// Records of raw bytes that no value refers to: nothing but a storage belongs there.
fn unused(source: &Source, directory: &Directory, names: &Names, file: &mut File<'_>) {
    let folder = names.full("data/");
    let mut looked = 0;
    for entry in &directory.entries {
        let Some(key) = directory.name(entry).get(folder.len()..) else { continue };
        let inside = directory.name(entry)[..folder.len()].eq_ignore_ascii_case(&folder);
        if !inside || std::str::from_utf8(key).is_ok_and(|key| file.tensors.storages.contains_key(key)) {
            continue;
        }
        looked += 1;
        if looked > MOST_PICKLES {
            return;
        }
        if begin(source, entry) == Begin::Pickle {
            let name = String::from_utf8_lossy(directory.name(entry)).into_owned();
            let message = format!("{name:?} belongs to no value and begins as a pickle");
            file.streams.issues.add_at("Z036", Severity::Warning, message, entry.header);
            follow(source, directory, entry, file);
        }
    }
}

/// Not a name that torch gives to a record of text or of raw bytes.
fn is_foreign(name: &[u8]) -> bool {
    let name = name.iter().position(|&byte| byte == b'/').map_or(name, |slash| &name[slash + 1..]);
    let raw = [&b"data/"[..], b"code/", b"constants/", b".data/", b"extra/"]
        .iter()
        .any(|start| name.starts_with(start));
    !raw && !matches!(
        name,
        b"version" | b"byteorder" | b".format_version" | b".storage_alignment" | b"data.pkl"
    )
}

/// What a record begins as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begin {
    Pickle,
    /// A pickle of protocol 0 or 1, or any text.
    Perhaps,
    /// An archive or a program.
    Program,
    Other,
}

fn begin(source: &Source, entry: &Entry) -> Begin {
    if entry.method != 0 {
        // What is compressed may begin as anything.
        return Begin::Perhaps;
    }
    let head = zip::local(source, entry.header)
        .and_then(|local| source.read_up_to(local.data, entry.packed.min(4)).ok());
    match head.as_deref() {
        Some([0x80, 0..=5, ..]) => Begin::Pickle,
        Some([b'(' | b'c', ..]) => Begin::Perhaps,
        Some([b'P', b'K', 3, 4] | [0x7f, b'E', b'L', b'F'] | [b'M', b'Z', ..]) => Begin::Program,
        _ => Begin::Other,
    }
}

/// Records below the prefix by lower-case name, as torch's reader looks them up: the first one wins.
pub(crate) struct Names {
    first: HashMap<Vec<u8>, usize>,
    prefix: Vec<u8>,
    again: Vec<usize>,
    outside: Option<usize>,
}

impl Names {
    fn of(directory: &Directory, prefix: &[u8]) -> Self {
        let mut names = Self {
            first: HashMap::new(),
            prefix: prefix.to_ascii_lowercase(),
            again: Vec::new(),
            outside: None,
        };
        for (at, entry) in directory.entries.iter().enumerate() {
            let name = directory.name(entry);
            if prefix.is_empty() || !(name.starts_with(prefix) && name.get(prefix.len()) == Some(&b'/')) {
                names.outside.get_or_insert(at);
            }
            match names.first.entry(name.to_ascii_lowercase()) {
                std::collections::hash_map::Entry::Occupied(_) => names.again.push(at),
                std::collections::hash_map::Entry::Vacant(free) => {
                    free.insert(at);
                }
            }
        }
        names
    }

    /// The record of a name below the prefix.
    fn get(&self, name: &str) -> Option<usize> {
        self.first.get(&self.full(name)).copied()
    }

    fn has_folder(&self, name: &str) -> bool {
        let full = self.full(&format!("{name}/"));
        self.first.keys().any(|known| known.starts_with(&full))
    }

    fn full(&self, name: &str) -> Vec<u8> {
        let slash = if self.prefix.is_empty() { &b""[..] } else { b"/" };
        [&self.prefix, slash, name.to_ascii_lowercase().as_bytes()].concat()
    }

    fn check(&self, directory: &Directory, file: &mut File<'_>) {
        let issues = &mut file.streams.issues;
        let shown = |at: usize| String::from_utf8_lossy(directory.name(&directory.entries[at])).into_owned();
        for &at in &self.again {
            let name = shown(at);
            if name.to_ascii_lowercase().ends_with("data.pkl") {
                let message = format!("{name:?} is there twice: torch reads the first, others the last");
                issues.add_at("Z030", Severity::High, message, directory.entries[at].header);
            } else {
                issues.add("Z037", Severity::Warning, format!("{name:?} is there twice"));
            }
        }
        if let Some(at) = self.outside {
            let (name, prefix) = (shown(at), String::from_utf8_lossy(&self.prefix));
            let (code, message) = if prefix.is_empty() {
                ("Z033", format!("{name:?} is in no folder: torch refuses the file"))
            } else {
                ("Z032", format!("{name:?} is not below {prefix:?}: torch refuses the file"))
            };
            issues.add(code, Severity::Warning, message);
        }
        for entry in &directory.entries {
            let name = directory.name(entry);
            let up = name.split(|&byte| byte == b'/').any(|part| part == b"..");
            if up || name.starts_with(b"/") || name.iter().any(|byte| matches!(byte, b'\\' | 0)) {
                let name = String::from_utf8_lossy(name).into_owned();
                issues.add("Z034", Severity::High, format!("{name:?} is no name for a record"));
            }
        }
    }
}

impl Entry {
    /// The name ends with `name`, but for capitals.
    fn name_is_folded(&self, directory: &Directory, name: &[u8]) -> bool {
        !directory.name(self).ends_with(name)
    }
}

fn kind(names: &Names, main: bool, file: &mut File<'_>) {
    if names.get("constants.pkl").is_some() || names.has_folder("code") {
        file.record.kind = "torchscript".into();
        let message = "TorchScript: it holds a program for torch.jit.load, which was not looked at";
        file.streams.issues.add("Z048", Severity::Info, message);
        file.streams.worsen(Safety::UnknownCode);
    } else if names.has_folder(".data") && names.get(".data/extern_modules").is_some() {
        file.record.kind = "torch_package".into();
        file.streams.worsen(Safety::UnknownCode);
    } else if names.get("archive_format").is_some() {
        file.record.kind = "torch_export".into();
        file.streams.worsen(Safety::UnknownCode);
    } else if !main {
        file.record.kind = "zip".into();
    }
}

fn id(source: &Source, directory: &Directory, names: &Names, file: &mut File<'_>) {
    let mut short = |name: &str| {
        let entry = directory.entries[names.get(name)?];
        if entry.size > 64 {
            return None;
        }
        let read = contents::read(source, directory, &entry, file)?;
        String::from_utf8(read.bytes).ok()
    };
    let id = short(".data/serialization_id");
    let order = short("byteorder");
    if names.get("version").is_none() {
        file.streams.issues.add("Z007", Severity::Warning, "no record `version`: torch refuses the file");
    }
    file.record.serialization_id = id.filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()));
    if order.as_deref() == Some("big") {
        file.streams.issues.add("Z047", Severity::Info, "tensors are stored most significant byte first");
    }
}

fn storages(
    source: &Source,
    directory: &Directory,
    names: &Names,
    file: &mut File<'_>,
) -> HashMap<String, Place> {
    let mut places = HashMap::new();
    let keys: Vec<String> = file.tensors.storages.keys().cloned().collect();
    for key in keys {
        let Some(at) = names.get(&format!("data/{key}")) else { continue };
        let entry = directory.entries[at];
        if entry.method != 0 {
            file.streams.issues.add("Z026", Severity::Info, format!("storage {key} is compressed"));
        }
        let offset = if file.want.tensors && entry.method == 0 {
            zip::local(source, entry.header).map(|local| local.data)
        } else {
            None
        };
        let outside =
            offset.unwrap_or(entry.header).checked_add(entry.packed).is_none_or(|end| end > source.size());
        if !outside {
            places.insert(key, content::Place { offset, length: entry.size, crc: Some(entry.crc) });
        }
    }
    places
}

/// Records that share bytes of the file, by what the directory says.
fn overlaps(directory: &Directory, file: &mut File<'_>) {
    let mut spans: Vec<(u64, u64)> = directory
        .entries
        .iter()
        .map(|entry| {
            let head = 30 + directory.name(entry).len() as u64;
            (entry.header, entry.header.saturating_add(head).saturating_add(entry.packed))
        })
        .collect();
    spans.sort_unstable();
    for pair in spans.windows(2) {
        if pair[0].1 > pair[1].0 {
            file.streams.issues.add_at(
                "Z035",
                Severity::High,
                "two records share bytes of the file",
                pair[1].0,
            );
        }
    }
}
