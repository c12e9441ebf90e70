//! The content of one record of a zip file, checked against what the file says about it twice.

use std::borrow::Cow;
use std::fmt;

use super::directory::{Directory, Entry};
use super::zip;
use crate::file::File;
use crate::issue::Severity;
use crate::pickle::Budget;
use crate::source::Source;

/// Up to this size a record may be of any ratio.
const SMALL: u64 = 1 << 20;
/// How often its own size a record may be unpacked to; pickles come to about ten.
const MOST_RATIO: u64 = 200;

/// What was read of a record.
pub(crate) struct Content<'s> {
    pub bytes: Cow<'s, [u8]>,
    /// Where it begins in the file.
    pub base: u64,
}

/// The content of a record, or `None` with the reason among the issues.
pub(crate) fn read<'s>(
    source: &'s Source<'_>,
    directory: &Directory,
    entry: &Entry,
    file: &mut File<'_>,
) -> Option<Content<'s>> {
    let name = Name(directory.name(entry));
    let issues = &mut file.streams.issues;
    let most = Budget::default().bytes as u64;
    if entry.flags & 1 != 0 {
        issues.add("Z024", Severity::Error, format!("{name:?} is encrypted"));
        return None;
    }
    if !matches!(entry.method, 0 | 8) {
        issues.add("Z025", Severity::Error, format!("{name:?} is compressed by method {}", entry.method));
        return None;
    }
    let Some(local) = zip::local(source, entry.header) else {
        issues.add_at(
            "Z012",
            Severity::Error,
            format!("{name:?} is not where the directory says"),
            entry.header,
        );
        return None;
    };
    if *local.name != *directory.name(entry) {
        let message = format!("{name:?} is called {:?} in place", String::from_utf8_lossy(&local.name));
        issues.add_at("Z022", Severity::High, message, entry.header);
    }
    if local.flags & 0x61 != 0 {
        let message = format!("{name:?} claims to be encrypted or patched, and is not");
        issues.add_at("Z023", Severity::High, message, entry.header);
    }
    let differs = |local: u64, central: u64| local != 0 && local != 0xffff_ffff && local != central;
    if differs(local.crc.into(), entry.crc.into()) || differs(local.size.into(), entry.size) {
        let message = format!("{name:?} has another size or checksum in place than in the directory");
        issues.add_at("Z021", Severity::Warning, message, entry.header);
    }
    let bomb = entry.size > SMALL && entry.size / MOST_RATIO > entry.packed;
    if bomb || entry.packed > most || entry.size > most {
        let message = format!("{name:?} claims {} bytes, more than are looked at", entry.size);
        issues.add("Z027", Severity::Error, message);
        return None;
    }
    if !file.streams.spend(entry.size.max(entry.packed)) {
        let message = format!("{name:?} was not looked at: the records before it took too much");
        file.streams.issues.add("Z044", Severity::Error, message);
        return None;
    }
    let issues = &mut file.streams.issues;
    let Ok(packed) = source.bytes(local.data, entry.packed) else {
        issues.add_at(
            "Z011",
            Severity::Error,
            format!("{name:?} reaches beyond the end of the file"),
            local.data,
        );
        return None;
    };
    let bytes = if entry.method == 0 {
        packed
    } else {
        issues.add("Z026", Severity::Info, format!("{name:?} is compressed"));
        // Not more than was announced, which is bounded above.
        let limit = usize::try_from(entry.size).ok()?;
        match miniz_oxide::inflate::decompress_to_vec_with_limit(&packed, limit) {
            Ok(bytes) => Cow::Owned(bytes),
            Err(error) => {
                issues.add("Z028", Severity::Error, format!("{name:?} cannot be decompressed: {error}"));
                return None;
            }
        }
    };
    // Torch writes 0 where it was told to compute none.
    if entry.crc != 0 && crc32fast::hash(&bytes) != entry.crc {
        let message = format!("{name:?} does not have the checksum of the directory; torch does not look");
        issues.add_at("Z020", Severity::Warning, message, local.data);
    }
    Some(Content { bytes, base: local.data })
}

/// A name as it is shown: what is not UTF-8 in it is replaced.
struct Name<'n>(&'n [u8]);

impl fmt::Debug for Name<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}", String::from_utf8_lossy(self.0))
    }
}
