//! Walking a document without recursion.

use super::document::Document;
use super::value::{NodeId, Value};

/// How a visited value hangs on its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is where the walk began.
    Root,
    /// It is the value under this key.
    Entry(NodeId),
    /// It is a key.
    Key,
    /// It is this element of a sequence, an argument list, or the parts of a tensor.
    Index(usize),
    /// It holds attributes, or arguments by name.
    Attributes,
}

/// One value on a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// The value.
    pub id: NodeId,
    /// What it was reached from; for the root, itself.
    pub parent: NodeId,
    /// How.
    pub step: Step,
    /// Levels below the root.
    pub depth: usize,
    /// It was visited before, or is an ancestor: it is not entered again.
    pub again: bool,
}

/// An iterator over the values below one, parents before children, in order of the stream.
///
/// A value that is reached twice is given twice but entered once, so that the walk is linear in the size of the
/// document whatever is shared in it.
#[derive(Debug)]
pub struct Walk<'d, 'a> {
    document: &'d Document<'a>,
    todo: Vec<Visit>,
    seen: Vec<u64>,
    depth: usize,
}

impl<'d, 'a> Walk<'d, 'a> {
    pub(super) fn new(document: &'d Document<'a>, from: NodeId, depth: usize) -> Self {
        let first = Visit { id: from, parent: from, step: Step::Root, depth: 0, again: false };
        Self { document, todo: vec![first], seen: vec![0; document.len().div_ceil(64)], depth }
    }

    fn mark(&mut self, id: NodeId) -> bool {
        let Some(word) = self.seen.get_mut(id.index() / 64) else { return true };
        let bit = 1 << (id.index() % 64);
        let seen = *word & bit != 0;
        *word |= bit;
        seen
    }

    /// Puts the children on the list, last first, so that the first is taken first.
    fn enter(&mut self, visit: Visit) {
        let (start, parent, depth) = (self.todo.len(), visit.id, visit.depth + 1);
        let mut add = |id, step| self.todo.push(Visit { id, parent, step, depth, again: false });
        let document = self.document;
        match document.value(parent) {
            Value::List(ids)
            | Value::Tuple(ids)
            | Value::Size(ids)
            | Value::Set(ids)
            | Value::FrozenSet(ids) => {
                ids.iter().enumerate().for_each(|(at, &id)| add(id, Step::Index(at)));
            }
            Value::Dict(dict) => {
                for &(key, value) in dict.pairs {
                    add(key, Step::Key);
                    add(value, Step::Entry(key));
                }
                dict.attributes.into_iter().for_each(|id| add(id, Step::Attributes));
            }
            Value::Tensor(tensor) => {
                tensor.parts.iter().enumerate().for_each(|(at, &id)| add(id, Step::Index(at)));
                tensor.attributes.into_iter().for_each(|id| add(id, Step::Attributes));
            }
            Value::Array(array) => {
                array.objects.iter().enumerate().for_each(|(at, &id)| add(id, Step::Index(at)));
            }
            Value::Object(object) => {
                let all = object.args.iter().chain(object.items);
                all.enumerate().for_each(|(at, &id)| add(id, Step::Index(at)));
                for &(key, value) in object.pairs {
                    add(key, Step::Key);
                    add(value, Step::Entry(key));
                }
                let attributes = [object.kwargs, object.state, object.slots];
                attributes.into_iter().flatten().for_each(|id| add(id, Step::Attributes));
            }
            Value::Persistent(id) => add(id, Step::Index(0)),
            _ => {}
        }
        self.todo[start..].reverse();
    }
}

impl Iterator for Walk<'_, '_> {
    type Item = Visit;

    fn next(&mut self) -> Option<Visit> {
        let mut visit = self.todo.pop()?;
        visit.again = self.mark(visit.id);
        if !visit.again && visit.depth < self.depth {
            self.enter(visit);
        }
        Some(visit)
    }
}
