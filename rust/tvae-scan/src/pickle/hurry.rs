//! The straight line through what torch writes most.
//!
//! Nine of ten opcodes in a checkpoint belong to its tensors, and each tensor is written by the same thirty, with a key,
//! an offset, sizes and strides between them. They are compared with that form in one go. The usual literals are taken
//! here too, together with the PUT that follows them. Whatever differs in one byte is left to the machine, which comes to
//! the same values, imports, issues and costs: a test compares them on every mutation of real streams.
//!
//! The form stores seven values in the memo that nothing ever asks for. They are not made. Their entries say where the
//! tensor was written, and the machine follows those bytes again if a GET wants one of them after all. That gives the same
//! values only as long as no entry is replaced, so the first PUT that replaces one fills them all, and ends the hurry.

use super::arena::{EMPTY, Node, Run, Span, StorageData, TensorData};
use super::dtype::DType;
use super::known::Known;
use super::machine::{Halt, Machine};
use super::reader::narrow;
use super::value::{NodeId, TensorKind};

/// Marks a memo entry as one that was not made; the rest is the number of the tensor that it belongs to.
pub(super) const UNMADE: u32 = 1 << 31;
/// Nothing in a hurry costs more opcodes or values of memory than this.
const MOST: usize = 128;
/// The form of a tensor opens three marks.
const MARKS: usize = 3;
/// Values that the form of a tensor charges, apart from its sizes and strides.
const TENSOR: usize = 31;
/// Opcodes of that form, apart from those.
const OPCODES: u64 = 22;
/// Sizes and strides up to this many are taken: what charges for reading them begins above.
const MOST_SIZES: usize = 7;

/// A tensor whose parts were not made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unmade {
    /// Where its first opcode stands.
    start: u32,
    /// Behind its last.
    end: u32,
    node: NodeId,
    /// The memo entry of its own; those before it are its parts.
    memo: u32,
}

/// Memo entries that stand for the names in the form of a tensor, as they were last verified.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    rebuild: u32,
    storage: u32,
    class: (u32, DType),
    location: (u32, Span),
    ordered: u32,
}

impl Default for Names {
    fn default() -> Self {
        let none = u32::MAX;
        let (class, location) = ((none, DType::Float32), (none, Span::default()));
        Self { rebuild: none, storage: none, class, location, ordered: none }
    }
}

/// Opcodes with their arguments, one after the other; None is another opcode than the one asked for.
#[derive(Clone, Copy)]
struct Line<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Line<'a> {
    #[inline]
    fn is(&mut self, opcode: u8) -> Option<()> {
        let is = *self.bytes.get(self.at)? == opcode;
        self.at += 1;
        is.then_some(())
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let array = *self.bytes.get(self.at..)?.first_chunk::<N>()?;
        self.at += N;
        Some(array)
    }

    /// BINGET or `LONG_BINGET`.
    #[inline]
    fn get(&mut self) -> Option<u32> {
        match self.array()? {
            [b'h', id] => Some(id.into()),
            [b'j', low] => {
                let [b, c, d] = self.array()?;
                Some(u32::from_le_bytes([low, b, c, d]))
            }
            _ => None,
        }
    }

    /// BINPUT or `LONG_BINPUT` of this entry.
    #[inline]
    fn put(&mut self, entry: usize) -> Option<()> {
        let [opcode, low] = self.array()?;
        let id = match opcode {
            b'q' => u32::from(low),
            b'r' => {
                let [b, c, d] = self.array()?;
                u32::from_le_bytes([low, b, c, d])
            }
            _ => return None,
        };
        (id as usize == entry).then_some(())
    }

    /// BININT1, BININT2 or BININT.
    #[inline]
    fn int(&mut self) -> Option<i64> {
        let [opcode, low] = self.array()?;
        match opcode {
            b'K' => Some(low.into()),
            b'M' => self.array().map(|[high]| u16::from_le_bytes([low, high]).into()),
            b'J' => self.array().map(|[b, c, d]| i32::from_le_bytes([low, b, c, d]).into()),
            _ => None,
        }
    }

    /// BINUNICODE of less than 256 letters of ASCII.
    #[inline]
    fn text(&mut self) -> Option<Span> {
        let [b'X', len, 0, 0, 0] = self.array()? else { return None };
        let start = self.at;
        self.at += usize::from(len);
        let text = self.bytes.get(start..self.at)?;
        text.is_ascii().then_some(Span { start: narrow(start), len: len.into() })
    }
}

impl Machine<'_> {
    /// Goes on as long as it is easy.
    pub fn hurry(&mut self) {
        // Inside a frame every opcode is compared with its end.
        if !self.hurries || self.frame_end > 0 || self.doc.nodes.len() >= UNMADE as usize / 2 {
            return;
        }
        let mut line = Line { bytes: self.reader.bytes, at: self.reader.at };
        while self.budget.nodes > MOST && self.budget.opcodes - self.opcodes > MOST as u64 {
            let before = line.at;
            let Some(()) = self.easy(&mut line) else {
                line.at = before;
                break;
            };
        }
        self.reader.at = line.at;
    }

    /// One literal or tensor. Nothing is changed if it is none.
    #[inline]
    fn easy(&mut self, line: &mut Line<'_>) -> Option<()> {
        let node = match *line.bytes.get(line.at)? {
            b'X' => Node::Text(line.text()?),
            b'h' | b'j' => {
                let start = line.at;
                let entry = line.get()?;
                if line.bytes[line.at..].starts_with(b"((") && self.is_rebuild(entry) {
                    let mut rest = *line;
                    if self.tensor_in_line(&mut rest, start).is_some() {
                        *line = rest;
                        return Some(());
                    }
                }
                let id = self.made(entry)?;
                self.opcodes += 1;
                self.stack.push(id);
                return Some(());
            }
            b'K' | b'M' | b'J' => Node::Int(line.int()?),
            b'G' => {
                line.at += 1;
                Node::Float(f64::from_be_bytes(line.array()?))
            }
            b'N' => {
                line.at += 1;
                Node::None
            }
            flag @ (0x88 | 0x89) => {
                line.at += 1;
                Node::Bool(flag == 0x88)
            }
            b'}' => {
                line.at += 1;
                Node::Dict(EMPTY)
            }
            b']' => {
                line.at += 1;
                Node::List(EMPTY)
            }
            _ => return None,
        };
        let id = NodeId(narrow(self.doc.nodes.len()));
        self.doc.nodes.push(node);
        self.stack.push(id);
        self.opcodes += 1;
        self.budget.nodes -= 1;
        let mut put = *line;
        if put.put(self.memo.len()).is_some() {
            *line = put;
            self.memo.push(id.0);
            self.memo_len += 1;
            self.opcodes += 1;
            self.budget.nodes -= 1;
        }
        Some(())
    }

    /// A memo entry that holds a value.
    #[inline]
    fn made(&self, entry: u32) -> Option<NodeId> {
        self.memo.get(entry as usize).filter(|&&id| id < UNMADE).map(|&id| NodeId(id))
    }

    fn is_rebuild(&mut self, entry: u32) -> bool {
        if entry != self.names.rebuild {
            let Some(Known::RebuildTensorV2) = self.known_entry(entry) else { return false };
            self.names.rebuild = entry;
        }
        true
    }

    fn known_entry(&self, entry: u32) -> Option<Known> {
        self.known(self.made(entry)?).map(|known| known.0)
    }

    fn text_entry(&self, entry: u32) -> Option<Span> {
        self.text_of(self.made(entry)?)
    }

    /// The arguments and the call of `_rebuild_tensor_v2`, and the PUT behind it.
    fn tensor_in_line(&mut self, line: &mut Line<'_>, start: usize) -> Option<()> {
        let first = self.memo.len();
        line.at += 2;
        let storage = line.get()?;
        if storage != self.names.storage {
            self.text_entry(storage).filter(|&span| self.doc.bytes(span) == b"storage")?;
            self.names.storage = storage;
        }
        let class = line.get()?;
        if class != self.names.class.0 {
            let Some(Known::Storage(Some(dtype))) = self.known_entry(class) else { return None };
            self.names.class = (class, dtype);
        }
        let dtype = self.names.class.1;
        let key = line.text()?;
        line.put(first)?;
        let location = line.get()?;
        if location != self.names.location.0 {
            self.names.location = (location, self.text_entry(location)?);
        }
        let numel = line.int()?;
        line.is(b't')?;
        line.put(first + 1)?;
        line.is(b'Q')?;
        let offset = line.int()?;
        let dims = self.doc.dims.len();
        let ends = self.rest_in_line(line, first + 2);
        let Some((sizes, strides, entries, requires_grad)) = ends else {
            self.doc.dims.truncate(dims);
            return None;
        };
        if self.marks.len() + MARKS > self.budget.depth {
            self.doc.dims.truncate(dims);
            return None;
        }
        let dims = narrow(dims);
        let shape = Run { start: dims, len: narrow(sizes) };
        let stride = Run { start: dims + shape.len, len: narrow(strides) };
        let storage = NodeId(narrow(self.doc.nodes.len()));
        let node = NodeId(storage.0 + 1);
        self.doc.nodes.push(Node::Storage(narrow(self.doc.storages.len())));
        self.doc.nodes.push(Node::Tensor(narrow(self.doc.tensors.len())));
        let location = self.names.location.1;
        self.doc.storages.push(StorageData {
            key,
            location,
            dtype: Some(dtype),
            numel,
            untyped: false,
            view: None,
        });
        self.doc.tensors.push(TensorData {
            kind: TensorKind::Dense,
            dtype,
            requires_grad,
            is_parameter: false,
            shape,
            stride,
            offset,
            storage: Some(storage),
            parts: Run::default(),
            attributes: None,
        });
        let unmade = UNMADE | narrow(self.unmade.len());
        let memo = narrow(first + entries);
        self.unmade.push(Unmade { start: narrow(start), end: narrow(line.at), node, memo });
        self.memo.resize(first + entries, unmade);
        self.memo.push(node.0);
        self.memo_len += entries + 1;
        self.stack.push(node);
        self.budget.nodes -= TENSOR + cost(sizes) + cost(strides);
        self.opcodes += OPCODES + opcodes(sizes) + opcodes(strides);
        Some(())
    }

    /// Sizes, strides and all that follows: how many sizes and strides, memo entries beside the tensor's own, and
    /// whether it requires a gradient.
    #[inline]
    fn rest_in_line(&mut self, line: &mut Line<'_>, first: usize) -> Option<(usize, usize, usize, bool)> {
        let mut entry = first;
        let sizes = self.sizes_in_line(line, &mut entry)?;
        let strides = self.sizes_in_line(line, &mut entry)?;
        let [flag @ (0x88 | 0x89)] = line.array()? else { return None };
        let ordered = line.get()?;
        if ordered != self.names.ordered {
            let Some(Known::OrderedDict) = self.known_entry(ordered) else { return None };
            self.names.ordered = ordered;
        }
        let [b')', b'R'] = line.array()? else { return None };
        line.put(entry)?;
        line.is(b't')?;
        line.put(entry + 1)?;
        line.is(b'R')?;
        line.put(entry + 2)?;
        Some((sizes, strides, entry + 2 - (first - 2), flag == 0x88))
    }

    /// A tuple of integers and the PUT behind it; the empty one has none.
    #[inline]
    fn sizes_in_line(&mut self, line: &mut Line<'_>, entry: &mut usize) -> Option<usize> {
        let first = *line.bytes.get(line.at)?;
        let marked = first == b'(';
        line.at += usize::from(marked || first == b')');
        if first == b')' {
            return Some(0);
        }
        let mut len = 0;
        loop {
            match *line.bytes.get(line.at)? {
                b'K' | b'M' | b'J' if len < MOST_SIZES => {
                    self.doc.dims.push(line.int()?);
                    len += 1;
                }
                b't' if marked && len > 3 => break,
                opcode @ 0x85..=0x87 if !marked && len == usize::from(opcode - 0x84) => break,
                _ => return None,
            }
        }
        line.at += 1;
        line.put(*entry)?;
        *entry += 1;
        Some(len)
    }

    /// Makes the parts of a tensor, as a GET wants one of them.
    pub fn make_parts(&mut self, number: u32) -> Result<(), Halt> {
        let Unmade { start, end, node, memo } = self.unmade[number as usize];
        let (reader, at, budget, height) = (self.reader.at, self.at, self.budget, self.stack.len());
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
        // The tensor is the one that it was, of the storage that is among the parts.
        self.memo[memo as usize] = node.0;
        if let (Node::Tensor(old), Some(Node::Tensor(new))) =
            (self.doc.node(node), again.map(|id| self.doc.node(id)))
        {
            self.doc.tensors[old as usize].storage = self.doc.tensors[new as usize].storage;
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
