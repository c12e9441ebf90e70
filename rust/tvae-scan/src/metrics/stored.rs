//! What a checkpoint keeps in a dictionary of metrics, whatever stands in for the dictionary.

use super::family::Tells;
use super::names::{self, Usual};
use crate::convert::{Converter, label, type_name};
use crate::pickle::{Document, Node as Kind, NodeId, ScalarValue, Value as Node};
use crate::value::{Value, Word};

/// Metrics of one file that are looked at.
const MOST: usize = 1000;
/// Values of a history that are looked at.
const MOST_HISTORY: usize = 10_000;
/// Numbers of a table or of an array that are kept.
const MOST_NUMBERS: usize = 64;
/// Levels of groups inside a dictionary of metrics.
const MOST_DEPTH: usize = 4;

/// A value, with the type that it was stored as.
pub(super) type Measured = (Value, &'static str);

/// Whose a group of metrics is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Owner {
    /// Of the model.
    #[default]
    Model,
    /// Of one branch.
    Branch(char),
    /// Of the training.
    Training,
}

/// The key of a stored value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Key {
    Usual(&'static Usual),
    Other(Word),
}

impl Key {
    pub(super) fn into_word(self) -> Word {
        match self {
            Self::Usual(usual) => Word::Borrowed(usual.key),
            Self::Other(key) => key,
        }
    }

    fn is_radius(&self) -> bool {
        match self {
            Self::Usual(usual) => usual.is_radius,
            Self::Other(key) => names::is_radius(key),
        }
    }
}

/// One stored value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stored {
    pub key: Key,
    pub source: Word,
    pub owner: Owner,
    pub value: Value,
    pub dtype: &'static str,
}

/// Gathers the metrics of a document.
pub(super) struct Gather<'d, 'a> {
    document: &'d Document<'a>,
    pub found: Vec<Stored>,
    /// What the keys of those found tell.
    pub tells: Tells,
    /// A radius of 1 or more is among them, which no Euclidean norm in the ball of curvature 1 can be.
    pub large: bool,
    /// An instance of `ComprehensiveMetrics` was among them.
    pub comprehensive: bool,
    left: usize,
}

impl<'d, 'a> Gather<'d, 'a> {
    pub(super) fn new(document: &'d Document<'a>) -> Self {
        Self {
            document,
            found: Vec::new(),
            tells: Tells::default(),
            large: false,
            comprehensive: false,
            left: MOST,
        }
    }

    /// Adds what was found under a key.
    pub(super) fn add(&mut self, key: Key, source: Word, owner: Owner, measured: Measured) {
        let (value, dtype) = measured;
        self.tells.add(match &key {
            Key::Usual(usual) => usual.tells,
            Key::Other(key) => Tells::of(key),
        });
        self.large |= key.is_radius() && value.number().is_some_and(|value| value >= 1.0);
        self.found.push(Stored { key, source, owner, value, dtype });
    }

    /// The metrics of a dictionary, of an object's attributes, or of the last of a list of those.
    pub(super) fn group(&mut self, item: NodeId, source: &Word, owner: Owner, depth: usize) {
        if depth == MOST_DEPTH {
            return;
        }
        match self.document.value(item) {
            Node::Dict(dict) => self.pairs(dict.pairs, source, owner, depth),
            Node::Object(object) if object.text.is_none() => {
                if let Node::Global { name, .. } = self.document.value(object.class) {
                    self.comprehensive |= name.rsplit('.').next() == Some("ComprehensiveMetrics");
                }
                for state in [object.slots, object.state].into_iter().flatten() {
                    if let Node::Dict(dict) = self.document.value(state) {
                        self.pairs(dict.pairs, source, owner, depth);
                    }
                }
                self.pairs(object.pairs, source, owner, depth);
            }
            Node::List(items) | Node::Tuple(items) => {
                let Some(&last) = items.last() else { return };
                if matches!(self.document.node(last), Kind::Dict(_) | Kind::Object(_)) {
                    self.group(last, &Word::Owned(format!("{source}[-1]")), owner, depth + 1);
                }
            }
            _ => {}
        }
    }

    fn pairs(&mut self, pairs: &[(NodeId, NodeId)], source: &Word, owner: Owner, depth: usize) {
        self.found.reserve(pairs.len().min(self.left));
        for &(key, item) in pairs {
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            let usual = self.document.text_bytes(key).and_then(names::find);
            if let Some(usual) = usual {
                self.usual(usual, item, source, owner, depth);
            } else {
                self.unusual(key, item, source, owner, depth);
            }
        }
    }

    /// A pair with one of the usual keys, which are those of no history, branch or training.
    fn usual(&mut self, usual: &'static Usual, item: NodeId, source: &Word, owner: Owner, depth: usize) {
        if let Some(measured) = self.measured(item, || usual.is_table) {
            self.add(Key::Usual(usual), source.clone(), owner, measured);
        } else if self.is_group(item) {
            self.group(item, &Word::Owned(format!("{source}.{}", usual.key)), owner, depth + 1);
        }
    }

    fn unusual(&mut self, key: NodeId, item: NodeId, source: &Word, owner: Owner, depth: usize) {
        let key = label(self.document, key);
        let last = names::is_history(&key).and_then(|_| self.last(item));
        if let Some(last) = last {
            let source = Word::Owned(format!("{source}.{key}[-1]"));
            self.add(Key::Other(key), source, owner, last);
        } else if let Some(measured) = self.measured(item, || names::is_table(&key)) {
            self.add(Key::Other(key), source.clone(), owner, measured);
        } else if self.is_group(item) {
            let inner = match names::branch(&key) {
                Some(branch) => Owner::Branch(branch),
                None if names::is_training(&key) => Owner::Training,
                None => owner,
            };
            self.group(item, &Word::Owned(format!("{source}.{key}")), inner, depth + 1);
        }
    }

    fn is_group(&self, item: NodeId) -> bool {
        matches!(self.document.node(item), Kind::Dict(_) | Kind::Object(_))
    }

    /// A value that can be a metric, with its type: a number, text that is one, a table of numbers, null; a value in
    /// a tensor is null, as tensors are not read.
    pub(super) fn measured(&self, item: NodeId, is_table: impl FnOnce() -> bool) -> Option<Measured> {
        // Most are numbers, of Python or of numpy.
        match self.document.node(item) {
            Kind::Float(value) => return Some((Value::Float(value), "float")),
            Kind::Int(value) => return Some((Value::Int(value), "int")),
            Kind::Scalar(at) => {
                if let Some((value, dtype)) = self.document.usual_scalar(at) {
                    return Some((number(&value)?, dtype));
                }
            }
            _ => {}
        }
        let node = self.document.value(item);
        let value = match node {
            Node::None => Value::Null,
            Node::Text(text) => Value::Float(text.trim().parse().ok()?),
            Node::Tensor(tensor) if tensor.numel().is_some_and(|count| count <= MOST_NUMBERS as u64) => {
                Value::Null
            }
            Node::Scalar(scalar) => number(&scalar.value()?)?,
            Node::Array(array) => {
                let count = array.shape.iter().try_fold(1_usize, |product, &extent| {
                    product.checked_mul(usize::try_from(extent).ok()?)
                })?;
                if count > MOST_NUMBERS {
                    return None;
                }
                let numbers: Option<Vec<Value>> = (0..count).map(|at| number(&array.element(at)?)).collect();
                match (numbers?, array.shape.is_empty()) {
                    (numbers, true) => numbers.into_iter().next()?,
                    (numbers, false) => Value::List(numbers),
                }
            }
            Node::Dict(dict) if !dict.pairs.is_empty() && dict.pairs.len() <= MOST_NUMBERS => {
                let levels =
                    || dict.pairs.iter().all(|(key, _)| names::is_level(&label(self.document, *key)));
                return (is_table() || levels())
                    .then(|| self.table(item))
                    .flatten()
                    .map(|value| (value, "dict"));
            }
            Node::List(items) | Node::Tuple(items) if items.len() <= MOST_NUMBERS => self.table(item)?,
            _ => return None,
        };
        Some((value, type_name(&node)))
    }

    /// A list or a dictionary of nothing but numbers.
    fn table(&self, item: NodeId) -> Option<Value> {
        let is_number = |value: &Value| value.number().is_some();
        let value = Converter::new(self.document, 2 * MOST_NUMBERS + 2).convert(item);
        match &value {
            Value::List(items) if !items.is_empty() && items.iter().all(is_number) => Some(value),
            Value::Map(items) if items.iter().all(|(_, item)| is_number(item)) => Some(value),
            _ => None,
        }
    }

    /// The last value of a history.
    pub(super) fn last(&self, item: NodeId) -> Option<Measured> {
        match self.document.value(item) {
            Node::List(items) | Node::Tuple(items) => self.measured(*items.last()?, || false),
            Node::Object(object) => self.measured(*object.items.last()?, || false),
            Node::Array(array) => {
                let &[count] = array.shape else { return None };
                let at = usize::try_from(count).ok()?.checked_sub(1)?;
                Some((number(&array.element(at)?)?, "numpy.ndarray"))
            }
            _ => None,
        }
    }

    /// The largest number of a history, or of the end of a very long one; some number above `enough`, if there is one.
    pub(super) fn largest(&self, item: NodeId, enough: f64) -> f64 {
        let items = match self.document.node(item) {
            Kind::List(at) => self.document.list(at),
            Kind::Tuple(run) => self.document.run(run),
            _ => return self.last(item).and_then(|(value, _)| value.number()).unwrap_or(0.0),
        };
        let mut largest: f64 = 0.0;
        for &item in items.iter().rev().take(MOST_HISTORY) {
            let number = match self.document.node(item) {
                Kind::Float(value) => value,
                _ => self.measured(item, || false).and_then(|(value, _)| value.number()).unwrap_or(0.0),
            };
            largest = largest.max(number);
            if largest > enough {
                break;
            }
        }
        largest
    }
}

fn number(value: &ScalarValue) -> Option<Value> {
    match value {
        ScalarValue::Int(value) => Some(Value::Int(*value)),
        ScalarValue::UInt(value) => Some(i64::try_from(*value).map_or(Value::Null, Value::Int)),
        ScalarValue::Float(value) => Some(Value::Float(*value)),
        ScalarValue::Text(text) => text.trim().parse().ok().map(Value::Float),
        _ => None,
    }
}
