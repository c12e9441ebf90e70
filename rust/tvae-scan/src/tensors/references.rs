//! The tensors of torch 0.1, which its values refer to by number, and which are found elsewhere in the file.

use super::census::{Frame, Placed, Reference, Tensors};
use super::piece::{NONE, index};
use super::search::product;
use super::span;
use crate::pickle::{DType, Run, number};

/// A view of a storage, as torch 0.1 writes it.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub dtype: DType,
    pub shape: Vec<i64>,
    pub stride: Vec<i64>,
    pub offset: i64,
}

impl Tensors {
    /// The name of what is looked for elsewhere.
    pub(crate) fn reference_name(&self, reference: &Reference) -> String {
        self.path(reference.frame, reference.key)
    }

    /// Puts a tensor where a reference to it stands.
    pub(crate) fn refer(&mut self, reference: &Reference, view: &View, storage: &str, bytes: u64) {
        let Reference { frame, key, .. } = *reference;
        let size = view.dtype.itemsize();
        let storage = self.storage_of(storage, bytes / size.max(1), bytes);
        let extent = span(&view.shape, &view.stride).and_then(|span| span.checked_mul(size));
        let start = u64::try_from(view.offset).ok().and_then(|offset| offset.checked_mul(size));
        let end = start.zip(extent).and_then(|(start, extent)| start.checked_add(extent)).unwrap_or(u64::MAX);
        let mut run = |sizes: &[i64]| {
            let start = index(self.sizes.len());
            self.sizes.extend_from_slice(sizes);
            Run { start, len: index(sizes.len()) }
        };
        let (shape, stride) = (run(&view.shape), run(&view.stride));
        let Frame { group, .. } = self.frames[frame as usize];
        let at = index(self.placed.len());
        let (dtype, offset) = (view.dtype, view.offset);
        let elements = product(self.run(shape)).unwrap_or(u64::MAX);
        self.placed.push(Placed { frame, key, dtype, shape, stride, storage, offset, end, elements });
        let top = || self.groups.iter().position(|group| group.len == 0).map_or(0, index);
        let group = if group == NONE { top() } else { group };
        self.stretch(group, at);
    }

    /// The storage of a key, which is made if there is none.
    fn storage_of(&mut self, key: &str, count: u64, bytes: u64) -> u32 {
        self.storages.add(number(key.as_bytes()), key.as_bytes(), Some(count), Some(bytes)).0
    }
}
