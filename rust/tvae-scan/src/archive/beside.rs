//! The records of an archive beside `data.pkl`: torch reads none of them as a pickle, and other programs may.

use super::contents;
use super::directory::{Directory, Entry};
use super::names::Names;
use super::zip;
use crate::file::File;
use crate::issue::Severity;
use crate::pickle::Safety;
use crate::source::Source;

/// Pickles beside `data.pkl` that are followed.
const MOST_PICKLES: usize = 64;
/// Records that torch did not write of which the first bytes are looked at.
const MOST_FOREIGN: usize = 65_536;

/// Follows every pickle among `records`, whether torch reads it or not.
pub(crate) fn pickles(
    source: &Source,
    directory: &Directory,
    records: impl Iterator<Item = usize>,
    file: &mut File<'_>,
) {
    let (mut seen, mut looked) = (0, 0);
    for entry in records.map(|at| directory.entry(at)) {
        let name = directory.name(&entry);
        let pickled = name.len() >= 4 && name[name.len() - 4..].eq_ignore_ascii_case(b".pkl");
        if !(pickled || is_foreign(name)) {
            continue;
        }
        looked += 1;
        let begin = if pickled { Begin::Pickle } else { begin(source, &entry) };
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
            if let Some(read) = contents::read(source, directory, &entry, file) {
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
        follow(source, directory, &entry, file);
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
pub(crate) fn unused(source: &Source, directory: &Directory, names: &Names, file: &mut File<'_>) {
    let folder = names.full("data/");
    let mut looked = 0;
    for entry in directory.entries() {
        let Some((start, key)) = directory.name(&entry).split_at_checked(folder.len()) else { continue };
        if !start.eq_ignore_ascii_case(&folder) || file.room.tensors.is_used(key) {
            continue;
        }
        looked += 1;
        if looked > MOST_PICKLES {
            return;
        }
        if begin(source, &entry) == Begin::Pickle {
            let name = String::from_utf8_lossy(directory.name(&entry)).into_owned();
            let message = format!("{name:?} belongs to no value and begins as a pickle");
            file.streams.issues.add_at("Z036", Severity::Warning, message, entry.header);
            follow(source, directory, &entry, file);
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
