//! numpy scalars as protocol 2 writes them, taken in one go.
//!
//! ```text
//! GET scalar, GET dtype, GET encode      the calls and the type, which an earlier scalar left in the memo
//! X . . . . text PUT GET 'latin1'        the bytes of the value as text
//! \x86 PUT R PUT \x86 PUT R PUT          the two calls
//! ```
//!
//! As with tensors, the first four of the five entries that are put are not made; see `hurry`.

use super::arena::{Node, ScalarData, Span};
use super::hurry::{UNMADE, Unmade};
use super::known::Known;
use super::machine::Machine;
use super::reader::narrow;
use super::value::NodeId;

/// Text of a scalar up to which nothing is charged for it: that of eight bytes, of which one at least is ASCII.
pub(super) const LONGEST: usize = 15;
/// Values that the form charges, and its opcodes.
const NODES: usize = 13;
const OPCODES: u64 = 14;
/// Entries that it puts, with that of the scalar.
const ENTRIES: usize = 5;

/// The entries that a scalar begins with and the one of its codec, as they were last verified, and the type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verified {
    entries: [u32; 4],
    dtype: u32,
}

impl Machine<'_> {
    /// Takes a scalar, and gives where it ends.
    pub fn scalar(&mut self, start: usize) -> Option<usize> {
        let mut line = Line { bytes: self.reader.bytes, at: start };
        let first = self.memo.len();
        let put = narrow(first);
        let [scalar, dtype, encode] = [line.get()?, line.get()?, line.get()?];
        let text = line.text()?;
        line.put(put)?;
        let codec = line.get()?;
        let calls = if put > 0xff { line.calls::<5>(put + 1) } else { line.calls::<2>(put + 1) };
        let end = calls.filter(|_| put > 0xff || put + 4 <= 0xff)?;
        let dtype = self.verified([scalar, dtype, encode, codec])?;
        let (bytes, len) = decoded(self.doc.bytes(text))?;
        let data = self.doc.types[dtype as usize];
        if data.itemsize as usize != len || self.doc.bytes(data.code).first() == Some(&b'O') {
            return None;
        }
        let bytes = if len == text.len as usize {
            text
        } else {
            let at = narrow(self.doc.source.len() + self.doc.made.len());
            self.doc.made.extend_from_slice(&bytes[..len]);
            Span { start: at, len: narrow(len) }
        };
        self.traces.encode(bytes, text, None);
        let node = NodeId(narrow(self.doc.nodes.len()));
        self.doc.nodes.push(Node::Scalar(narrow(self.doc.scalars.len())));
        self.doc.scalars.push(ScalarData { dtype, bytes });
        let unmade = UNMADE | narrow(self.unmade.len());
        self.unmade.push(Unmade { start: narrow(start), end: narrow(end), node, memo: put + 4 });
        self.memo.extend_from_slice(&[unmade, unmade, unmade, unmade, node.0]);
        self.memo_len += ENTRIES;
        self.stack.push(node);
        self.budget.nodes -= NODES;
        self.opcodes += OPCODES;
        Some(end)
    }

    /// The type of a scalar with these entries, if they hold what they should.
    #[inline]
    fn verified(&mut self, entries: [u32; 4]) -> Option<u32> {
        if let Some(known) = self.names.scalar
            && known.entries == entries
        {
            return Some(known.dtype);
        }
        let [scalar, dtype, encode, codec] = entries.map(|entry| self.made(entry));
        let Node::NumpyType(dtype) = self.doc.node(dtype?) else { return None };
        let calls = [scalar?, encode?].map(|id| self.known(id).map(|known| known.0));
        let codec = self.text_of(codec?)?;
        let fits = calls == [Some(Known::NumpyScalar), Some(Known::Encode)]
            && matches!(self.doc.bytes(codec), b"latin1" | b"latin-1");
        fits.then(|| self.names.scalar = Some(Verified { entries, dtype }))?;
        self.asked(&entries);
        Some(dtype)
    }
}

/// Goes through the bytes of a scalar.
struct Line<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Line<'_> {
    /// Where the two calls end that stand here, the first entry of which is given, with PUTs of so many bytes.
    #[inline]
    fn calls<const PUT: usize>(&self, first: u32) -> Option<usize> {
        let bytes: &[u8; 32] = self.bytes.get(self.at..)?.first_chunk()?;
        let put = if PUT == 5 { b'r' } else { b'q' };
        let mut odd = 0;
        for (call, entry) in (0..4).zip(first..) {
            let opcode = if call % 2 == 0 { 0x86 } else { b'R' };
            let expected = u64::from(opcode) | u64::from(put) << 8 | u64::from(entry) << 16;
            let word = u64::from_le_bytes(*bytes[call * (PUT + 1)..].first_chunk()?);
            odd |= (word ^ expected) << (64 - 8 * (PUT + 1));
        }
        (odd == 0).then_some(self.at + 4 * (PUT + 1))
    }

    #[inline]
    fn get(&mut self) -> Option<u32> {
        self.entry(b'h', b'j')
    }

    /// The PUT of an entry.
    #[inline]
    fn put(&mut self, entry: u32) -> Option<()> {
        (self.entry(b'q', b'r')? == entry).then_some(())
    }

    #[inline]
    fn entry(&mut self, short: u8, long: u8) -> Option<u32> {
        let [opcode, a, b, c, d] = *self.bytes.get(self.at..)?.first_chunk()?;
        if opcode == long {
            self.at += 5;
            Some(u32::from_le_bytes([a, b, c, d]))
        } else {
            (opcode == short).then_some(())?;
            self.at += 2;
            Some(a.into())
        }
    }

    #[inline]
    fn text(&mut self) -> Option<Span> {
        let [b'X', len, 0, 0, 0] = *self.bytes.get(self.at..)?.first_chunk()? else { return None };
        let span = Span { start: narrow(self.at + 5), len: len.into() };
        self.at += 5 + usize::from(len);
        (usize::from(len) <= LONGEST && self.at <= self.bytes.len()).then_some(span)
    }
}

/// Text as latin-1, if it is UTF-8 of such signs; as long as itself if it is ASCII.
#[inline]
pub(super) fn decoded(text: &[u8]) -> Option<([u8; LONGEST], usize)> {
    let (mut bytes, mut len) = ([0; LONGEST], 0);
    let mut signs = text.iter();
    while let Some(&sign) = signs.next() {
        let byte = match sign {
            0..0x80 => sign,
            0xC2 | 0xC3 => {
                let low = *signs.next().filter(|&&low| low & 0xC0 == 0x80)?;
                (sign << 6) | (low & 0x3F)
            }
            _ => return None,
        };
        *bytes.get_mut(len)? = byte;
        len += 1;
    }
    Some((bytes, len))
}
