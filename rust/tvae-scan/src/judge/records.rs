//! What is said about files, directories and the tree.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

use super::number::{pair, short};

use crate::pickle::Safety;
use crate::value::Word;

/// How far a run came, by the names of its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DirStatus {
    /// It has a best checkpoint.
    Complete,
    /// It has a latest one, and no best.
    Partial,
    /// It has others only.
    Crashed,
    /// It has none.
    Empty,
}

/// What makes a checkpoint suspect although it can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// The model no longer decodes what it encodes.
    CoverageCollapse,
    /// The radii do not fall with the valuation.
    InvertedHierarchy,
    /// The best and the latest checkpoint of a directory tell different stories.
    BestLatestDivergence,
    /// A metric is no finite number.
    Nan,
}

/// What should be done with a directory. Nothing here does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Leave it where it is.
    Keep,
    /// Move it to an archive.
    Archive,
    /// Remove it.
    Delete,
    /// Let a person look at it.
    Review,
}

/// What a person said about a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Good, whatever the metrics say.
    Valid,
    /// Not to be used, whatever the metrics say.
    Invalid,
}

/// Why directories belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupKind {
    /// Their names differ in one parameter.
    Sweep,
    /// One version under several names, with metrics that hardly differ.
    Versions,
}

/// In which way a file repeats another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Likeness {
    /// The same file under a second name: it takes no space.
    HardLink,
    /// The same save, copied.
    Copy,
    /// The same weights beside other values.
    Weights,
}

/// Another file that says the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    /// Its path.
    pub path: PathBuf,
    /// What is the same.
    pub by: Likeness,
}

/// What the rules say about a file.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FileVerdict {
    /// What makes it suspect.
    pub flags: Vec<Flag>,
    /// The file that it repeats; of equal weights the one that is to be kept.
    pub duplicates_of: Option<Duplicate>,
    /// What is odd, and no flag.
    pub warnings: Vec<Warning>,
}

/// What is odd about a file, and no flag. It is put into words when it is shown.
#[derive(Debug, Clone, PartialEq)]
pub enum Warning {
    /// The coverage is lower than that of a finished run.
    Coverage {
        /// What the file states.
        value: f64,
        /// What a finished run reaches.
        limit: f64,
    },
    /// The file states another value than one with the same weights.
    Contradiction {
        /// The other file.
        path: PathBuf,
        /// The first metric in which they differ.
        metric: Word,
        /// What the file states.
        value: f64,
        /// What the other states.
        against: f64,
        /// Further metrics in which they differ.
        more: usize,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Coverage { value, limit } => {
                write!(out, "coverage {} is below {}", short(*value), short(*limit))
            }
            Self::Contradiction { path, metric, value, against, more } => {
                let (value, against) = pair(*value, *against);
                let path = path.display();
                write!(out, "has the weights of {path}, but states {metric} {value} against {against}")?;
                if *more > 0 { write!(out, " (and {more} more)") } else { Ok(()) }
            }
        }
    }
}

impl Serialize for Warning {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A metric of the best file of a directory.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BestMetric {
    /// The canonical name.
    pub name: Word,
    /// The value; NaN as it is stored.
    pub value: f64,
    /// By which definition; values of different families do not compare.
    pub family: Word,
}

/// A number that is written beside a checkpoint, against the one inside it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Documented {
    /// The canonical name.
    pub metric: String,
    /// What is written.
    pub documented: f64,
    /// What the best file holds.
    pub stored: Option<f64>,
    /// The name under which it holds it, if it is another one: a text may leave out the branch.
    pub stored_as: Option<String>,
    /// Where it is written.
    pub source: String,
    /// They differ by more than the written digits allow.
    pub differs: bool,
}

/// Everything that is known and said about a directory.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DirRecord {
    /// The argument joined with the relative path.
    pub path: PathBuf,
    /// How far the run came.
    pub status: DirStatus,
    /// What kind of directory it is, by the rules.
    pub category: String,
    /// The rule that says so.
    pub rule: String,
    /// Checkpoints directly in it.
    pub n_files: u64,
    /// Their bytes, a file with several names counted once.
    pub bytes: u64,
    /// Their bytes on the disk, likewise.
    pub allocated: u64,
    /// The best file.
    pub best: Option<PathBuf>,
    /// The latest file.
    pub latest: Option<PathBuf>,
    /// The epoch of the best file.
    pub epoch: Option<i64>,
    /// The metrics of the best file that are numbers, in order of the name.
    pub metrics: Vec<BestMetric>,
    /// The worst of its files.
    #[serde(serialize_with = "word")]
    pub safety: Safety,
    /// That of the best file.
    #[serde(serialize_with = "perhaps")]
    pub best_safety: Option<Safety>,
    /// Those of its files, and those of the directory.
    pub flags: Vec<Flag>,
    /// What is odd about its best file, and no flag.
    pub warnings: Vec<Warning>,
    /// The directory whose best file holds the same weights and is to be kept.
    pub duplicates_of: Option<PathBuf>,
    /// The group of runs that it belongs to.
    pub group: Option<String>,
    /// Why they belong together.
    pub group_kind: Option<GroupKind>,
    /// The member of the group that is better by comparable metrics.
    pub better: Option<PathBuf>,
    /// What should be done.
    pub recommendation: Action,
    /// Why.
    pub reason: String,
    /// The rule that says so; empty where none does.
    pub recommended_by: String,
    /// What a person said.
    pub verdict: Option<Verdict>,
    /// In their words, with the source.
    pub note: Option<String>,
    /// Numbers written beside it.
    pub documented: Vec<Documented>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // the signature that serde asks for
fn word<S: Serializer>(safety: &Safety, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(safety.as_str())
}

#[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref)] // likewise
fn perhaps<S: Serializer>(safety: &Option<Safety>, serializer: S) -> Result<S::Ok, S::Error> {
    safety.map(Safety::as_str).serialize(serializer)
}

/// How much there is of something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Directories, or files.
    pub count: u64,
    /// Bytes of the checkpoints.
    pub bytes: u64,
    /// Bytes on the disk.
    pub allocated: u64,
}

/// The tree in numbers. A file with several names takes its space once, and frees it with its last name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Directories with a record.
    pub n_dirs: u64,
    /// Checkpoints.
    pub n_files: u64,
    /// Bytes of all checkpoints.
    pub bytes: u64,
    /// Their bytes on the disk.
    pub allocated: u64,
    /// Directories by status.
    pub statuses: BTreeMap<String, Tally>,
    /// Directories by category.
    pub categories: BTreeMap<String, Tally>,
    /// Directories by recommendation.
    pub recommendations: BTreeMap<String, Tally>,
    /// Files by status.
    pub file_statuses: BTreeMap<String, u64>,
    /// Files by safety.
    pub safeties: BTreeMap<String, u64>,
    /// Directories by flag.
    pub flags: BTreeMap<String, u64>,
    /// Files by flag.
    pub file_flags: BTreeMap<String, u64>,
    /// What would be left if everything recommended were done: files, bytes.
    pub after: Tally,
    /// What archiving would take away.
    pub archived: Tally,
    /// What deleting would take away.
    pub deleted: Tally,
    /// Copies of files that are there already.
    pub duplicates: Tally,
}

/// What the rules say about a scan.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Judgement {
    /// A record for each directory that holds checkpoints or nothing, in order of the path.
    pub dirs: Vec<DirRecord>,
    /// A verdict for each file, in the order of the scan.
    pub files: Vec<FileVerdict>,
    /// The tree in numbers.
    pub summary: Summary,
    /// What the caller should hear of once, such as an annotation that matches no directory.
    pub notes: Vec<String>,
}

impl DirStatus {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Complete, Self::Partial, Self::Crashed, Self::Empty];

    /// The word in a record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Crashed => "crashed",
            Self::Empty => "empty",
        }
    }
}

impl Flag {
    /// Every one.
    pub const ALL: [Self; 4] =
        [Self::CoverageCollapse, Self::InvertedHierarchy, Self::BestLatestDivergence, Self::Nan];

    /// The word in a record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CoverageCollapse => "coverage_collapse",
            Self::InvertedHierarchy => "inverted_hierarchy",
            Self::BestLatestDivergence => "best_latest_divergence",
            Self::Nan => "nan",
        }
    }
}

impl Action {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Keep, Self::Archive, Self::Delete, Self::Review];

    /// The word in a record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Archive => "archive",
            Self::Delete => "delete",
            Self::Review => "review",
        }
    }
}

impl Verdict {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Valid, Self::Invalid];

    /// The word in a record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
        }
    }
}

impl GroupKind {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Sweep, Self::Versions];

    /// The word in a record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sweep => "sweep",
            Self::Versions => "versions",
        }
    }
}

impl Likeness {
    /// The word in a record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HardLink => "hard_link",
            Self::Copy => "copy",
            Self::Weights => "weights",
        }
    }
}
