//! The values of a [`Document`](super::Document), as views that borrow from it.

use super::dtype::DType;

/// Which value of a [`Document`](super::Document). Equal ids are the same object, as in Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) u32);

impl NodeId {
    /// The position among all values of the document.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'d> {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An integer of 64 bits.
    Int(i64),
    /// A longer integer as a Python literal: decimal up to 128 bits, above that hexadecimal and cut off
    /// with `…`.
    BigInt(&'d str),
    /// A float.
    Float(f64),
    /// A complex number.
    Complex(f64, f64),
    /// A string; lone surrogates are written as `\udXXX`.
    Text(&'d str),
    /// Bytes.
    Bytes(&'d [u8]),
    /// A bytearray.
    ByteArray(&'d [u8]),
    /// A list.
    List(&'d [NodeId]),
    /// A tuple.
    Tuple(&'d [NodeId]),
    /// A `torch.Size`.
    Size(&'d [NodeId]),
    /// A set, in order of the stream.
    Set(&'d [NodeId]),
    /// A frozenset, in order of the stream.
    FrozenSet(&'d [NodeId]),
    /// A dictionary.
    Dict(Dict<'d>),
    /// A tensor.
    Tensor(Tensor<'d>),
    /// A storage on its own.
    Storage(Storage<'d>),
    /// A numpy scalar.
    Scalar(Scalar<'d>),
    /// A numpy array.
    Array(Array<'d>),
    /// A numpy dtype.
    NumpyType(NumpyType<'d>),
    /// An imported name that was not called: a class, a `torch.dtype`.
    Global {
        /// The module.
        module: &'d str,
        /// The name in it.
        name: &'d str,
    },
    /// An instance of a class; what its constructor was given and its attributes are readable.
    Object(Object<'d>),
    /// What the loader would have made of this persistent id.
    Persistent(NodeId),
    /// What a broken opcode left behind.
    Invalid,
}

/// Which dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DictKind {
    /// `dict`.
    #[default]
    Plain,
    /// `collections.OrderedDict`.
    Ordered,
    /// `collections.defaultdict`.
    Default,
    /// `collections.Counter`.
    Counter,
}

/// A dictionary in insertion order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dict<'d> {
    /// Which dictionary.
    pub kind: DictKind,
    /// Keys and values; each key once, with the last value stored under it.
    pub pairs: &'d [(NodeId, NodeId)],
    /// Attributes on the dictionary, such as the `_metadata` of a state dict.
    pub attributes: Option<NodeId>,
}

/// How a tensor is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TensorKind {
    /// One strided view of a storage.
    Dense,
    /// COO, CSR, CSC, BSR or BSC; `parts` are indices and values.
    Sparse,
    /// One strided view of a storage of integers; `parts` is the quantizer.
    Quantized,
    /// A buffer with sizes, strides and offsets as `parts`.
    Nested,
    /// No data at all.
    Meta,
    /// Carried as a numpy array, the first of `parts`.
    Numpy,
}

/// A tensor: where its elements are, never the elements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tensor<'d> {
    /// How it is laid out.
    pub kind: TensorKind,
    /// Type of an element.
    pub dtype: DType,
    /// Sizes; those of a nested tensor are in its parts.
    pub shape: &'d [i64],
    /// Strides in elements; empty unless dense, quantized or meta.
    pub stride: &'d [i64],
    /// First element in the storage, counted in elements.
    pub offset: i64,
    /// The storage; None for kinds that have none of their own.
    pub storage: Option<Storage<'d>>,
    /// Gradients flow into it.
    pub requires_grad: bool,
    /// It is a `torch.nn.Parameter`.
    pub is_parameter: bool,
    /// The values that a kind other than dense is made of.
    pub parts: &'d [NodeId],
    /// Attributes that were stored with it.
    pub attributes: Option<NodeId>,
}

impl Tensor<'_> {
    /// Number of elements, or None where the sizes are negative or overflow. For a nested tensor 0.
    #[must_use]
    pub fn numel(&self) -> Option<u64> {
        if self.kind == TensorKind::Nested {
            return Some(0);
        }
        self.shape.iter().try_fold(1u64, |total, &size| total.checked_mul(u64::try_from(size).ok()?))
    }
}

/// A storage, by the key of its record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Storage<'d> {
    /// The storage's own id in the document: tensors that share it have the same.
    pub id: NodeId,
    /// Key of the record that holds the bytes.
    pub key: &'d str,
    /// Device it was saved from.
    pub location: &'d str,
    /// Type of an element; None for a class that is not known. `UInt8` for an untyped storage.
    pub dtype: Option<DType>,
    /// Elements as declared; bytes for an untyped storage.
    pub numel: i64,
    /// The storage is declared in bytes.
    pub untyped: bool,
    /// The view of another storage that it is, in the files of old.
    pub view: Option<NodeId>,
}

/// A numpy dtype.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumpyType<'d> {
    /// Kind and size as numpy writes them: `f8`, `i4`, `U3`, `M8`.
    pub code: &'d str,
    /// Stored most significant byte first.
    pub big_endian: bool,
    /// Bytes of an element; 0 if unknown.
    pub itemsize: u32,
    /// Has fields, a shape of its own or a unit; the elements are not decoded.
    pub structured: bool,
}

/// A numpy scalar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scalar<'d> {
    /// Its type.
    pub dtype: NumpyType<'d>,
    /// Its bytes as stored.
    pub bytes: &'d [u8],
}

/// What a numpy scalar or an element of an array says.
#[derive(Debug, Clone, PartialEq)]
pub enum ScalarValue {
    /// A boolean.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    UInt(u64),
    /// A float of 16, 32 or 64 bits.
    Float(f64),
    /// A complex number.
    Complex(f64, f64),
    /// A string, without the zeros it was padded with.
    Text(String),
    /// Bytes, without the zeros they were padded with.
    Bytes(Vec<u8>),
}

/// A numpy array.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Array<'d> {
    /// Its type; None before it was filled.
    pub dtype: Option<NumpyType<'d>>,
    /// Its sizes.
    pub shape: &'d [i64],
    /// Elements are in column order.
    pub fortran: bool,
    /// Its bytes as stored; empty for objects.
    pub bytes: &'d [u8],
    /// Its elements if they are objects.
    pub objects: &'d [NodeId],
}

/// Which object; those with a `text` are readable at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// Of a class that is not known.
    Opaque,
    /// A path.
    Path,
    /// A date, a time or both.
    DateTime,
    /// A difference of times or a time zone.
    TimeDelta,
    /// A `torch.device`.
    Device,
    /// A `torch.layout`.
    Layout,
    /// A version of torch.
    Version,
    /// A decimal number or a fraction.
    Number,
    /// A UUID.
    Uuid,
    /// A range; the arguments are its bounds.
    Range,
    /// A slice; the arguments are its bounds.
    Slice,
    /// A deque; the items are its elements.
    Deque,
    /// A namespace; the state is its attributes.
    Namespace,
}

/// An instance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Object<'d> {
    /// Which object.
    pub kind: ObjectKind,
    /// What was called or instantiated: a [`Value::Global`], unless the stream called something it built.
    pub class: NodeId,
    /// Positional arguments.
    pub args: &'d [NodeId],
    /// Arguments by name.
    pub kwargs: Option<NodeId>,
    /// What was given to `__setstate__` or became `__dict__`.
    pub state: Option<NodeId>,
    /// Attributes in slots.
    pub slots: Option<NodeId>,
    /// Items that were appended.
    pub items: &'d [NodeId],
    /// Items that were set by key.
    pub pairs: &'d [(NodeId, NodeId)],
    /// The value in its usual notation, for kinds that have one.
    pub text: Option<&'d str>,
}
