//! Every tensor of a checkpoint: its name, whose it is, and which storage it is a view of.
//!
//! Nothing here is a string or a vector per tensor. Names are pieces of one text, of the key alone and by the containers
//! above it; a checkpoint has hundreds of tensors, and their names are needed for a few of them.

use super::Tensor;
use super::piece::Piece;
use super::storages::{StorageUse, Storages};
use crate::pickle::{DType, Run};

/// A container with tensors in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    pub above: u32,
    pub key: Piece,
    /// Length of its path. A path of nothing is that of the top.
    pub len: u32,
    pub group: u32,
}

/// A tensor of a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    pub frame: u32,
    pub key: Piece,
    pub dtype: DType,
    pub shape: Run,
    pub stride: Run,
    /// Its storage among all, or [`NONE`].
    pub storage: u32,
    /// First element in the storage.
    pub offset: i64,
    /// Behind its last byte in the storage; the largest number if that is none.
    pub end: u64,
    /// Product of its shape.
    pub elements: u64,
}

/// A tensor that torch 0.1 refers to by a number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reference {
    pub frame: u32,
    pub key: Piece,
    pub number: i64,
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
    pub text: Vec<u8>,
    pub frames: Vec<Frame>,
    pub sizes: Vec<i64>,
    pub placed: Vec<Placed>,
    pub storages: Storages,
    /// First keys of the names; empty for tensors at the top, which are their own keys.
    pub groups: Vec<Piece>,
    pub stretches: Vec<Stretch>,
    /// Tensors that are looked for elsewhere.
    pub references: Vec<Reference>,
    /// Storages of tensors that an earlier file told, and that are not listed.
    pub taken: usize,
}

impl Tensors {
    /// Without tensors, but with the room for them.
    pub(crate) fn clear(&mut self) {
        let Self { text, frames, sizes, placed, storages, groups, stretches, references, taken } = self;
        *taken = 0;
        text.clear();
        frames.clear();
        sizes.clear();
        placed.clear();
        groups.clear();
        stretches.clear();
        references.clear();
        storages.clear();
    }

    pub(crate) fn piece(&self, piece: Piece) -> &[u8] {
        &self.text[piece.start as usize..][..piece.len as usize]
    }

    /// A piece as text.
    pub(crate) fn word(&self, piece: Piece) -> String {
        std::str::from_utf8(self.piece(piece)).unwrap_or_default().to_owned()
    }

    /// Whether a tensor uses the storage of this key.
    pub(crate) fn is_used(&self, key: &[u8]) -> bool {
        self.storages.find(key).is_some()
    }

    /// The key of a storage.
    pub(crate) fn key(&self, storage: &StorageUse) -> String {
        self.storages.key(storage)
    }

    /// The name of a tensor: its key path from the top, joined by dots.
    pub(crate) fn name(&self, placed: &Placed) -> String {
        self.path(placed.frame, placed.key)
    }

    /// The path of a key in a frame.
    pub(crate) fn path(&self, frame: u32, key: Piece) -> String {
        let mut path = Vec::new();
        self.write(frame, key, &mut path);
        String::from_utf8_lossy(&path).into_owned()
    }

    /// Writes the path of a key in a frame over what is there, the last key first.
    fn write(&self, mut frame: u32, key: Piece, path: &mut Vec<u8>) {
        let above = self.frames[frame as usize].len as usize;
        path.clear();
        path.resize(key.len as usize + if above > 0 { above + 1 } else { 0 }, b'.');
        let mut end = path.len();
        let mut put = |piece: Piece| {
            let start = end - piece.len as usize;
            path[start..end].copy_from_slice(self.piece(piece));
            end = start.saturating_sub(1);
        };
        put(key);
        while self.frames[frame as usize].len > 0 {
            put(self.frames[frame as usize].key);
            frame = self.frames[frame as usize].above;
        }
    }

    pub(crate) fn shape(&self, placed: &Placed) -> &[i64] {
        self.run(placed.shape)
    }

    pub(crate) fn stride(&self, placed: &Placed) -> &[i64] {
        self.run(placed.stride)
    }

    pub(crate) fn run(&self, run: Run) -> &[i64] {
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

    /// The name of a tensor within its group, for which the names before it are put together in `path`.
    pub(crate) fn inner<'t>(&'t self, placed: &Placed, path: &'t mut InnerPath) -> &'t [u8] {
        let frame = self.frames[placed.frame as usize];
        let key = self.piece(placed.key);
        if frame.len == 0 || self.frames[frame.above as usize].len == 0 {
            return key;
        }
        if path.frame != Some(placed.frame) {
            path.head = self.groups[frame.group as usize].len as usize + 1;
            self.write(frame.above, frame.key, &mut path.text);
            path.text.push(b'.');
            (path.frame, path.len) = (Some(placed.frame), path.text.len());
        }
        path.text.truncate(path.len);
        path.text.extend_from_slice(key);
        path.text.get(path.head..).unwrap_or_default()
    }

    /// Counts the tensor at `at` to a group.
    pub(crate) fn stretch(&mut self, group: u32, at: u32) {
        match self.stretches.last_mut() {
            Some(last) if last.group == group => last.end = at + 1,
            _ => self.stretches.push(Stretch { group, start: at, end: at + 1 }),
        }
    }
}

/// Where the names of nested tensors are put together.
#[derive(Debug, Default)]
pub(crate) struct InnerPath {
    text: Vec<u8>,
    /// Bytes of the group and the dot behind it.
    head: usize,
    len: usize,
    frame: Option<u32>,
}
