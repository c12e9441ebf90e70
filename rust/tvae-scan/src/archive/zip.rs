//! The directory of a zip file, found and believed as torch's reader does it: the last end record of the
//! tail counts, offsets are absolute, the central directory is the truth, CRCs are not looked at.

use std::borrow::Cow;

use memchr::memmem;

use super::directory::{Directory, RECORD};
use super::outlines::Outlines;
use crate::issue::{Issues, Severity};
use crate::source::Source;

/// The part of the file's end in which torch's reader looks for the end record.
const TAIL: u64 = 69_584;
/// The largest directory that is read.
const MOST_DIRECTORY: u64 = 16 << 20;
/// Records that are read.
const MOST_RECORDS: u64 = 120_000;

/// Room for the last record before the directory: the file's identity, in torch's files.
const LAST_RECORD: u64 = 512;
/// The longest end of a file that is kept.
const MOST_END: u64 = 1 << 20;
/// The longest beginning of a file that is kept.
const MOST_HEAD: u64 = 1 << 20;
/// Room for the header of the first record, and for the format, the alignment and the byte order behind it.
const SMALL_RECORDS: u64 = 1024;

const END: &[u8] = b"PK\x05\x06";
const END_LENGTH: usize = 22;

/// Why there is no directory.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No end record: not a zip file, or one that was cut.
    NoEnd,
    /// An end record that cannot be right.
    Corrupt(String),
    /// More records than are looked at.
    TooMany(String),
    /// A kind of zip that torch does not read either.
    Unsupported(&'static str),
}

/// The end record: where the directory is.
struct End {
    at: u64,
    count: u64,
    length: u64,
    offset: u64,
    zip64: bool,
}

impl End {
    /// How far the directory is behind the place that is stated.
    fn shift(&self) -> u64 {
        let records = if self.zip64 { 76 } else { 0 };
        self.at.saturating_sub(records).saturating_sub(self.length).saturating_sub(self.offset)
    }
}

/// The central directory of `source`. With `behind`, the archive follows other bytes, and its offsets may count
/// from its own beginning: torch refuses that, and Python reads it.
pub(crate) fn directory<'s>(
    source: &'s Source<'_>,
    behind: bool,
    outlines: &mut Outlines,
    issues: &mut Issues,
) -> Result<Directory<'s>, Failure> {
    let corrupt = |what: &str| Failure::Corrupt(what.into());
    let mut end = find_end(source, behind, issues)?;
    let shift = if behind { end.shift() } else { 0 };
    end.offset = end.offset.saturating_add(shift);
    if end.count.saturating_mul(46) > end.length {
        return Err(Failure::Corrupt(format!("its directory claims {} records", end.count)));
    }
    let close = end.offset.checked_add(end.length).filter(|close| *close <= end.at);
    let close = close.ok_or_else(|| corrupt("its directory lies outside the file"))?;
    if end.length > MOST_DIRECTORY || end.count > MOST_RECORDS {
        let message =
            format!("{} records, {} bytes of directory: too many to look at", end.count, end.length);
        return Err(Failure::TooMany(message));
    }
    let bytes = source.bytes(end.offset, end.length).map_err(|error| Failure::Corrupt(error.to_string()))?;
    // The count is bounded by the length.
    let count = usize::try_from(end.count).unwrap_or(0);
    let directory = Directory::of(bytes, count, shift, source.size(), outlines);
    let directory = directory.ok_or_else(|| corrupt("its directory is cut short or damaged"))?;
    let gap = end.at - close;
    if gap > if end.zip64 { 76 } else { 0 } {
        issues.add_at("Z045", Severity::Info, format!("{gap} bytes behind the directory"), close);
    }
    Ok(directory)
}

fn find_end(source: &Source, behind: bool, issues: &mut Issues) -> Result<End, Failure> {
    let size = source.size();
    for wanted in [source.tail(), TAIL] {
        let start = size.saturating_sub(wanted);
        let tail = source.bytes(start, size - start).map_err(|error| Failure::Corrupt(error.to_string()))?;
        let last = tail.len().checked_sub(END_LENGTH);
        let found = last.and_then(|last| {
            // Nearly always it is the very last, without a comment.
            if tail[last..].starts_with(END) {
                return Some(last);
            }
            // From the front it is looked for much faster, and mostly in vain.
            let tail = &tail[..last + END.len()];
            memmem::find(tail, END).and_then(|_| memmem::rfind(tail, END))
        });
        if let Some(at) = found {
            let end = end_record(source, &tail[at..], start + at as u64, behind, issues)?;
            if !behind {
                other_end(source, &end, &tail, issues);
            }
            return Ok(end);
        }
        if start == 0 {
            break;
        }
    }
    Err(Failure::NoEnd)
}

/// A reader that looks for a comment of the stated length finds another end record than torch, which takes the last.
/// `tail` is what was read already; more of the file is looked at if something stands behind the end record.
fn other_end(source: &Source, end: &End, tail: &[u8], issues: &mut Issues) {
    let size = source.size();
    let mut start = size - tail.len() as u64;
    let more;
    let mut before = tail;
    if end.at + (END_LENGTH as u64) < size && (tail.len() as u64) < TAIL {
        start = size.saturating_sub(TAIL);
        let Ok(read) = source.read(start, size - start) else { return };
        more = read;
        before = &more;
    }
    let until = usize::try_from(end.at.saturating_sub(start)).unwrap_or(0);
    let before = &before[..until.min(before.len())];
    // The third byte of the signature is the rarest.
    for at in memchr::memchr_iter(END[2], before) {
        let Some(at) = at.checked_sub(2).filter(|&at| before[at..].starts_with(END)) else { continue };
        let place = start + at as u64;
        let comment = before.get(at + 20..at + END_LENGTH).map(|field| u64::from(u16_at(field, 0)));
        if comment.is_some_and(|comment| place + END_LENGTH as u64 + comment == size) {
            let message = "another end record before this one: some readers see the archive of that";
            return issues.add_at("Z041", Severity::High, message, place);
        }
    }
}

fn end_record(
    source: &Source,
    tail: &[u8],
    at: u64,
    behind: bool,
    issues: &mut Issues,
) -> Result<End, Failure> {
    let comment = usize::from(u16_at(tail, 20));
    let rest = tail.len() - END_LENGTH;
    if comment != rest {
        let message = format!("{rest} bytes behind the end record, which announces {comment}");
        issues.add_at("Z042", Severity::Warning, message, at + END_LENGTH as u64);
    } else if comment > 0 {
        issues.add_at("Z042", Severity::Info, format!("a comment of {comment} bytes"), at);
    }
    let (mut disks, mut count_here) =
        (u32::from(u16_at(tail, 4)) | u32::from(u16_at(tail, 6)), u64::from(u16_at(tail, 8)));
    let mut end = End {
        at,
        count: u64::from(u16_at(tail, 10)),
        length: u64::from(u32_at(tail, 12)),
        offset: u64::from(u32_at(tail, 16)),
        zip64: false,
    };
    if let Some(record) = zip64_record(source, at, behind)? {
        disks = u32_at(&record, 16) | u32_at(&record, 20);
        count_here = u64_at(&record, 24);
        end = End {
            at,
            count: u64_at(&record, 32),
            length: u64_at(&record, 40),
            offset: u64_at(&record, 48),
            zip64: true,
        };
    }
    if disks > 1 || count_here != end.count {
        return Err(Failure::Unsupported("a zip in several parts"));
    }
    Ok(end)
}

/// The zip64 end record that the locator before the end record points to, if there is one.
fn zip64_record<'s>(
    source: &'s Source<'_>,
    end: u64,
    behind: bool,
) -> Result<Option<Cow<'s, [u8]>>, Failure> {
    let Some(locator_at) = end.checked_sub(20).filter(|at| *at >= 56) else { return Ok(None) };
    let failed = |error: std::io::Error| Failure::Corrupt(error.to_string());
    let locator = source.bytes(locator_at, 20).map_err(failed)?;
    if !locator.starts_with(b"PK\x06\x07") {
        return Ok(None);
    }
    // Python takes the record that is just before the locator, wherever that points.
    let at = if behind { end - 76 } else { u64_at(&locator, 8) };
    if at.checked_add(56).is_none_or(|close| close > source.size()) {
        return Err(Failure::Corrupt("its zip64 end record lies outside the file".into()));
    }
    let record = source.bytes(at, 56).map_err(failed)?;
    Ok(record.starts_with(b"PK\x06\x06").then_some(record))
}

/// Keeps the directory, and gives how much of the beginning holds the first record and the small ones behind it: for
/// torch's files, `data.pkl` and all that is read beside it. It is a guess, and nothing depends on its being right.
pub(crate) fn first_extent(source: &mut Source) -> Option<u64> {
    let last = source.size().checked_sub(END_LENGTH as u64)?;
    let end = source.bytes(last, END_LENGTH as u64).ok().filter(|end| end.starts_with(END))?;
    let mut offset = u64::from(u32_at(&end, 16));
    if let Ok(Some(record)) = zip64_record(source, last, false) {
        offset = u64_at(&record, 48);
    }
    drop(end);
    let length = source.size().checked_sub(offset)?.saturating_add(LAST_RECORD).min(source.size());
    if length <= MOST_END {
        source.need_end(length);
    }
    let record = source.bytes(offset, 46).ok().filter(|record| u32_at(record, 0) == RECORD)?;
    let (packed, header) = (u64::from(u32_at(&record, 20)), u32_at(&record, 42));
    (packed < MOST_HEAD && header == 0).then_some(packed + SMALL_RECORDS)
}

/// What a local header says.
#[derive(Debug)]
pub(crate) struct Local<'s> {
    /// The name, which should be that of the directory.
    pub name: Cow<'s, [u8]>,
    /// General purpose flags.
    pub flags: u16,
    /// CRC-32; 0 if it follows the content.
    pub crc: u32,
    /// Bytes of the content; 0 if they follow it, and 0xffffffff if they are in the extra field.
    pub size: u32,
    /// Where the content begins.
    pub data: u64,
}

/// The local header at `at`, or `None` if there is none.
pub(crate) fn local<'s>(source: &'s Source<'_>, at: u64) -> Option<Local<'s>> {
    // One read serves the usual name as well.
    let head = source.bytes_up_to(at, 30 + 64).ok()?;
    if head.len() < 30 || !head.starts_with(b"PK\x03\x04") {
        return None;
    }
    let [name, extra] = [26, 28].map(|field| usize::from(u16_at(&head, field)));
    let data = at.checked_add(30 + name as u64 + extra as u64)?;
    let (flags, crc, size) = (u16_at(&head, 6), u32_at(&head, 14), u32_at(&head, 22));
    let name = match head {
        Cow::Borrowed(head) if head.len() >= 30 + name => Cow::Borrowed(&head[30..30 + name]),
        Cow::Owned(head) if head.len() >= 30 + name => Cow::Owned(head[30..30 + name].to_vec()),
        _ => source.bytes(at + 30, name as u64).ok()?,
    };
    Some(Local { name, flags, crc, size, data })
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
