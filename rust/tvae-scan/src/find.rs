//! A value by its key path. Keys may hold dots themselves, so every way to cut the path is tried.

use crate::convert::{Converter, label};
use crate::pickle::{Document, NodeId, Value as Node};
use crate::value::Value;

/// Values that are taken out.
const ROOM: usize = 200_000;
/// Keys that are compared.
const MOST_TRIES: usize = 1_000_000;

/// The value of a document under `path`; all of it if that is empty.
pub(crate) fn find(document: &Document<'_>, path: &str) -> Option<Value> {
    if path.is_empty() {
        return Some(Converter::new(document, ROOM).convert(document.root()));
    }
    let mut tries = 0;
    descend(document, document.root(), path, &mut tries).map(|id| Converter::new(document, ROOM).convert(id))
}

fn descend(document: &Document<'_>, id: NodeId, path: &str, tries: &mut usize) -> Option<NodeId> {
    let pairs = match document.value(id) {
        Node::Dict(dict) => dict.pairs,
        Node::Object(object) => match object.state {
            // Its attributes are a dictionary; an object as its own state would not end.
            Some(state) => match document.value(state) {
                Node::Dict(dict) => dict.pairs,
                _ => return None,
            },
            None => object.pairs,
        },
        Node::List(items) | Node::Tuple(items) => {
            let (number, rest) =
                path.split_once('.').map_or((path, None), |(number, rest)| (number, Some(rest)));
            let item = *items.get(number.parse::<usize>().ok()?)?;
            return rest.map_or(Some(item), |rest| descend(document, item, rest, tries));
        }
        _ => return None,
    };
    for &(key, item) in pairs.iter().rev() {
        *tries += 1;
        if *tries > MOST_TRIES {
            return None;
        }
        match below(path, &label(document, key)) {
            Some("") => return Some(item),
            Some(rest) => {
                if let Some(found) = descend(document, item, rest, tries) {
                    return Some(found);
                }
            }
            None => {}
        }
    }
    None
}

/// The value of a tree under `path`; all of it if that is empty.
pub(crate) fn within<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    match value {
        _ if path.is_empty() => Some(value),
        Value::Map(items) => items.iter().rev().find_map(|(key, item)| match below(path, key)? {
            "" => Some(item),
            rest => within(item, rest),
        }),
        Value::List(items) => {
            let (number, rest) =
                path.split_once('.').map_or((path, None), |(number, rest)| (number, Some(rest)));
            let item = items.get(number.parse::<usize>().ok()?)?;
            rest.map_or(Some(item), |rest| within(item, rest))
        }
        _ => None,
    }
}

/// What is left of `path` behind `key` and a dot; empty if they are the same.
fn below<'p>(path: &'p str, key: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(key)?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('.').filter(|rest| !rest.is_empty()) }
}
