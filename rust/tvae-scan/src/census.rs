//! Every tensor of a checkpoint: its name, whose it is, and which storage it is a view of.
//!
//! Nothing here is a string or a vector per tensor. Names are pieces of one text, of the key alone and by the containers
//! above it; a checkpoint has hundreds of tensors, and their names are needed for a few of them.

use std::collections::HashMap;

use crate::convert::label;
use crate::issue::{Issues, Severity};
use crate::pickle::{DType, Document, Node, NodeId, Run, StorageData, TensorData, number};
use crate::places::Place;
use crate::tensors::{Tensor, span};

/// Values that are visited in search of tensors.
const MOST_VISITS: usize = 2_000_000;
/// Tensors that are kept.
const MOST_TENSORS: usize = 200_000;
/// Levels at which tensors are looked for.
const MOST_DEPTH: usize = 64;
/// Groups up to here are found by comparing them all.
const FEW: usize = 16;
/// Longer keys are cut as labels are.
const LONG: u32 = 4096;

/// Nothing has this number.
pub(crate) const NONE: u32 = u32::MAX;

/// A stretch of the text of all keys: of the stream, which is copied whole, or of what was added behind it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Piece {
    start: u32,
    len: u32,
}

/// A container with tensors in it.
#[derive(Debug, Clone, Copy)]
struct Frame {
    above: u32,
    key: Piece,
    /// Length of its path. A path of nothing is that of the top.
    len: u32,
    group: u32,
}

/// A tensor of a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    frame: u32,
    key: Piece,
    /// Length of its name.
    len: u32,
    pub dtype: DType,
    shape: Run,
    stride: Run,
    /// Its storage among all, or [`NONE`].
    pub storage: u32,
    /// First element in the storage.
    pub offset: i64,
    /// Behind its last byte in the storage; the largest number if that is none.
    pub end: u64,
    /// Product of its shape.
    pub elements: u64,
}

/// A storage that tensors refer to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StorageUse {
    key: Piece,
    /// Its key, if that is a number.
    pub number: Option<u32>,
    /// Its elements, as declared; bytes if it is untyped.
    pub count: Option<u64>,
    /// Bytes that it must have; `None` if that is no number.
    pub bytes: Option<u64>,
    /// Where it is, if it was found.
    pub place: Option<Place>,
    /// The group that counted it last.
    pub counted: u32,
}

/// The storages of a document, each once.
#[derive(Debug, Default)]
pub(crate) struct Storages {
    pub list: Vec<StorageUse>,
    numbered: Vec<u32>,
    named: HashMap<Vec<u8>, u32>,
}

impl Storages {
    fn find(&self, key: &[u8]) -> Option<usize> {
        let at = match number(key) {
            Some(number) => self.numbered.get(number as usize).copied().filter(|&at| at != NONE),
            None => self.named.get(key).copied(),
        };
        at.map(|at| at as usize)
    }

    /// The storage of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&StorageUse> {
        self.find(key.as_bytes()).map(|at| &self.list[at])
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }
}

/// Tensors that follow each other and belong to one key at the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stretch {
    pub group: u32,
    pub start: u32,
    pub end: u32,
}

/// Everything that a document refers to.
#[derive(Debug, Default)]
pub(crate) struct Tensors {
    text: Vec<u8>,
    frames: Vec<Frame>,
    sizes: Vec<i64>,
    pub placed: Vec<Placed>,
    pub storages: Storages,
    /// First keys of the names; empty for tensors at the top, which are their own keys.
    pub groups: Vec<Piece>,
    pub stretches: Vec<Stretch>,
}

impl Tensors {
    /// Every tensor below the top. What was there before goes; its room is used again.
    pub(crate) fn find(&mut self, document: &Document<'_>, issues: &mut Issues) {
        let Self { text, frames, sizes, placed, storages, groups, stretches } = self;
        text.clear();
        frames.clear();
        sizes.clear();
        placed.clear();
        groups.clear();
        stretches.clear();
        storages.list.clear();
        storages.numbered.clear();
        storages.named.clear();
        sizes.extend_from_slice(document.all_sizes());
        document.all_bytes().into_iter().for_each(|bytes| text.extend_from_slice(bytes));
        frames.push(Frame { above: 0, key: Piece::default(), len: 0, group: NONE });
        let mut walk = Walk {
            document,
            found: self,
            issues,
            above: Vec::with_capacity(8),
            visits: 0,
            names: HashMap::new(),
        };
        walk.visit(document.root(), 0, Piece::default());
        if walk.visits >= MOST_VISITS || walk.found.placed.len() >= MOST_TENSORS {
            walk.issues.add("T006", Severity::Warning, "too many values: not every tensor is listed");
        }
    }

    pub(crate) fn piece(&self, piece: Piece) -> &[u8] {
        &self.text[piece.start as usize..][..piece.len as usize]
    }

    /// A piece as text.
    pub(crate) fn word(&self, piece: Piece) -> String {
        String::from_utf8_lossy(self.piece(piece)).into_owned()
    }

    /// The key of a storage.
    pub(crate) fn key(&self, storage: &StorageUse) -> String {
        self.word(storage.key)
    }

    /// The name of a tensor: its key path from the top, joined by dots.
    pub(crate) fn name(&self, placed: &Placed) -> String {
        self.path(placed.frame, placed.key, 0)
    }

    /// The path of a key in a frame, from behind the first `from` bytes of it.
    fn path(&self, mut frame: u32, key: Piece, from: usize) -> String {
        let mut pieces = vec![key];
        while self.frames[frame as usize].len > 0 {
            pieces.push(self.frames[frame as usize].key);
            frame = self.frames[frame as usize].above;
        }
        let words: Vec<&[u8]> = pieces.iter().rev().map(|&piece| self.piece(piece)).collect();
        let path = words.join(&b'.');
        String::from_utf8_lossy(path.get(from..).unwrap_or_default()).into_owned()
    }

    pub(crate) fn shape(&self, placed: &Placed) -> &[i64] {
        self.run(placed.shape)
    }

    pub(crate) fn stride(&self, placed: &Placed) -> &[i64] {
        self.run(placed.stride)
    }

    fn run(&self, run: Run) -> &[i64] {
        &self.sizes[run.start as usize..][..run.len as usize]
    }

    /// A tensor as it is handed out.
    pub(crate) fn tensor(&self, placed: &Placed) -> Tensor {
        let place = self.storages.list.get(placed.storage as usize).and_then(|storage| storage.place);
        let fits = place.filter(|place| placed.end <= place.length);
        let start =
            u64::try_from(placed.offset).ok().and_then(|offset| offset.checked_mul(placed.dtype.itemsize()));
        let offset = fits.and_then(|place| place.offset).zip(start);
        Tensor {
            name: self.name(placed),
            dtype: placed.dtype.name(),
            shape: self.shape(placed).iter().map(|size| size.unsigned_abs()).collect(),
            stride: self.stride(placed).to_vec(),
            file_offset: offset.map(|(offset, start)| offset + start),
            nbytes: placed.elements.saturating_mul(placed.dtype.itemsize()),
        }
    }

    /// The tensor of a group that has this name within it.
    pub(crate) fn named(&self, stretches: &[Stretch], name: &str) -> Option<&Placed> {
        let group = self.groups.get(stretches.first()?.group as usize)?;
        let len = index(name.len() + if group.len > 0 { group.len as usize + 1 } else { 0 });
        let all =
            stretches.iter().flat_map(|stretch| &self.placed[stretch.start as usize..stretch.end as usize]);
        all.filter(|one| one.len == len).find(|one| self.is_named(one, name))
    }

    fn is_named(&self, placed: &Placed, name: &str) -> bool {
        let mut frame = self.frames[placed.frame as usize];
        let group = frame.group;
        let mut rest = name.as_bytes().strip_suffix(self.piece(placed.key));
        // The frame of the group itself has the top above it.
        while let Some(left) = rest
            && group != NONE
            && self.frames[frame.above as usize].len > 0
        {
            rest = left.strip_suffix(b".").and_then(|left| left.strip_suffix(self.piece(frame.key)));
            frame = self.frames[frame.above as usize];
        }
        rest == Some(b"")
    }

    /// Whether the name of a tensor within its group begins so.
    pub(crate) fn begins(&self, placed: &Placed, start: &str) -> bool {
        let frame = self.frames[placed.frame as usize];
        if frame.len == 0 || self.frames[frame.above as usize].len == 0 {
            return self.piece(placed.key).starts_with(start.as_bytes());
        }
        let head = self.groups[frame.group as usize].len as usize + 1;
        self.path(placed.frame, placed.key, head).starts_with(start)
    }
}

struct Walk<'w, 'a> {
    document: &'w Document<'a>,
    found: &'w mut Tensors,
    issues: &'w mut Issues,
    above: Vec<NodeId>,
    visits: usize,
    /// Groups by name, once there are many.
    names: HashMap<Vec<u8>, u32>,
}

impl Walk<'_, '_> {
    fn is_full(&self) -> bool {
        self.visits >= MOST_VISITS || self.found.placed.len() >= MOST_TENSORS
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
                | Node::List(_)
                | Node::Tuple(_)
                | Node::Set(_)
                | Node::Dict(_)
                | Node::Object(_)
        )
    }

    fn key(&mut self, id: NodeId) -> Piece {
        match self.document.node(id) {
            Node::Text(span) if span.len <= LONG => Piece { start: span.start, len: span.len },
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
        let (count, extent) = match compact(shape, stride) {
            Some(count) => (count, count.checked_mul(size)),
            None => {
                let Some(count) = product(shape) else {
                    let message =
                        format!("{}: shape {shape:?} is impossible", self.found.path(frame, key, 0));
                    self.issues.add("T003", Severity::Error, message);
                    return;
                };
                (count, span(shape, stride).and_then(|span| span.checked_mul(size)))
            }
        };
        let start = u64::try_from(data.offset).ok().and_then(|offset| offset.checked_mul(size));
        let end = start.zip(extent).and_then(|(start, extent)| start.checked_add(extent)).unwrap_or(u64::MAX);
        let mut storage = NONE;
        if let Some(at) = data.storage.and_then(|id| self.document.as_storage(id)) {
            if extent.is_some_and(|extent| extent / size < count) {
                let name = self.found.path(frame, key, 0);
                let message = format!("{name}: {count} elements in {} bytes", extent.unwrap_or(0));
                self.issues.add("T005", Severity::Info, message);
            }
            storage = self.storage(self.document.storage_data(at));
        }
        let at = index(self.found.placed.len());
        let Frame { len, group, .. } = self.found.frames[frame as usize];
        let len = if len == 0 { key.len } else { len + 1 + key.len };
        let TensorData { dtype, shape, stride, offset, .. } = *data;
        self.found.placed.push(Placed {
            frame,
            key,
            len,
            dtype,
            shape,
            stride,
            storage,
            offset,
            end,
            elements: count,
        });
        self.stretch(group, at);
    }

    /// Counts the tensor at `at` to a group. Tensors at the top are a group without a key.
    fn stretch(&mut self, group: u32, at: u32) {
        let group = if group == NONE { self.group(Piece::default()) } else { group };
        match self.found.stretches.last_mut() {
            Some(last) if last.group == group => last.end = at + 1,
            _ => self.found.stretches.push(Stretch { group, start: at, end: at + 1 }),
        }
    }

    fn storage(&mut self, data: &StorageData) -> u32 {
        let number = Some(data.number).filter(|&number| number != NONE);
        let Storages { list, numbered, named } = &mut self.found.storages;
        let new = index(list.len());
        let at = match number {
            Some(number) => {
                let number = number as usize;
                if numbered.len() <= number {
                    numbered.resize(number + 1, NONE);
                }
                if numbered[number] == NONE {
                    numbered[number] = new;
                }
                numbered[number]
            }
            None => *named.entry(self.document.bytes(data.key).to_vec()).or_insert(new),
        };
        if at == new {
            let each = if data.untyped { Some(1) } else { data.dtype.map(DType::itemsize) };
            let count = u64::try_from(data.numel).ok();
            let bytes = count.zip(each).and_then(|(count, each)| count.checked_mul(each));
            let key =
                if number.is_some() { Piece::default() } else { self.copy(self.document.bytes(data.key)) };
            self.found.storages.list.push(StorageUse {
                key,
                number,
                count,
                bytes,
                place: None,
                counted: NONE,
            });
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
fn product(shape: &[i64]) -> Option<u64> {
    shape.iter().try_fold(1_u64, |product, &extent| product.checked_mul(u64::try_from(extent).ok()?))
}

/// Positions fit: there are fewer tensors, and shorter keys, than that.
fn index(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(NONE)
}
