//! JSON as a [`Value`]: keys in the order of the file, a key that comes twice kept twice.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::value::{Value, Word};

/// Values of a text that are kept.
pub(crate) const ROOM: usize = 200_000;

/// The value of a JSON text; nesting is limited by the parser.
///
/// # Errors
/// What is wrong with it, or that it has too many values.
pub(crate) fn parse(text: &[u8]) -> Result<Value, String> {
    let room = Cell::new(ROOM);
    let mut json = serde_json::Deserializer::from_slice(text);
    let value = Reader(&room).deserialize(&mut json).map_err(|error| error.to_string())?;
    json.end().map(|()| value).map_err(|error| error.to_string())
}

/// Builds a value as long as there is room: a number of two bytes would take sixteen times as many.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'r>(pub &'r Cell<usize>);

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.0.get().checked_sub(1).ok_or_else(|| D::Error::custom("too many values"))?;
        self.0.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        #[allow(clippy::cast_precision_loss)] // what does not fit is a number all the same, and no offset
        Ok(i64::try_from(value).map_or(Value::Float(value as f64), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = items.next_key()? {
            map.push((Word::Owned(key), items.next_value_seed(self)?));
        }
        Ok(Value::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_and_duplicates() {
        let value = parse(br#"{"b": 1, "a": [true, null, 1.5, "x"], "b": 18446744073709551615}"#);
        let Ok(Value::Map(items)) = value else { panic!("{value:?}") };
        assert_eq!(items.iter().map(|(key, _)| &**key).collect::<Vec<_>>(), ["b", "a", "b"]);
        assert_eq!(items[2].1, Value::Float(1.844_674_407_370_955_2e19));
    }

    #[test]
    fn refuses_more_values_than_there_is_room_for() {
        let long = format!("[{}0]", "0,".repeat(ROOM));
        assert!(parse(long.as_bytes()).is_err_and(|error| error.starts_with("too many values")));
    }

    #[test]
    fn refuses_depth_without_overflowing_the_stack() {
        assert!(parse("[".repeat(1_000_000).as_bytes()).is_err());
    }
}
