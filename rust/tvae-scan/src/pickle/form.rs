//! The bytes in which torch writes a tensor, compared eight at a time.
//!
//! ```text
//! h . ( ( h . h .                GET _rebuild_tensor_v2, two marks, GET 'storage', GET a class of storages
//! X . . . . key PUT h .          the key of the storage (Python 2: U . key), GET its device
//! number t PUT Q number          its elements; the persistent id (before 1.6 with None in it); the offset
//! number number \x86 PUT         the sizes; then the strides in the same way
//! flag h . ) R PUT t PUT R PUT   requires_grad, an empty OrderedDict as hooks; the call
//! ```
//!
//! All PUTs are of entries that follow each other, as the pickler in C counts them.

use super::arena::Span;
use super::reader::narrow;

/// Sizes up to this many are taken.
pub(super) const MOST_SIZES: usize = 4;

/// What the bytes of one tensor say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    /// Behind its last byte.
    pub end: usize,
    /// The first eight bytes, with the memo entries of three names in them.
    pub head: u64,
    /// Memo entries of the device and of `OrderedDict`.
    pub location: u8,
    pub ordered: u8,
    pub key: Span,
    /// The key as a number, as [`number`] gives it, or the largest one.
    pub number: u32,
    pub numel: i64,
    /// There is a None behind it.
    pub old: bool,
    pub offset: i64,
    /// How many sizes there are, and as many strides.
    pub rank: usize,
    /// Sizes, then strides.
    pub dims: [i64; 2 * MOST_SIZES],
    pub requires_grad: bool,
    /// Entries that are put before that of the tensor.
    pub entries: usize,
}

/// Reads a tensor at `start`, the first entry of which is `first`.
#[inline]
pub(super) fn tensor(bytes: &[u8], start: usize, first: usize) -> Option<Written> {
    // The entry of the tensor is the seventh at most, and one form of PUT is in use at a time.
    if first > 0xff {
        written::<true>(bytes, start, first as u64)
    } else if first + 7 <= 0xff {
        written::<false>(bytes, start, first as u64)
    } else {
        None
    }
}

/// Bytes that are expected, the first one lowest.
#[derive(Clone, Copy)]
struct Expected {
    bytes: u64,
    bits: u32,
}

impl Expected {
    #[inline]
    fn opcode(opcode: u8) -> Self {
        Self { bytes: opcode.into(), bits: 8 }
    }

    /// `LONG_BINPUT` or BINPUT.
    #[inline]
    fn put<const LONG: bool>(entry: u64) -> Self {
        let opcode = if LONG { b'r' } else { b'q' };
        Self { bytes: u64::from(opcode) | entry << 8, bits: if LONG { 40 } else { 16 } }
    }

    #[inline]
    fn then(self, next: Self) -> Self {
        Self { bytes: self.bytes | next.bytes << self.bits, bits: self.bits + next.bits }
    }

    /// Whether a word begins so.
    #[inline]
    fn begins(self, word: u64) -> Option<()> {
        ((self.bytes ^ word) << (64 - self.bits) == 0).then_some(())
    }
}

/// Keys up to this length are taken: before 1.6 they were addresses.
const LONGEST_KEY: u8 = 20;
/// No tensor is longer, and as much is looked at once that it may be.
const LONGEST: usize = 256;

/// Goes through the bytes of a tensor.
struct Line<'a> {
    bytes: &'a [u8; LONGEST + 8],
    at: usize,
}

impl Line<'_> {
    /// The next eight bytes. The mask changes nothing, and spares a comparison.
    #[inline]
    fn word(&self) -> u64 {
        let at = self.at % LONGEST;
        u64::from_le_bytes(*self.bytes[at..at + 8].first_chunk().unwrap_or(&[0; 8]))
    }

    #[inline]
    fn expect(&mut self, expected: Expected) -> Option<()> {
        expected.begins(self.word())?;
        self.at += expected.bits as usize / 8;
        Some(())
    }

    /// The number of a key of more digits than a number of a record has, which is none.
    #[inline]
    fn address(&self, len: u8) -> Option<u32> {
        let key = self.bytes.get(self.at..self.at + usize::from(len))?;
        let (words, rest) = key.as_chunks::<8>();
        let digits = words.iter().all(|word| are_digits(u64::from_le_bytes(*word)));
        (digits && rest.iter().all(u8::is_ascii_digit)).then_some(u32::MAX)
    }

    #[inline]
    fn int(&mut self) -> Option<i64> {
        let (value, len) = int(self.word());
        self.at += len;
        (len > 0).then_some(value)
    }
}

/// The number in a word that begins with BININT1, BININT2 or BININT, and its bytes with the opcode; none are none.
#[inline]
pub(super) fn int(word: u64) -> (i64, usize) {
    const LENGTHS: [u8; 256] = {
        let mut lengths = [0; 256];
        lengths[b'K' as usize] = 2;
        lengths[b'M' as usize] = 3;
        lengths[b'J' as usize] = 5;
        lengths
    };
    let [opcode, bytes @ ..] = word.to_le_bytes();
    let len = LENGTHS[usize::from(opcode)];
    let [a, b, c, d, ..] = bytes;
    let unused = 8 * u32::from(5_u8.saturating_sub(len)).min(3);
    let value = u32::from_le_bytes([a, b, c, d]) & (u32::MAX >> unused);
    (value.cast_signed().into(), len.into())
}

#[inline]
fn written<const LONG: bool>(bytes: &[u8], start: usize, first: u64) -> Option<Written> {
    let put = |entry| Expected::put::<LONG>(first + entry);
    let mut line = Line { bytes: bytes.get(start..)?.first_chunk()?, at: 0 };
    let head = line.word();
    line.at = 8;
    let (opcode, len) = match line.word().to_le_bytes() {
        [b'X', len @ 1..=LONGEST_KEY, 0, 0, 0, ..] => (5, len),
        [b'U', len @ 1..=LONGEST_KEY, ..] => (2, len),
        _ => return None,
    };
    line.at += opcode;
    let key = Span { start: narrow(start + line.at), len: len.into() };
    let number = if len <= 5 { digits(line.word(), len)? } else { line.address(len)? };
    line.at += usize::from(len);
    line.expect(put(0).then(Expected::opcode(b'h')))?;
    let [location, ..] = line.word().to_le_bytes();
    line.at += 1;
    let numel = line.int()?;
    let old = line.word().to_le_bytes()[0] == b'N';
    line.at += usize::from(old);
    line.expect(Expected::opcode(b't').then(put(1)).then(Expected::opcode(b'Q')))?;
    let offset = line.int()?;
    let mut dims = [0; 2 * MOST_SIZES];
    // The usual ones are written out: a bias, a weight, a count.
    let [next, ..] = line.word().to_le_bytes();
    let rank = match next {
        b')' => {
            line.expect(Expected::opcode(b')').then(Expected::opcode(b')')))?;
            0
        }
        b'(' => {
            sizes::<MOST_SIZES>(&mut line, &mut dims, Expected::opcode(b't').then(put(2)))?;
            sizes::<MOST_SIZES>(&mut line, &mut dims[MOST_SIZES..], Expected::opcode(b't').then(put(3)))?;
            MOST_SIZES
        }
        _ => {
            let rank = few(&mut line, &mut dims)?;
            line.expect(put(2))?;
            let strides = few(&mut line, &mut dims[rank..])?;
            line.expect(put(3))?;
            (strides == rank).then_some(())?;
            rank
        }
    };
    let entry = if rank > 0 { 4 } else { 2 };
    let [flag @ (0x88 | 0x89), b'h', ordered, b')', b'R', ..] = line.word().to_le_bytes() else {
        return None;
    };
    line.at += 5;
    line.expect(put(entry).then(Expected::opcode(b't')))?;
    line.expect(put(entry + 1).then(Expected::opcode(b'R')))?;
    line.expect(put(entry + 2))?;
    let (end, requires_grad, entries) = (start + line.at, flag == 0x88, if rank > 0 { 6 } else { 4 });
    Some(Written {
        end,
        head,
        location,
        ordered,
        key,
        number,
        numel,
        old,
        offset,
        rank,
        dims,
        requires_grad,
        entries,
    })
}

/// A mark, as many numbers, and how their tuple ends.
fn sizes<const RANK: usize>(line: &mut Line<'_>, dims: &mut [i64], end: Expected) -> Option<()> {
    line.expect(Expected::opcode(b'('))?;
    for place in dims.get_mut(..RANK)? {
        *place = line.int()?;
    }
    line.expect(end)
}

/// One to three numbers and the opcode of their tuple.
#[inline]
fn few(line: &mut Line<'_>, dims: &mut [i64]) -> Option<usize> {
    for (place, opcode) in dims.iter_mut().zip(0x85..=0x87) {
        *place = line.int()?;
        let [next, ..] = line.word().to_le_bytes();
        if next == opcode {
            line.at += 1;
            return Some(usize::from(opcode - 0x84));
        }
    }
    None
}

/// Whether each byte of a word is a digit.
#[inline]
fn are_digits(word: u64) -> bool {
    let nibbles = word & 0xf0f0_f0f0_f0f0_f0f0;
    // What is above nine carries into the upper half; a byte with its top bit set is none.
    let above = (word & 0x7f7f_7f7f_7f7f_7f7f) + 0x0606_0606_0606_0606;
    nibbles == 0x3030_3030_3030_3030 && above & 0xf0f0_f0f0_f0f0_f0f0 == nibbles
}

/// The first `len` bytes of a word as a number, as torch writes it: digits without a zero before them.
#[inline]
fn digits(word: u64, len: u8) -> Option<u32> {
    let mut rest = word;
    let mut number = 0;
    for _ in 0..len {
        let [digit, ..] = rest.to_le_bytes();
        let digit = digit.wrapping_sub(b'0');
        (digit < 10).then_some(())?;
        number = number * 10 + u32::from(digit);
        rest >>= 8;
    }
    let [first, ..] = word.to_le_bytes();
    (len == 1 || first != b'0').then_some(number)
}

/// A number below 100,000, if a key is one.
#[inline]
pub(crate) fn number(key: &[u8]) -> Option<u32> {
    let (&first, rest) = key.split_first()?;
    if (first == b'0' && !rest.is_empty()) || rest.len() > 4 {
        return None;
    }
    let mut number = u32::from(first.wrapping_sub(b'0'));
    let mut odd = number > 9;
    for byte in rest {
        let digit = byte.wrapping_sub(b'0');
        odd |= digit > 9;
        number = number * 10 + u32::from(digit);
    }
    (!odd).then_some(number)
}
