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
        written::<5>(bytes, start, first as u64)
    } else if first + 7 <= 0xff {
        written::<2>(bytes, start, first as u64)
    } else {
        None
    }
}

/// Keys up to this length are taken: before 1.6 they were addresses.
const LONGEST_KEY: u8 = 20;
/// No tensor is longer, and as much is looked at once that it may be.
const LONGEST: usize = 256;

/// Goes through the bytes of a tensor. What differs from the form is gathered, and looked at once in the end.
struct Line<'a> {
    bytes: &'a [u8; LONGEST + 8],
    at: usize,
    odd: u64,
}

impl Line<'_> {
    /// The eight bytes at a place. The mask changes nothing, and spares a comparison.
    #[inline]
    fn word_at(&self, at: usize) -> u64 {
        let at = at % LONGEST;
        u64::from_le_bytes(*self.bytes[at..at + 8].first_chunk().unwrap_or(&[0; 8]))
    }

    #[inline]
    fn word(&self) -> u64 {
        self.word_at(self.at)
    }

    #[inline]
    fn byte(&self) -> u8 {
        self.bytes[self.at % LONGEST]
    }

    /// Goes behind bytes that should be those that a word begins with.
    #[inline]
    fn expect(&mut self, expected: u64, count: usize) {
        self.odd |= (self.word() ^ expected) << (64 - 8 * count);
        self.at += count;
    }

    #[inline]
    fn int(&mut self) -> i64 {
        let (value, len) = int(self.word());
        self.odd |= u64::from(len == 0);
        self.at += len;
        value
    }

    /// The number of a key, as [`number`] gives it; the largest for one of more digits, which is the number of no record.
    #[inline]
    fn number(&mut self, len: usize) -> u32 {
        let word = self.word();
        self.at += len;
        if len < 8 {
            // The last of eight digits, behind as many zeros as are missing.
            let digits = (word ^ ZEROS) << (64 - 8 * len);
            self.odd |= not_digits(digits);
            if len <= 5 {
                self.odd |= u64::from(len > 1 && word.to_le_bytes()[0] == b'0');
                return eight_digits(digits);
            }
        } else {
            // They overlap.
            self.odd |= not_digits(word ^ ZEROS) | not_digits(self.word_at(self.at - 8) ^ ZEROS);
            if len > 16 {
                self.odd |= not_digits(self.word_at(self.at - 16) ^ ZEROS);
            }
        }
        u32::MAX
    }
}

/// What BININT1, BININT2 and BININT are followed by: the bits of the number, and the bytes with the opcode.
const INTS: [(u32, u32); 256] = {
    let mut ints = [(0, 0); 256];
    ints[b'K' as usize] = (0xff, 2);
    ints[b'M' as usize] = (0xffff, 3);
    ints[b'J' as usize] = (u32::MAX, 5);
    ints
};

/// The number in a word that begins with one of them, and its bytes with the opcode; none are none.
#[inline]
#[allow(clippy::cast_possible_truncation)] // the four bytes behind the opcode
pub(super) fn int(word: u64) -> (i64, usize) {
    let (bits, len) = INTS[usize::from(word as u8)];
    let value = (word >> 8) as u32 & bits;
    (value.cast_signed().into(), len as usize)
}

/// Reads a tensor the PUTs of which take so many bytes.
#[inline]
fn written<const PUT: usize>(bytes: &[u8], start: usize, first: u64) -> Option<Written> {
    // No entry reaches the byte behind its PUT.
    let put = u64::from(if PUT == 5 { b'r' } else { b'q' }) | first << 8;
    let put = |entry: u64| put + (entry << 8);
    let behind = |opcode: u8, bytes: usize| u64::from(opcode) << (8 * bytes);
    let mut line = Line { bytes: bytes.get(start..)?.first_chunk()?, at: 8, odd: 0 };
    let head = line.word_at(0);
    let (opcode, len) = match line.word().to_le_bytes() {
        [b'X', len @ 1..=LONGEST_KEY, 0, 0, 0, ..] => (5, len),
        [b'U', len @ 1..=LONGEST_KEY, ..] => (2, len),
        _ => return None,
    };
    line.at += opcode;
    let key = Span { start: narrow(start + line.at), len: len.into() };
    let number = line.number(len.into());
    line.expect(put(0) | behind(b'h', PUT), PUT + 1);
    let location = line.byte();
    line.at += 1;
    let numel = line.int();
    let old = line.byte() == b'N';
    line.at += usize::from(old);
    line.expect(u64::from(b't') | put(1) << 8 | behind(b'Q', PUT + 1), PUT + 2);
    let offset = line.int();
    let mut dims = [0; 2 * MOST_SIZES];
    let next = line.byte();
    let (rank, entries) = if next == b')' {
        line.expect(u64::from_le_bytes(*b"))\0\0\0\0\0\0"), 2);
        (0, 4)
    } else {
        // Four sizes stand behind a mark, fewer do not.
        let marked = usize::from(next == b'(');
        line.at += marked;
        let mut rank = 0;
        while rank < MOST_SIZES {
            let (value, len) = int(line.word());
            if len == 0 {
                break;
            }
            dims[rank] = value;
            line.at += len;
            rank += 1;
        }
        if (rank == MOST_SIZES) != (marked == 1) || rank == 0 {
            return None;
        }
        let end = if marked == 1 { u64::from(b't') } else { 0x84 + rank as u64 };
        line.expect(end | put(2) << 8, PUT + 1);
        if marked == 1 {
            line.expect(b'('.into(), 1);
        }
        for at in 0..rank {
            dims[(rank + at) % (2 * MOST_SIZES)] = line.int();
        }
        line.expect(end | put(3) << 8, PUT + 1);
        (rank, 6)
    };
    let entry = entries as u64 - 2;
    let [flag @ (0x88 | 0x89), b'h', ordered, b')', b'R', ..] = line.word().to_le_bytes() else {
        return None;
    };
    line.at += 5;
    line.expect(put(entry) | behind(b't', PUT), PUT + 1);
    line.expect(put(entry + 1) | behind(b'R', PUT), PUT + 1);
    line.expect(put(entry + 2), PUT);
    if line.odd != 0 {
        return None;
    }
    let (end, requires_grad) = (start + line.at, flag == 0x88);
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

/// Eight zeros in ASCII.
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// Zero if each byte of a word is nine at most.
#[inline]
fn not_digits(word: u64) -> u64 {
    (((word & 0x7f7f_7f7f_7f7f_7f7f) + 0x7676_7676_7676_7676) | word) & 0x8080_8080_8080_8080
}

/// The number of eight digits, the first one lowest: pairs, fours and eights of them at once.
#[inline]
#[allow(clippy::cast_possible_truncation)] // eight digits are less than 2^32
fn eight_digits(word: u64) -> u32 {
    let pairs = word.wrapping_mul(10).wrapping_add(word >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) as u32
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
