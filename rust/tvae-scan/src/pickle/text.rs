//! Text and numbers as the opcodes spell them.

use std::borrow::Cow;
use std::fmt::Write;

/// Text of bytes that Python would decode with `surrogatepass`. A lone surrogate becomes `\udXXX`; None if the
/// bytes are not even that.
pub(super) fn decode(bytes: &[u8]) -> Option<Cow<'_, str>> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(Cow::Borrowed(text));
    }
    let mut text = String::new();
    let mut rest = bytes;
    loop {
        match std::str::from_utf8(rest) {
            Ok(tail) => {
                text.push_str(tail);
                return Some(Cow::Owned(text));
            }
            Err(error) => {
                let (good, bad) = rest.split_at(error.valid_up_to());
                text.push_str(std::str::from_utf8(good).ok()?);
                let [0xED, second @ 0xA0..=0xBF, third @ 0x80..=0xBF, tail @ ..] = bad else { return None };
                let point = 0xD000 | (u32::from(second & 0x3F) << 6) | u32::from(third & 0x3F);
                let _ = write!(text, "\\u{point:04x}");
                rest = tail;
            }
        }
    }
}

/// Bytes as if they were UTF-8, with what is not as `\xNN`.
pub(super) fn lossy(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// The argument of UNICODE: latin-1 with `\uXXXX` and `\UXXXXXXXX`.
pub(super) fn raw_unicode(line: &[u8]) -> Option<String> {
    let mut text = String::new();
    let mut rest = line;
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'\\' {
            text.push(char::from(*first));
            continue;
        }
        let digits = match rest.first() {
            Some(b'u') => 4,
            Some(b'U') => 8,
            Some(&other) => {
                text.extend(['\\', char::from(other)]);
                rest = &rest[1..];
                continue;
            }
            None => {
                text.push('\\');
                continue;
            }
        };
        let point = hex(rest.get(1..=digits)?)?;
        rest = &rest[digits + 1..];
        match char::from_u32(point) {
            Some(point) => text.push(point),
            None if point < 0x1_0000 => {
                let _ = write!(text, "\\u{point:04x}");
            }
            None => return None,
        }
    }
    Some(text)
}

/// The argument of STRING: a literal in quotes, with escapes.
pub(super) fn unquote(line: &[u8]) -> Option<Vec<u8>> {
    let line = line.trim_ascii_end();
    let (quote, rest) = line.split_first().filter(|(quote, _)| matches!(quote, b'\'' | b'"'))?;
    let (_, mut rest) = rest.split_last().filter(|(last, _)| *last == quote)?;
    let mut bytes = Vec::with_capacity(rest.len());
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let (&kind, tail) = rest.split_first()?;
        rest = tail;
        match kind {
            b'\n' => {}
            b'\\' | b'\'' | b'"' => bytes.push(kind),
            b'a' => bytes.push(7),
            b'b' => bytes.push(8),
            b't' => bytes.push(b'\t'),
            b'n' => bytes.push(b'\n'),
            b'v' => bytes.push(11),
            b'f' => bytes.push(12),
            b'r' => bytes.push(b'\r'),
            b'x' => {
                bytes.push(u8::try_from(hex(rest.get(..2)?)?).ok()?);
                rest = &rest[2..];
            }
            b'0'..=b'7' => {
                let mut value = u32::from(kind - b'0');
                for _ in 0..2 {
                    let Some((&digit @ b'0'..=b'7', tail)) = rest.split_first() else { break };
                    value = value * 8 + u32::from(digit - b'0');
                    rest = tail;
                }
                bytes.push((value & 0xFF) as u8);
            }
            other => bytes.extend([b'\\', other]),
        }
    }
    Some(bytes)
}

fn hex(digits: &[u8]) -> Option<u32> {
    let mut value = 0u32;
    for &digit in digits {
        value = (value << 4) | char::from(digit).to_digit(16)?;
    }
    Some(value)
}

/// Text in latin-1, if it is.
pub(super) fn latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|point| u8::try_from(u32::from(point)).ok()).collect()
}

/// An integer: one of 64 bits, or its notation.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Integer {
    Small(i64),
    Big(String),
}

/// Hexadecimal digits of a longer integer that are kept.
const DIGITS: usize = 64;

/// The argument of LONG1 and LONG4: two's complement, least significant byte first.
pub(super) fn long(bytes: &[u8]) -> Integer {
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let fill = if negative { 0xFF } else { 0 };
    if bytes.len() <= 16 {
        let mut wide = [fill; 16];
        wide[..bytes.len()].copy_from_slice(bytes);
        let value = i128::from_le_bytes(wide);
        return i64::try_from(value).map_or_else(|_| Integer::Big(value.to_string()), Integer::Small);
    }
    // The magnitude, most significant byte first: of a negative number the complement plus one, where the one
    // reaches only the lowest byte that is not zero.
    let carry = bytes.iter().position(|&byte| byte != 0).unwrap_or(0);
    let magnitude = |at: usize| match (negative, at.cmp(&carry)) {
        (false, _) => bytes[at],
        (true, std::cmp::Ordering::Less) => 0,
        (true, std::cmp::Ordering::Equal) => bytes[at].wrapping_neg(),
        (true, std::cmp::Ordering::Greater) => !bytes[at],
    };
    let digits = (0..bytes.len()).rev().map(magnitude).skip_while(|&byte| byte == 0);
    let mut text = String::from(if negative { "-0x" } else { "0x" });
    for (count, byte) in digits.enumerate() {
        if count * 2 >= DIGITS {
            text.push('…');
            break;
        }
        let _ = if count == 0 { write!(text, "{byte:x}") } else { write!(text, "{byte:02x}") };
    }
    Integer::Big(text)
}

/// The argument of INT as C reads it: a leading zero makes it octal, and a null byte ends it. Two characters that
/// come to 0 or 1 are a boolean, however they are spelled.
pub(super) fn int(line: &[u8]) -> Option<Result<bool, Integer>> {
    let text =
        before_null(line)?.trim_start_matches(|sign: char| sign.is_ascii_whitespace() || sign == '\x0b');
    let (sign, digits) = signed(text);
    let (radix, digits) = match digits.strip_prefix(['0']) {
        Some(rest) if rest.starts_with(['x', 'X']) => (16, &rest[1..]),
        Some(_) => (8, digits),
        None => (10, digits),
    };
    let plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let value = match before_null(line) {
        Some("") if !line.is_empty() => Some(0),
        _ => i64::from_str_radix(&format!("{sign}{digits}"), radix).ok().filter(|_| plain),
    };
    match value {
        Some(value @ 0..=1) if line.len() == 2 => Some(Ok(value == 1)),
        Some(value) => Some(Err(Integer::Small(value))),
        None => literal(line).map(Err),
    }
}

/// The argument of LONG as Python reads a literal: with `0x`, `0o` or `0b` before it, with single underscores in it,
/// without leading zeros. Its `L` was taken off.
pub(super) fn literal(line: &[u8]) -> Option<Integer> {
    let text = before_null(line)?.trim_matches(|sign: char| sign.is_ascii_whitespace() || sign == '\x0b');
    let (sign, digits) = signed(text);
    let radix = match digits.get(..2) {
        Some("0x" | "0X") => 16,
        Some("0o" | "0O") => 8,
        Some("0b" | "0B") => 2,
        _ => 10,
    };
    let digits = if radix == 10 { digits } else { digits[2..].strip_prefix('_').unwrap_or(&digits[2..]) };
    let groups = || digits.split('_');
    if groups().any(|group| group.is_empty() || !group.chars().all(|digit| digit.is_digit(radix))) {
        return None;
    }
    let digits: String = groups().collect();
    if radix == 10 {
        let zeros = digits.starts_with('0') && digits.bytes().any(|digit| digit != b'0');
        return if zeros { None } else { decimal(format!("{sign}{digits}").as_bytes()) };
    }
    Some(match i128::from_str_radix(&format!("{sign}{digits}"), radix) {
        Ok(value) => i64::try_from(value).map_or_else(|_| Integer::Big(value.to_string()), Integer::Small),
        Err(_) => Integer::Big(format!("{}…", text.chars().take(DIGITS).collect::<String>())),
    })
}

/// The argument of FLOAT; a number that is too large is none, unless it is spelled as infinite.
pub(super) fn float(line: &[u8]) -> Option<f64> {
    let text = before_null(line)?;
    let value: f64 = text.parse().ok()?;
    (value.is_finite() || !text.bytes().any(|byte| byte.is_ascii_digit())).then_some(value)
}

fn before_null(line: &[u8]) -> Option<&str> {
    std::str::from_utf8(line.split(|&byte| byte == 0).next()?).ok()
}

fn signed(text: &str) -> (&str, &str) {
    text.split_at(usize::from(text.starts_with(['-', '+'])))
}

/// Decimal digits.
pub(super) fn decimal(line: &[u8]) -> Option<Integer> {
    let text = std::str::from_utf8(line).ok()?.trim_ascii();
    if let Ok(value) = text.parse::<i64>() {
        return Some(Integer::Small(value));
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if let Ok(value) = text.parse::<i128>() {
        return Some(Integer::Big(value.to_string()));
    }
    let kept: String = text.chars().take(DIGITS).collect();
    Some(Integer::Big(if text.len() > DIGITS { kept + "…" } else { kept }))
}

/// At most `limit` bytes of a text, with control characters escaped, for messages.
pub(super) fn brief(text: &str, limit: usize) -> String {
    // A control character of ASCII is one byte, another one begins with 0xC2.
    if text.len() <= limit && !text.bytes().any(|byte| byte < b' ' || matches!(byte, 0x7F | 0xC2)) {
        return text.to_owned();
    }
    let mut short = String::new();
    for point in text.chars() {
        let before = short.len();
        if point.is_control() {
            short.extend(point.escape_default());
        } else {
            short.push(point);
        }
        if short.len() > limit {
            short.truncate(before);
            short.push('…');
            break;
        }
    }
    short
}

/// Where a text ends that begins at `start`, if all of it is there and ASCII.
#[inline]
pub(super) fn ascii(bytes: &[u8], start: usize, len: u32) -> Option<usize> {
    const TOP: u64 = 0x8080_8080_8080_8080;
    let end = start + len as usize;
    let text = bytes.get(start..end)?;
    let odd = match text.last_chunk::<8>() {
        Some(last) => {
            let (mut odd, mut rest) = (u64::from_le_bytes(*last), text);
            while let Some((word, behind)) = rest.split_first_chunk::<8>() {
                odd |= u64::from_le_bytes(*word);
                rest = behind;
            }
            odd
        }
        None if text.is_empty() => 0,
        // Together with what is before it.
        None => u64::from_le_bytes(*bytes[..end].last_chunk::<8>()?) >> (64 - 8 * len),
    };
    (odd & TOP == 0).then_some(end)
}
