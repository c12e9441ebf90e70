//! A machine for pickle streams of protocols 0 to 5 that builds values and runs nothing.
//!
//! A pickle is a program: it names callables by `module` and `name`, and calls them. This machine follows
//! the same stack, marks and memo as the C unpickler of Python, but a global stays a name and a call stays
//! a record, unless it is one of the few known constructors with arguments in their known form. Those become
//! the value they would have built: a tensor that points into a storage, a numpy scalar, a path.
//!
//! The verdict is by allow-list. What is not on it is [`Safety::UnknownCode`]; the list of dangerous names only
//! raises that. A stream that could not be followed to its end is [`Safety::Unparsed`], never clean.
//!
//! Nothing here recurses: values live in arenas and refer to each other by [`NodeId`], so neither nesting nor
//! cycles can exhaust the thread's stack, in building, walking or dropping.

mod arena;
mod calls;
mod danger;
mod document;
mod dtype;
mod form;
mod hurry;
mod imports;
mod keys;
mod known;
mod line;
mod literals;
mod machine;
mod memo;
mod names;
mod numpy;
mod ops;
mod pairs;
mod pattern;
mod reader;
mod scalars;
mod slots;
mod stdlib;
mod tensor;
mod text;
mod traces;
mod value;
mod walk;

use serde::{Deserialize, Serialize};

use crate::words::{self, Word};

pub(crate) use arena::{Node, Run, StorageData, TensorData};
pub use document::Document;
pub use dtype::DType;
pub(crate) use form::number;
pub(crate) use keys::mark;
pub(crate) use machine::Room;
pub(crate) use pattern::{Found, Pattern, entries};
pub use value::{
    Array, Dict, DictKind, NodeId, NumpyType, Object, ObjectKind, Scalar, ScalarValue, Storage, Tensor,
    TensorKind, Value,
};
pub use walk::{Step, Visit, Walk};

/// What one stream may cost. Reaching a limit stops the machine and is reported; it is never an error to
/// the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of the stream that are looked at; at most 2 GiB count.
    pub bytes: usize,
    /// Opcodes executed.
    pub opcodes: u64,
    /// Marks that may be open at once, and levels of pickles inside pickles.
    pub depth: usize,
    /// Memory, in values of 16 bytes: containers and names are charged what they take.
    pub nodes: usize,
    /// Bytes of a name or a message that are kept.
    pub text: usize,
    /// Take the forms that torch writes in one go. The outcome is the same without.
    pub hurry: bool,
}

impl Default for Budget {
    /// Room for a checkpoint of fifty thousand tensors in less than 64 MB.
    fn default() -> Self {
        Self { bytes: 16 << 20, opcodes: 4_000_000, depth: 100_000, nodes: 5 << 18, text: 512, hurry: true }
    }
}

/// What loading a stream would do, by rising severity; the worst of several counts.
///
/// `Dangerous` outranks `Unparsed`: a payload that was seen does not become less so by garbage after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum Safety {
    /// No import at all.
    #[default]
    DataOnly,
    /// Only known constructors in their known forms.
    KnownTypes,
    /// Needs code that is not on the allow-list, or uses a known name in an unknown way.
    UnknownCode,
    /// Could not be followed to its end.
    Unparsed,
    /// Names something that runs commands, loads code or reaches it.
    Dangerous,
}

impl Safety {
    /// The name in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DataOnly => "data_only",
            Self::KnownTypes => "known_types",
            Self::UnknownCode => "unknown_code",
            Self::Unparsed => "unparsed",
            Self::Dangerous => "dangerous",
        }
    }
}

/// A name that the stream imports, once per name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// The module, after the renaming that Python applies to protocols below 3.
    #[serde(deserialize_with = "words::read")]
    pub module: Word,
    /// The name in the module.
    #[serde(deserialize_with = "words::read")]
    pub name: Word,
    /// What importing it and the calls seen amount to; never [`Safety::DataOnly`].
    pub class: Safety,
    /// Where the opcode of the first import stands in the stream.
    pub offset: u64,
}

/// Something about a stream that a reader should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PickleIssue {
    /// Which kind; see the constants of [`code`].
    pub code: &'static str,
    /// Where the opcode stands in the stream.
    pub offset: u64,
    /// One sentence, with control characters escaped.
    pub message: String,
}

/// The codes of [`PickleIssue`]. `P` is about the stream, `S` about what it would run.
pub mod code {
    /// The stream ends before STOP.
    pub const TRUNCATED: &str = "P001";
    /// A byte that is no opcode, or an argument that does not parse.
    pub const BAD_OPCODE: &str = "P002";
    /// Too little on the stack, a mark missing, or values left over.
    pub const STACK: &str = "P003";
    /// An opcode met a value of the wrong type.
    pub const TYPE: &str = "P004";
    /// A memo entry that was never stored.
    pub const MEMO: &str = "P005";
    /// Text that is not UTF-8.
    pub const TEXT: &str = "P006";
    /// A call whose arguments Python would refuse.
    pub const VALUE: &str = "P007";
    /// A protocol above 5.
    pub const PROTOCOL: &str = "P008";
    /// A buffer outside the stream.
    pub const BUFFER: &str = "P009";
    /// A budget is used up.
    pub const BUDGET: &str = "P010";
    /// A frame that other unpicklers read differently.
    pub const FRAME: &str = "P011";
    /// A key stored twice; the last value counts.
    pub const DUPLICATE_KEY: &str = "P012";
    /// A persistent id that is no storage.
    pub const PERSISTENT: &str = "P013";
    /// A dangerous name.
    pub const DANGEROUS: &str = "S001";
    /// A name that is not on the allow-list.
    pub const UNKNOWN: &str = "S002";
    /// A known name used in a form that is not.
    pub const FORM: &str = "S003";
    /// A call of something that is not an imported name.
    pub const CALLEE: &str = "S004";
    /// An entry of the extension registry of the process.
    pub const EXTENSION: &str = "S005";
    /// A pickle inside this one that could not be looked into.
    pub const NESTED: &str = "S020";
    /// Attributes on an ordered dictionary other than torch's own.
    pub const ATTRIBUTES: &str = "S030";
}

/// What [`load`] found.
#[derive(Debug, Default)]
pub struct Unpickled<'a> {
    /// The values; of a broken stream, those built before the break. None if there were none.
    pub document: Option<Document<'a>>,
    /// Every imported name, also of pickles inside this one.
    pub imports: Vec<Import>,
    /// The verdict.
    pub safety: Safety,
    /// What is odd, in order of the stream.
    pub issues: Vec<PickleIssue>,
    /// Bytes consumed, the STOP included.
    pub end: usize,
    /// Opcodes executed.
    pub opcodes: u64,
    /// The stream reached its STOP and Python would have followed it there.
    pub complete: bool,
}

/// Follows one stream from the first byte to its STOP and builds its values.
///
/// Bytes after the STOP are not looked at. A broken stream gives what could be built, with `complete` unset.
#[must_use]
pub fn load<'a>(bytes: &'a [u8], budget: &Budget) -> Unpickled<'a> {
    load_in(bytes, budget, &mut Room::default())
}

/// [`load`] with room that is used again.
pub(crate) fn load_in<'a>(bytes: &'a [u8], budget: &Budget, room: &mut Room) -> Unpickled<'a> {
    machine::run(bytes, budget, 0, room)
}

/// [`load`] without the values, for streams of which only the verdict matters.
///
/// It is the same machine: where a name comes from can only be told by the same stack and memo.
#[must_use]
pub fn scan(bytes: &[u8], budget: &Budget) -> Unpickled<'static> {
    let found = load(bytes, budget);
    Unpickled {
        document: None,
        imports: found.imports,
        safety: found.safety,
        issues: found.issues,
        end: found.end,
        opcodes: found.opcodes,
        complete: found.complete,
    }
}
