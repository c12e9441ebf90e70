//! Values of a pickle, detached from it: trees of limited depth and size, cycles cut.

use crate::pickle::{Document, Node as Kind, NodeId, Object, Scalar, ScalarValue, Tensor, Value as Node};
use crate::value::{Value, Word};
use crate::words;

/// Levels of containers that are kept.
const MOST_DEPTH: usize = 48;
/// Characters of a text that are kept.
const MOST_TEXT: usize = 4096;

/// Items of a list or of a map that room is made for before they come.
const USUAL: usize = 64;
/// Bytes of text that count as one value.
const BYTES_A_VALUE: usize = 256;

/// Takes values out of a document until `room` is used up.
pub(crate) struct Converter<'d, 'a> {
    document: &'d Document<'a>,
    /// The containers that hold the value at hand, as many as `depth` says.
    above: [NodeId; MOST_DEPTH],
    depth: usize,
    room: usize,
}

impl<'d, 'a> Converter<'d, 'a> {
    /// A converter for at most `room` values.
    pub(crate) fn new(document: &'d Document<'a>, room: usize) -> Self {
        Self { document, above: [NodeId::default(); MOST_DEPTH], depth: 0, room }
    }

    /// The value of a node, and of what it holds.
    pub(crate) fn convert(&mut self, id: NodeId) -> Value {
        if self.room == 0 || self.depth == MOST_DEPTH {
            return Value::Text("<cut off>".into());
        }
        self.spend(1);
        let document = self.document;
        match document.node(id) {
            Kind::None => return Value::Null,
            Kind::Bool(value) => return Value::Bool(value),
            Kind::Int(value) => return Value::Int(value),
            Kind::Float(value) => return Value::Float(value),
            _ => {}
        }
        if let Some(text) = document.as_text(id) {
            self.spend(text.len().min(MOST_TEXT) / BYTES_A_VALUE);
            return Value::Text(cut(text));
        }
        if self.above[..self.depth].contains(&id) {
            return Value::Text("<cycle>".into());
        }
        self.above[self.depth] = id;
        self.depth += 1;
        let value = self.inner(self.document.value(id));
        self.depth -= 1;
        value
    }

    fn inner(&mut self, node: Node<'_>) -> Value {
        match node {
            // Those that hold no others were converted before.
            Node::None | Node::Bool(_) | Node::Int(_) | Node::Float(_) | Node::Text(_) => Value::Null,
            Node::BigInt(text) => Value::Text(text.into()),
            Node::Complex(re, im) => Value::Text(format!("({re}{im:+}j)")),
            Node::Bytes(bytes) | Node::ByteArray(bytes) => Value::Text(format!("<{} bytes>", bytes.len())),
            Node::List(items)
            | Node::Tuple(items)
            | Node::Size(items)
            | Node::Set(items)
            | Node::FrozenSet(items) => self.list(items),
            Node::Dict(dict) => self.map(dict.pairs),
            Node::Tensor(tensor) => Value::Text(describe(&tensor)),
            Node::Storage(storage) => Value::Text(format!("<storage {}>", storage.key)),
            Node::Scalar(scalar) => number(&scalar),
            Node::Array(array) => Value::Text(format!("<array {:?}>", array.shape)),
            Node::NumpyType(dtype) => Value::Text(format!("numpy.dtype({:?})", dtype.code)),
            Node::Global { module, name } => Value::Text(cut(&format!("{module}.{name}"))),
            Node::Object(object) => self.object(&object),
            Node::Persistent(_) => Value::Text("<persistent id>".into()),
            Node::Invalid => Value::Text("<damaged>".into()),
        }
    }

    fn list(&mut self, items: &[NodeId]) -> Value {
        let mut list = Vec::with_capacity(items.len().min(self.room).min(USUAL));
        for item in items {
            if self.room == 0 {
                break;
            }
            list.push(self.convert(*item));
        }
        Value::List(list)
    }

    fn map(&mut self, pairs: &[(NodeId, NodeId)]) -> Value {
        let mut map = Vec::with_capacity(pairs.len().min(self.room).min(USUAL));
        for (key, item) in pairs {
            if self.room == 0 {
                break;
            }
            let key = label(self.document, *key);
            self.spend(key.len() / BYTES_A_VALUE);
            map.push((key, self.convert(*item)));
        }
        Value::Map(map)
    }

    /// Counts what is kept; a long text counts as several values.
    fn spend(&mut self, values: usize) {
        self.room = self.room.saturating_sub(values);
    }

    /// The usual notation of an object, else its attributes, items or arguments.
    fn object(&mut self, object: &Object<'_>) -> Value {
        if let Some(text) = object.text {
            return Value::Text(cut(text));
        }
        if let Some(state) = object.state.or(object.slots) {
            return self.convert(state);
        }
        if !object.pairs.is_empty() {
            return self.map(object.pairs);
        }
        if let ([value], []) = (object.args, object.items) {
            // An enumeration: its class applied to the value.
            return self.convert(*value);
        }
        if object.items.is_empty() { self.list(object.args) } else { self.list(object.items) }
    }
}

/// The entries of a dictionary, or the attributes of an object.
pub(crate) fn attributes<'d>(document: &'d Document<'_>, id: NodeId) -> &'d [(NodeId, NodeId)] {
    match document.value(id) {
        Node::Dict(dict) => dict.pairs,
        Node::Object(object) => match object.state.or(object.slots).map(|state| document.value(state)) {
            Some(Node::Dict(dict)) => dict.pairs,
            _ => &[],
        },
        _ => &[],
    }
}

/// A key of a dictionary as text.
pub(crate) fn label(document: &Document<'_>, key: NodeId) -> Word {
    if let Some(word) = document.text_bytes(key).and_then(words::known) {
        return Word::Borrowed(word);
    }
    Word::Owned(match document.value(key) {
        Node::Text(text) => cut(text),
        Node::Int(value) => value.to_string(),
        Node::None => "None".into(),
        Node::Bool(value) => if value { "True" } else { "False" }.into(),
        Node::Float(value) => value.to_string(),
        Node::BigInt(text) => text.into(),
        Node::Global { module, name } => cut(&format!("{module}.{name}")),
        Node::Scalar(scalar) => match number(&scalar) {
            Value::Int(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::Text(text) => text,
            _ => "<scalar>".into(),
        },
        Node::Tuple(items) if items.len() <= 8 => {
            let parts: Vec<String> = items
                .iter()
                .map(|item| match document.value(*item) {
                    Node::Text(text) => cut(text),
                    Node::Int(value) => value.to_string(),
                    _ => "…".into(),
                })
                .collect();
            format!("({})", parts.join(", "))
        }
        _ => "<key>".into(),
    })
}

/// The type of a value in the words of Python.
pub(crate) fn type_name(node: &Node<'_>) -> &'static str {
    match node {
        Node::Bool(_) => "bool",
        Node::Int(_) | Node::BigInt(_) => "int",
        Node::Float(_) => "float",
        Node::Text(_) => "str",
        Node::List(_) => "list",
        Node::Dict(_) => "dict",
        Node::Tensor(_) => "tensor",
        Node::Array(_) => "numpy.ndarray",
        Node::Scalar(scalar) => match scalar.dtype.code {
            "f8" => "numpy.float64",
            "f4" => "numpy.float32",
            "f2" => "numpy.float16",
            "i8" => "numpy.int64",
            "i4" => "numpy.int32",
            "i2" => "numpy.int16",
            "u1" => "numpy.uint8",
            "b1" => "numpy.bool",
            _ => "numpy",
        },
        _ => "other",
    }
}

fn number(scalar: &Scalar<'_>) -> Value {
    match scalar.value() {
        Some(ScalarValue::Bool(value)) => Value::Bool(value),
        Some(ScalarValue::Int(value)) => Value::Int(value),
        Some(ScalarValue::UInt(value)) => {
            i64::try_from(value).map_or_else(|_| Value::Text(value.to_string()), Value::Int)
        }
        Some(ScalarValue::Float(value)) => Value::Float(value),
        Some(ScalarValue::Complex(re, im)) => Value::Text(format!("({re}{im:+}j)")),
        Some(ScalarValue::Text(text)) => Value::Text(cut(&text)),
        Some(ScalarValue::Bytes(bytes)) => Value::Text(format!("<{} bytes>", bytes.len())),
        None => Value::Text(format!("<numpy scalar {}>", scalar.dtype.code)),
    }
}

fn describe(tensor: &Tensor<'_>) -> String {
    format!("<tensor {} {:?}>", tensor.dtype.name(), tensor.shape)
}

fn cut(text: &str) -> String {
    if text.len() <= MOST_TEXT {
        return text.into();
    }
    match text.char_indices().nth(MOST_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}
