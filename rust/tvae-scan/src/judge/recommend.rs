//! Which rule speaks of a directory, and what it says.

use std::path::PathBuf;

use crate::record::{FileRecord, Status};
use crate::rules::{Conditions, Rules, Thresholds};

use super::flags;
use super::groups::Place;
use super::measured::{self, Contradicted};
use super::names::Names;
use super::number::short;
use super::records::{Action, DirRecord, Flag, Verdict};
use super::view::{View, file_name, is_unsafe};

/// A directory as the rules see it.
#[derive(Debug)]
pub(super) struct Case<'a> {
    pub view: &'a View<'a>,
    /// Filled up to its category, or to its recommendation.
    pub dir: &'a DirRecord,
    pub place: Option<&'a Place>,
    /// Its place among the directories.
    pub at: usize,
    /// Coverage of the best file.
    pub coverage: Option<f64>,
    /// Those of its files that no other directory holds.
    pub unique: &'a [&'a FileRecord],
    /// What directories are called.
    pub names: &'a Names<'a>,
    pub sound: bool,
    pub contradicted: &'a Contradicted,
}

impl Case<'_> {
    /// The category and the rule that gives it.
    pub fn category(&self, rules: &Rules) -> (String, String) {
        let found = rules.categories.iter().find(|rule| self.fits(&rule.when, &rules.thresholds));
        found.map_or_else(|| ("other".into(), String::new()), |rule| (rule.gives.clone(), rule.name.clone()))
    }

    /// What to do, why, and the rule that says so.
    pub fn recommendation(&self, rules: &Rules) -> (Action, String, String) {
        let found = rules.actions.iter().find(|rule| self.fits(&rule.when, &rules.thresholds));
        match found {
            Some(rule) => (rule.gives, self.fill(&rule.reason, rules), rule.name.clone()),
            None => (rules.otherwise.0, self.fill(&rules.otherwise.1, rules), String::new()),
        }
    }

    fn fits(&self, when: &Conditions, limits: &Thresholds) -> bool {
        let Self { view, dir, .. } = self;
        let statuses = || view.files.iter().map(|(_, record)| record.status);
        let below = |limit: f64| self.coverage.is_some_and(|value| value < limit);
        let among = |known: bool, asked: Option<bool>| asked.is_none_or(|asked| asked == known);
        let best = self.place.and_then(|place| place.best);
        let layouts = || {
            let states = view.files.iter().flat_map(|(_, record)| &record.state_dicts);
            // The files of a run have the same, and a look at one is not cheap.
            let mut last = "";
            let layouts = states.filter_map(|state| state.layout.as_deref());
            layouts.filter(move |layout| std::mem::replace(&mut last, layout) != *layout)
        };
        (when.status.is_empty() || when.status.contains(&dir.status))
            && (when.category.is_empty() || when.category.contains(&dir.category))
            && (when.flags.is_empty() || dir.flags.iter().any(|flag| when.flags.contains(flag)))
            && (when.safety.is_empty() || when.safety.contains(&dir.safety))
            && (when.group.is_empty() || self.place.is_some_and(|place| when.group.contains(&place.kind)))
            && (when.any_file.is_empty() || statuses().any(|status| when.any_file.contains(&status)))
            && (when.all_files.is_empty()
                || (!view.files.is_empty() && statuses().all(|status| when.all_files.contains(&status))))
            && when.verdict.is_none_or(|verdict| dir.verdict == Some(verdict))
            && when.coverage_below.is_none_or(below)
            && among(below(limits.coverage_warn), when.low_coverage)
            && among(dir.duplicates_of.is_some(), when.duplicate)
            && among(self.unique.is_empty(), when.repeated)
            && among(best.is_some_and(|best| best != self.at), when.redundant)
            && among(best == Some(self.at), when.best_of_group)
            && among(self.sound, when.sound)
            && among(view.folder.n_others > 0, when.others)
            // These take longest.
            && when.name.as_ref().is_none_or(|pattern| pattern.is_match(&view.name))
            && when.path.as_ref().is_none_or(|pattern| pattern.is_match(&view.relative))
            && when.layout.as_ref().is_none_or(|pattern| layouts().any(|layout| pattern.is_match(layout)))
    }

    /// The reason with its placeholders filled.
    fn fill(&self, reason: &str, rules: &Rules) -> String {
        let dir = self.dir;
        let mut text = String::new();
        let mut parts = reason.split('{');
        text.push_str(parts.next().unwrap_or(""));
        for part in parts {
            let (word, rest) = part.split_once('}').unwrap_or((part, ""));
            match word {
                "best" => text.push_str(&self.named(dir.better.as_ref())),
                "category" => text.push_str(&dir.category),
                "coverage" => text.push_str(&self.coverage.map_or_else(|| "unknown".into(), short)),
                "duplicate" => text.push_str(&self.named(dir.duplicates_of.as_ref())),
                "files" => text.push_str(&self.files()),
                "flags" => {
                    let word = |flag: &Flag| measured::flagged(*flag, self.view, rules, self.contradicted);
                    let flags: Vec<String> = dir.flags.iter().map(word).collect();
                    text.push_str(if flags.is_empty() { "nothing" } else { "" });
                    text.push_str(&flags.join(", "));
                }
                "group" => text.push_str(dir.group.as_deref().unwrap_or("no group")),
                "name" => text.push_str(&self.view.name),
                "note" => text.push_str(dir.note.as_deref().unwrap_or("no reason is given")),
                "safety" => text.push_str(dir.safety.as_str()),
                "status" => text.push_str(dir.status.as_str()),
                "unique" => text.push_str(&listed(self.unique)),
                // The reader of the rules lets no other word pass.
                _ => {}
            }
            text.push_str(rest);
        }
        text
    }

    fn named(&self, path: Option<&PathBuf>) -> String {
        path.map_or_else(|| "another".into(), |path| self.names.word(path))
    }

    /// How many files are in which state: `2 corrupt, 1 ok`.
    fn files(&self) -> String {
        let mut counts: Vec<(Status, u64)> = Vec::new();
        for (_, record) in &self.view.files {
            match counts.iter_mut().find(|(status, _)| *status == record.status) {
                Some((_, count)) => *count += 1,
                None => counts.push((record.status, 1)),
            }
        }
        let words: Vec<String> =
            counts.iter().map(|(status, count)| format!("{count} {}", status.as_str())).collect();
        if words.is_empty() { "none".into() } else { words.join(", ") }
    }
}

/// The words that rules can put into records of directories: categories, and the names of the rules.
#[must_use]
pub fn words(rules: &Rules) -> [(&'static str, Vec<&str>); 3] {
    let categories = &rules.categories;
    let gives = categories.iter().map(|rule| rule.gives.as_str()).chain(["other"]);
    [
        ("category", gives.collect()),
        ("rule", categories.iter().map(|rule| rule.name.as_str()).collect()),
        ("recommended_by", rules.actions.iter().map(|rule| rule.name.as_str()).collect()),
    ]
}

/// The first names of several: `a.pt, b.pt and 3 more`.
fn listed(files: &[&FileRecord]) -> String {
    match files {
        [] => "none".into(),
        [one] => file_name(one).into_owned(),
        [one, other] => format!("{} and {}", file_name(one), file_name(other)),
        [one, other, rest @ ..] => {
            format!("{}, {} and {} more", file_name(one), file_name(other), rest.len())
        }
    }
}

/// Nothing in a directory speaks against it: every file was decoded and is whole, none is dangerous or could not be
/// followed, no flag, and nobody says that it is invalid.
pub(super) fn sound(view: &View<'_>, dir: &DirRecord) -> bool {
    let clear = dir.flags.is_empty() || dir.verdict == Some(Verdict::Valid);
    clear
        && dir.verdict != Some(Verdict::Invalid)
        && !is_unsafe(dir.safety)
        && view.folder.unreadable.is_none()
        && view.files.iter().all(|(_, record)| record.status == Status::Ok && !record.lacks_storages())
}

/// The coverage of a directory's best file.
pub(super) fn coverage(view: &View<'_>, best: Option<usize>) -> Option<f64> {
    let (_, record) = view.files.iter().find(|(at, _)| Some(*at) == best)?;
    flags::coverage(record)
}
