//! Rules: what the facts about a directory amount to. They are read from TOML; the built-in ones are TOML, too.

mod place;
mod read;
mod stated;
mod toml_text;

use std::sync::LazyLock;

use crate::judge::{Action, DirStatus, Flag, GroupKind, Verdict};
use crate::pickle::Safety;
use crate::record::Status;

pub(crate) use regex_lite::Regex;
pub(crate) use stated::Stated;

/// The rules that hold unless others are asked for.
pub const DEFAULT: &str = include_str!("../../rules/default.toml");
/// The predecessor's statuses, categories and recommendations.
pub const LEGACY: &str = include_str!("../../rules/legacy.toml");

/// Everything that a judgement depends on beside the facts.
#[derive(Debug, Clone)]
pub struct Rules {
    pub(crate) thresholds: Thresholds,
    pub(crate) files: FileNames,
    pub(crate) groups: Grouping,
    /// In the order in which they are tried.
    pub(crate) categories: Vec<Rule<String>>,
    /// In the order in which they are tried: keep, delete, archive, review.
    pub(crate) actions: Vec<Rule<Action>>,
    /// What no rule speaks of.
    pub(crate) otherwise: (Action, String),
    /// Recommend to delete checkpoints that exist nowhere else.
    pub(crate) delete_only_copies: bool,
    pub(crate) annotations: Vec<Annotation>,
}

#[derive(Debug, Clone)]
pub(crate) struct Thresholds {
    /// Coverage below it is a collapse.
    pub coverage_collapse: f64,
    /// Coverage below it is worth a warning.
    pub coverage_warn: f64,
    /// A hierarchy of this or more is none.
    pub inverted: f64,
    /// The most by which best and latest may differ.
    pub divergence_coverage: f64,
    pub divergence_hierarchy: f64,
}

/// Names of the files that tell how far a run came.
#[derive(Debug, Clone)]
pub(crate) struct FileNames {
    pub best: Regex,
    pub latest: Regex,
    /// Any checkpoint of the run.
    pub any: Regex,
}

#[derive(Debug, Clone)]
pub(crate) struct Grouping {
    /// The fewest names that make a sweep.
    pub smallest_sweep: usize,
    /// The most by which metrics of near-identical versions differ.
    pub near: f64,
    /// Names that share what this matches are one sweep.
    pub sweeps: Vec<Regex>,
}

/// What follows if every condition holds.
#[derive(Debug, Clone)]
pub(crate) struct Rule<T> {
    pub name: String,
    pub gives: T,
    /// With placeholders; empty for a category.
    pub reason: String,
    pub when: Conditions,
}

/// What a rule asks of a directory. What is not asked for holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conditions {
    pub name: Option<Regex>,
    pub path: Option<Regex>,
    pub layout: Option<Regex>,
    pub status: Vec<DirStatus>,
    pub category: Vec<String>,
    pub flags: Vec<Flag>,
    pub safety: Vec<Safety>,
    pub group: Vec<GroupKind>,
    pub any_file: Vec<Status>,
    pub all_files: Vec<Status>,
    pub verdict: Option<Verdict>,
    pub coverage_below: Option<f64>,
    pub low_coverage: Option<bool>,
    pub duplicate: Option<bool>,
    pub repeated: Option<bool>,
    pub redundant: Option<bool>,
    pub best_of_group: Option<bool>,
    pub sound: Option<bool>,
    pub others: Option<bool>,
}

/// What a person wrote down about a directory.
#[derive(Debug, Clone)]
pub(crate) struct Annotation {
    /// The last components of its path.
    pub path: String,
    pub verdict: Option<Verdict>,
    pub note: Option<String>,
    pub source: Option<String>,
    pub documented: Vec<(String, Stated)>,
    /// Where it is written; none if it came with the program.
    pub origin: Option<String>,
}

/// Words in braces that a reason may hold.
pub(crate) const PLACEHOLDERS: [&str; 12] = [
    "best",
    "category",
    "coverage",
    "duplicate",
    "files",
    "flags",
    "group",
    "name",
    "note",
    "safety",
    "status",
    "unique",
];

impl Rules {
    /// The predecessor's statuses, categories and recommendations.
    #[must_use]
    pub fn legacy() -> Self {
        static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::built_in(LEGACY));
        RULES.clone()
    }

    /// Rules from the text of a file; `origin` names it in errors. They come before those that the file extends: the
    /// default rules unless it says otherwise.
    ///
    /// # Errors
    /// One line: where, what was expected, what to do.
    pub fn parse(text: &str, origin: &str) -> Result<Self, String> {
        read::read(text, origin)
    }

    /// Rules that came with the program. A test reads all of them.
    fn built_in(text: &str) -> Self {
        read::built_in(text, &Self::none()).unwrap_or_else(|_| Self::none())
    }

    /// No rules at all: everything is kept.
    pub(crate) fn none() -> Self {
        Self {
            thresholds: Thresholds {
                coverage_collapse: 0.90,
                coverage_warn: 0.99,
                inverted: -0.1,
                divergence_coverage: 0.1,
                divergence_hierarchy: 0.1,
            },
            files: FileNames { best: pattern("^best[.]"), latest: pattern("^latest[.]"), any: pattern("") },
            groups: Grouping { smallest_sweep: 3, near: 0.005, sweeps: Vec::new() },
            categories: Vec::new(),
            actions: Vec::new(),
            otherwise: (Action::Keep, "no rule speaks of it".into()),
            delete_only_copies: false,
            annotations: Vec::new(),
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::built_in(DEFAULT));
        RULES.clone()
    }
}

/// A pattern that is known to be one.
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}
