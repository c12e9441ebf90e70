//! A value of a checkpoint, detached from the file: a tree of limited depth and size.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::words;
pub use crate::words::Word;

/// A decoded value. Maps keep the order of the file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum Value {
    /// `None`.
    #[default]
    Null,
    /// `True` or `False`.
    Bool(bool),
    /// An integer that fits.
    Int(i64),
    /// A number.
    Float(f64),
    /// Text; also what stands for values that have no other form, such as `<tensor float32 (2, 3)>`.
    Text(String),
    /// A list, tuple or set.
    List(Vec<Value>),
    /// A dict, or the attributes of an object.
    Map(#[serde(deserialize_with = "words::read_pairs")] Vec<(Word, Value)>),
}

impl Value {
    /// The value of a key, if this is a map that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Self::Map(items) => items.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The value as a number.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            #[allow(clippy::cast_precision_loss)] // a metric or an epoch; beyond 2^53 it is no count any more
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// SHA-256 of the canonical JSON (sorted keys, no spaces, NaN as null), in hexadecimal.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut text = String::with_capacity(2048);
        self.canonical(&mut text);
        let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default();
        Sha256::digest(text.as_bytes()).iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    }

    fn canonical(&self, out: &mut String) {
        match self {
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Int(value) => {
                let _ = write!(out, "{value}");
            }
            Self::Float(value) if value.is_finite() => {
                let _ = write!(out, "{value:?}");
            }
            Self::Null | Self::Float(_) => out.push_str("null"),
            Self::Text(text) => quote(text, out),
            Self::List(items) => {
                out.push('[');
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        out.push(',');
                    }
                    item.canonical(out);
                }
                out.push(']');
            }
            Self::Map(items) => {
                let mut sorted: Vec<_> = items.iter().collect();
                sorted.sort_by(|one, other| one.0.cmp(&other.0));
                out.push('{');
                for (number, (key, item)) in sorted.into_iter().enumerate() {
                    if number > 0 {
                        out.push(',');
                    }
                    quote(key, out);
                    out.push(':');
                    item.canonical(out);
                }
                out.push('}');
            }
        }
    }
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    // Most texts have nothing to escape.
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..b' ');
    if !text.as_bytes().iter().any(special) {
        out.push_str(text);
        out.push('"');
        return;
    }
    for sign in text.chars() {
        match sign {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            sign if sign < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(sign));
            }
            sign => out.push(sign),
        }
    }
    out.push('"');
}
