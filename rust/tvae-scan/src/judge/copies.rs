//! Which files repeat others.

use std::cmp::Ordering;
use std::ops::Range;

use crate::pickle::Safety;
use crate::record::{FileRecord, Status};

use super::flags;
use super::records::{Likeness, Warning};
use super::view::View;

/// What the files of a scan share.
#[derive(Debug)]
pub(super) struct Copies {
    /// For each file the one that it repeats, and how.
    pub repeats: Vec<Option<(usize, Likeness)>>,
    /// For each file the first one with the same bytes, as far as its own records tell; itself if there is none.
    pub content: Vec<usize>,
    /// For each file the preferred one with the same weights; itself if there is none.
    pub weights: Vec<usize>,
    /// For each file the first of its names on the disk; itself if it has one only.
    pub inode: Vec<usize>,
}

/// A save by its own words: the id alone could be borrowed from another file.
type Save<'a> = (&'a str, u64, Safety);
/// Checksum, tensors and elements of a state dict.
type Weights = (u64, u64, u64);

impl Copies {
    pub fn find(files: &[FileRecord]) -> Self {
        let known = (0..).zip(files).filter(|(_, file)| file.identity.inode != 0);
        let inode = firsts(
            files.len(),
            known.map(|(at, file)| ((file.identity.device, file.identity.inode), at)),
            Ord::cmp,
        );
        let saves = (0..).zip(files).filter(|(at, _)| inode[*at] == *at);
        let saves = saves.filter_map(|(at, file)| Some(((save(file)?, &file.state_dicts), at)));
        let mut content = firsts(files.len(), saves, |one, other| {
            let pairs = one.1.iter().map(|state| state.fingerprint);
            one.0.cmp(&other.0).then_with(|| pairs.cmp(other.1.iter().map(|state| state.fingerprint)))
        });
        for at in 0..files.len() {
            // The first of its names comes first.
            content[at] = content[inode[at]];
        }
        // The weights of all files in one list: most have one state dict.
        let mut all: Vec<Weights> = Vec::with_capacity(files.len());
        let parts: Vec<Range<usize>> = files.iter().map(|file| weights(file, &mut all)).collect();
        let states = (0..).zip(&parts).filter(|(_, part)| !part.is_empty());
        let mut weights = firsts(files.len(), states.map(|(at, part)| (&all[part.clone()], at)), Ord::cmp);
        for (at, part) in parts.iter().enumerate() {
            if part.is_empty() && content[at] != at {
                weights[at] = weights[content[at]];
            }
        }
        let mut found = Self { repeats: Vec::new(), content, weights, inode };
        found.prefer(files);
        found.repeats = (0..files.len()).map(|at| found.repeated(at)).collect();
        found
    }

    /// Lets the preferred file of each set of equal weights stand for it.
    fn prefer(&mut self, files: &[FileRecord]) {
        let mut preferred: Vec<usize> = (0..files.len()).collect();
        for (at, first) in self.weights.iter().enumerate().filter(|(at, first)| at != *first) {
            let known = &mut preferred[*first];
            if preference(&files[at]) < preference(&files[*known]) {
                *known = at;
            }
        }
        for place in &mut self.weights {
            *place = preferred[*place];
        }
    }

    fn repeated(&self, at: usize) -> Option<(usize, Likeness)> {
        let likenesses = [
            (self.inode[at], Likeness::HardLink),
            (self.content[at], Likeness::Copy),
            (self.weights[at], Likeness::Weights),
        ];
        likenesses.into_iter().find(|(other, _)| *other != at)
    }
}

/// In how many directories the weights of every file are; those that leave do not count.
#[derive(Debug)]
pub(super) struct Homes<'c> {
    copies: &'c Copies,
    /// By the file that stands for the weights.
    counts: Vec<u32>,
}

impl<'c> Homes<'c> {
    pub fn of<'v>(copies: &'c Copies, views: impl Iterator<Item = &'v View<'v>>) -> Self {
        let mut homes = Self { copies, counts: vec![0; copies.weights.len()] };
        for view in views {
            homes.held(view).into_iter().for_each(|weights| homes.counts[weights] += 1);
        }
        homes
    }

    /// The weights in a directory, each once.
    fn held(&self, view: &View<'_>) -> Vec<usize> {
        let mut held: Vec<usize> = view.files.iter().map(|(at, _)| self.copies.weights[*at]).collect();
        held.sort_unstable();
        held.dedup();
        held
    }

    /// A directory goes.
    pub fn leave(&mut self, view: &View<'_>) {
        self.held(view).into_iter().for_each(|weights| self.counts[weights] -= 1);
    }

    /// The decodable files of a directory that stays of which no other holds the save or the weights.
    pub fn unique<'f>(&self, view: &View<'f>) -> Vec<&'f FileRecord> {
        let alone = |at: usize| self.counts[self.copies.weights[at]] < 2;
        let files = view.files.iter().filter(|(at, record)| record.status.is_decoded() && alone(*at));
        files.map(|(_, record)| *record).collect()
    }
}

/// For each of `count` places the first one with the same key; itself where it has none.
fn firsts<K>(
    count: usize,
    keyed: impl Iterator<Item = (K, usize)>,
    order: impl Fn(&K, &K) -> Ordering,
) -> Vec<usize> {
    let mut first: Vec<usize> = (0..count).collect();
    let mut all: Vec<(K, usize)> = keyed.collect();
    all.sort_unstable_by(|one, other| order(&one.0, &other.0).then(one.1.cmp(&other.1)));
    for equal in all.chunk_by(|one, other| order(&one.0, &other.0).is_eq()) {
        for (_, at) in equal {
            first[*at] = equal[0].1;
        }
    }
    first
}

fn save(file: &FileRecord) -> Option<Save<'_>> {
    let id = file.serialization_id.as_deref().filter(|id| !id.is_empty())?;
    // The id is made of checksums, which are to be those of what is there.
    let checked = file.issues.iter().all(|issue| issue.code != "Z020");
    (file.status == Status::Ok && checked).then_some((id, file.size, file.safety))
}

/// Which of two files with equal weights is to be kept is the lesser: the safer one, then the one that could be read,
/// then the one that states metrics; among equals the first by its path.
pub(super) fn preference(file: &FileRecord) -> (Safety, bool, bool) {
    (file.safety, file.status != Status::Ok, file.metrics.is_empty())
}

/// In which metric a file contradicts another with the same weights, if they were measured alike.
pub(super) fn contradiction(record: &FileRecord, other: &FileRecord) -> Option<Warning> {
    let mut differing = record.metrics.iter().enumerate().filter_map(|(at, metric)| {
        // Files of the same weights mostly state the same metrics.
        let same = other.metrics.get(at).filter(|same| same.name == metric.name);
        let (one, same) = (&metric.reading, &same.or_else(|| flags::metric(other, &metric.name))?.reading);
        let (value, against) = (one.value.number()?, same.value.number()?);
        // What is stored may be a float32.
        let apart = (value - against).abs() > 1e-6 * value.abs().max(against.abs());
        let alike = || {
            let told_alike = one.raw_key == same.raw_key && one.source == same.source;
            one.family == same.family && (told_alike || flags::level(one) == flags::level(same))
        };
        (apart && alike()).then_some((&metric.name, value, against))
    });
    let (metric, value, against) = differing.next()?;
    let more = differing.count();
    Some(Warning::Contradiction { path: other.path.clone(), metric: metric.clone(), value, against, more })
}

/// The weights of a file that could be read, whatever they are called, as a part of `all`; an empty one if a checksum is
/// missing.
fn weights(file: &FileRecord, all: &mut Vec<Weights>) -> Range<usize> {
    let start = all.len();
    if file.status == Status::Ok {
        for state in &file.state_dicts {
            if state.n_tensors == 0 || is_optimizer(file, &state.key) {
                continue;
            }
            let Some(print) = state.fingerprint else {
                all.truncate(start);
                break;
            };
            all.push((print, state.n_tensors, state.n_params));
        }
        all[start..].sort_unstable();
    }
    start..all.len()
}

/// Whether the tensors below a key are the moments of an optimizer.
fn is_optimizer(file: &FileRecord, key: &str) -> bool {
    file.optimizers.iter().any(|optimizer| {
        key.strip_prefix(&*optimizer.key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}
