//! The keys of a rules file, as they are written.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// A list of words.
pub(super) type Words = Option<Vec<Spanned<String>>>;
/// A word.
pub(super) type Text = Option<Spanned<String>>;
/// A number.
pub(super) type Number = Option<Spanned<f64>>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub extends: Text,
    pub delete_only_copies: Option<bool>,
    pub off: Vec<Spanned<String>>,
    pub thresholds: Thresholds,
    pub files: Files,
    pub groups: Groups,
    pub category: Vec<Spanned<Entry>>,
    pub keep: Vec<Spanned<Entry>>,
    pub delete: Vec<Spanned<Entry>>,
    pub archive: Vec<Spanned<Entry>>,
    pub review: Vec<Spanned<Entry>>,
    pub otherwise: Option<Otherwise>,
    pub annotation: Vec<Annotation>,
}

impl File {
    /// The rules that recommend.
    pub fn actions(&self) -> impl Iterator<Item = &Spanned<Entry>> {
        self.keep.iter().chain(&self.delete).chain(&self.archive).chain(&self.review)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Thresholds {
    pub coverage_collapse: Number,
    pub coverage_warn: Number,
    pub inverted: Number,
    pub divergence_coverage: Number,
    pub divergence_hierarchy: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Files {
    pub best: Text,
    pub latest: Text,
    pub any: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Groups {
    pub smallest_sweep: Number,
    pub near: Number,
    pub sweeps: Words,
}

/// A category or a recommendation: which one, and when.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Entry {
    pub rule: Text,
    pub gives: Text,
    pub reason: Text,
    pub name: Text,
    pub path: Text,
    pub layout: Text,
    pub status: Words,
    pub category: Words,
    pub flags: Words,
    pub safety: Words,
    pub group: Words,
    pub any_file: Words,
    pub all_files: Words,
    pub verdict: Text,
    pub coverage_below: Number,
    pub low_coverage: Option<bool>,
    pub duplicate: Option<bool>,
    pub repeated: Option<bool>,
    pub redundant: Option<bool>,
    pub best_of_group: Option<bool>,
    pub sound: Option<bool>,
    pub others: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Otherwise {
    pub action: Spanned<String>,
    pub reason: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Annotation {
    pub path: Spanned<String>,
    pub verdict: Text,
    pub note: Option<String>,
    pub source: Option<String>,
    #[serde(default)]
    pub documented: BTreeMap<Spanned<String>, Spanned<f64>>,
}
