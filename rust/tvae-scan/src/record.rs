//! What is known about one file.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::issue::Issue;
use crate::metrics::Metric;
use crate::pickle::{Import, Safety};
use crate::value::Value;
use crate::words::{self, Word};

/// Whether the file could be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Status {
    /// All of it that is looked at.
    #[default]
    Ok,
    /// It is damaged, and its values were recovered.
    Salvaged,
    /// It is damaged.
    Corrupt,
    /// It is whole, and no checkpoint of a known kind.
    Unsupported,
    /// The system refuses to open or to read it.
    Unreadable,
    /// It was not looked at: a pipe, a device, a link that leads nowhere.
    Skipped,
}

impl Status {
    /// The word in a record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Salvaged => "salvaged",
            Self::Corrupt => "corrupt",
            Self::Unsupported => "unsupported",
            Self::Unreadable => "unreadable",
            Self::Skipped => "skipped",
        }
    }

    /// Its values were read.
    #[must_use]
    pub fn is_decoded(self) -> bool {
        matches!(self, Self::Ok | Self::Salvaged)
    }
}

/// The tensors below one key of a checkpoint.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StateDict {
    /// The key; empty if the tensors are at the top.
    pub key: String,
    /// Number of tensors.
    pub n_tensors: u64,
    /// Number of their elements, each view of a storage counted once.
    pub n_params: u64,
    /// Bytes of the storages that they use, each storage counted once.
    pub bytes: u64,
    /// Their types, in order of the alphabet.
    #[serde(deserialize_with = "words::read_all")]
    pub dtypes: Vec<Word>,
    /// The model that they belong to, if their names and shapes tell.
    #[serde(deserialize_with = "words::read_option")]
    pub layout: Option<Word>,
    /// Made of the lengths and checksums of the storages, in order: equal for equal weights. None where the container
    /// has no checksums.
    pub fingerprint: Option<u64>,
}

/// What a cut file still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Salvage {
    /// Storages whose bytes are all there.
    pub present: u64,
    /// Storages that the values refer to.
    pub storages: u64,
}

/// What is kept of an optimizer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Optimizer {
    /// The key that it was stored under.
    #[serde(deserialize_with = "words::read")]
    pub key: Word,
    /// Its kind, such as `Adam`, as far as the names in its state tell.
    #[serde(deserialize_with = "words::read_option")]
    pub kind: Option<Word>,
    /// Parameters that it has a state for.
    pub n_params: u64,
    /// The learning rate of every group.
    pub lr: Vec<f64>,
}

/// Which file it is to the system, and in which state: the key of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Identity {
    /// The device.
    pub device: u64,
    /// The file on the device.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// Last change of the content, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Last change of content or attributes, in nanoseconds since 1970.
    pub ctime_ns: i64,
}

/// Everything that is known about a file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FileRecord {
    /// The path as it was given.
    #[serde(skip)]
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Bytes on the disk.
    pub allocated: u64,
    /// Last change, in seconds since 1970.
    pub mtime: f64,
    /// Which file it is; all zero if it could not be asked for.
    pub identity: Identity,
    /// What it is: `torch_zip`, `torch_legacy`, `torch_tar`, `torchscript`, `torch_package`, `pickle`,
    /// `safetensors`, `torch_export`, `zip`, `tar`, `empty`, `unknown`, or `other` for what an issue names.
    #[serde(deserialize_with = "words::read")]
    pub kind: Word,
    /// The folder inside a torch archive.
    pub torch_prefix: Option<String>,
    /// Whether it could be decoded.
    pub status: Status,
    /// The worst of every pickle stream in the file.
    pub safety: Safety,
    /// What the streams import.
    pub imports: Vec<Import>,
    /// The epoch.
    pub epoch: Option<i64>,
    /// The metrics.
    pub metrics: Vec<Metric>,
    /// The configuration.
    pub config: Option<Arc<Value>>,
    /// The hash of the configuration that the file itself states.
    pub stated_hash: Option<String>,
    /// Keys at the top, in order.
    #[serde(deserialize_with = "words::read_all")]
    pub top_keys: Vec<Word>,
    /// Tensors by key.
    pub state_dicts: Vec<StateDict>,
    /// The optimizers.
    pub optimizers: Vec<Optimizer>,
    /// Where it comes from: what is stored under names such as `base_checkpoint`, `run_id` or `version`.
    #[serde(deserialize_with = "words::read_pairs")]
    pub lineage: Vec<(Word, Value)>,
    /// Records of the archive, or tensors of a safetensors file.
    pub n_records: Option<u64>,
    /// The id that torch wrote: equal ids are copies of the same save. None where it wrote no checksums.
    pub serialization_id: Option<String>,
    /// What is wrong or odd.
    pub issues: Vec<Issue>,
    /// What a cut file still holds.
    pub salvaged: Option<Salvage>,
    /// Microseconds that all this took.
    pub elapsed_us: u64,
}

impl FileRecord {
    /// Whether storages that its values refer to are not in the file: no program can load all of its weights.
    #[must_use]
    pub fn lacks_storages(&self) -> bool {
        self.salvaged.is_some_and(|found| found.present < found.storages)
            || self.issues.iter().any(|issue| issue.code == "T001")
    }

    /// What the file states as the hash of its configuration, else SHA-256 of it as canonical JSON. It is made when it is
    /// asked for: that takes longer than reading the configuration.
    #[must_use]
    pub fn config_hash(&self) -> Option<String> {
        self.stated_hash.clone().or_else(|| self.config.as_ref().map(|config| config.hash()))
    }
}
