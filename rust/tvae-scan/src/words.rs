//! Words that records repeat, such as the names of metrics and of imports: each is in the program once, and a record
//! that is made or read back from a cache refers to it.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::LazyLock;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use crate::metrics;
use crate::pickle::DType;

/// A word that the code knows, or one that it does not.
pub type Word = Cow<'static, str>;

/// What checkpoints import, kinds of files and of values.
const MORE: [&str; 63] = [
    "BFloat16Storage",
    "BoolStorage",
    "Counter",
    "DoubleStorage",
    "Float32DType",
    "Float64DType",
    "FloatStorage",
    "HalfStorage",
    "IntStorage",
    "LongStorage",
    "Namespace",
    "OrderedDict",
    "Parameter",
    "PosixPath",
    "Size",
    "TorchVersion",
    "UntypedStorage",
    "_codecs",
    "_reconstruct",
    "_rebuild_parameter",
    "_rebuild_tensor_v2",
    "argparse",
    "bool",
    "builtins",
    "collections",
    "datetime",
    "defaultdict",
    "device",
    "dict",
    "dtype",
    "encode",
    "float",
    "int",
    "list",
    "ndarray",
    "null",
    "numpy",
    "numpy._core.multiarray",
    "numpy._core.numeric",
    "numpy.core.multiarray",
    "numpy.dtypes",
    "numpy.float16",
    "numpy.float32",
    "numpy.float64",
    "numpy.int32",
    "numpy.int64",
    "numpy.ndarray",
    "other",
    "pathlib",
    "pickle",
    "safetensors",
    "scalar",
    "set",
    "str",
    "tensor",
    "torch",
    "torch._tensor",
    "torch._utils",
    "torch.nn.parameter",
    "torch.storage",
    "torch_legacy",
    "torch_version",
    "torch_zip",
];

/// Where words are in a list of at most 255.
#[derive(Debug)]
pub(crate) struct Index {
    /// By [`slot`]; 0 for none, else one more than the place.
    places: [u8; SLOTS],
}
const SLOTS: usize = 1024;

impl Index {
    pub(crate) fn of<'w>(words: impl Iterator<Item = &'w str>) -> Self {
        let mut places = [0; SLOTS];
        for (place, word) in (1..=u8::MAX).zip(words) {
            let mut at = slot(word.as_bytes());
            while places[at] != 0 {
                at = (at + 1) % SLOTS;
            }
            places[at] = place;
        }
        Self { places }
    }

    /// The place of a word; `get` gives that of a place.
    #[inline]
    pub(crate) fn find(&self, word: &[u8], get: impl Fn(usize) -> &'static str) -> Option<usize> {
        let mut at = slot(word);
        loop {
            let place = usize::from(self.places[at].checked_sub(1)?);
            if get(place).as_bytes() == word {
                return Some(place);
            }
            at = (at + 1) % SLOTS;
        }
    }
}

/// Where the search for a word begins: by its ends and its length.
#[inline]
fn slot(word: &[u8]) -> usize {
    let ends = match (word.first_chunk::<4>(), word.last_chunk::<8>(), word.last_chunk::<4>()) {
        (Some(first), Some(last), _) => {
            u64::from(u32::from_le_bytes(*first)).rotate_left(29) ^ u64::from_le_bytes(*last)
        }
        (Some(first), None, Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
        }
        _ => word.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)),
    };
    let mixed = (ends ^ word.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(mixed >> 54).unwrap_or(0) % SLOTS
}

static WORDS: LazyLock<(Vec<&'static str>, Index)> = LazyLock::new(|| {
    let dtypes = DType::all().map(DType::name);
    let mut words: Vec<&str> = MORE.into_iter().chain(metrics::words()).chain(dtypes).collect();
    words.sort_unstable();
    words.dedup();
    let index = Index::of(words.iter().copied());
    (words, index)
});

/// The word with this spelling, if it is known.
#[inline]
pub(crate) fn known(word: &[u8]) -> Option<&'static str> {
    let (words, index) = &*WORDS;
    index.find(word, |place| words[place]).map(|place| words[place])
}

/// Reads a word back, for `serde(deserialize_with)`.
pub(crate) fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Word, D::Error> {
    Read::deserialize(from).map(|read| read.0)
}

/// [`read`], where there may be none.
pub(crate) fn read_option<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Word>, D::Error> {
    Option::<Read<'de>>::deserialize(from).map(|read| read.map(|read| read.0))
}

/// [`read`], where there may be many.
pub(crate) fn read_all<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Word>, D::Error> {
    Vec::<Read<'de>>::deserialize(from).map(|all| all.into_iter().map(|read| read.0).collect())
}

struct Read<'de>(Word, PhantomData<&'de ()>);

impl<'de> Deserialize<'de> for Read<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Known).map(|word| Self(word, PhantomData))
    }
}

struct Known;

impl Visitor<'_> for Known {
    type Value = Word;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a word")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Word, E> {
        Ok(known(word.as_bytes()).map_or_else(|| Word::Owned(word.to_owned()), Word::Borrowed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found() {
        let words = &WORDS.0;
        assert!(words.len() < 255, "{}", words.len());
        assert!(words.iter().all(|word| known(word.as_bytes()) == Some(word)));
        assert_eq!(known(b"no such word"), None);
    }
}
