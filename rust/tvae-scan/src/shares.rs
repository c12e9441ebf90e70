//! What the tensors of a part come to, which was read before: kept when it is first seen, taken over when it comes again.

use std::sync::Arc;

use crate::census::{Frame, NONE, Stretch, Tensors, index};
use crate::directory::Directory;
use crate::optimizer::Moments;
use crate::pickle::{Document, Node, NodeId};
use crate::places::Fingerprint;
use crate::record::StateDict;

/// Everything that is told of the tensors of one dictionary.
#[derive(Debug, Clone, Default)]
pub(crate) struct Share {
    /// The path of the dictionary within its group.
    prefix: String,
    visits: usize,
    /// Bytes of the names and shapes, from behind that path.
    length: usize,
    /// The number of its first storage; those of the others follow one by one, each used by one tensor.
    first: u32,
    /// Bytes of the storages.
    sizes: Vec<u64>,
    /// What they are, but for key and fingerprint.
    dict: Option<StateDict>,
    /// Keys of the dictionary, and what they tell if it is the state of an optimizer.
    pub pairs: usize,
    pub moments: Moments,
}

impl Share {
    /// Behind the number of its last storage.
    fn end(&self) -> u32 {
        self.first + index(self.sizes.len())
    }
}

/// A dictionary that may be taken over from now on.
#[derive(Debug)]
pub(crate) struct Candidate {
    /// Its place among those that the machine caught.
    pub caught: usize,
    group: u32,
    start: u32,
    end: u32,
    share: Share,
}

/// A dictionary that was taken over: all that there is in a group.
#[derive(Debug)]
pub(crate) struct Shared {
    pub group: u32,
    share: Arc<Share>,
    fingerprint: Option<u64>,
}

impl Shared {
    /// Number and size of each of its storages.
    pub(crate) fn storages(&self) -> impl Iterator<Item = (u32, u64)> {
        (self.share.first..).zip(self.share.sizes.iter().copied())
    }

    /// What its tensors are.
    pub(crate) fn state_dict(&self, key: String) -> StateDict {
        let dict = self.share.dict.clone().unwrap_or_default();
        StateDict { key, fingerprint: self.fingerprint, ..dict }
    }
}

/// How the search stood before a dictionary.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Before {
    placed: usize,
    storages: usize,
    visits: usize,
    length: usize,
    issues: usize,
    shared: usize,
    references: usize,
}

impl Tensors {
    pub(crate) fn before(&self, visits: usize, length: usize, issues: usize) -> Before {
        let (placed, storages) = (self.placed.len(), self.storages.list.len());
        let (shared, references) = (self.shared.len(), self.references.len());
        Before { placed, storages, visits, length, issues, shared, references }
    }

    /// The path of a frame within its group, if it is in one.
    fn prefix(&self, frame: u32) -> Option<String> {
        let Frame { above, key, group, .. } = self.frames[frame as usize];
        let head = self.groups.get(group as usize)?.len as usize;
        let inner = self.frames[above as usize].len > 0;
        Some(if inner { self.path(above, key, head + 1) } else { String::new() })
    }

    /// Notes what was found in a dictionary that the machine caught, if each of its tensors has a storage of its own.
    pub(crate) fn note(
        &mut self,
        document: &Document<'_>,
        (caught, id): (usize, NodeId),
        frame: u32,
        before: Before,
        after: Before,
    ) {
        let Frame { len, group, .. } = self.frames[frame as usize];
        let placed = &self.placed[before.placed..after.placed];
        let storages = &self.storages.list[before.storages..after.storages];
        let Some(first) = storages.first().and_then(|storage| storage.number) else { return };
        let alone = placed.len() == storages.len()
            && placed.iter().zip(storages).enumerate().all(|(at, (placed, storage))| {
                placed.storage as usize == before.storages + at
                    && storage.number == Some(first + index(at))
                    && storage.bytes.is_some_and(|bytes| placed.end <= bytes)
            });
        let quiet = before.issues == after.issues
            && (before.shared, before.references) == (after.shared, after.references);
        let Node::Dict(at) = document.node(id) else { return };
        let Some(prefix) = self.prefix(frame).filter(|_| alone && quiet && !placed.is_empty()) else {
            return;
        };
        let pairs = document.dict(at).pairs;
        let share = Share {
            prefix,
            visits: after.visits - before.visits,
            length: (after.length - before.length).saturating_sub(placed.len() * len as usize),
            first,
            sizes: storages.iter().filter_map(|storage| storage.bytes).collect(),
            dict: None,
            pairs: pairs.len(),
            moments: Moments::of(document, pairs),
        };
        let (start, end) = (index(before.placed), index(after.placed));
        self.candidates.push(Candidate { caught, group, start, end, share });
    }

    /// Completes what was noted of a group, if it is all of the group.
    pub(crate) fn complete(&mut self, stretches: &[Stretch], dict: &StateDict) {
        let [Stretch { group, start, end }] = *stretches else { return };
        let mut candidates = self.candidates.iter_mut();
        if let Some(one) = candidates.find(|one| (one.group, one.start, one.end) == (group, start, end)) {
            one.share.dict = Some(StateDict { key: String::new(), fingerprint: None, ..dict.clone() });
        }
    }

    /// What was completed, with its place among the caught.
    pub(crate) fn take_shares(&mut self) -> impl Iterator<Item = (usize, Share)> {
        let done = std::mem::take(&mut self.candidates).into_iter();
        done.filter(|one| one.share.dict.is_some()).map(|one| (one.caught, one.share))
    }

    /// Takes over a dictionary, and gives its visits and the length of its names; `None` if it does not fit here.
    pub(crate) fn take_over(&mut self, share: &Arc<Share>, frame: u32) -> Option<(usize, usize)> {
        let Frame { len, group, .. } = self.frames[frame as usize];
        let known = &self.storages.numbered;
        let again = known.get(share.first as usize..known.len().min(share.end() as usize));
        let fits = self.prefix(frame)? == share.prefix
            && share.dict.is_some()
            && !self.stretches.iter().any(|one| one.group == group)
            && again.is_none_or(|again| again.iter().all(|&at| at == NONE))
            && !self.shared.iter().any(|one| one.share.first < share.end() && share.first < one.share.end());
        if !fits {
            return None;
        }
        let at = index(self.placed.len());
        self.stretches.push(Stretch { group, start: at, end: at });
        self.taken += share.sizes.len();
        self.shared.push(Shared { group, share: Arc::clone(share), fingerprint: None });
        Some((share.visits, share.length + share.sizes.len() * len as usize))
    }

    /// Whether the storage of this number belongs to what was taken over.
    pub(crate) fn has_taken(&self, number: u32) -> bool {
        self.shared.iter().any(|one| (one.share.first..one.share.end()).contains(&number))
    }

    /// Looks up the storages of what was taken over among the records of a file, by their numbers.
    pub(crate) fn place_taken(&mut self, numbered: &[u32], directory: &Directory<'_>) {
        for one in &mut self.shared {
            let mut fingerprint = Fingerprint::default();
            let all = numbered.get(one.share.first as usize..one.share.end() as usize);
            let mut fits = all.is_some();
            for (&at, &bytes) in all.unwrap_or_default().iter().zip(&one.share.sizes) {
                let stored = directory.stored(at).filter(|&(_, size)| size == bytes);
                let Some(crc) = stored.and_then(|(start, _)| directory.checksum(start)) else {
                    fits = false;
                    break;
                };
                fingerprint.count(bytes, crc);
            }
            self.doubt |= !fits;
            one.fingerprint = fingerprint.finish();
        }
    }
}
