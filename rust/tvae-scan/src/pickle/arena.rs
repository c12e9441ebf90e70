//! How values are stored: 16 bytes each, the rest beside them in one vector per kind.

use super::dtype::DType;
use super::value::{DictKind, NodeId, ObjectKind, TensorKind};

/// A stretch of bytes: of the stream, or past its end of the bytes that the machine made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub start: u32,
    pub len: u32,
}

/// A stretch of the items of all tuples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Run {
    pub start: u32,
    pub len: u32,
}

/// Stands for a container that has nothing in it and no room of its own.
pub(super) const EMPTY: u32 = u32::MAX;

/// A value as stored; numbers without a name are positions in the vectors of the document.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Node {
    None,
    Bool(bool),
    Int(i64),
    BigInt(Span),
    Float(f64),
    Complex(u32),
    Text(Span),
    Bytes(Span),
    ByteArray(Span),
    List(u32),
    Tuple(Run),
    Size(Run),
    Set(u32),
    FrozenSet(Run),
    Dict(u32),
    Tensor(u32),
    Storage(u32),
    Scalar(u32),
    Array(u32),
    NumpyType(u32),
    Global(u32),
    Object(u32),
    Persistent(NodeId),
    Invalid,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct DictData {
    pub kind: DictKind,
    /// Where its pairs are among those of all dictionaries.
    pub start: u32,
    pub len: u32,
    /// Pairs that there is room for.
    pub room: u32,
    pub attributes: Option<NodeId>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct TensorData {
    pub kind: TensorKind,
    pub dtype: DType,
    pub requires_grad: bool,
    pub is_parameter: bool,
    pub shape: Run,
    pub stride: Run,
    pub offset: i64,
    pub storage: Option<NodeId>,
    pub parts: Run,
    pub attributes: Option<NodeId>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct StorageData {
    pub key: Span,
    /// The key as a number, or `u32::MAX`.
    pub number: u32,
    pub location: Span,
    pub dtype: Option<DType>,
    pub numel: i64,
    pub untyped: bool,
    pub view: Option<NodeId>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct NumpyTypeData {
    pub code: Span,
    pub big_endian: bool,
    pub itemsize: u32,
    pub structured: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct ScalarData {
    pub dtype: u32,
    pub bytes: Span,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ArrayData {
    pub dtype: Option<u32>,
    pub shape: Run,
    pub fortran: bool,
    pub bytes: Span,
    pub objects: Run,
}

#[derive(Debug, Clone)]
pub(super) struct ObjectData {
    pub kind: ObjectKind,
    pub class: NodeId,
    pub args: Run,
    pub kwargs: Option<NodeId>,
    pub state: Option<NodeId>,
    pub slots: Option<NodeId>,
    pub items: Vec<NodeId>,
    pub pairs: Vec<(NodeId, NodeId)>,
    pub text: Option<Span>,
}

impl ObjectData {
    pub fn new(kind: ObjectKind, class: NodeId, args: Run) -> Self {
        let (items, pairs) = (Vec::new(), Vec::new());
        Self { kind, class, args, kwargs: None, state: None, slots: None, items, pairs, text: None }
    }
}

/// An imported name. Its class lives with the imports, where calls may raise it.
#[derive(Debug, Clone, Copy)]
pub(super) struct GlobalData {
    pub module: Span,
    pub name: Span,
    pub import: u32,
    pub known: super::known::Known,
}
