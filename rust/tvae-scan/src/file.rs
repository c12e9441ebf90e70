//! A file on its way to its record, and what is kept from one file to the next.

use std::collections::HashMap;

use crate::archive::outlines::Outlines;
use crate::archive::patterns::Patterns;
use crate::content::{self, Summary, Told};
use crate::issue::Severity;
use crate::metrics;
use crate::pickle::{Document, Safety};
use crate::record::{FileRecord, Status};
use crate::streams::Streams;
use crate::tensors::Tensor;
use crate::tensors::census::Tensors;
use crate::tensors::layout;
use crate::tensors::places;
use crate::tensors::storages::Place;
use crate::value::Value;

/// Records of a file that leaves its room to the next one.
const MOST_RECORDS: u64 = 10_000;

/// What is wanted of a file beyond its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Want<'k> {
    /// Where every tensor is.
    pub tensors: bool,
    /// The value under this key path.
    pub key: Option<&'k str>,
}

/// Room that a file leaves for the next one.
#[derive(Debug, Default)]
pub(crate) struct Room {
    pub outlines: Outlines,
    pub lengths: Vec<u8>,
    pub tensors: Tensors,
    /// None while the streams of a file have it.
    pub pickle: Option<Box<crate::pickle::Room>>,
    pub patterns: Patterns,
}

/// A file on its way to its record.
#[derive(Debug, Default)]
pub(crate) struct File<'k> {
    pub want: Want<'k>,
    pub record: FileRecord,
    pub streams: Streams,
    /// The tensors with their names and places, if they are wanted.
    pub listed: Vec<Tensor>,
    pub value: Option<Value>,
    pub room: Box<Room>,
}

impl<'k> File<'k> {
    pub(crate) fn new(want: Want<'k>, mut room: Box<Room>) -> Self {
        let (record, streams) = (FileRecord::default(), Streams::new(room.pickle.take().unwrap_or_default()));
        Self { want, record, streams, listed: Vec::new(), value: None, room }
    }

    /// Its record, and the room for the next file. One that took much leaves none, so that it takes it only once.
    pub(crate) fn into_parts(self) -> (FileRecord, Option<Box<Room>>) {
        let Self { mut room, streams, record, .. } = self;
        if record.n_records > Some(MOST_RECORDS) || streams.is_large() {
            return (record, None);
        }
        room.tensors.clear();
        room.pickle = Some(streams.into_room());
        (record, Some(room))
    }

    /// The file is damaged, and nothing of it is known.
    pub(crate) fn corrupt(&mut self, code: &'static str, message: impl Into<String>) {
        self.streams.issues.add(code, Severity::Error, message);
        self.record.status = Status::Corrupt;
        self.streams.worsen(Safety::Unparsed);
    }

    /// The file is something else.
    pub(crate) fn unsupported(&mut self, code: &'static str, message: impl Into<String>) {
        self.streams.issues.add(code, Severity::Error, message);
        self.record.status = Status::Unsupported;
        self.streams.worsen(Safety::Unparsed);
    }

    /// Takes over what the values of a checkpoint say, and looks for its tensors.
    pub(crate) fn values(&mut self, document: &Document<'_>) {
        self.summary(content::summary(document, Told::default()));
        self.room.tensors.find(document, &mut self.streams.issues);
        self.value = self.want.key.and_then(|key| crate::find::find(document, key));
    }

    /// Takes over what the values of a checkpoint say.
    pub(crate) fn summary(&mut self, summary: Summary) {
        let Summary { epoch, metrics, config, top_keys, optimizers, lineage, .. } = summary;
        metrics::report(&metrics, &mut self.streams.issues);
        self.record.epoch = epoch;
        self.record.metrics = metrics;
        self.record.config = config;
        self.record.top_keys = top_keys;
        self.record.optimizers = optimizers;
        self.record.lineage = lineage;
    }

    /// Takes over where the storages are.
    pub(crate) fn places(&mut self, places: &HashMap<String, Place>) {
        let cut = self.record.salvaged.is_some();
        places::place(&mut self.room.tensors, places::by_key(places), cut, &mut self.streams.issues);
        self.placed();
    }

    /// Looks at places that the storages have already.
    pub(crate) fn placed_before(&mut self) {
        let cut = self.record.salvaged.is_some();
        places::place(&mut self.room.tensors, |_, storage| storage.place, cut, &mut self.streams.issues);
        self.placed();
    }

    /// Sums up the tensors, now that it is known where they are.
    pub(crate) fn placed(&mut self) {
        self.record.state_dicts = places::state_dicts(&mut self.room.tensors);
        layout::add_experiment(&self.record.top_keys, &mut self.record.state_dicts);
        if self.want.tensors {
            let tensors = &self.room.tensors;
            self.listed = tensors.placed.iter().map(|placed| tensors.tensor(placed)).collect();
        }
    }
}
