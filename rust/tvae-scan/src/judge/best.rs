//! How far a run came, and which of its files stand for it.

use crate::record::FileRecord;
use crate::rules::{FileNames, Regex};

use super::records::{DirStatus, FileVerdict};
use super::standing::{self, Standing};
use super::view::{View, file_name, is_unsafe};

/// What the names of a directory's files tell.
pub(super) fn status(view: &View<'_>, names: &FileNames) -> DirStatus {
    let has = |pattern: &Regex| view.files.iter().any(|(_, record)| pattern.is_match(&file_name(record)));
    if has(&names.best) {
        DirStatus::Complete
    } else if has(&names.latest) {
        DirStatus::Partial
    } else if has(&names.any) {
        DirStatus::Crashed
    } else {
        DirStatus::Empty
    }
}

/// The place of the best file: the one named so; else one whose name begins with `best`; else any that states metrics.
/// Of several the one that could be decoded, is not flagged and has the better metrics; without metrics the first. One
/// that is unsafe to load is none while another is safe, and one whose weights cannot be loaded none while another's can.
pub(super) fn best(view: &View<'_>, names: &FileNames, verdicts: &[FileVerdict]) -> Option<usize> {
    let safe: Vec<Placed<'_>> =
        view.files.iter().copied().filter(|(_, record)| !is_unsafe(record.safety)).collect();
    let safe = if decoded_of(&safe).is_empty() { &view.files[..] } else { &safe[..] };
    let mut whole = decoded_of(safe);
    whole.retain(|(_, record)| !record.lacks_storages());
    let files = if whole.is_empty() { safe } else { &whole[..] };
    let called = of_name(files, |name| names.best.is_match(name));
    let called = if called.is_empty() {
        of_name(files, |name| name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("best")))
    } else {
        called
    };
    if called.is_empty() {
        return by_metrics(&decoded_of(files), verdicts);
    }
    match decoded_of(&called)[..] {
        [] => called.first().map(|(at, _)| *at),
        [(at, _)] => Some(at),
        ref several => by_metrics(several, verdicts).or_else(|| several.first().map(|(at, _)| *at)),
    }
}

/// The place of the latest file.
pub(super) fn latest(view: &View<'_>, names: &FileNames) -> Option<usize> {
    let called = of_name(&view.files, |name| names.latest.is_match(name));
    decoded_of(&called).first().or(called.first()).map(|(at, _)| *at)
}

type Placed<'a> = (usize, &'a FileRecord);

fn of_name<'a>(files: &[Placed<'a>], fits: impl Fn(&str) -> bool) -> Vec<Placed<'a>> {
    files.iter().copied().filter(|(_, record)| fits(&file_name(record))).collect()
}

fn decoded_of<'a>(files: &[Placed<'a>]) -> Vec<Placed<'a>> {
    files.iter().copied().filter(|(_, record)| record.status.is_decoded()).collect()
}

fn by_metrics(files: &[Placed<'_>], verdicts: &[FileVerdict]) -> Option<usize> {
    let all: Vec<(usize, Standing)> =
        files.iter().filter_map(|(at, record)| Some((*at, Standing::of(record)?))).collect();
    let unflagged = |at: usize| verdicts.get(at).is_some_and(|verdict| verdict.flags.is_empty());
    let good: Vec<(usize, Standing)> = all.iter().filter(|(at, _)| unflagged(*at)).cloned().collect();
    standing::leader(&good).or_else(|| standing::leader(&all))
}
