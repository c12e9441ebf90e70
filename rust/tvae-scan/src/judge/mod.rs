//! What the facts amount to: rules in, a record for each directory and a verdict for each file out.
//!
//! A pure function: it reads no file and acts on nothing.

mod annotate;
mod best;
mod copies;
mod decision;
mod documented;
mod flags;
mod groups;
mod guards;
mod measured;
mod names;
mod number;
mod rank;
mod recommend;
mod records;
mod standing;
mod summary;
mod view;

use std::collections::HashSet;

use crate::pickle::Safety;
use crate::rules::Rules;
use crate::scan::Scan;

pub use measured::Contradicted;
pub use rank::{Ranked, rank};
pub use recommend::words;
pub use records::{
    Action, BestMetric, DirRecord, DirStatus, Documented, Duplicate, FileVerdict, Flag, GroupKind, Judgement,
    Likeness, Summary, Tally, Verdict, Warning,
};
pub use standing::{Direction, direction};
pub(crate) use standing::{known_metrics, stem};

use copies::Copies;
use view::View;

/// Judges a scan by rules.
#[must_use]
pub fn judge(scan: &Scan, rules: &Rules) -> Judgement {
    judge_measured(scan, rules, &Contradicted::new())
}

/// Judges a scan by rules and by what was measured of its files: where that contradicts a stored value, flags, groups
/// and recommendations follow the measured one. The metrics of a record stay those that are stored.
#[must_use]
pub fn judge_measured(stored: &Scan, rules: &Rules, contradicted: &Contradicted) -> Judgement {
    let scan: &Scan = &measured::instead(stored, contradicted);
    let copies = Copies::find(&stored.files);
    let files: Vec<FileVerdict> = scan
        .files
        .iter()
        .zip(&copies.repeats)
        .enumerate()
        .map(|(at, (record, repeats))| {
            let (flags, mut warnings) = flags::of_file(record, rules);
            if let Some((other, Likeness::Weights)) = *repeats {
                warnings.extend(copies::contradiction(&stored.files[at], &stored.files[other]));
            }
            let duplicates_of =
                repeats.map(|(other, by)| Duplicate { path: scan.files[other].path.clone(), by });
            FileVerdict { flags, duplicates_of, warnings }
        })
        .collect();
    let views = View::all(scan);
    let chosen: Vec<Chosen> = views
        .iter()
        .map(|view| Chosen {
            best: best::best(view, &rules.files, &files),
            latest: best::latest(view, &rules.files),
        })
        .collect();
    let mut dirs: Vec<DirRecord> = views
        .iter()
        .zip(&chosen)
        .map(|(view, chosen)| start([scan, stored], view, *chosen, rules, &files, &copies))
        .collect();
    let notes = annotate::annotate(stored, &views, &chosen, rules, &mut dirs);
    same_weights(scan, &copies, &chosen, &mut dirs);
    decision::decide(scan, &views, &chosen, &copies, rules, contradicted, &mut dirs);
    let summary = summary::summary(scan, &copies, &views, &dirs, &files);
    Judgement { dirs, files, summary, notes }
}

/// The files that stand for a directory.
#[derive(Debug, Clone, Copy)]
struct Chosen {
    best: Option<usize>,
    latest: Option<usize>,
}

/// What needs no other directory; the scan as it counts, and as it is stored.
fn start(
    [scan, stored]: [&Scan; 2],
    view: &View<'_>,
    chosen: Chosen,
    rules: &Rules,
    files: &[FileVerdict],
    copies: &Copies,
) -> DirRecord {
    let Chosen { best, latest } = chosen;
    let record = best.map(|at| &stored.files[at]);
    let mut elsewhere = HashSet::new();
    let mut space = Tally::default();
    for (at, file) in &view.files {
        let first = copies.inode[*at];
        if first == *at || (!view.has(first) && elsewhere.insert(first)) {
            space.add(file);
        }
    }
    let mut found: Vec<Flag> = view.files.iter().flat_map(|(at, _)| &files[*at].flags).copied().collect();
    if let (Some(best), Some(latest)) = (best, latest)
        && flags::diverge(&scan.files[best], &scan.files[latest], rules)
    {
        found.push(Flag::BestLatestDivergence);
    }
    found.sort_unstable();
    found.dedup();
    let numbers = record.into_iter().flat_map(|record| &record.metrics).filter_map(|metric| {
        let value = metric.reading.value.number()?;
        Some(BestMetric { name: metric.name.clone(), value, family: metric.reading.family.clone() })
    });
    DirRecord {
        path: view.folder.path.clone(),
        status: best::status(view, &rules.files),
        category: String::new(),
        rule: String::new(),
        n_files: view.files.len() as u64,
        bytes: space.bytes,
        allocated: space.allocated,
        best: record.map(|record| record.path.clone()),
        latest: latest.map(|at| scan.files[at].path.clone()),
        epoch: record.and_then(|record| record.epoch),
        metrics: numbers.collect(),
        safety: view.files.iter().map(|(_, file)| file.safety).max().unwrap_or(Safety::DataOnly),
        best_safety: record.map(|record| record.safety),
        flags: found,
        warnings: best.map_or_else(Vec::new, |at| files[at].warnings.clone()),
        duplicates_of: None,
        group: None,
        group_kind: None,
        better: None,
        recommendation: Action::Keep,
        reason: String::new(),
        recommended_by: String::new(),
        verdict: None,
        note: None,
        documented: Vec::new(),
    }
}

/// Names the directory whose best file holds the same weights and is to be kept.
fn same_weights(scan: &Scan, copies: &Copies, chosen: &[Chosen], dirs: &mut [DirRecord]) {
    let mut kept: Vec<Option<(usize, usize)>> = vec![None; scan.files.len()];
    let bests = || chosen.iter().enumerate().filter_map(|(dir, chosen)| Some((dir, chosen.best?)));
    let rank = |best: usize| copies::preference(&scan.files[best]);
    for (dir, best) in bests() {
        let known = kept[copies.weights[best]].get_or_insert((dir, best));
        if rank(best) < rank(known.1) {
            *known = (dir, best);
        }
    }
    for (dir, best) in bests() {
        if let Some((first, _)) = kept[copies.weights[best]].filter(|(first, _)| *first != dir) {
            dirs[dir].duplicates_of = Some(dirs[first].path.clone());
        }
    }
}
