//! What is told of a file whose values differ from those of an earlier one in numbers and texts only.
//!
//! See `pickle::pattern` for when that is so. The tensors are then those of the earlier file, and so is all that was told
//! of them, but for what the directory says of their storages: each must be there with the same length, as it was.

use std::ops::Range;

use super::directory::{Directory, Plan};
use super::names::Names;
use crate::content::{self, Config, Summary, Told};
use crate::pickle::{self, Document, Pattern, Unpickled};
use crate::record::{Optimizer, StateDict};
use crate::tensors::census::Tensors;
use crate::tensors::places::{self, Fingerprint};

/// Bytes of the patterns that are kept in a thread, and how many.
const MOST_BYTES: usize = 1 << 20;
const MOST: usize = 64;
/// Plans of directories that are kept with a pattern.
const MOST_PLANS: usize = 4;

/// The number of a storage, and its bytes.
pub(crate) type Stored = (u32, u64);

/// A pattern, and what its tensors come to.
#[derive(Debug)]
pub(crate) struct Known {
    pattern: Pattern,
    /// Every state dict with its storages, in the order of its fingerprint.
    dicts: Vec<(StateDict, Vec<Stored>)>,
    /// Storages in none of them.
    others: Vec<Stored>,
    /// Plans of directories that it was met with, each with the places of the dicts' storages in it.
    plans: Vec<(Plan, Vec<u32>)>,
    /// How many storages there are.
    pub storages: usize,
    /// Bytes that it was counted with.
    size: usize,
    /// What configs and optimizers said last.
    config: Last<Config>,
    optimizers: Last<Vec<Optimizer>>,
}

/// What some values said in the file that was of the pattern last: where they have the same bytes, they say the same.
#[derive(Debug)]
struct Last<T> {
    /// Where the values were in the stream that the pattern was made of; None if that is not known.
    stretch: Option<Range<usize>>,
    bytes: Vec<u8>,
    said: Option<T>,
}

impl<T: Clone> Last<T> {
    fn of(stretch: Option<Range<usize>>) -> Self {
        Self { stretch, bytes: Vec::new(), said: None }
    }

    /// What is known of a stream that the pattern has just followed, in which these bytes are the values.
    fn said(&self, bytes: &[u8]) -> Option<T> {
        (*self.bytes == *bytes).then(|| self.said.clone()).flatten()
    }

    fn keep(&mut self, bytes: &[u8], said: impl FnOnce() -> T) {
        if *self.bytes != *bytes || self.said.is_none() {
            self.bytes.clear();
            self.bytes.extend_from_slice(bytes);
            self.said = Some(said());
        }
    }
}

impl Known {
    /// `None` if a storage has no number or no size.
    pub(crate) fn of(
        pattern: Pattern,
        document: &Document<'_>,
        tensors: &Tensors,
        dicts: &[StateDict],
    ) -> Option<Box<Self>> {
        let groups = places::storages(tensors)?;
        (groups.len() == dicts.len() && tensors.references.is_empty()).then_some(())?;
        let mut seen: Vec<bool> = Vec::new();
        for &(number, _) in groups.iter().flatten() {
            let number = number as usize;
            seen.resize(seen.len().max(number + 1), false);
            seen[number] = true;
        }
        let mut others = Vec::new();
        for storage in &tensors.storages.list {
            let number = storage.number?;
            if !seen.get(number as usize).is_some_and(|&seen| seen) {
                others.push((number, storage.bytes?));
            }
        }
        let storages = seen.iter().filter(|&&seen| seen).count() + others.len();
        let (size, dicts) = (pattern.size(), dicts.iter().cloned().zip(groups).collect());
        let [config, optimizers] = match content::stretches(document, |key| pattern.is_asked_for(key)) {
            Some(stretches) => stretches.map(Some),
            None => [None, None],
        };
        let (config, optimizers) = (Last::of(config), Last::of(optimizers));
        let plans = Vec::new();
        Some(Box::new(Self { pattern, dicts, others, plans, storages, size, config, optimizers }))
    }

    /// What the stream says that was followed last.
    pub(crate) fn summary(&mut self, bytes: &[u8]) -> Summary {
        let Self { pattern, config, optimizers, .. } = self;
        let stretch = |own: &Option<Range<usize>>| pattern.stretch(own.as_ref()?, bytes);
        let (of_config, of_optimizers) = (stretch(&config.stretch), stretch(&optimizers.stretch));
        let told = Told {
            config: of_config.and_then(|bytes| config.said(bytes)),
            optimizers: of_optimizers.and_then(|bytes| optimizers.said(bytes)),
        };
        let summary = content::summary(pattern.document(), told);
        if let Some(bytes) = of_config {
            let values = &summary.config;
            let lineage = &summary.lineage[summary.apart..];
            config.keep(bytes, || Config { values: values.clone(), lineage: lineage.to_vec() });
        }
        if let Some(bytes) = of_optimizers {
            optimizers.keep(bytes, || summary.optimizers.clone());
        }
        summary
    }

    /// Where the records of its dicts' storages are; `None` if one is not there as it was.
    fn starts(&self, names: &Names<'_>, directory: &Directory<'_>) -> Option<Vec<u32>> {
        let numbered = names.numbered();
        let start = |&(number, bytes): &Stored| {
            let (start, size) = directory.stored(*numbered.get(number as usize)?)?;
            (size == bytes).then_some(start)
        };
        self.others.iter().try_for_each(|storage| start(storage).map(drop))?;
        self.dicts.iter().flat_map(|(_, storages)| storages).map(start).collect()
    }

    /// The state dicts of a file with these records; `None` if a storage is not there as it was.
    pub(crate) fn state_dicts(
        &mut self,
        names: &Names<'_>,
        directory: &Directory<'_>,
    ) -> Option<Vec<StateDict>> {
        let at = if let Some(at) = self.plans.iter().position(|plan| directory.is_as(&plan.0)) {
            at
        } else {
            let plan = (directory.plan(), self.starts(names, directory)?);
            self.plans.truncate(MOST_PLANS - 1);
            self.plans.insert(0, plan);
            0
        };
        let mut starts = self.plans[at].1.iter();
        let mut found = Vec::with_capacity(self.dicts.len());
        for (dict, storages) in &self.dicts {
            let mut fingerprint = Fingerprint::default();
            for ((_, bytes), &start) in storages.iter().zip(&mut starts) {
                fingerprint.count(*bytes, directory.checksum(start)?);
            }
            let fingerprint = fingerprint.finish();
            found.push(StateDict { fingerprint, ..dict.clone() });
        }
        Some(found)
    }
}

/// The patterns of a thread, those that were met last first.
#[derive(Debug, Default)]
#[allow(clippy::vec_box)] // they are moved at every file, and large
pub(crate) struct Patterns {
    known: Vec<Box<Known>>,
    bytes: usize,
}

impl Patterns {
    /// The pattern of a stream, filled with it.
    pub(crate) fn find(&mut self, bytes: &[u8]) -> Option<(&mut Known, Unpickled<'static>)> {
        let mut each = self.known.iter_mut().enumerate();
        let entries = pickle::entries(bytes);
        let (at, found) = each.find_map(|(at, known)| Some((at, known.pattern.follow(bytes, entries)?)))?;
        self.known[..=at].rotate_right(1);
        Some((&mut self.known[0], found))
    }

    /// Keeps a pattern; those that were not met for longest go if there is no room.
    pub(crate) fn keep(&mut self, known: Box<Known>) {
        self.bytes += known.size;
        self.known.insert(0, known);
        while (self.bytes > MOST_BYTES || self.known.len() > MOST)
            && let Some(oldest) = self.known.pop()
        {
            self.bytes -= oldest.size;
        }
    }
}
