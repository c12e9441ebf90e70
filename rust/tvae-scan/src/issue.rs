//! What is wrong or odd in a file, each with a code that never changes its meaning.

use serde::{Deserialize, Serialize};

use crate::words::{self, Word};

/// How much an issue matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Odd: readers may disagree about the file.
    Warning,
    /// Part of the file cannot be read.
    Error,
    /// Made to look like something else.
    High,
}

impl Severity {
    /// The word in a record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::High => "high",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// Its name, such as `Z030`.
    #[serde(deserialize_with = "words::read")]
    pub code: Word,
    /// How much it matters.
    pub severity: Severity,
    /// One line.
    pub message: String,
    /// Where in the file, if it is in one place.
    pub offset: Option<u64>,
    /// What to do, if there is something to do.
    #[serde(deserialize_with = "words::read_option")]
    pub hint: Option<Word>,
}

/// Findings of one kind are kept up to this number: a hostile file could hold millions.
const MOST_OF_A_KIND: usize = 16;

/// Bytes of a message that are kept: names and shapes in it may be of any length.
const MOST_MESSAGE: usize = 1000;

/// The findings of one file.
#[derive(Debug, Clone, Default)]
pub struct Issues(Vec<Issue>);

impl Issues {
    /// Adds a finding that is not tied to one place.
    pub fn add(&mut self, code: &'static str, severity: Severity, message: impl Into<String>) {
        self.push(Issue { code: code.into(), severity, message: message.into(), offset: None, hint: None });
    }

    /// Adds a finding at an offset of the file.
    pub fn add_at(
        &mut self,
        code: &'static str,
        severity: Severity,
        message: impl Into<String>,
        offset: u64,
    ) {
        self.push(Issue {
            code: code.into(),
            severity,
            message: message.into(),
            offset: Some(offset),
            hint: None,
        });
    }

    /// Adds a finding as it is.
    pub fn push(&mut self, mut issue: Issue) {
        if issue.message.len() > MOST_MESSAGE {
            let end = (0..=MOST_MESSAGE).rev().find(|&end| issue.message.is_char_boundary(end)).unwrap_or(0);
            issue.message.truncate(end);
            issue.message.push('…');
        }
        if self.0.iter().filter(|known| known.code == issue.code).count() < MOST_OF_A_KIND {
            self.0.push(issue);
        }
    }

    /// The advice for the finding added last.
    pub fn hint(&mut self, hint: &'static str) {
        if let Some(last) = self.0.last_mut() {
            last.hint = Some(hint.into());
        }
    }

    /// Takes back the findings of a code.
    pub fn drop(&mut self, code: &str) {
        self.0.retain(|issue| issue.code != code);
    }

    /// Whether a finding of this code is there.
    #[must_use]
    pub fn has(&self, code: &str) -> bool {
        self.0.iter().any(|issue| issue.code == code)
    }

    /// Every finding, in the order of their discovery.
    #[must_use]
    pub fn into_vec(self) -> Vec<Issue> {
        self.0
    }

    /// Every finding, in the order of their discovery.
    pub fn iter(&self) -> impl Iterator<Item = &Issue> {
        self.0.iter()
    }
}
