//! The values of one stream.

use super::arena::{
    ArrayData, DictData, EMPTY, GlobalData, Node, NumpyTypeData, ObjectData, Run, ScalarData, Span,
    StorageData, TensorData,
};
use super::reader::narrow;
use super::value::{
    Array, Dict, DictKind, NodeId, NumpyType, Object, Scalar, ScalarValue, Storage, Tensor, Value,
};
use super::walk::Walk;

/// Bytes of text for which a document without a stream has room.
const TEXTS: usize = 1024;

/// The values that one stream built. They refer to each other by [`NodeId`]: a value that is used twice is
/// stored once, and a cycle is possible.
#[derive(Debug, Default)]
pub struct Document<'a> {
    pub(super) source: &'a [u8],
    /// Bytes that are not in the stream as such: decoded latin-1, escapes, notations.
    pub(super) made: Vec<u8>,
    pub(super) nodes: Vec<Node>,
    pub(super) items: Vec<NodeId>,
    pub(super) lists: Vec<Vec<NodeId>>,
    pub(super) dicts: Vec<DictData>,
    /// The pairs of all dictionaries.
    pub(super) pairs: Vec<(NodeId, NodeId)>,
    pub(super) dims: Vec<i64>,
    pub(super) complexes: Vec<(f64, f64)>,
    pub(super) tensors: Vec<TensorData>,
    pub(super) storages: Vec<StorageData>,
    pub(super) types: Vec<NumpyTypeData>,
    pub(super) scalars: Vec<ScalarData>,
    pub(super) arrays: Vec<ArrayData>,
    pub(super) objects: Vec<ObjectData>,
    pub(super) globals: Vec<GlobalData>,
    pub(super) root: NodeId,
}

impl Default for NodeId {
    /// The first value.
    fn default() -> Self {
        Self(0)
    }
}

impl<'a> Document<'a> {
    /// The value that the stream leaves. Of a broken stream, the lowest value on its stack.
    #[must_use]
    pub fn root(&self) -> NodeId {
        self.root
    }

    /// How many values there are, those that nothing refers to included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// There is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// A value. An id of another document gives some value or [`Value::Invalid`].
    #[must_use]
    pub fn value(&self, id: NodeId) -> Value<'_> {
        match self.node(id) {
            Node::None => Value::None,
            Node::Bool(value) => Value::Bool(value),
            Node::Int(value) => Value::Int(value),
            Node::BigInt(span) => Value::BigInt(self.text(span)),
            Node::Float(value) => Value::Float(value),
            Node::Complex(at) => {
                let (re, im) = self.complexes[at as usize];
                Value::Complex(re, im)
            }
            Node::Text(span) => Value::Text(self.text(span)),
            Node::Bytes(span) => Value::Bytes(self.bytes(span)),
            Node::ByteArray(span) => Value::ByteArray(self.bytes(span)),
            Node::List(at) => Value::List(self.list(at)),
            Node::Set(at) => Value::Set(self.list(at)),
            Node::Tuple(run) => Value::Tuple(self.run(run)),
            Node::Size(run) => Value::Size(self.run(run)),
            Node::FrozenSet(run) => Value::FrozenSet(self.run(run)),
            Node::Dict(at) => Value::Dict(self.dict(at)),
            Node::Tensor(at) => Value::Tensor(self.tensor(at)),
            Node::Storage(at) => Value::Storage(self.storage(id, at)),
            Node::Scalar(at) => Value::Scalar(self.scalar(at)),
            Node::Array(at) => Value::Array(self.array(at)),
            Node::NumpyType(at) => Value::NumpyType(self.numpy_type(at)),
            Node::Global(at) => {
                let global = self.globals[at as usize];
                Value::Global { module: self.text(global.module), name: self.text(global.name) }
            }
            Node::Object(at) => Value::Object(self.object(at)),
            Node::Persistent(pid) => Value::Persistent(pid),
            Node::Invalid => Value::Invalid,
        }
    }

    /// The value under `key` in a dictionary, in the attributes of an object, or set by key on one.
    #[must_use]
    pub fn lookup(&self, id: NodeId, key: &str) -> Option<NodeId> {
        let find = |pairs: &[(NodeId, NodeId)]| {
            let hit = pairs
                .iter()
                .rev()
                .find(|(k, _)| matches!(self.node(*k), Node::Text(s) if self.bytes(s) == key.as_bytes()));
            hit.map(|pair| pair.1)
        };
        match self.value(id) {
            Value::Dict(dict) => find(dict.pairs),
            Value::Object(object) => {
                let attributes = |id: Option<NodeId>| match self.value(id?) {
                    Value::Dict(dict) => find(dict.pairs),
                    _ => None,
                };
                attributes(object.slots).or_else(|| attributes(object.state)).or_else(|| find(object.pairs))
            }
            _ => None,
        }
    }

    /// [`Document::lookup`] key by key, from the root.
    #[must_use]
    pub fn get(&self, path: &[&str]) -> Option<NodeId> {
        path.iter().try_fold(self.root, |id, key| self.lookup(id, key))
    }

    /// The text of a string.
    #[must_use]
    pub fn as_text(&self, id: NodeId) -> Option<&str> {
        match self.node(id) {
            Node::Text(span) => Some(self.text(span)),
            _ => None,
        }
    }

    /// The bytes of the text of a string, which are UTF-8.
    pub(crate) fn text_bytes(&self, id: NodeId) -> Option<&[u8]> {
        match self.node(id) {
            Node::Text(span) => Some(self.bytes(span)),
            _ => None,
        }
    }

    /// Where a text stands in the stream, if it is one that does.
    pub(crate) fn place(&self, id: NodeId) -> Option<usize> {
        match self.node(id) {
            Node::Text(span) => Some(span.start as usize).filter(|&start| start < self.source.len()),
            _ => None,
        }
    }

    /// A numpy scalar of the usual types, and the name of its type.
    pub(crate) fn usual_scalar(&self, at: u32) -> Option<(ScalarValue, &'static str)> {
        let ScalarData { dtype, bytes } = self.scalars[at as usize];
        let NumpyTypeData { code, big_endian: false, structured: false, .. } = self.types[dtype as usize]
        else {
            return None;
        };
        let bytes = self.bytes(bytes);
        Some(match self.bytes(code) {
            b"f8" => (ScalarValue::Float(f64::from_le_bytes(bytes.try_into().ok()?)), "numpy.float64"),
            b"f4" => (ScalarValue::Float(f32::from_le_bytes(bytes.try_into().ok()?).into()), "numpy.float32"),
            b"i8" => (ScalarValue::Int(i64::from_le_bytes(bytes.try_into().ok()?)), "numpy.int64"),
            _ => return None,
        })
    }

    /// Every value below `from`, itself first, each once, down to `depth` levels.
    #[must_use]
    pub fn walk(&self, from: NodeId, depth: usize) -> Walk<'_, 'a> {
        Walk::new(self, from, depth)
    }

    /// The sizes and strides of all tensors, which their runs are parts of.
    pub(crate) fn all_sizes(&self) -> &[i64] {
        &self.dims
    }

    pub(crate) fn tensor_data(&self, at: u32) -> &TensorData {
        &self.tensors[at as usize]
    }

    pub(crate) fn storage_data(&self, at: u32) -> &StorageData {
        &self.storages[at as usize]
    }

    pub(crate) fn as_storage(&self, id: NodeId) -> Option<u32> {
        match self.node(id) {
            Node::Storage(at) => Some(at),
            _ => None,
        }
    }

    /// The same vectors without anything in them.
    pub(super) fn emptied(mut self) -> Document<'static> {
        self.made.clear();
        self.nodes.clear();
        self.items.clear();
        self.lists.clear();
        self.dicts.clear();
        self.pairs.clear();
        self.dims.clear();
        self.complexes.clear();
        self.tensors.clear();
        self.storages.clear();
        self.types.clear();
        self.scalars.clear();
        self.arrays.clear();
        self.objects.clear();
        self.globals.clear();
        Document {
            source: &[],
            made: self.made,
            nodes: self.nodes,
            items: self.items,
            lists: self.lists,
            dicts: self.dicts,
            pairs: self.pairs,
            dims: self.dims,
            complexes: self.complexes,
            tensors: self.tensors,
            storages: self.storages,
            types: self.types,
            scalars: self.scalars,
            arrays: self.arrays,
            objects: self.objects,
            globals: self.globals,
            root: NodeId::default(),
        }
    }

    /// The same values without the stream, which becomes a part of the bytes that were made: spans stay what they are.
    /// There is room for texts, and for what was made once more.
    pub(super) fn detached(&self) -> Document<'static> {
        let mut made = Vec::with_capacity(self.source.len() + 2 * self.made.len() + TEXTS);
        made.extend_from_slice(self.source);
        made.extend_from_slice(&self.made);
        Document {
            source: &[],
            made,
            nodes: self.nodes.clone(),
            items: self.items.clone(),
            lists: self.lists.clone(),
            dicts: self.dicts.clone(),
            pairs: self.pairs.clone(),
            dims: self.dims.clone(),
            complexes: self.complexes.clone(),
            tensors: self.tensors.clone(),
            storages: self.storages.clone(),
            types: self.types.clone(),
            scalars: self.scalars.clone(),
            arrays: self.arrays.clone(),
            objects: self.objects.clone(),
            globals: self.globals.clone(),
            root: self.root,
        }
    }

    /// Bytes that the largest vectors take.
    pub(super) fn size(&self) -> usize {
        self.made.capacity()
            + self.nodes.capacity() * size_of::<Node>()
            + self.pairs.capacity() * size_of::<(NodeId, NodeId)>()
            + self.tensors.capacity() * size_of::<TensorData>()
            + self.storages.capacity() * size_of::<StorageData>()
    }

    /// Puts text behind the bytes that were made, of a document without a stream.
    pub(super) fn add_made(&mut self, text: &[u8]) -> Span {
        let start = narrow(self.made.len());
        self.made.extend_from_slice(text);
        Span { start, len: narrow(text.len()) }
    }

    pub(super) fn dict_entry(&self, id: NodeId, key: &str) -> Option<NodeId> {
        matches!(self.node(id), Node::Dict(_)).then(|| self.lookup(id, key)).flatten()
    }

    pub(crate) fn node(&self, id: NodeId) -> Node {
        self.nodes.get(id.index()).copied().unwrap_or(Node::Invalid)
    }

    pub(crate) fn bytes(&self, span: Span) -> &[u8] {
        let (start, len) = (span.start as usize, span.len as usize);
        match start.checked_sub(self.source.len()) {
            None => &self.source[start..start + len],
            Some(made) => &self.made[made..made + len],
        }
    }

    /// Spans of text are checked when made, so the default is never seen.
    pub(super) fn text(&self, span: Span) -> &str {
        std::str::from_utf8(self.bytes(span)).unwrap_or_default()
    }

    pub(crate) fn run(&self, run: Run) -> &[NodeId] {
        &self.items[run.start as usize..][..run.len as usize]
    }

    pub(super) fn sizes(&self, run: Run) -> &[i64] {
        &self.dims[run.start as usize..][..run.len as usize]
    }

    pub(crate) fn list(&self, at: u32) -> &[NodeId] {
        if at == EMPTY { &[] } else { &self.lists[at as usize] }
    }

    /// Which dictionary it is, without a look at its pairs.
    pub(super) fn dict_kind(&self, at: u32) -> DictKind {
        self.dicts.get(at as usize).map_or(DictKind::Plain, |dict| dict.kind)
    }

    pub(crate) fn dict(&self, at: u32) -> Dict<'_> {
        if at == EMPTY {
            return Dict { kind: DictKind::Plain, pairs: &[], attributes: None };
        }
        let dict = &self.dicts[at as usize];
        let pairs = &self.pairs[dict.start as usize..][..dict.len as usize];
        Dict { kind: dict.kind, pairs, attributes: dict.attributes }
    }

    pub(super) fn storage(&self, id: NodeId, at: u32) -> Storage<'_> {
        let StorageData { key, location, dtype, numel, untyped, view, .. } = self.storages[at as usize];
        Storage { id, key: self.text(key), location: self.text(location), dtype, numel, untyped, view }
    }

    pub(super) fn tensor(&self, at: u32) -> Tensor<'_> {
        let data = self.tensors[at as usize];
        let storage = data.storage.and_then(|id| match self.node(id) {
            Node::Storage(at) => Some(self.storage(id, at)),
            _ => None,
        });
        Tensor {
            kind: data.kind,
            dtype: data.dtype,
            shape: self.sizes(data.shape),
            stride: self.sizes(data.stride),
            offset: data.offset,
            storage,
            requires_grad: data.requires_grad,
            is_parameter: data.is_parameter,
            parts: self.run(data.parts),
            attributes: data.attributes,
        }
    }

    pub(super) fn numpy_type(&self, at: u32) -> NumpyType<'_> {
        let NumpyTypeData { code, big_endian, itemsize, structured } = self.types[at as usize];
        NumpyType { code: self.text(code), big_endian, itemsize, structured }
    }

    fn scalar(&self, at: u32) -> Scalar<'_> {
        let data = self.scalars[at as usize];
        Scalar { dtype: self.numpy_type(data.dtype), bytes: self.bytes(data.bytes) }
    }

    fn array(&self, at: u32) -> Array<'_> {
        let data = self.arrays[at as usize];
        Array {
            dtype: data.dtype.map(|at| self.numpy_type(at)),
            shape: self.sizes(data.shape),
            fortran: data.fortran,
            bytes: self.bytes(data.bytes),
            objects: self.run(data.objects),
        }
    }

    pub(crate) fn object(&self, at: u32) -> Object<'_> {
        let data = &self.objects[at as usize];
        Object {
            kind: data.kind,
            class: data.class,
            args: self.run(data.args),
            kwargs: data.kwargs,
            state: data.state,
            slots: data.slots,
            items: &data.items,
            pairs: &data.pairs,
            text: data.text.map(|span| self.text(span)),
        }
    }
}
