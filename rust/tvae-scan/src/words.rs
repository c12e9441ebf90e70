//! Words that records repeat, such as the names of metrics and of imports: each is in the program once, and a record
//! that is made or read back from a cache refers to it.

mod keys;

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::LazyLock;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use crate::pickle::DType;
use crate::{lineage, metrics, optimizer};

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

/// Places where a word may be looked for; far more than there are words, so that most are at the first.
const SLOTS: usize = 4096;

/// The words, and where each is among them.
struct Words {
    words: Vec<&'static str>,
    /// By [`slot`]; 0 for none, else one more than the place.
    places: [u16; SLOTS],
}

impl Words {
    fn of(mut words: Vec<&'static str>) -> Self {
        words.sort_unstable();
        words.dedup();
        let mut places = [0; SLOTS];
        for (place, word) in (1..=u16::MAX).zip(&words) {
            let mut at = slot(word.as_bytes());
            while places[at] != 0 {
                at = (at + 1) % SLOTS;
            }
            places[at] = place;
        }
        Self { words, places }
    }

    #[inline]
    fn find(&self, word: &[u8]) -> Option<usize> {
        let mut at = slot(word);
        loop {
            let place = usize::from(self.places[at].checked_sub(1)?);
            if same(self.words[place].as_bytes(), word) {
                return Some(place);
            }
            at = (at + 1) % SLOTS;
        }
    }
}

/// Whether two words are the same. Most are too short for the library's comparison to pay.
#[inline]
fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    match (one.first_chunk::<8>(), other.first_chunk::<8>()) {
        (Some(first), Some(start)) => {
            let (middle, inner) = (&one[8..], &other[8..]);
            first == start
                && one.last_chunk::<8>() == other.last_chunk()
                && (one.len() <= 16 || middle.first_chunk::<8>() == inner.first_chunk())
                && (one.len() <= 24 || middle == inner)
        }
        _ => match (one.first_chunk::<4>(), other.first_chunk::<4>()) {
            (Some(first), Some(start)) => first == start && one.last_chunk::<4>() == other.last_chunk(),
            _ => one.iter().eq(other),
        },
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
    usize::try_from(mixed >> 52).unwrap_or(0) % SLOTS
}

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let dtypes = DType::all().map(DType::name);
    let keys = keys::TOP.into_iter().chain(keys::SETTINGS);
    let told = metrics::words().chain(optimizer::words()).chain(lineage::words());
    Words::of(MORE.into_iter().chain(keys).chain(told).chain(dtypes).collect())
});

/// Every word, in order of the alphabet.
pub(crate) fn all() -> &'static [&'static str] {
    &WORDS.words
}

/// The place of a word among [`all`], if it is known. Every key of every file is looked up here.
#[inline]
pub(crate) fn place(word: &[u8]) -> Option<usize> {
    WORDS.find(word)
}

/// The word with this spelling, if it is known.
#[inline]
pub(crate) fn known(word: &[u8]) -> Option<&'static str> {
    let words = &*WORDS;
    words.find(word).map(|place| words.words[place])
}

/// Text as a word: one that is known is not copied.
pub(crate) fn word(text: &str) -> Word {
    known(text.as_bytes()).map_or_else(|| Word::Owned(text.to_owned()), Word::Borrowed)
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

/// [`read`], where each comes with a value.
pub(crate) fn read_pairs<'de, D, T>(from: D) -> Result<Vec<(Word, T)>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Vec::<(Read<'de>, T)>::deserialize(from)
        .map(|all| all.into_iter().map(|(read, value)| (read.0, value)).collect())
}

struct Read<'de>(Word, PhantomData<&'de ()>);

impl<'de> Deserialize<'de> for Read<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // As bytes, which a cache stores alike: those of a known word need not be checked to be UTF-8.
        from.deserialize_bytes(Known).map(|word| Self(word, PhantomData))
    }
}

struct Known;

impl Visitor<'_> for Known {
    type Value = Word;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a word")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Word, E> {
        Ok(self::word(word))
    }

    fn visit_bytes<E: Error>(self, word: &[u8]) -> Result<Word, E> {
        if let Some(word) = known(word) {
            return Ok(Word::Borrowed(word));
        }
        std::str::from_utf8(word).map(|word| Word::Owned(word.to_owned())).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found() {
        assert!(all().len() < SLOTS / 4, "{}", all().len());
        assert!(all().iter().all(|word| known(word.as_bytes()) == Some(word)));
        assert!(all().iter().zip(0..).all(|(word, at)| place(word.as_bytes()) == Some(at)));
        for word in ["", "e", "é", "no such word", "epoch ", "unfreeze_wArmup_epochs", "metric"] {
            assert_eq!(known(word.as_bytes()), None, "{word}");
        }
    }

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Two(#[serde(deserialize_with = "read")] Word, #[serde(deserialize_with = "read_all")] Vec<Word>);

    #[test]
    fn what_is_read_back_is_the_same_and_borrowed_if_it_is_known() {
        let two = Two("epoch".into(), vec!["homemade é".into(), "config".into()]);
        let bytes = postcard::to_stdvec(&two).unwrap_or_default();
        let read: Two = postcard::from_bytes(&bytes).expect("it was just written");
        assert_eq!(read, two);
        assert!(matches!(
            (&read.0, &read.1[0], &read.1[1]),
            (Word::Borrowed(_), Word::Owned(_), Word::Borrowed(_))
        ));
        assert_eq!(
            serde_json::from_str::<Two>(r#"["epoch", ["homemade \u00e9", "config"]]"#).ok(),
            Some(two)
        );
        let broken: Vec<u8> = bytes.iter().map(|&byte| if byte == 0xC3 { 0xFF } else { byte }).collect();
        assert!(postcard::from_bytes::<Two>(&broken).is_err());
    }
}
