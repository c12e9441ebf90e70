//! Whole trees: which files are looked at, and what was found in them.

use std::path::PathBuf;

use crate::record::FileRecord;

/// A folder that was walked, with what is needed to judge it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Folder {
    /// The argument joined with the relative path.
    pub path: PathBuf,
    /// The argument below which it was found.
    pub root: PathBuf,
    /// The records of the candidates directly in it, as places in [`Scan::files`].
    pub files: Vec<usize>,
    /// Folders directly in it.
    pub n_folders: u64,
    /// Files directly in it that are no candidates.
    pub n_others: u64,
    /// Text of the README beside the files, if there is one; at most 64 KB.
    pub readme: Option<String>,
    /// Why it, or part of it, could not be listed.
    pub unreadable: Option<String>,
}

/// What a scan found: facts, and no judgement of any of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scan {
    /// A record for each candidate, in order of the path.
    pub files: Vec<FileRecord>,
    /// Every folder that was walked, in order of the path.
    pub folders: Vec<Folder>,
}
