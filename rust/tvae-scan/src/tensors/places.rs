//! Where the storages of a checkpoint are, and what the tensors below each key of it amount to.

use std::collections::{HashMap, HashSet};

use super::census::{InnerPath, Stretch, Tensors};
use super::layout::Seen;
use super::piece::NONE;
use super::storages::{Place, StorageUse};
use crate::issue::{Issues, Severity};
use crate::pickle::DType;
use crate::record::StateDict;
use crate::value::Word;

/// Puts storages where `find` says, and reports tensors that do not fit them. Of a cut file it is said elsewhere how many
/// are missing.
pub(crate) fn place(
    tensors: &mut Tensors,
    mut find: impl FnMut(&Tensors, &StorageUse) -> Option<Place>,
    cut: bool,
    issues: &mut Issues,
) {
    let mut list = std::mem::take(&mut tensors.storages.list);
    for storage in &mut list {
        storage.place = find(tensors, storage);
        if storage.place.is_some_and(|place| Some(place.length) == storage.bytes) {
            continue;
        }
        let key = tensors.key(storage);
        match (storage.place, storage.bytes) {
            (None, _) if cut => {}
            (None, _) => issues.add("T001", Severity::Error, format!("storage {key} is not in the file")),
            (Some(place), Some(bytes)) => {
                let message = format!("storage {key} has {} bytes instead of {bytes}", place.length);
                issues.add("T002", Severity::Error, message);
            }
            (Some(_), None) => {
                issues.add("T002", Severity::Error, format!("storage {key} has no possible size"));
            }
        }
    }
    tensors.storages.list = list;
    for placed in &tensors.placed {
        let Some(storage) = tensors.storages.list.get(placed.storage as usize) else { continue };
        if storage.place.as_ref().is_some_and(|place| placed.end > place.length) {
            let (name, key) = (tensors.name(placed), tensors.key(storage));
            issues.add("T004", Severity::Error, format!("{name} reaches beyond storage {key}"));
        }
    }
}

/// The tensors by the first key of their names, in the order in which the keys come.
pub(crate) fn state_dicts(tensors: &mut Tensors) -> Vec<StateDict> {
    // The tensors of a group are together unless there are others between them at the top.
    let mut stretches = std::mem::take(&mut tensors.stretches);
    stretches.sort_unstable();
    let groups = stretches.chunk_by(|one, other| one.group == other.group);
    let found = groups.map(|group| state_dict(tensors, group)).collect();
    tensors.stretches = stretches;
    found
}

fn state_dict(tensors: &mut Tensors, stretches: &[Stretch]) -> StateDict {
    let group = stretches[0].group;
    let (mut n_tensors, mut n_params, mut bytes) = (0_u64, 0_u64, 0_u64);
    let mut dtypes = 0_u32;
    let mut fingerprint = Fingerprint::default();
    let mut views = Views::default();
    for at in members(stretches) {
        let Tensors { placed, storages, .. } = &mut *tensors;
        let one = &placed[at];
        let elements = one.elements;
        n_tensors += 1;
        dtypes |= 1 << one.dtype as u32;
        let Some(storage) = storages.list.get_mut(one.storage as usize) else {
            n_params = n_params.saturating_add(elements);
            bytes = bytes.saturating_add(elements.saturating_mul(one.dtype.itemsize()));
            continue;
        };
        fingerprint.add(one.storage, storage);
        let first = storage.counted != group;
        storage.counted = group;
        if first {
            bytes = bytes.saturating_add(storage.bytes.unwrap_or(0));
        }
        if first || views.is_new(tensors, stretches, at) {
            n_params = n_params.saturating_add(elements);
        }
    }
    StateDict {
        key: tensors.word(tensors.groups[group as usize]),
        n_tensors,
        n_params,
        bytes,
        dtypes: names(dtypes),
        layout: layout(tensors, stretches),
        fingerprint: fingerprint.finish(),
    }
}

/// The storages of every group, by number and size, in the order of its fingerprint; `None` if one of them has neither.
pub(crate) fn storages(tensors: &Tensors) -> Option<Vec<Vec<(u32, u64)>>> {
    let groups = tensors.stretches.chunk_by(|one, other| one.group == other.group);
    let storages = groups.map(|stretches| {
        let mut found = Vec::new();
        let mut last = NONE;
        for at in members(stretches) {
            let at = tensors.placed[at].storage;
            if std::mem::replace(&mut last, at) != at {
                let storage = tensors.storages.list.get(at as usize)?;
                found.push((storage.number?, storage.bytes?));
            }
        }
        Some(found)
    });
    storages.collect()
}

/// The tensors of a group.
fn members(stretches: &[Stretch]) -> impl Iterator<Item = usize> {
    stretches.iter().flat_map(|stretch| stretch.start as usize..stretch.end as usize)
}

/// The names of a set of types, in order of the alphabet.
fn names(dtypes: u32) -> Vec<Word> {
    let mut names: Vec<&'static str> =
        DType::all().filter(|&dtype| dtypes & 1 << dtype as u32 != 0).map(DType::name).collect();
    names.sort_unstable();
    names.into_iter().map(Word::Borrowed).collect()
}

/// Offset, shape and stride of a view in its storage.
type View = (u32, i64, Vec<i64>, Vec<i64>);

/// Which views of the storages of a group were counted. It is made when a storage comes a second time.
#[derive(Default)]
struct Views {
    seen: Option<HashSet<View>>,
}

impl Views {
    fn is_new(&mut self, tensors: &Tensors, stretches: &[Stretch], at: usize) -> bool {
        let view = |at: usize| {
            let one = &tensors.placed[at];
            (one.storage, one.offset, tensors.shape(one).to_vec(), tensors.stride(one).to_vec())
        };
        let seen = self.seen.get_or_insert_with(|| {
            members(stretches).take_while(|&earlier| earlier != at).map(view).collect()
        });
        seen.insert(view(at))
    }
}

/// A hash over the length and checksum of every storage, in the order in which the tensors use them; none if one of
/// them has no checksum.
pub(crate) struct Fingerprint {
    /// Every storage goes into one of them in turn, so that none waits for the one before it.
    lanes: [u64; LANES],
    count: usize,
    last: u32,
    whole: bool,
}

const LANES: usize = 4;

impl Default for Fingerprint {
    fn default() -> Self {
        Self { lanes: [0xcbf2_9ce4_8422_2325; LANES], count: 0, last: NONE, whole: true }
    }
}

impl Fingerprint {
    fn add(&mut self, at: u32, storage: &StorageUse) {
        if std::mem::replace(&mut self.last, at) == at {
            return;
        }
        match storage.bytes.zip(storage.place.and_then(|place| place.crc)) {
            Some((bytes, crc)) => self.count(bytes, crc),
            None => self.whole = false,
        }
    }

    /// Torch writes 0 where it was told to compute no checksums: such a storage may hold anything.
    #[inline]
    pub(crate) fn count(&mut self, bytes: u64, crc: u32) {
        self.whole &= crc != 0 || bytes == 0;
        let lane = &mut self.lanes[self.count % LANES];
        *lane = mixed(*lane, bytes.rotate_left(32) ^ u64::from(crc));
        self.count += 1;
    }

    pub(crate) fn finish(&self) -> Option<u64> {
        let hash = self.lanes.iter().fold(self.count as u64, |hash, &lane| mixed(hash, lane));
        (self.whole && self.count > 0).then_some(hash)
    }
}

fn mixed(hash: u64, more: u64) -> u64 {
    (hash.rotate_left(5) ^ more).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The layout of the tensors of a group, if it is a known one.
fn layout(tensors: &Tensors, stretches: &[Stretch]) -> Option<Word> {
    let (mut seen, mut path) = (Seen::default(), InnerPath::default());
    for at in members(stretches) {
        let one = &tensors.placed[at];
        let matrix = match *tensors.shape(one) {
            [rows, columns] => Some((rows.unsigned_abs(), columns.unsigned_abs())),
            _ => None,
        };
        seen.see(tensors.inner(one, &mut path), matrix);
    }
    seen.layout()
}

/// The places of storages by their keys, as `find` of [`place`] looks them up.
pub(crate) fn by_key(
    places: &HashMap<String, Place>,
) -> impl FnMut(&Tensors, &StorageUse) -> Option<Place> + use<'_> {
    |tensors, storage| places.get(&tensors.key(storage)).copied()
}
