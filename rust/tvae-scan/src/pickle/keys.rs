//! Items that are added to containers, and keys that come twice.

use std::collections::HashMap;

use super::arena::{DictData, EMPTY, Node, Run};
use super::document::Document;
use super::machine::{Halt, Machine};
use super::reader::narrow;
use super::value::{DictKind, NodeId, ObjectKind};
use super::{Safety, code};

/// Containers up to this many keys are compared key by key.
const SMALL: usize = 8;

/// Places of a table that are looked at for each key before it is given up: its hash can be foreseen.
const PROBES: usize = 8;

/// Longer keys are compared by identity: a stream could have one of megabytes compared for every dictionary.
const LONG: u32 = 1024;

/// What makes two keys the same.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Key<'d> {
    None,
    /// Booleans, integers, and floats that are integers: Python holds `1`, `1.0` and `True` for the same.
    Int(i64),
    Float(u64),
    Text(&'d [u8]),
    Bytes(&'d [u8]),
    /// All else is the same only as itself.
    Same(NodeId),
}

impl Key<'_> {
    /// A number that is the same for the same keys. It is quick and can be foreseen, so that equal numbers are only a
    /// reason to look again.
    fn mark(&self) -> u64 {
        mixed(match self {
            Self::None => 1,
            Self::Int(value) => value.cast_unsigned(),
            Self::Float(bits) => !bits,
            Self::Text(bytes) => fold(bytes),
            Self::Bytes(bytes) => !fold(bytes),
            Self::Same(id) => u64::from(id.0) << 32,
        })
    }
}

#[inline]
fn mixed(number: u64) -> u64 {
    let mixed = (number ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xff51_afd7_ed55_8ccd);
    // Zero is a free place.
    (mixed ^ mixed >> 32) | 1
}

/// A number for bytes, by which others are told apart. It can be foreseen.
#[inline]
pub(crate) fn mark(bytes: &[u8]) -> u64 {
    mixed(fold(bytes))
}

/// Bytes as one number, eight at a time; the last eight may overlap those before.
#[inline]
fn fold(bytes: &[u8]) -> u64 {
    let length = (bytes.len() as u64) << 56;
    let Some(last) = bytes.last_chunk::<8>() else {
        return bytes.iter().fold(length, |sum, &byte| sum << 8 ^ u64::from(byte) ^ sum >> 56);
    };
    let first = u64::from_le_bytes(*last) ^ length;
    let (mut sum, mut rest) = (first, bytes);
    while let Some((word, behind)) = rest.split_first_chunk::<8>() {
        sum = (sum.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        rest = behind;
    }
    sum
}

impl Document<'_> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::float_cmp)] // compared after the round trip
    fn key(&self, id: NodeId) -> Key<'_> {
        match self.node(id) {
            Node::None => Key::None,
            Node::Bool(value) => Key::Int(i64::from(value)),
            Node::Int(value) => Key::Int(value),
            Node::Float(value) if value.abs() < 9e15 && (value as i64) as f64 == value => {
                Key::Int(value as i64)
            }
            Node::Float(value) => Key::Float(value.to_bits()),
            Node::Text(span) | Node::BigInt(span) if span.len <= LONG => Key::Text(self.bytes(span)),
            Node::Bytes(span) if span.len <= LONG => Key::Bytes(self.bytes(span)),
            _ => Key::Same(id),
        }
    }
}

impl Document<'_> {
    /// Whether keys are all different, if that is easily told.
    fn are_distinct(
        &self,
        keys: impl ExactSizeIterator<Item = NodeId> + Clone,
        table: &mut Vec<u64>,
    ) -> bool {
        let count = keys.len();
        let marks = keys.map(|id| match self.nodes.get(id.index()) {
            Some(&Node::Text(span)) if span.len <= LONG => mark(self.bytes(span)),
            _ => self.key(id).mark(),
        });
        if count <= SMALL {
            let mut few = [0; SMALL];
            few.iter_mut().zip(marks).for_each(|(slot, mark)| *slot = mark);
            return (1..count).all(|at| !few[..at].contains(&few[at]));
        }
        let size = (count * 2).next_power_of_two();
        table.clear();
        table.resize(size, 0);
        let mut probes = count * PROBES;
        for mark in marks {
            let mut place = usize::try_from(mark >> 32).unwrap_or(0) & (size - 1);
            while table[place] != 0 {
                if table[place] == mark || probes == 0 {
                    return false;
                }
                probes -= 1;
                place = (place + 1) & (size - 1);
            }
            table[place] = mark;
        }
        true
    }

    /// Where each key came first, None if all did.
    fn firsts(&self, keys: impl ExactSizeIterator<Item = NodeId>) -> Option<Vec<usize>> {
        let count = keys.len();
        let mut seen: HashMap<Key, usize> = HashMap::with_capacity(count);
        let firsts: Vec<usize> =
            keys.enumerate().map(|(at, id)| *seen.entry(self.key(id)).or_insert(at)).collect();
        (seen.len() < count).then_some(firsts)
    }

    /// Puts pairs into a dictionary that has no room of its own.
    #[inline]
    pub(super) fn fill(&mut self, dict: NodeId, pairs: impl ExactSizeIterator<Item = (NodeId, NodeId)>) {
        let (start, len) = (narrow(self.pairs.len()), narrow(pairs.len()));
        self.nodes[dict.index()] = Node::Dict(narrow(self.dicts.len()));
        self.dicts.push(DictData { start, len, room: len, ..DictData::default() });
        self.pairs.extend(pairs);
    }

    /// Adds pairs to a dictionary: behind its others where there is room, else all of them move to the end, which then
    /// has room for as many again.
    pub(super) fn add_pairs(&mut self, at: u32, pairs: impl ExactSizeIterator<Item = (NodeId, NodeId)>) {
        let dict = &mut self.dicts[at as usize];
        let (start, len, added) = (dict.start as usize, dict.len as usize, pairs.len());
        dict.len = narrow(len + added);
        if len + added <= dict.room as usize {
            let free = &mut self.pairs[start + len..][..added];
            free.iter_mut().zip(pairs).for_each(|(slot, pair)| *slot = pair);
            return;
        }
        if len == 0 {
            (dict.start, dict.room) = (narrow(self.pairs.len()), narrow(added));
            self.pairs.extend(pairs);
            return;
        }
        if start + len != self.pairs.len() {
            dict.start = narrow(self.pairs.len());
            self.pairs.extend_from_within(start..start + len);
        }
        self.pairs.extend(pairs);
        let end = self.pairs.len() + len;
        self.pairs.resize(end, (NodeId(0), NodeId(0)));
        dict.room = narrow(len + added + len);
    }
}

impl Machine<'_> {
    /// SETITEM, SETITEMS and DICT: pairs from `start` on go to the value below.
    pub fn set_items(&mut self, start: usize) -> Result<(), Halt> {
        let Some(target) = self.below(start) else { return Ok(()) };
        let mut waiting = self.stack.len() - start;
        if waiting == 0 {
            return Ok(());
        }
        if waiting % 2 == 1 {
            self.fault(code::TYPE, "a key has no value".into());
            waiting -= 1;
        }
        let end = start + waiting;
        self.charge(waiting.div_ceil(4))?;
        if self.stack[start..end].chunks_exact(2).any(|pair| self.is_unhashable(pair[0])) {
            self.fault(code::TYPE, "a key cannot be hashed".into());
        }
        match self.doc.node(target) {
            Node::Dict(_) => {
                let at = self.dict_at(target)?;
                let pairs = self.stack[start..end].chunks_exact(2).map(|pair| (pair[0], pair[1]));
                self.doc.add_pairs(at, pairs);
            }
            Node::Object(at) => {
                if !self.is_open(at) {
                    self.fault(code::TYPE, "items are set by key on a value that has none".into());
                }
                let pairs = self.stack[start..end].chunks_exact(2).map(|pair| (pair[0], pair[1]));
                self.doc.objects[at as usize].pairs.extend(pairs);
            }
            _ => self.fault(code::TYPE, "items are set by key on a value that has none".into()),
        }
        self.stack.truncate(start);
        Ok(())
    }

    /// APPEND and APPENDS.
    pub fn append_items(&mut self, start: usize) -> Result<(), Halt> {
        self.extend(start, "APPEND", |node| matches!(node, Node::List(_)))
    }

    /// ADDITEMS.
    pub fn add_items(&mut self, start: usize) -> Result<(), Halt> {
        self.extend(start, "ADDITEMS", |node| matches!(node, Node::Set(_)))
    }

    fn extend(&mut self, start: usize, opcode: &str, fits: fn(Node) -> bool) -> Result<(), Halt> {
        let Some(target) = self.below(start) else { return Ok(()) };
        let waiting = self.stack.len() - start;
        if waiting == 0 {
            return Ok(());
        }
        self.charge(waiting.div_ceil(4))?;
        let node = self.doc.node(target);
        if let Node::Object(at) = node {
            if !self.is_open(at) && self.doc.objects[at as usize].kind != ObjectKind::Deque {
                self.fault(code::TYPE, format!("{opcode} meets a value that takes no items"));
            }
            self.doc.objects[at as usize].items.extend_from_slice(&self.stack[start..]);
        } else if fits(node) {
            self.list_mut(target)?;
            if let Node::List(at) | Node::Set(at) = self.doc.node(target) {
                self.doc.lists[at as usize].extend_from_slice(&self.stack[start..]);
            }
        } else {
            self.fault(code::TYPE, format!("{opcode} meets a value that takes no items"));
        }
        self.stack.truncate(start);
        Ok(())
    }

    /// The container under the items from `start` on; without one they are dropped.
    fn below(&mut self, start: usize) -> Option<NodeId> {
        if start > self.fence() {
            return Some(self.stack[start - 1]);
        }
        self.fault(code::STACK, "items have no container".into());
        self.stack.truncate(start);
        None
    }

    /// An instance of an unknown class does with items what its code says, which makes the verdict already.
    fn is_open(&mut self, at: u32) -> bool {
        let open = self.doc.objects[at as usize].kind == ObjectKind::Opaque;
        if open {
            self.raise(Safety::UnknownCode);
        }
        open
    }

    fn is_unhashable(&self, id: NodeId) -> bool {
        matches!(
            self.doc.node(id),
            Node::List(_) | Node::Dict(_) | Node::Set(_) | Node::ByteArray(_) | Node::Array(_)
        )
    }

    /// Leaves each key once, in its first place and with its last value, as Python does.
    pub fn settle(&mut self) {
        let mut table = std::mem::take(&mut self.table);
        let (mut twice, mut last) = (false, 0..0);
        for at in 0..self.doc.dicts.len() {
            let DictData { start, len, .. } = self.doc.dicts[at];
            let (start, len) = (start as usize, len as usize);
            if len < 2 {
                continue;
            }
            let keys = self.doc.pairs[start..start + len].iter().map(|pair| pair.0);
            // An optimizer has the same few keys for every parameter.
            let before = &self.doc.pairs[last.clone()];
            let same = before.len() == len && keys.clone().zip(before).all(|(key, pair)| key == pair.0);
            if same || self.doc.are_distinct(keys.clone(), &mut table) {
                last = start..start + len;
                continue;
            }
            let firsts = self.doc.firsts(keys);
            let Some(firsts) = firsts else { continue };
            twice = true;
            let pairs = &mut self.doc.pairs[start..start + len];
            for (at, &first) in firsts.iter().enumerate() {
                pairs[first].1 = pairs[at].1;
            }
            let mut kept = 0;
            for at in (0..len).filter(|&at| firsts[at] == at) {
                pairs[kept] = pairs[at];
                kept += 1;
            }
            self.doc.dicts[at].len = narrow(kept);
        }
        if twice {
            self.note(code::DUPLICATE_KEY, "a key is stored twice; the last value counts".into());
        }
        self.table = table;
        if self.sets {
            self.settle_sets();
        }
    }

    fn settle_sets(&mut self) {
        for id in 0..self.doc.nodes.len() {
            match self.doc.nodes[id] {
                Node::Set(at) if at != EMPTY => {
                    let mut items = std::mem::take(&mut self.doc.lists[at as usize]);
                    if let Some(firsts) = self.doc.firsts(items.iter().copied()) {
                        let mut at = 0..;
                        items.retain(|_| at.next().is_some_and(|at| firsts[at] == at));
                    }
                    self.doc.lists[at as usize] = items;
                }
                Node::FrozenSet(run) => {
                    let firsts = self.doc.firsts(self.doc.run(run).iter().copied());
                    if let Some(firsts) = firsts {
                        let start = run.start as usize;
                        let kept = (0..firsts.len()).filter(|&at| firsts[at] == at);
                        let kept: Vec<NodeId> = kept.map(|at| self.doc.items[start + at]).collect();
                        self.doc.items[start..start + kept.len()].copy_from_slice(&kept);
                        let len = narrow(kept.len());
                        self.doc.nodes[id] = Node::FrozenSet(Run { start: run.start, len });
                    }
                }
                _ => {}
            }
        }
    }

    /// A counter's keys are checked as a dictionary's: both come from the same argument.
    pub fn copy_pairs(&mut self, from: NodeId, kind: DictKind) -> Result<Option<Node>, Halt> {
        let Node::Dict(at) = self.doc.node(from) else { return Ok(None) };
        let pairs = self.doc.dict(at).pairs.to_vec();
        self.charge(pairs.len().div_ceil(2))?;
        self.new_dict(kind, pairs).map(Some)
    }
}
