//! The tree in numbers.

use std::collections::BTreeMap;

use crate::record::FileRecord;
use crate::scan::Scan;

use super::copies::Copies;
use super::records::{Action, DirRecord, FileVerdict, Likeness, Summary, Tally};
use super::view::View;

/// Counts what was found and said.
pub(super) fn summary(
    scan: &Scan,
    copies: &Copies,
    views: &[View<'_>],
    dirs: &[DirRecord],
    files: &[FileVerdict],
) -> Summary {
    let mut sum = Summary { n_dirs: dirs.len() as u64, n_files: files.len() as u64, ..Summary::default() };
    for dir in dirs {
        let words = [
            (&mut sum.statuses, dir.status.as_str()),
            (&mut sum.categories, dir.category.as_str()),
            (&mut sum.recommendations, dir.recommendation.as_str()),
        ];
        for (counts, word) in words {
            let tally = of_word(counts, word);
            tally.count += 1;
            tally.bytes = tally.bytes.saturating_add(dir.bytes);
            tally.allocated = tally.allocated.saturating_add(dir.allocated);
        }
        for flag in &dir.flags {
            *of_word(&mut sum.flags, flag.as_str()) += 1;
        }
    }
    for (record, verdict) in scan.files.iter().zip(files) {
        *of_word(&mut sum.file_statuses, record.status.as_str()) += 1;
        *of_word(&mut sum.safeties, record.safety.as_str()) += 1;
        for flag in &verdict.flags {
            *of_word(&mut sum.file_flags, flag.as_str()) += 1;
        }
        if verdict.duplicates_of.as_ref().is_some_and(|one| one.by == Likeness::Copy) {
            sum.duplicates.add(record);
        }
    }
    space(scan, copies, views, dirs, &mut sum);
    sum
}

/// What is counted under a word.
fn of_word<'c, T: Default>(counts: &'c mut BTreeMap<String, T>, word: &str) -> &'c mut T {
    if !counts.contains_key(word) {
        counts.insert(word.to_owned(), T::default());
    }
    counts.get_mut(word).expect("it is there, or was just put there")
}

/// A file goes when the last directory that names it goes; it is archived if any of them is.
fn space(scan: &Scan, copies: &Copies, views: &[View<'_>], dirs: &[DirRecord], sum: &mut Summary) {
    let mut fates: Vec<Option<Action>> = vec![None; scan.files.len()];
    let mut in_folders = vec![false; scan.files.len()];
    for (view, dir) in views.iter().zip(dirs) {
        let fate = match dir.recommendation {
            Action::Review => Action::Keep,
            action => action,
        };
        for (at, _) in &view.files {
            in_folders[*at] = true;
            let known = fates[copies.inode[*at]].get_or_insert(fate);
            // Keep comes before archive, archive before delete.
            *known = (*known).min(fate);
        }
    }
    for at in (0..scan.files.len()).filter(|at| !in_folders[*at]) {
        fates[copies.inode[at]] = Some(Action::Keep);
    }
    let mut total = Tally::default();
    for (record, fate) in scan.files.iter().zip(fates) {
        let Some(fate) = fate else { continue };
        total.add(record);
        match fate {
            Action::Archive => sum.archived.add(record),
            Action::Delete => sum.deleted.add(record),
            Action::Keep | Action::Review => sum.after.add(record),
        }
    }
    (sum.bytes, sum.allocated) = (total.bytes, total.allocated);
}

impl Tally {
    /// Counts a file.
    pub(super) fn add(&mut self, record: &FileRecord) {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(record.size);
        self.allocated = self.allocated.saturating_add(record.allocated);
    }
}
