//! The members of a tar file.

use crate::detect::octal;
use crate::file::File;
use crate::issue::Severity;
use crate::pickle::Safety;
use crate::source::Source;

/// Members that are looked at.
const MOST_MEMBERS: usize = 1000;
/// Bytes of a header that describes the next member.
const MOST_DESCRIPTION: u64 = 64 << 10;

/// A regular file in the archive.
#[derive(Debug)]
pub(crate) struct Member {
    /// Its name, without `./` before it.
    pub name: String,
    /// Its first byte.
    pub start: u64,
    /// Behind its last byte.
    pub end: u64,
}

/// What a header says about the member after it.
#[derive(Debug, Default)]
struct Next {
    name: Option<String>,
    size: Option<u64>,
    /// It does more than to name it.
    odd: bool,
}

/// Every regular file in the archive; what is wrong with the others goes to the issues.
pub(crate) fn read(source: &Source, file: &mut File<'_>) -> Vec<Member> {
    let mut members = Vec::new();
    let mut next = Next::default();
    let mut at = 0;
    for number in 0..=MOST_MEMBERS {
        let Ok(header) = source.read(at, 512) else { break };
        if header.iter().all(|&byte| byte == 0) {
            break;
        }
        if number == MOST_MEMBERS {
            wrong(file, "Z044", "too many members: not every one was looked at".into(), at);
            break;
        }
        let Some(size) = octal(&header[124..136]).filter(|_| sum(&header)) else {
            wrong(file, "Z052", "a damaged header of a member".into(), at);
            break;
        };
        let kind = header[156];
        let described = std::mem::take(&mut next);
        let plain = matches!(kind, 0 | b'0' | b'7');
        let size = described.size.filter(|_| plain).unwrap_or(size);
        let name = described.name.unwrap_or_else(|| stated(&header));
        let start = at + 512;
        let Some(end) = start.checked_add(size).filter(|end| *end <= source.size()) else {
            wrong(file, "Z010", format!("cut in member {name:?}"), at);
            break;
        };
        let short = name.trim_start_matches("./").trim_end_matches('/');
        match kind {
            b'x' | b'g' | b'L' | b'K' if size <= MOST_DESCRIPTION => {
                let bytes = source.read(start, size).unwrap_or_default();
                next = Next { name: described_name(&bytes, kind), ..extended(&bytes, kind) };
                if kind == b'K' || kind == b'g' && next.name.is_some() || next.odd {
                    wrong(file, "Z050", "a header that makes the next member a link or sparse".into(), at);
                }
            }
            _ if plain && (short.starts_with('/') || short.split('/').any(|part| part == "..")) => {
                wrong(file, "Z050", format!("member {name:?} points outside"), at);
            }
            _ if plain => members.push(Member { name: short.to_owned(), start, end }),
            b'5' => {}
            other => {
                let message = format!("member {name:?} is no file (type {:?})", char::from(other));
                wrong(file, "Z050", message, at);
            }
        }
        at = end.div_ceil(512) * 512;
    }
    members
}

fn wrong(file: &mut File<'_>, code: &'static str, message: String, at: u64) {
    let severity = if code == "Z050" { Severity::High } else { Severity::Error };
    file.streams.issues.add_at(code, severity, message, at);
    file.streams.worsen(Safety::Unparsed);
}

/// The checksum of a header is right, with its bytes taken as signed or not.
fn sum(header: &[u8]) -> bool {
    let stated = octal(&header[148..156]);
    let bytes = || {
        let blank = |place: usize, byte: u8| if (148..156).contains(&place) { b' ' } else { byte };
        header.iter().enumerate().map(move |(place, &byte)| blank(place, byte))
    };
    let signed: i64 = bytes().map(|byte| i64::from(byte.cast_signed())).sum();
    let plain: u64 = bytes().map(u64::from).sum();
    stated == Some(plain) || stated.and_then(|sum| i64::try_from(sum).ok()) == Some(signed)
}

/// The name in a header; POSIX puts the folder of a long one into a second field.
fn stated(header: &[u8]) -> String {
    let text = |field: &[u8]| {
        let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
        String::from_utf8_lossy(&field[..end]).into_owned()
    };
    let name = text(&header[..100]);
    let folder = if &header[257..263] == b"ustar\0" { text(&header[345..500]) } else { String::new() };
    if folder.is_empty() { name } else { format!("{folder}/{name}") }
}

/// The long name that GNU tar puts before a member.
fn described_name(bytes: &[u8], kind: u8) -> Option<String> {
    match kind {
        b'L' => Some(String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned()),
        b'x' | b'g' => records(bytes).find(|(key, _)| *key == b"path").map(|(_, value)| value),
        _ => None,
    }
}

/// What else a POSIX header says.
fn extended(bytes: &[u8], kind: u8) -> Next {
    let mut next = Next::default();
    if matches!(kind, b'x' | b'g') {
        for (key, value) in records(bytes) {
            match key {
                b"size" => next.size = value.parse().ok(),
                b"linkpath" => next.odd = true,
                _ if key.starts_with(b"GNU.sparse") => next.odd = true,
                _ => {}
            }
        }
    }
    next
}

/// The records `LENGTH KEY=VALUE` and a newline.
fn records(mut bytes: &[u8]) -> impl Iterator<Item = (&[u8], String)> {
    std::iter::from_fn(move || {
        let space = bytes.iter().position(|&byte| byte == b' ')?;
        let length: usize = std::str::from_utf8(&bytes[..space]).ok()?.parse().ok()?;
        let record = bytes.get(space + 1..length.checked_sub(1)?)?;
        bytes = bytes.get(length..)?;
        let equals = record.iter().position(|&byte| byte == b'=')?;
        Some((&record[..equals], String::from_utf8_lossy(&record[equals + 1..]).into_owned()))
    })
}
