//! The straight line through what torch writes most.
//!
//! Nine of ten opcodes in a checkpoint belong to its tensors, and each tensor is written by the same thirty, with a key,
//! an offset, sizes and strides between them. They are compared with that form in one go. The usual literals are taken
//! here too, together with the PUT that follows them. Whatever differs in one byte is left to the machine, which comes to
//! the same values, imports, issues and costs: a test compares them on every mutation of real streams.
//!
//! The form stores seven values in the memo that nothing ever asks for, and that of a numpy scalar (`scalars`) five. They are not made. Their entries say where the
//! tensor was written, and the machine follows those bytes again if a GET wants one of them after all. That gives the same
//! values only as long as no entry is replaced, so the first PUT that replaces one fills them all, and ends the hurry.

use super::arena::{EMPTY, Node, Run, Span, StorageData, TensorData};
use super::dtype::DType;
use super::form::{self, Written};
use super::known::Known;
use super::machine::{Halt, Machine};
use super::reader::narrow;
use super::scalars::Verified;
use super::text::ascii;
use super::value::{NodeId, TensorKind};

/// Marks a memo entry as one that was not made; the rest is the number of the tensor that it belongs to.
pub(super) const UNMADE: u32 = 1 << 31;
/// Nothing in a hurry costs more opcodes or values of memory than this. The pairs that Python writes at once cost 500.
pub(super) const MOST: usize = 512;
/// The form of a tensor opens three marks.
const MARKS: usize = 3;
/// It puts so many entries at most.
const MOST_ENTRIES: usize = 8;
/// Values that the form of a tensor charges, apart from its sizes and strides.
const TENSOR: usize = 31;
/// Opcodes of that form, apart from those.
const OPCODES: u64 = 22;

/// A tensor or a scalar whose parts were not made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unmade {
    /// Where its first opcode stands.
    pub start: u32,
    /// Behind its last.
    pub end: u32,
    pub node: NodeId,
    /// The memo entry of its own; those before it are its parts.
    pub memo: u32,
}

/// The names in the form of a tensor, as they were last verified.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Names {
    /// `_rebuild_tensor_v2`, `'storage'` and a class of storages, as the eight bytes that ask for them, and the type that
    /// the class holds.
    head: Option<(u64, DType)>,
    location: Option<(u8, Span)>,
    ordered: Option<u8>,
    pub scalar: Option<Verified>,
}

impl Machine<'_> {
    /// Goes on as long as it is easy.
    #[inline]
    pub fn hurry(&mut self) {
        // Inside a frame every opcode is compared with its end.
        if !self.hurries || self.frame_end > 0 || self.doc.nodes.len() >= UNMADE as usize / 2 {
            return;
        }
        self.rounds = 0;
        loop {
            if self.rounds == 0 {
                let opcodes = usize::try_from(self.budget.opcodes - self.opcodes).unwrap_or(usize::MAX);
                self.rounds = self.budget.nodes.min(opcodes) / MOST;
                if self.rounds == 0 {
                    return;
                }
            }
            let Some(end) = self.easy(self.reader.at) else { return };
            self.reader.at = end;
            self.rounds -= 1;
        }
    }

    /// Takes a tensor, or a literal with the PUT behind it, and gives where it ends. Nothing is changed if it is neither.
    #[inline]
    fn easy(&mut self, at: usize) -> Option<usize> {
        let bytes = self.reader.bytes;
        let word = u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?);
        let [opcode, low, b, c, d, e, ..] = word.to_le_bytes();
        let (node, end, number) = match opcode {
            b'X' => {
                let len = u32::from_le_bytes([low, b, c, d]);
                let end = ascii(bytes, at + 5, len)?;
                (Node::Text(Span { start: narrow(at + 5), len }), end, false)
            }
            b'U' => {
                let end = ascii(bytes, at + 2, low.into())?;
                (Node::Text(Span { start: narrow(at + 2), len: low.into() }), end, false)
            }
            b'h' => {
                if (b, c) == (b'(', b'(')
                    && let Some(end) = self.tensor(at)
                {
                    return Some(end);
                }
                if matches!(b, b'h' | b'j')
                    && let Some(end) = self.scalar(at)
                {
                    return Some(end);
                }
                return self.recall_made(low.into(), at + 2);
            }
            b'j' => {
                if matches!(e, b'h' | b'j')
                    && let Some(end) = self.scalar(at)
                {
                    return Some(end);
                }
                return self.recall_made(u32::from_le_bytes([low, b, c, d]), at + 5);
            }
            b'K' | b'M' | b'J' => {
                let (value, len) = form::int(word);
                (Node::Int(value), at + len, true)
            }
            b'G' => {
                let value = *bytes.get(at + 1..)?.first_chunk()?;
                (Node::Float(f64::from_be_bytes(value)), at + 9, true)
            }
            b'N' => (Node::None, at + 1, true),
            0x88 | 0x89 => (Node::Bool(opcode == 0x88), at + 1, true),
            b'}' => (Node::Dict(EMPTY), at + 1, false),
            b']' => (Node::List(EMPTY), at + 1, false),
            0x85..=0x87 => (Node::Tuple(self.few_items(usize::from(opcode - 0x84))?), at + 1, false),
            b's' => {
                self.plain_pair()?;
                return Some(at + 1);
            }
            b'u' => {
                let (&mark, marks) = self.marks.split_last()?;
                self.plain_pairs(mark, marks.last().copied().unwrap_or(0))?;
                self.marks.pop();
                return Some(at + 1);
            }
            b'(' if self.marks.len() < self.budget.depth => {
                self.marks.push(self.stack.len());
                self.opcodes += 1;
                return Some(at + 1);
            }
            _ => return None,
        };
        let id = NodeId(narrow(self.doc.nodes.len()));
        if number && self.traces.wanted {
            self.traces.numbers.push((id, narrow(at)));
        }
        self.doc.nodes.push(node);
        self.stack.push(id);
        self.opcodes += 1;
        self.budget.nodes -= 1;
        Some(end + self.put_next(id, end))
    }

    /// The last values on the stack, for a tuple of them.
    #[inline]
    fn few_items(&mut self, len: usize) -> Option<Run> {
        let start = self.stack.len().checked_sub(len).filter(|&start| start >= self.fence())?;
        let run = Run { start: narrow(self.doc.items.len()), len: narrow(len) };
        self.doc.items.extend_from_slice(&self.stack[start..]);
        self.stack.truncate(start);
        self.budget.nodes -= 1;
        Some(run)
    }

    /// Takes the PUT of the next entry, if it is there, and gives its length.
    #[inline]
    fn put_next(&mut self, id: NodeId, at: usize) -> usize {
        let entry = self.memo.len();
        let next: Option<&[u8; 5]> = self.reader.bytes.get(at..).and_then(<[u8]>::first_chunk);
        let len = match next {
            Some(&[b'q', low, ..]) if usize::from(low) == entry => 2,
            Some(&[b'r', a, b, c, d]) if u32::from_le_bytes([a, b, c, d]) as usize == entry => 5,
            _ => return 0,
        };
        self.memo.push(id.0);
        self.memo_len += 1;
        self.opcodes += 1;
        self.budget.nodes -= 1;
        len
    }

    /// Takes the GET of an entry that holds a value.
    #[inline]
    fn recall_made(&mut self, entry: u32, end: usize) -> Option<usize> {
        let id = self.made(entry)?;
        self.traces.get(id);
        self.opcodes += 1;
        self.stack.push(id);
        Some(end)
    }

    #[inline]
    pub fn made(&self, entry: u32) -> Option<NodeId> {
        self.memo.get(entry as usize).filter(|&&id| id < UNMADE).map(|&id| NodeId(id))
    }

    /// Notes that the values in these entries were asked for.
    pub fn asked(&mut self, entries: &[u32]) {
        for &entry in entries {
            if let Some(id) = self.made(entry) {
                self.traces.get(id);
            }
        }
    }

    fn known_entry(&self, entry: u8) -> Option<Known> {
        self.known(self.made(entry.into())?).map(|known| known.0)
    }

    /// The type of the storage in a tensor that begins so, if it begins as one.
    #[inline]
    fn head(&mut self, head: u64) -> Option<DType> {
        if let Some((known, dtype)) = self.names.head
            && known == head
        {
            return Some(dtype);
        }
        let [b'h', rebuild, b'(', b'(', b'h', entry, b'h', class] = head.to_le_bytes() else { return None };
        let storage = self.text_of(self.made(entry.into())?)?;
        match (self.known_entry(rebuild)?, self.doc.bytes(storage), self.known_entry(class)?) {
            (Known::RebuildTensorV2, b"storage", Known::Storage(Some(dtype))) => {
                self.names.head = Some((head, dtype));
                self.asked(&[rebuild, entry, class].map(u32::from));
                Some(dtype)
            }
            _ => None,
        }
    }

    #[inline]
    fn location(&mut self, entry: u8) -> Option<Span> {
        match self.names.location {
            Some((known, span)) if known == entry => Some(span),
            _ => {
                let span = self.text_of(self.made(entry.into())?)?;
                self.asked(&[entry.into()]);
                self.names.location = Some((entry, span));
                Some(span)
            }
        }
    }

    #[inline]
    fn is_ordered(&mut self, entry: u8) -> bool {
        if self.names.ordered != Some(entry) && self.known_entry(entry) == Some(Known::OrderedDict) {
            self.names.ordered = Some(entry);
        }
        self.names.ordered == Some(entry)
    }

    /// Takes a tensor in the form of torch, and gives where it ends.
    fn tensor(&mut self, start: usize) -> Option<usize> {
        let first = self.memo.len();
        let written = form::tensor(self.reader.bytes, start, first)?;
        let dtype = self.head(written.head)?;
        let location = self.location(written.location)?;
        if !self.is_ordered(written.ordered) || self.marks.len() + MARKS > self.budget.depth {
            return None;
        }
        let Written { end, key, number, numel, old, offset, rank, requires_grad, entries, .. } = written;
        let storage = NodeId(narrow(self.doc.nodes.len()));
        let node = NodeId(storage.0 + 1);
        let storages = narrow(self.doc.storages.len());
        self.doc
            .nodes
            .extend_from_slice(&[Node::Storage(storages), Node::Tensor(narrow(self.doc.tensors.len()))]);
        let dims = narrow(self.doc.dims.len());
        // All that there is room for, which is a copy of known length.
        self.doc.dims.extend_from_slice(&written.dims);
        self.doc.dims.truncate(dims as usize + 2 * rank);
        let shape = Run { start: dims, len: narrow(rank) };
        let stride = Run { start: dims + shape.len, len: shape.len };
        let (dtype_of, view) = (Some(dtype), None);
        self.doc.storages.push(StorageData {
            key,
            number,
            location,
            dtype: dtype_of,
            numel,
            untyped: false,
            view,
        });
        let (kind, storage) = (TensorKind::Dense, Some(storage));
        let (is_parameter, parts, attributes) = (false, Run::default(), None);
        self.doc.tensors.push(TensorData {
            kind,
            dtype,
            requires_grad,
            is_parameter,
            shape,
            stride,
            offset,
            storage,
            parts,
            attributes,
        });
        let unmade = UNMADE | narrow(self.unmade.len());
        let memo = narrow(first + entries);
        self.unmade.push(Unmade { start: narrow(start), end: narrow(end), node, memo });
        let mut puts = [unmade; MOST_ENTRIES];
        puts[entries] = node.0;
        self.memo.extend_from_slice(&puts);
        self.memo.truncate(first + entries + 1);
        self.memo_len += entries + 1;
        self.stack.push(node);
        self.budget.nodes -= TENSOR + usize::from(old) + 2 * cost(rank);
        self.opcodes += OPCODES + u64::from(old) + 2 * opcodes(rank);
        Some(end)
    }

    /// Makes the parts of a tensor, as a GET wants one of them.
    pub fn make_parts(&mut self, number: u32) -> Result<(), Halt> {
        let Unmade { start, end, node, memo } = self.unmade[number as usize];
        self.traces.odd = true;
        let (reader, at, budget, height) = (self.reader.at, self.at, self.budget, self.stack.len());
        let items = self.doc.items.len();
        // It was charged when it was read first.
        self.budget.nodes = usize::MAX;
        (self.reader.at, self.repeats) = (start as usize, true);
        while self.reader.at < end as usize {
            let opcode = self.reader.bytes[self.reader.at];
            self.reader.at += 1;
            self.step(opcode)?;
        }
        let again = self.stack.last().copied();
        self.stack.truncate(height);
        (self.reader.at, self.at, self.budget, self.repeats) = (reader, at, budget, false);
        // The tensor is the one that it was, and so is its storage, which others may have by now.
        self.memo[memo as usize] = node.0;
        if let (Node::Tensor(old), Some(Node::Tensor(new))) =
            (self.doc.node(node), again.map(|id| self.doc.node(id)))
            && let (Some(old), Some(new)) =
                (self.doc.tensors[old as usize].storage, self.doc.tensors[new as usize].storage)
        {
            for item in self.doc.items[items..].iter_mut().filter(|item| **item == new) {
                *item = old;
            }
        }
        Ok(())
    }

    /// Makes all that was not made, before an entry is replaced that it may need.
    pub fn make_all(&mut self) -> Result<(), Halt> {
        self.hurries = false;
        for number in 0..self.unmade.len() {
            let Unmade { memo, .. } = self.unmade[number];
            let number = narrow(number);
            if self.memo[memo as usize - 1] == UNMADE | number {
                self.make_parts(number)?;
            }
        }
        Ok(())
    }
}

/// What a tuple of sizes charges: its values, the tuple, its PUT, and their copy.
fn cost(len: usize) -> usize {
    if len == 0 { 1 } else { len + len.div_ceil(4) + 2 + len / 2 }
}

/// Opcodes of a tuple of sizes.
fn opcodes(len: usize) -> u64 {
    match len {
        0 => 1,
        1..=3 => len as u64 + 2,
        _ => len as u64 + 3,
    }
}
