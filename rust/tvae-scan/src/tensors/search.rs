//! Goes through the values of a checkpoint in search of tensors.

use std::collections::HashMap;

use super::census::{Frame, Placed, Reference, Tensors};
use super::piece::{NONE, Piece, index};
use super::span;
use crate::convert::label;
use crate::issue::{Issues, Severity};
use crate::pickle::{DType, Document, Node, NodeId, StorageData, TensorData};

/// Values that are visited in search of tensors.
const MOST_VISITS: usize = 2_000_000;
/// Tensors that are kept.
const MOST_TENSORS: usize = 1 << 16;
/// Bytes of their names and shapes that are kept, once they are written out.
const MOST_NAMES: usize = 16 << 20;
/// Levels at which tensors are looked for.
const MOST_DEPTH: usize = 64;
/// Groups up to here are found by comparing them all.
const FEW: usize = 16;
/// Longer keys are cut as labels are.
const LONG: u32 = 4096;

impl Tensors {
    /// Every tensor below the top. What was there before goes; its room is used again.
    pub(crate) fn find(&mut self, document: &Document<'_>, issues: &mut Issues) {
        self.clear();
        let Self { frames, sizes, .. } = self;
        sizes.extend_from_slice(document.all_sizes());
        frames.push(Frame { above: 0, key: Piece::default(), len: 0, group: NONE });
        let mut walk = Walk {
            document,
            found: self,
            issues,
            above: Vec::with_capacity(8),
            visits: 0,
            length: 0,
            names: HashMap::new(),
        };
        walk.visit(document.root(), 0, Piece::default());
        if walk.is_full() {
            walk.issues.add("T006", Severity::Warning, "too many values: not every tensor is listed");
        }
    }
}

struct Walk<'w, 'a> {
    document: &'w Document<'a>,
    found: &'w mut Tensors,
    issues: &'w mut Issues,
    above: Vec<NodeId>,
    visits: usize,
    /// Bytes of names and shapes so far.
    length: usize,
    /// Groups by name, once there are many.
    names: HashMap<Vec<u8>, u32>,
}

impl Walk<'_, '_> {
    fn is_full(&self) -> bool {
        let Tensors { placed, references, storages, .. } = &*self.found;
        let tensors = placed.len().max(storages.list.len()) + references.len();
        self.visits >= MOST_VISITS || tensors >= MOST_TENSORS || self.length >= MOST_NAMES
    }

    /// Looks at a value with a key in a frame.
    fn visit(&mut self, id: NodeId, frame: u32, key: Piece) {
        if self.is_full() {
            return;
        }
        self.visits += 1;
        let document = self.document;
        match document.node(id) {
            Node::Tensor(at) => {
                let data = document.tensor_data(at);
                self.tensor(data, frame, key);
                if data.storage.is_none() {
                    self.below(id, frame, key, |walk, inner| walk.items(document.run(data.parts), inner));
                }
            }
            Node::Storage(at) => drop(self.storage(document.storage_data(at))),
            Node::Persistent(id) => self.reference(id, frame, key),
            Node::List(at) | Node::Set(at) => {
                self.below(id, frame, key, |walk, inner| walk.items(document.list(at), inner));
            }
            Node::Tuple(run) => {
                self.below(id, frame, key, |walk, inner| walk.items(document.run(run), inner));
            }
            Node::Dict(at) => {
                self.below(id, frame, key, |walk, inner| walk.pairs(document.dict(at).pairs, inner));
            }
            Node::Object(at) => self.below(id, frame, key, |walk, inner| {
                let object = document.object(at);
                walk.pairs(object.pairs, inner);
                walk.items(object.items, inner);
                walk.items(object.args, inner);
                for state in [object.state, object.slots].into_iter().flatten() {
                    walk.visit_inside(state, inner);
                }
            }),
            _ => {}
        }
    }

    /// Looks at the attributes of an object, which add nothing to its name.
    fn visit_inside(&mut self, id: NodeId, frame: u32) {
        let Frame { above, key, .. } = self.found.frames[frame as usize];
        self.visit(id, above, key);
    }

    fn below(&mut self, id: NodeId, frame: u32, key: Piece, look: impl FnOnce(&mut Self, u32)) {
        if self.above.len() < MOST_DEPTH && !self.above.contains(&id) {
            self.above.push(id);
            let inner = self.frame(frame, key);
            look(self, inner);
            self.above.pop();
        }
    }

    /// The frame of a container with a key in another.
    fn frame(&mut self, above: u32, key: Piece) -> u32 {
        let Frame { len, group, .. } = self.found.frames[above as usize];
        if len == 0 && key.len == 0 {
            return above;
        }
        let (len, group) = if len == 0 { (key.len, self.group(key)) } else { (len + 1 + key.len, group) };
        self.found.frames.push(Frame { above, key, len, group });
        index(self.found.frames.len() - 1)
    }

    /// The group of a first key.
    fn group(&mut self, key: Piece) -> u32 {
        let Tensors { text, groups, .. } = &mut *self.found;
        let piece = |piece: Piece| &text[piece.start as usize..][..piece.len as usize];
        let known = if groups.len() <= FEW {
            groups.iter().position(|&group| piece(group) == piece(key)).map(index)
        } else {
            if self.names.is_empty() {
                self.names = groups.iter().map(|&group| piece(group).to_vec()).zip(0..).collect();
            }
            self.names.get(piece(key)).copied()
        };
        known.unwrap_or_else(|| {
            let new = index(groups.len());
            if !self.names.is_empty() {
                self.names.insert(piece(key).to_vec(), new);
            }
            groups.push(key);
            new
        })
    }

    fn items(&mut self, items: &[NodeId], frame: u32) {
        for (at, &item) in items.iter().enumerate() {
            if self.is_place(item) {
                let key = self.copy(at.to_string().as_bytes());
                self.visit(item, frame, key);
            } else {
                self.visits += 1;
            }
        }
    }

    fn pairs(&mut self, pairs: &[(NodeId, NodeId)], frame: u32) {
        for &(key, item) in pairs {
            // Most values are tensors, or no containers, which need no name.
            if let Node::Tensor(at) = self.document.node(item)
                && !self.is_full()
                && let data = self.document.tensor_data(at)
                && data.storage.is_some()
            {
                self.visits += 1;
                let key = self.key(key);
                self.tensor(data, frame, key);
            } else if self.is_place(item) {
                let key = self.key(key);
                self.visit(item, frame, key);
            } else {
                self.visits += 1;
            }
        }
    }

    fn is_place(&self, id: NodeId) -> bool {
        matches!(
            self.document.node(id),
            Node::Tensor(_)
                | Node::Storage(_)
                | Node::Persistent(_)
                | Node::List(_)
                | Node::Tuple(_)
                | Node::Set(_)
                | Node::Dict(_)
                | Node::Object(_)
        )
    }

    fn key(&mut self, id: NodeId) -> Piece {
        match self.document.node(id) {
            Node::Text(span) if span.len <= LONG => self.copy(self.document.bytes(span)),
            // The parameters of an optimizer.
            Node::Int(number @ 0..10) => self.copy(&[digit(number)]),
            Node::Int(number @ 10..100) => self.copy(&[digit(number / 10), digit(number % 10)]),
            _ => self.copy(label(self.document, id).as_bytes()),
        }
    }

    fn copy(&mut self, bytes: &[u8]) -> Piece {
        let start = index(self.found.text.len());
        self.found.text.extend_from_slice(bytes);
        Piece { start, len: index(bytes.len()) }
    }

    fn tensor(&mut self, data: &TensorData, frame: u32, key: Piece) {
        let (shape, stride) = (self.found.run(data.shape), self.found.run(data.stride));
        let size = data.dtype.itemsize();
        let (count, extent, repeated) = if let Some(count) = compact(shape, stride) {
            (count, count.checked_mul(size), false)
        } else {
            let Some(count) = product(shape) else {
                let message = format!("{}: shape {shape:?} is impossible", self.found.path(frame, key));
                self.issues.add("T003", Severity::Error, message);
                return;
            };
            let extent = span(shape, stride).and_then(|span| span.checked_mul(size));
            (count, extent, extent.is_some_and(|extent| extent / size < count))
        };
        let start = u64::try_from(data.offset).ok().and_then(|offset| offset.checked_mul(size));
        let end = start.zip(extent).and_then(|(start, extent)| start.checked_add(extent)).unwrap_or(u64::MAX);
        let mut storage = NONE;
        if let Some(at) = data.storage.and_then(|id| self.document.as_storage(id)) {
            if repeated {
                let name = self.found.path(frame, key);
                let message = format!("{name}: {count} elements in {} bytes", extent.unwrap_or(0));
                self.issues.add("T005", Severity::Info, message);
            }
            storage = self.storage(self.document.storage_data(at));
        }
        let at = index(self.found.placed.len());
        let Frame { len, group, .. } = self.found.frames[frame as usize];
        let len = if len == 0 { key.len } else { len + 1 + key.len };
        self.length += len as usize + 16 * data.shape.len as usize;
        let TensorData { dtype, shape, stride, offset, .. } = *data;
        self.found.placed.push(Placed {
            frame,
            key,
            dtype,
            shape,
            stride,
            storage,
            offset,
            end,
            elements: count,
        });
        // Tensors at the top are a group without a key.
        let group = if group == NONE { self.group(Piece::default()) } else { group };
        self.found.stretch(group, at);
    }

    /// A reference to a tensor by a number.
    fn reference(&mut self, id: NodeId, frame: u32, key: Piece) {
        let Node::Int(number) = self.document.node(id) else { return };
        let Frame { len, group, .. } = self.found.frames[frame as usize];
        if group == NONE {
            self.group(Piece::default());
        }
        self.length += len as usize + 1 + key.len as usize + 16;
        self.found.references.push(Reference { frame, key, number });
    }

    fn storage(&mut self, data: &StorageData) -> u32 {
        let number = Some(data.number).filter(|&number| number != NONE);
        let each = if data.untyped { Some(1) } else { data.dtype.map(DType::itemsize) };
        let count = u64::try_from(data.numel).ok();
        let bytes = count.zip(each).and_then(|(count, each)| count.checked_mul(each));
        let key = self.document.bytes(data.key);
        let (at, new) = self.found.storages.add(number, key, count, bytes);
        if !new
            && let known = &self.found.storages.list[at as usize]
            && (known.count != count || known.bytes != bytes)
        {
            let key = String::from_utf8_lossy(key);
            let message = format!("storage {key} is used as two types or sizes");
            self.issues.add("T007", Severity::Info, message);
        }
        at
    }
}

/// A digit as text has it.
fn digit(number: i64) -> u8 {
    u8::try_from(number).map_or(b'?', |number| b'0' + number)
}

/// The product of a shape, if the strides are those of elements one behind the other, which spans just as many.
#[inline]
fn compact(shape: &[i64], stride: &[i64]) -> Option<u64> {
    if shape.len() != stride.len() {
        return None;
    }
    let count = shape.iter().zip(stride).rev().try_fold(1_i64, |step, (&extent, &stride)| {
        if extent > 0 && stride == step { step.checked_mul(extent) } else { None }
    });
    count.map(i64::unsigned_abs)
}

/// The product of a shape; `None` if it is no number or one of its extents is negative.
pub(crate) fn product(shape: &[i64]) -> Option<u64> {
    shape.iter().try_fold(1_u64, |product, &extent| product.checked_mul(u64::try_from(extent).ok()?))
}
