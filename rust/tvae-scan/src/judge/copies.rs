//! Which files repeat others.

use std::collections::HashMap;

use crate::pickle::Safety;
use crate::record::{FileRecord, Status};

use super::flags;
use super::number::pair;
use super::records::Likeness;
use super::view::{View, file_name};

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
type Save<'a> = (&'a str, u64, Vec<Option<u64>>, Safety);
/// Checksum, tensors and elements of a state dict.
type Weights = (u64, u64, u64);

impl Copies {
    pub fn find(files: &[FileRecord]) -> Self {
        let mut inodes: HashMap<(u64, u64), usize> = HashMap::new();
        let mut saves: HashMap<Save<'_>, usize> = HashMap::new();
        let mut states: HashMap<Vec<Weights>, usize> = HashMap::new();
        let mut found =
            Self { repeats: Vec::new(), content: Vec::new(), weights: Vec::new(), inode: Vec::new() };
        for (at, file) in files.iter().enumerate() {
            let identity = file.identity;
            let inode = match identity.inode {
                0 => at,
                inode => *inodes.entry((identity.device, inode)).or_insert(at),
            };
            let weights = weights(file);
            let content = match &file.serialization_id {
                _ if inode != at => found.content[inode],
                Some(id) if file.status == Status::Ok && !id.is_empty() => {
                    let states = file.state_dicts.iter().map(|state| state.fingerprint).collect();
                    let key = (id.as_str(), file.size, states, file.safety);
                    *saves.entry(key).or_insert(at)
                }
                _ => at,
            };
            let same_weights = match weights {
                Some(weights) => *states.entry(weights).or_insert(at),
                None if content != at => found.weights[content],
                None => at,
            };
            found.inode.push(inode);
            found.content.push(content);
            found.weights.push(same_weights);
        }
        found.prefer(files);
        found.repeats = (0..files.len()).map(|at| found.repeated(at)).collect();
        found
    }

    /// Lets the preferred file of each set of equal weights stand for it.
    fn prefer(&mut self, files: &[FileRecord]) {
        let mut preferred: HashMap<usize, usize> = HashMap::new();
        for (at, first) in self.weights.iter().enumerate() {
            let known = preferred.entry(*first).or_insert(at);
            if preference(&files[at]) < preference(&files[*known]) {
                *known = at;
            }
        }
        for place in &mut self.weights {
            *place = preferred.get(place).copied().unwrap_or(*place);
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

    /// For each directory the names of its decodable files of which no other directory holds the save or the weights.
    pub fn unique(&self, views: &[View<'_>]) -> Vec<Vec<String>> {
        let mut homes: HashMap<usize, (usize, bool)> = HashMap::new();
        for (dir, view) in views.iter().enumerate() {
            for (at, _) in &view.files {
                let home = homes.entry(self.weights[*at]).or_insert((dir, false));
                home.1 |= home.0 != dir;
            }
        }
        let alone = |at: usize| homes.get(&self.weights[at]).is_none_or(|(_, several)| !several);
        let names = |view: &View<'_>| {
            let files = view.files.iter().filter(|(at, record)| record.status.is_decoded() && alone(*at));
            files.map(|(_, record)| file_name(record)).collect()
        };
        views.iter().map(names).collect()
    }
}

/// Which of two files with equal weights is to be kept is the lesser: the safer one, then the one that could be read,
/// then the one that states metrics; among equals the first by its path.
pub(super) fn preference(file: &FileRecord) -> (Safety, bool, bool) {
    (file.safety, file.status != Status::Ok, file.metrics.is_empty())
}

/// In which metric a file contradicts another with the same weights, if they were measured alike.
pub(super) fn contradiction(record: &FileRecord, other: &FileRecord) -> Option<String> {
    let mut differing = record.metrics.iter().filter_map(|metric| {
        let (one, same) = (&metric.reading, &flags::metric(other, &metric.name)?.reading);
        let (value, against) = (one.value.number()?, same.value.number()?);
        let alike = one.family == same.family && flags::level(one) == flags::level(same);
        // What is stored may be a float32.
        let apart = (value - against).abs() > 1e-6 * value.abs().max(against.abs());
        (alike && apart).then_some((&metric.name, value, against))
    });
    let (name, value, against) = differing.next()?;
    let more = match differing.count() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let (value, against) = pair(value, against);
    let path = other.path.display();
    Some(format!("has the weights of {path}, but states {name} {value} against {against}{more}"))
}

/// The weights of a file that could be read, whatever they are called; none if a checksum is missing.
fn weights(file: &FileRecord) -> Option<Vec<Weights>> {
    if file.status != Status::Ok {
        return None;
    }
    let models =
        file.state_dicts.iter().filter(|state| state.n_tensors > 0 && !is_optimizer(file, &state.key));
    let mut all: Vec<Weights> = models
        .map(|state| Some((state.fingerprint?, state.n_tensors, state.n_params)))
        .collect::<Option<_>>()?;
    all.sort_unstable();
    (!all.is_empty()).then_some(all)
}

/// Whether the tensors below a key are the moments of an optimizer.
fn is_optimizer(file: &FileRecord, key: &str) -> bool {
    file.optimizers.iter().any(|optimizer| {
        key.strip_prefix(&*optimizer.key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}
