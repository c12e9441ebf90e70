//! The JSON header of a safetensors file, entry by entry: of a large one no more is kept than is wanted.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::json::{ROOM, Reader};
use crate::value::Value;

/// Dimensions that a tensor may have.
const MOST_NUMBERS: usize = 1 << 16;

/// What the header says of a tensor; none where it does not.
#[derive(Debug, Default)]
pub(crate) struct Entry<'t> {
    pub dtype: Option<Cow<'t, str>>,
    pub shape: Option<Vec<i64>>,
    pub data_offsets: Option<Vec<i64>>,
}

/// Calls `metadata` with `__metadata__`, and `tensor` with the name and entry of every tensor.
///
/// # Errors
/// What is wrong with the text, that it is no object, or that an entry is none of a tensor.
pub(crate) fn read<'t>(
    text: &'t [u8],
    metadata: &mut dyn FnMut(Value),
    tensor: &mut dyn FnMut(Cow<'t, str>, Entry<'t>),
) -> Result<(), String> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let read = json.deserialize_map(Header { metadata, tensor });
    read.and_then(|()| json.end()).map_err(|error| error.to_string())
}

struct Header<'v, 't> {
    metadata: &'v mut dyn FnMut(Value),
    tensor: &'v mut dyn FnMut(Cow<'t, str>, Entry<'t>),
}

impl<'t> Visitor<'t> for Header<'_, 't> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(Text(key)) = items.next_key()? {
            if key == "__metadata__" {
                (self.metadata)(items.next_value_seed(Reader(&Cell::new(ROOM)))?);
            } else {
                (self.tensor)(key, items.next_value_seed(Tensor)?);
            }
        }
        Ok(())
    }
}

/// Text that is borrowed where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'t>(#[serde(borrow)] Cow<'t, str>);

/// Numbers, and not more than a shape could have.
struct Numbers(Vec<i64>);

impl<'t> Deserialize<'t> for Numbers {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Self(Vec::new()))
    }
}

impl<'t> Visitor<'t> for Numbers {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of integers")
    }

    fn visit_seq<A: SeqAccess<'t>>(mut self, mut items: A) -> Result<Self, A::Error> {
        while let Some(number) = items.next_element()? {
            if self.0.len() == MOST_NUMBERS {
                return Err(A::Error::custom("too many numbers"));
            }
            self.0.push(number);
        }
        Ok(self)
    }
}

struct Tensor;

impl<'t> DeserializeSeed<'t> for Tensor {
    type Value = Entry<'t>;

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<Entry<'t>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'t> Visitor<'t> for Tensor {
    type Value = Entry<'t>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with dtype, shape and data_offsets")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut items: A) -> Result<Entry<'t>, A::Error> {
        let mut entry = Entry::default();
        while let Some(Text(key)) = items.next_key()? {
            match &*key {
                "dtype" => entry.dtype = Some(items.next_value::<Text>()?.0),
                "shape" => entry.shape = Some(items.next_value::<Numbers>()?.0),
                "data_offsets" => entry.data_offsets = Some(items.next_value::<Numbers>()?.0),
                _ => drop(items.next_value::<IgnoredAny>()?),
            }
        }
        Ok(entry)
    }
}
