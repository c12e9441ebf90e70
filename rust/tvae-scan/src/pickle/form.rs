//! The bytes in which torch writes a tensor, compared eight at a time.
//!
//! ```text
//! h . ( ( h . h .                GET _rebuild_tensor_v2, two marks, GET 'storage', GET a class of storages
//! X . . . . key PUT h .          the key of the storage, GET its device
//! number t PUT Q number          its elements; the persistent id; the offset
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
    /// The key as a number.
    pub number: u32,
    pub numel: i64,
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

/// Goes through the bytes of a tensor.
struct Line<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Line<'_> {
    #[inline]
    fn word(&self) -> Option<u64> {
        self.bytes.get(self.at..)?.first_chunk().map(|word| u64::from_le_bytes(*word))
    }

    #[inline]
    fn expect(&mut self, expected: Expected) -> Option<()> {
        expected.begins(self.word()?)?;
        self.at += expected.bits as usize / 8;
        Some(())
    }

    #[inline]
    fn int(&mut self) -> Option<i64> {
        let (value, len) = int(self.word()?);
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
    let mut line = Line { bytes, at: start };
    let head = line.word()?;
    line.at += 8;
    let [b'X', len @ 1..=5, 0, 0, 0, ..] = line.word()?.to_le_bytes() else { return None };
    line.at += 5;
    let key = Span { start: narrow(line.at), len: len.into() };
    let number = digits(line.word()?, len)?;
    line.at += usize::from(len);
    line.expect(put(0).then(Expected::opcode(b'h')))?;
    let location = *bytes.get(line.at)?;
    line.at += 1;
    let numel = line.int()?;
    line.expect(Expected::opcode(b't').then(put(1)).then(Expected::opcode(b'Q')))?;
    let offset = line.int()?;
    let mut dims = [0; 2 * MOST_SIZES];
    let rank = sizes(&mut line, &mut dims)?;
    let mut entry = 2;
    if rank > 0 {
        line.expect(put(2))?;
        let strides = sizes(&mut line, &mut dims[rank..])?;
        line.expect(put(3))?;
        (strides == rank).then_some(())?;
        entry = 4;
    } else {
        line.expect(Expected::opcode(b')'))?;
    }
    let [flag @ (0x88 | 0x89), b'h', ordered, b')', b'R', ..] = line.word()?.to_le_bytes() else { return None };
    line.at += 5;
    line.expect(put(entry).then(Expected::opcode(b't')))?;
    line.expect(put(entry + 1).then(Expected::opcode(b'R')))?;
    line.expect(put(entry + 2))?;
    let (end, requires_grad, entries) = (line.at, flag == 0x88, if rank > 0 { 6 } else { 4 });
    Some(Written { end, head, location, ordered, key, number, numel, offset, rank, dims, requires_grad, entries })
}

/// The numbers of a tuple, but not the PUT behind it.
#[inline]
fn sizes(line: &mut Line<'_>, dims: &mut [i64]) -> Option<usize> {
    let first = *line.bytes.get(line.at)?;
    let marked = first == b'(';
    line.at += usize::from(marked || first == b')');
    if first == b')' {
        return Some(0);
    }
    let mut rank = 0;
    loop {
        let word = line.word()?;
        let (value, len) = int(word);
        if len == 0 {
            let [opcode, ..] = word.to_le_bytes();
            line.at += 1;
            let fits = match rank {
                1..=3 => !marked && usize::from(opcode) == 0x84 + rank,
                _ => marked && opcode == b't' && rank == MOST_SIZES,
            };
            return fits.then_some(rank);
        }
        *dims.get_mut(rank)? = value;
        line.at += len;
        rank += 1;
        (rank <= MOST_SIZES).then_some(())?;
    }
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
pub(crate) fn number(key: &[u8]) -> Option<u32> {
    let mut word = [0; 8];
    word.get_mut(..key.len())?.copy_from_slice(key);
    let len = u8::try_from(key.len()).ok().filter(|len| (1..=5).contains(len))?;
    digits(u64::from_le_bytes(word), len)
}
