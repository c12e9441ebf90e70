//! The checksums of an archive, compared with all of its bytes: the one thing for which tensors are read.

use std::path::Path;

use super::outlines::Outlines;
use super::zip;
use crate::issue::{Issue, Issues, Severity};
use crate::record::{FileRecord, Status};
use crate::source::Source;

/// Read at once.
const PIECE: u64 = 1 << 20;

/// Adds to the record what differs. Compressed records are left to those who read their content.
pub(crate) fn checksums(path: &Path, record: &mut FileRecord) {
    if !matches!(&*record.kind, "torch_zip" | "torchscript" | "torch_package" | "torch_export") {
        return;
    }
    let mut issues = Issues::default();
    let Ok(source) = Source::open(path) else { return };
    let Ok(directory) = zip::directory(&source, false, &mut Outlines::default(), &mut Issues::default())
    else {
        return;
    };
    // Torch writes 0 where it was told to compute none.
    let stated =
        directory.entries().filter(|entry| entry.method == 0 && (entry.crc != 0 || entry.packed == 0));
    for entry in stated {
        let name = String::from_utf8_lossy(directory.name(&entry)).into_owned();
        let found =
            zip::local(&source, entry.header).and_then(|local| sum(&source, local.data, entry.packed));
        match found {
            None => issues.add("Z011", Severity::Error, format!("{name:?} cannot be read to its end")),
            Some(found) if found != entry.crc => {
                let message = format!("{name:?} has the checksum {found:08x} instead of {:08x}", entry.crc);
                issues.add_at("Z020", Severity::Warning, message, entry.header);
            }
            Some(_) => {}
        }
    }
    if issues.iter().next().is_some() && record.status.is_decoded() {
        // Whatever was read of it, these are not the bytes that were saved.
        record.status = Status::Corrupt;
    }
    let known =
        |new: &Issue| record.issues.iter().any(|one| one.code == new.code && one.offset == new.offset);
    let fresh: Vec<Issue> = issues.into_vec().into_iter().filter(|one| !known(one)).collect();
    record.issues.extend(fresh);
}

fn sum(source: &Source, start: u64, length: u64) -> Option<u32> {
    let end = start.checked_add(length)?;
    let mut hasher = crc32fast::Hasher::new();
    let mut at = start;
    while at < end {
        let piece = source.read(at, PIECE.min(end - at)).ok()?;
        hasher.update(&piece);
        at += piece.len() as u64;
    }
    Some(hasher.finalize())
}
