//! Stretches of a stream that were read before, in this file or in another.
//!
//! The runs of one trainer save a model and an optimizer under the same names, in the same order and shapes: the pairs of
//! those dictionaries are the same bytes in hundreds of files. What was made of such a stretch is kept. Where the machine
//! stands at its first byte again, it goes on behind the last one, and the dictionary is marked as one of which the pairs
//! were not made.
//!
//! One file must not change what is said of another, whoever wrote either. So a stretch counts as read before only if
//! every byte is the same, as many memo entries are before it, the protocol is the same, and each entry from before that
//! it asks for holds the same text or the same name. It begins with a MARK behind which nothing below the stack can be
//! reached, and ends with the SETITEMS that closes it; it has opcodes of a short list, and had no issue, fault or verdict
//! of its own. Then it does the same again. Whoever looks into pairs that were not made finds none, and leaves a trace: the
//! stream is read once more without parts, and those parts are not used again.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::arena::{EMPTY, Node, Span};
use super::document::Document;
use super::hurry::UNMADE;
use super::machine::Machine;
use super::reader::narrow;
use super::value::NodeId;
use super::{Safety, names};
use crate::shares::Share;

/// Marks a memo entry inside a part; the rest is the number of the part.
pub(super) const INSIDE: u32 = 0b11 << 30;
/// Shorter stretches are as well read again.
pub(super) const SHORTEST: usize = 1 << 10;
/// Bytes of the stretches that are kept in a thread, and of one of them.
const MOST_BYTES: usize = 4 << 20;
pub(super) const LONGEST: usize = 1 << 18;
/// Stretches that begin in the same way and are compared.
const MOST_ALIKE: usize = 12;
/// The beginning by which a stretch is found.
const HEAD: usize = 128;
/// Numbers of memo entries that are told apart before a look at the bytes.
const FIRSTS: usize = 1 << 11;
/// Values and opcodes for which there must still be room behind it, and marks within it.
const SLACK: usize = 256;
/// Parts of one stream.
pub(super) const MOST_PARTS: usize = 64;

/// A stretch that was read before.
#[derive(Debug)]
pub(crate) struct Part {
    pub(super) bytes: Box<[u8]>,
    /// Memo entries before it, and in it.
    pub(super) first: usize,
    pub(super) entries: usize,
    pub(super) protocol: u8,
    /// The dictionary had no room of its own yet.
    pub(super) bare: bool,
    pub(super) outside: Vec<(u32, Held)>,
    pub(super) names: Vec<Named>,
    /// Texts in the memo: the entry, and where the text is.
    pub(super) texts: Vec<(u32, Span)>,
    pub(super) opcodes: u64,
    pub(super) nodes: usize,
    pub(super) banned: AtomicBool,
    /// What its tensors amount to.
    pub(super) share: Arc<Share>,
}

impl Part {
    /// What its tensors amount to.
    pub(crate) fn share(&self) -> &Arc<Share> {
        &self.share
    }

    fn is_banned(&self) -> bool {
        self.banned.load(Ordering::Relaxed)
    }
}

/// What a memo entry from before holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Held {
    Text(Box<[u8]>),
    Name(Box<[u8]>, Box<[u8]>),
}

/// A name that a stretch imports.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) at: usize,
    pub(super) module: Span,
    pub(super) name: Span,
    pub(super) entry: Option<u32>,
    /// It was not imported before.
    pub(super) fresh: bool,
}

/// A part in a stream.
#[derive(Debug, Clone)]
pub(crate) struct Use {
    pub part: Arc<Part>,
    pub(super) at: usize,
}

/// How the machine stood at a mark.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begin {
    pub(super) at: usize,
    pub(super) depth: usize,
    pub(super) memo: usize,
    pub(super) opcodes: u64,
    pub(super) nodes: usize,
    pub(super) tensors: usize,
    pub(super) issues: usize,
    pub(super) floor: Safety,
    pub(super) target: NodeId,
    pub(super) bare: bool,
}

/// A stretch that may become a part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    pub(super) begin: Begin,
    pub(super) end: usize,
    pub(super) pairs: usize,
    pub(super) opcodes: u64,
    pub(super) nodes: usize,
    pub(super) memo: usize,
}

/// A part without its share, and the dictionary that it fills.
#[derive(Debug)]
pub(crate) struct Caught {
    pub dict: u32,
    pub(super) part: Part,
}

/// The parts of a thread.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// They are used, and new ones are kept.
    pub wanted: bool,
    by_head: HashMap<u64, Vec<Arc<Part>>>,
    /// Which numbers of memo entries were before any of them, by their remainder.
    firsts: Vec<bool>,
    /// The oldest first.
    order: VecDeque<u64>,
    bytes: usize,
}

impl Parts {
    /// Keeps a part; the oldest ones go if there is no room.
    pub(crate) fn keep(&mut self, caught: Caught, share: Share) {
        let part = Part { share: Arc::new(share), ..caught.part };
        let key = head(&part.bytes, part.first);
        let alike = self.by_head.entry(key).or_default();
        if alike.len() >= MOST_ALIKE {
            self.bytes -= alike.remove(0).bytes.len();
        } else {
            self.order.push_back(key);
        }
        self.bytes += part.bytes.len();
        self.firsts.resize(FIRSTS, false);
        self.firsts[part.first % FIRSTS] = true;
        alike.push(Arc::new(part));
        while self.bytes > MOST_BYTES
            && let Some(oldest) = self.order.pop_front()
        {
            let Some(alike) = self.by_head.get_mut(&oldest) else { continue };
            self.bytes -= alike.remove(0).bytes.len();
            if alike.is_empty() {
                self.by_head.remove(&oldest);
            }
        }
    }

    /// Those that begin as some bytes do, with so many memo entries before them.
    fn alike(&self, bytes: &[u8], first: usize) -> Option<&Vec<Arc<Part>>> {
        self.firsts.get(first % FIRSTS).filter(|&&met| met)?;
        self.by_head.get(&head(bytes, first))
    }
}

/// The beginning of a stretch as one number.
fn head(bytes: &[u8], first: usize) -> u64 {
    let words = bytes[..HEAD.min(bytes.len())].as_chunks::<8>().0.iter();
    words.fold(first as u64, |sum, word| {
        (sum.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    })
}

impl Document<'_> {
    /// The part that fills a dictionary, if it is one that was read before.
    pub(crate) fn part(&self, id: NodeId) -> Option<&Part> {
        let Node::Dict(at) = self.node(id) else { return None };
        let number = self.dicts.get(at as usize)?.part;
        self.parts.get((number as usize).checked_sub(1)?).map(|used| &*used.part)
    }

    /// Somebody looked for values that were not made; the parts of this stream are not used again.
    pub(crate) fn was_missed(&self) -> bool {
        if self.missed.get() {
            self.parts.iter().for_each(|used| used.part.banned.store(true, Ordering::Relaxed));
        }
        self.missed.get()
    }

    pub(super) fn held(&self, id: NodeId) -> Option<Held> {
        match self.node(id) {
            Node::Text(span) => Some(Held::Text(self.bytes(span).into())),
            Node::Global(at) => {
                let global = self.globals[at as usize];
                Some(Held::Name(self.bytes(global.module).into(), self.bytes(global.name).into()))
            }
            _ => None,
        }
    }

    fn holds(&self, id: NodeId, held: &Held) -> bool {
        match (self.node(id), held) {
            (Node::Text(span), Held::Text(text)) => self.bytes(span) == &**text,
            (Node::Global(at), Held::Name(module, name)) => {
                let global = self.globals[at as usize];
                self.bytes(global.module) == &**module && self.bytes(global.name) == &**name
            }
            _ => false,
        }
    }
}

/// A span in the stream of one in a part that begins at `by`.
pub(super) fn moved(span: Span, by: usize) -> Span {
    Span { start: span.start + narrow(by), len: span.len }
}

impl Machine<'_> {
    /// Goes on behind a stretch that begins at `at`, if it was read before, and gives where it ends.
    pub fn skip_part(&mut self, at: usize) -> Option<usize> {
        if !self.parts.wanted || self.stack.len() < 2 || self.stack.len() <= self.fence() {
            return None;
        }
        let target = *self.stack.last()?;
        let Node::Dict(dict) = self.doc.node(target) else { return None };
        let bare = dict == EMPTY;
        if !bare && (self.doc.dicts[dict as usize].len > 0 || self.doc.dicts[dict as usize].part > 0) {
            return None;
        }
        if !self.far.is_empty() || self.memo_len != self.memo.len() || self.doc.parts.len() >= MOST_PARTS {
            return None;
        }
        let rest = self.reader.bytes.get(at..).filter(|rest| rest.len() >= SHORTEST)?;
        let alike = self.parts.alike(rest, self.memo.len());
        let found = alike.and_then(|alike| alike.iter().find(|part| self.fits(part, rest, at, bare)));
        if let Some(part) = found.cloned() {
            return Some(self.skip(&part, at, target));
        }
        if alike
            .is_some_and(|alike| alike.iter().any(|part| part.is_banned() && rest.starts_with(&part.bytes)))
        {
            return None;
        }
        self.begins.push(Begin {
            at,
            depth: self.marks.len(),
            memo: self.memo.len(),
            opcodes: self.opcodes,
            nodes: self.budget.nodes,
            tensors: self.doc.tensors.len(),
            issues: self.issues.len(),
            floor: self.floor,
            target,
            bare,
        });
        None
    }

    fn fits(&self, part: &Part, rest: &[u8], at: usize, bare: bool) -> bool {
        let import = |named: &Named| {
            let text = |span| std::str::from_utf8(self.reader.slice(moved(span, at))).unwrap_or_default();
            let (module, name) = (text(named.module), text(named.name));
            let (module, name) = if self.protocol < 3 { names::modern(module, name) } else { (module, name) };
            self.find(module, name).is_none() == named.fresh
        };
        let held = |(entry, held): &(u32, Held)| {
            self.memo.get(*entry as usize).is_some_and(|&id| id < UNMADE && self.doc.holds(NodeId(id), held))
                || self
                    .inside(*entry)
                    .is_some_and(|span| matches!(held, Held::Text(text) if self.doc.bytes(span) == &**text))
        };
        part.first == self.memo.len()
            && part.protocol == self.protocol
            && part.bare == bare
            && !part.is_banned()
            && self.budget.nodes > part.nodes + SLACK
            && self.budget.opcodes - self.opcodes > part.opcodes + SLACK as u64
            && self.marks.len() + SLACK < self.budget.depth
            && rest.starts_with(&part.bytes)
            && part.outside.iter().all(held)
            && part.names.iter().all(import)
    }

    fn skip(&mut self, part: &Arc<Part>, at: usize, target: NodeId) -> usize {
        let nodes = self.budget.nodes;
        let number = narrow(self.doc.parts.len());
        self.memo.resize(part.first + part.entries, INSIDE | number);
        self.memo_len += part.entries;
        for (entry, _) in &part.outside {
            if let Some(&id) = self.memo.get(*entry as usize).filter(|&&id| id < UNMADE) {
                self.traces.get(NodeId(id));
            }
        }
        for named in &part.names {
            self.at = at + named.at;
            match (self.import(moved(named.module, at), moved(named.name, at)), named.entry) {
                (Ok(id), Some(entry)) => self.memo[part.first + entry as usize] = id.0,
                (Ok(_), None) => {}
                (Err(_), _) => self.doc.missed.set(true),
            }
        }
        match self.dict_at(target) {
            Ok(dict) => self.doc.dicts[dict as usize].part = number + 1,
            Err(_) => self.doc.missed.set(true),
        }
        self.doc.parts.push(Use { part: Arc::clone(part), at });
        self.budget.nodes = nodes - part.nodes;
        self.opcodes += part.opcodes;
        at + part.bytes.len()
    }

    /// The text in a memo entry inside a part.
    pub(super) fn inside(&self, entry: u32) -> Option<Span> {
        let tag = self.memo.get(entry as usize).filter(|&&tag| tag >= INSIDE && tag != u32::MAX)?;
        let Use { part, at } = self.doc.parts.get((tag & !INSIDE) as usize)?;
        let within = narrow((entry as usize).checked_sub(part.first)?);
        let place = part.texts.binary_search_by_key(&within, |text| text.0).ok()?;
        Some(moved(part.texts[place].1, *at))
    }

    /// Makes what a GET wants of a part.
    pub fn make_inside(&mut self, entry: usize) {
        let node = self.inside(narrow(entry)).map(Node::Text);
        if node.is_none() {
            self.doc.missed.set(true);
        }
        self.memo[entry] = narrow(self.doc.nodes.len());
        self.doc.nodes.push(node.unwrap_or(Node::Invalid));
    }
}
