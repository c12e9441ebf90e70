//! What the values of a checkpoint say: epoch, metrics, configuration, and where its tensors are.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::convert::{Converter, label};
use crate::issue::{Issues, Severity};
use crate::layout::layout;
use crate::lineage;
use crate::metrics::{self, Metric};
use crate::optimizer;
use crate::pickle::{DType, Document, NodeId, Storage, Tensor as Raw, Value as Node};
use crate::record::{Optimizer, StateDict};
use crate::tensors::{Tensor, elements, span};
use crate::value::{Value, Word};

/// Values of a configuration or of metrics that are kept.
const ROOM: usize = 20_000;
/// Values that are visited in search of tensors.
const MOST_VISITS: usize = 2_000_000;
/// Tensors that are kept.
const MOST_TENSORS: usize = 100_000;
/// Bytes of their names and shapes that are kept.
const MOST_NAMES: usize = 16 << 20;
/// Levels at which tensors are looked for.
const MOST_DEPTH: usize = 64;
/// Keys at the top that are kept.
const MOST_KEYS: usize = 1000;
/// Where a configuration may be, by falling precedence.
const CONFIGS: [&str; 4] = ["config", "args", "hparams", "hyper_parameters"];

/// What a dictionary at the top of a checkpoint says.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub epoch: Option<i64>,
    pub metrics: Vec<Metric>,
    pub config: Option<Value>,
    pub top_keys: Vec<String>,
    pub optimizers: Vec<Optimizer>,
    pub lineage: Vec<(String, Value)>,
}

/// A storage that tensors refer to.
#[derive(Debug)]
pub(crate) struct StorageUse {
    /// Its elements, as declared; bytes if it is untyped.
    pub count: Option<u64>,
    /// Bytes that it must have; `None` if that is no number.
    pub bytes: Option<u64>,
    /// CRC-32 of its bytes, as the container claims it.
    pub crc: Option<u32>,
}

/// A tensor, and the storage that it is a view of.
#[derive(Debug)]
pub(crate) struct Placed {
    pub tensor: Tensor,
    /// Length of the first key of its name; 0 for a tensor at the top, which is its own key.
    pub head: usize,
    /// Key of the storage; empty if there is none.
    pub storage: String,
    /// First byte in the storage.
    pub start: Option<u64>,
    /// Bytes from the first to behind the last element.
    pub extent: Option<u64>,
}

/// Everything that a document refers to.
#[derive(Debug, Default)]
pub(crate) struct Tensors {
    pub placed: Vec<Placed>,
    pub storages: BTreeMap<String, StorageUse>,
    /// Names, the lengths of their first keys, and the numbers by which torch 0.1 refers to its tensors.
    pub references: Vec<(String, usize, i64)>,
}

impl Tensors {
    /// Tensors that are where they say.
    pub(crate) fn of(tensors: Vec<Tensor>) -> Self {
        let placed = tensors.into_iter().map(|tensor| Placed {
            tensor,
            head: 0,
            storage: String::new(),
            start: None,
            extent: None,
        });
        Self { placed: placed.collect(), ..Self::default() }
    }
}

/// What the values at the top say.
pub(crate) fn summary(document: &Document<'_>) -> Summary {
    let mut summary = Summary::default();
    let Node::Dict(top) = document.value(document.root()) else { return summary };
    let mut configs: [Option<NodeId>; 4] = [None; 4];
    for &(key, item) in top.pairs {
        let key = label(document, key);
        if key == "epoch" {
            summary.epoch = whole(&Converter::new(document, 1).convert(item));
        } else if let Some(place) = CONFIGS.iter().position(|name| *name == key) {
            configs[place] = Some(item);
        }
        if summary.top_keys.len() < MOST_KEYS {
            summary.top_keys.push(key);
        }
    }
    summary.metrics = metrics::read(document);
    summary.optimizers = optimizer::read(document);
    summary.config = configs
        .into_iter()
        .flatten()
        .map(|item| Converter::new(document, ROOM).convert(item))
        .find(|config| matches!(config, Value::Map(_)));
    summary.lineage = lineage::read(document);
    summary
}

/// An epoch, in whatever form it was stored.
pub(crate) fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        #[allow(clippy::cast_possible_truncation)] // whole, and of the size of an epoch
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => Some(*number as i64),
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Every tensor below the top.
pub(crate) fn tensors(document: &Document<'_>, issues: &mut Issues) -> Tensors {
    let mut walk = Walk {
        document,
        path: String::new(),
        head: 0,
        above: Vec::new(),
        visits: 0,
        names: 0,
        found: Tensors::default(),
        issues,
    };
    walk.visit(document.root());
    if walk.is_full() {
        walk.issues.add("T006", Severity::Warning, "too many values: not every tensor is listed");
    }
    walk.found
}

struct Walk<'d, 'a, 'i> {
    document: &'d Document<'a>,
    path: String,
    head: usize,
    above: Vec<NodeId>,
    visits: usize,
    /// Bytes of names and shapes so far.
    names: usize,
    found: Tensors,
    issues: &'i mut Issues,
}

impl Walk<'_, '_, '_> {
    fn is_full(&self) -> bool {
        let tensors = self.found.placed.len() + self.found.references.len();
        self.visits >= MOST_VISITS || tensors >= MOST_TENSORS || self.names >= MOST_NAMES
    }

    fn visit(&mut self, id: NodeId) {
        if self.is_full() {
            return;
        }
        self.visits += 1;
        match self.document.value(id) {
            Node::Tensor(tensor) => {
                self.tensor(&tensor);
                if tensor.storage.is_none() {
                    self.below(id, |walk| walk.items(tensor.parts));
                }
            }
            Node::Storage(storage) => self.storage(&storage),
            Node::Persistent(id) => self.reference(id),
            Node::List(items) | Node::Tuple(items) | Node::Set(items) => {
                self.below(id, |walk| walk.items(items));
            }
            Node::Dict(dict) => self.below(id, |walk| walk.pairs(dict.pairs)),
            Node::Object(object) => self.below(id, |walk| {
                walk.pairs(object.pairs);
                walk.items(object.items);
                walk.items(object.args);
                for state in [object.state, object.slots].into_iter().flatten() {
                    walk.visit(state);
                }
            }),
            _ => {}
        }
    }

    fn below(&mut self, id: NodeId, visit: impl FnOnce(&mut Self)) {
        if self.above.len() < MOST_DEPTH && !self.above.contains(&id) {
            self.above.push(id);
            visit(self);
            self.above.pop();
        }
    }

    fn items(&mut self, items: &[NodeId]) {
        for (number, &item) in items.iter().enumerate() {
            self.named(&number.to_string(), item);
        }
    }

    fn pairs(&mut self, pairs: &[(NodeId, NodeId)]) {
        for &(key, item) in pairs {
            // Most values are no containers, and need no name.
            if matches!(
                self.document.value(item),
                Node::Tensor(_)
                    | Node::Storage(_)
                    | Node::Persistent(_)
                    | Node::List(_)
                    | Node::Tuple(_)
                    | Node::Set(_)
                    | Node::Dict(_)
                    | Node::Object(_)
            ) {
                self.named(&label(self.document, key), item);
            } else {
                self.visits += 1;
            }
        }
    }

    fn named(&mut self, name: &str, item: NodeId) {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        } else {
            self.head = name.len();
        }
        self.path.push_str(name);
        self.visit(item);
        self.path.truncate(length);
    }

    fn tensor(&mut self, raw: &Raw<'_>) {
        let shape: Option<Vec<u64>> = raw.shape.iter().map(|&size| u64::try_from(size).ok()).collect();
        let Some((shape, count)) = shape.zip(raw.numel()) else {
            self.issues.add(
                "T003",
                Severity::Error,
                format!("{}: shape {:?} is impossible", self.path, raw.shape),
            );
            return;
        };
        self.names += self.path.len() + 16 * shape.len();
        let size = raw.dtype.itemsize();
        let extent = span(&shape, raw.stride).and_then(|span| span.checked_mul(size));
        let start = u64::try_from(raw.offset).ok().and_then(|offset| offset.checked_mul(size));
        let mut placed = Placed {
            tensor: Tensor {
                name: self.path.clone(),
                dtype: raw.dtype.name(),
                nbytes: elements(&shape).saturating_mul(size),
                shape,
                stride: raw.stride.to_vec(),
                file_offset: None,
            },
            head: self.first_key(),
            storage: String::new(),
            start,
            extent,
        };
        if let Some(storage) = raw.storage {
            if extent.is_some_and(|extent| extent / size < count) {
                let message = format!("{}: {count} elements in {} bytes", self.path, extent.unwrap_or(0));
                self.issues.add("T005", Severity::Info, message);
            }
            placed.storage = storage.key.into();
            self.storage(&storage);
        }
        self.found.placed.push(placed);
    }

    fn reference(&mut self, id: NodeId) {
        if let Node::Int(number) = self.document.value(id) {
            self.names += self.path.len() + 16;
            let head = self.first_key();
            self.found.references.push((self.path.clone(), head, number));
        }
    }

    /// Length of the first of several keys.
    fn first_key(&self) -> usize {
        if self.path.len() > self.head { self.head } else { 0 }
    }

    fn storage(&mut self, storage: &Storage<'_>) {
        let each = if storage.untyped { Some(1) } else { storage.dtype.map(DType::itemsize) };
        let count = u64::try_from(storage.numel).ok();
        let bytes = count.zip(each).and_then(|(count, each)| count.checked_mul(each));
        match self.found.storages.get(storage.key) {
            None => {
                self.found.storages.insert(storage.key.into(), StorageUse { count, bytes, crc: None });
            }
            Some(known) if known.count != count || known.bytes != bytes => {
                let message = format!("storage {} is used as two types or sizes", storage.key);
                self.issues.add("T007", Severity::Info, message);
            }
            Some(_) => {}
        }
    }
}

/// Where a storage is in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its first byte, if it was looked for.
    pub offset: Option<u64>,
    /// Its bytes in the file.
    pub length: u64,
    /// CRC-32 of them, as the container claims it.
    pub crc: Option<u32>,
}

/// Puts tensors where their storages are, and reports those that do not fit.
pub(crate) fn place(found: &mut Tensors, places: &HashMap<String, Place>, cut: bool, issues: &mut Issues) {
    for (key, storage) in &mut found.storages {
        storage.crc = places.get(key).and_then(|place| place.crc);
        match (places.get(key), storage.bytes) {
            // Of a cut file it is said how many are missing.
            (None, _) if cut => {}
            (None, _) => issues.add("T001", Severity::Error, format!("storage {key} is not in the file")),
            (Some(place), Some(bytes)) if place.length != bytes => {
                let message = format!("storage {key} has {} bytes instead of {bytes}", place.length);
                issues.add("T002", Severity::Error, message);
            }
            (Some(_), None) => {
                issues.add("T002", Severity::Error, format!("storage {key} has no possible size"));
            }
            _ => {}
        }
    }
    for placed in found.placed.iter_mut().filter(|placed| !placed.storage.is_empty()) {
        let Some(place) = places.get(&placed.storage) else { continue };
        let end = placed.start.zip(placed.extent).and_then(|(start, extent)| start.checked_add(extent));
        if end.is_some_and(|end| end <= place.length) {
            placed.tensor.file_offset = place.offset.zip(placed.start).map(|(offset, start)| offset + start);
        } else {
            let message = format!("{} reaches beyond storage {}", placed.tensor.name, placed.storage);
            issues.add("T004", Severity::Error, message);
        }
    }
}

/// The tensors by the first key of their names.
pub(crate) fn state_dicts(found: &Tensors) -> Vec<StateDict> {
    let mut groups: Vec<(String, Vec<&Placed>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for placed in &found.placed {
        let key = placed.tensor.name[..placed.head].to_owned();
        let place = *places.entry(key.clone()).or_insert_with(|| {
            groups.push((key, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(placed);
    }
    groups.into_iter().map(|(key, placed)| state_dict(key, &placed, found)).collect()
}

fn state_dict(key: String, placed: &[&Placed], found: &Tensors) -> StateDict {
    let mut views = HashSet::new();
    let mut storages = BTreeSet::new();
    let (mut n_params, mut bytes) = (0_u64, 0_u64);
    for one in placed {
        let Tensor { shape, stride, nbytes, .. } = &one.tensor;
        if one.storage.is_empty() {
            n_params = n_params.saturating_add(one.tensor.elements());
            bytes = bytes.saturating_add(*nbytes);
        } else if views.insert((one.storage.as_str(), one.start, shape, stride)) {
            n_params = n_params.saturating_add(one.tensor.elements());
            storages.insert(one.storage.as_str());
        }
    }
    for storage in storages {
        bytes = bytes.saturating_add(found.storages.get(storage).and_then(|one| one.bytes).unwrap_or(0));
    }
    let dtypes: BTreeSet<&str> = placed.iter().map(|one| one.tensor.dtype).collect();
    let prefix = if key.is_empty() { String::new() } else { format!("{key}.") };
    let tensors: Vec<&Tensor> = placed.iter().map(|one| &one.tensor).collect();
    StateDict {
        n_tensors: placed.len() as u64,
        n_params,
        bytes,
        dtypes: dtypes.into_iter().map(Word::Borrowed).collect(),
        layout: layout(&prefix, &tensors),
        fingerprint: fingerprint(placed, found),
        key,
    }
}

/// FNV-1a over the length and checksum of every storage, in the order in which the tensors use them; `None` if one
/// of them has no checksum.
fn fingerprint(placed: &[&Placed], found: &Tensors) -> Option<u64> {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut last = "";
    for one in placed.iter().filter(|one| !one.storage.is_empty()) {
        if std::mem::replace(&mut last, &one.storage) == one.storage {
            continue;
        }
        let storage = found.storages.get(&one.storage)?;
        for number in [storage.bytes?, u64::from(storage.crc?)] {
            hash = (hash ^ number).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    (!last.is_empty()).then_some(hash)
}
