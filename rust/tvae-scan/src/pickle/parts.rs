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
use super::form;
use super::hurry::UNMADE;
use super::machine::Machine;
use super::reader::narrow;
use super::value::NodeId;
use super::{Safety, code, names};
use crate::shares::Share;

/// Marks a memo entry inside a part; the rest is the number of the part.
pub(super) const INSIDE: u32 = 0b11 << 30;
/// Shorter stretches are as well read again.
const SHORTEST: usize = 1 << 10;
/// Bytes of the stretches that are kept in a thread, and of one of them.
const MOST_BYTES: usize = 4 << 20;
const LONGEST: usize = 1 << 18;
/// Stretches that begin in the same way and are compared.
const MOST_ALIKE: usize = 12;
/// The beginning by which a stretch is found.
const HEAD: usize = 128;
/// Values and opcodes for which there must still be room behind it, and marks within it.
const SLACK: usize = 256;
/// Parts of one stream.
const MOST_PARTS: usize = 64;

/// A stretch that was read before.
#[derive(Debug)]
pub(crate) struct Part {
    bytes: Box<[u8]>,
    /// Memo entries before it, and in it.
    first: usize,
    entries: usize,
    protocol: u8,
    /// The dictionary had no room of its own yet.
    bare: bool,
    outside: Vec<(u32, Held)>,
    names: Vec<Named>,
    /// Texts in the memo: the entry, and where the text is.
    texts: Vec<(u32, Span)>,
    opcodes: u64,
    nodes: usize,
    banned: AtomicBool,
    /// What its tensors amount to.
    pub share: Share,
}

impl Part {
    fn is_banned(&self) -> bool {
        self.banned.load(Ordering::Relaxed)
    }
}

/// What a memo entry from before holds.
#[derive(Debug, PartialEq, Eq)]
enum Held {
    Text(Box<[u8]>),
    Name(Box<[u8]>, Box<[u8]>),
}

/// A name that a stretch imports.
#[derive(Debug)]
struct Named {
    at: usize,
    module: Span,
    name: Span,
    entry: Option<u32>,
    /// It was not imported before.
    fresh: bool,
}

/// A part in a stream.
#[derive(Debug, Clone)]
pub(crate) struct Use {
    pub part: Arc<Part>,
    at: usize,
}

/// How the machine stood at a mark.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begin {
    at: usize,
    depth: usize,
    memo: usize,
    opcodes: u64,
    nodes: usize,
    issues: usize,
    floor: Safety,
    target: NodeId,
    bare: bool,
}

/// A stretch that may become a part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    begin: Begin,
    end: usize,
    pairs: usize,
    opcodes: u64,
    nodes: usize,
    memo: usize,
}

/// A part without its share, and the dictionary that it fills.
#[derive(Debug)]
pub(crate) struct Caught {
    pub dict: u32,
    part: Part,
}

/// The parts of a thread.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// They are used, and new ones are kept.
    pub wanted: bool,
    by_head: HashMap<u64, Vec<Arc<Part>>>,
    /// The oldest first.
    order: VecDeque<u64>,
    bytes: usize,
}

impl Parts {
    /// Keeps a part; the oldest ones go if there is no room.
    pub(crate) fn keep(&mut self, caught: Caught, share: Share) {
        let part = Part { share, ..caught.part };
        let key = head(&part.bytes, part.first);
        let alike = self.by_head.entry(key).or_default();
        if alike.len() >= MOST_ALIKE {
            self.bytes -= alike.remove(0).bytes.len();
        } else {
            self.order.push_back(key);
        }
        self.bytes += part.bytes.len();
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

    fn held(&self, id: NodeId) -> Option<Held> {
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

fn moved(span: Span, by: usize) -> Span {
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
        let alike = self.parts.by_head.get(&head(rest, self.memo.len()));
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
    fn inside(&self, entry: u32) -> Option<Span> {
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

    /// Notes that the SETITEMS at `at` closed a mark, with so many pairs.
    pub fn end_part(&mut self, at: usize, pairs: usize) {
        let depth = self.marks.len();
        while self.begins.last().is_some_and(|begin| begin.depth > depth) {
            self.begins.pop();
        }
        let Some(begin) = self.begins.pop_if(|begin| begin.depth == depth) else { return };
        let long = (SHORTEST..LONGEST).contains(&(at + 1 - begin.at));
        if long && self.issues.len() == begin.issues && self.floor == begin.floor {
            self.stretches.push(Stretch {
                begin,
                end: at + 1,
                pairs,
                opcodes: self.opcodes - begin.opcodes,
                nodes: begin.nodes - self.budget.nodes,
                memo: self.memo.len(),
            });
        }
    }

    /// The stretches of a whole stream that may be parts from now on, the outermost of those that can be.
    pub fn catch_parts(&mut self) {
        let odd = self.faults > 0 || self.issues.iter().any(|issue| issue.code == code::DUPLICATE_KEY);
        if !self.parts.wanted || odd || !self.far.is_empty() {
            return;
        }
        let mut last = usize::MAX;
        for stretch in self.stretches.iter().rev().take(MOST_PARTS) {
            let within = |used: &Use| (stretch.begin.at..stretch.end).contains(&used.at);
            if stretch.begin.at >= last || self.doc.parts.iter().any(within) {
                continue;
            }
            if let Some(caught) = self.catch(stretch) {
                last = stretch.begin.at;
                self.doc.caught.push(caught);
            }
        }
    }

    fn catch(&self, stretch: &Stretch) -> Option<Caught> {
        let Stretch { begin, end, pairs, opcodes, nodes, memo } = *stretch;
        let Node::Dict(dict) = self.doc.node(begin.target) else { return None };
        let data = self.doc.dicts.get(dict as usize)?;
        (data.part == 0 && data.len as usize == pairs).then_some(())?;
        let bytes = &self.reader.bytes[begin.at..end];
        let survey = Survey::of(bytes, begin.memo)?;
        (survey.entries == memo - begin.memo).then_some(())?;
        let mut named = Vec::new();
        for (at, module, name, entry) in survey.names {
            let fresh = self.imports.iter().any(|import| import.offset == (begin.at + at) as u64);
            named.push(Named { at, module, name, entry, fresh });
        }
        let mut outside = Vec::new();
        for entry in survey.outside {
            let id = self.memo.get(entry as usize).copied();
            let held = match self.inside(entry) {
                Some(span) => Held::Text(self.doc.bytes(span).into()),
                None => self.doc.held(NodeId(id.filter(|&id| id < UNMADE)?))?,
            };
            outside.push((entry, held));
        }
        // What has no worse a verdict by now was used in no other way than its own.
        let text = |span: Span| self.reader.slice(moved(span, begin.at));
        let safe = self.imports.iter().filter(|import| import.class > Safety::KnownTypes).all(|import| {
            let is = |module: &[u8], name: &[u8]| {
                module == import.module.as_bytes() && name == import.name.as_bytes()
            };
            !outside.iter().any(|(_, held)| matches!(held, Held::Name(module, name) if is(module, name)))
                && !named.iter().any(|one| {
                    import.offset == (begin.at + one.at) as u64 || is(text(one.module), text(one.name))
                })
        });
        let part = Part {
            bytes: bytes.into(),
            first: begin.memo,
            entries: survey.entries,
            protocol: self.protocol,
            bare: begin.bare,
            outside,
            names: named,
            texts: survey.texts,
            opcodes,
            nodes,
            banned: AtomicBool::new(false),
            share: Share::default(),
        };
        safe.then_some(Caught { dict, part })
    }
}

/// What the opcodes of a stretch do to the memo.
#[derive(Debug, Default)]
struct Survey {
    entries: usize,
    outside: Vec<u32>,
    names: Vec<(usize, Span, Span, Option<u32>)>,
    texts: Vec<(u32, Span)>,
}

/// What a PUT behind an opcode keeps.
enum Last {
    Text(Span),
    Name,
    Other,
}

impl Survey {
    /// Reads a stretch, unless it has an opcode that no part has.
    fn of(bytes: &[u8], first: usize) -> Option<Self> {
        let mut survey = Self::default();
        let (mut at, mut depth, mut last) = (0, 0_usize, Last::Other);
        // Which entries hold texts or names: others may be reached in one way only.
        let mut plain = Vec::new();
        while at < bytes.len() {
            let start = at;
            let opcode = bytes[at];
            at += 1;
            let mut next = Last::Other;
            match opcode {
                b'(' => depth += 1,
                b't' | b'u' => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 && at < bytes.len() {
                        return None;
                    }
                }
                b's' | 0x85..=0x89 | b')' | b'}' | b'R' | b'Q' | b'N' => {}
                b'K' | b'M' | b'J' => {
                    let mut word = [0; 8];
                    let rest = bytes.get(start..)?;
                    let len = rest.len().min(8);
                    word[..len].copy_from_slice(&rest[..len]);
                    at = start + form::int(u64::from_le_bytes(word)).1;
                }
                b'G' => at += 8,
                b'X' => {
                    let len = u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?);
                    next = Last::Text(Span { start: narrow(at + 4), len });
                    at = at.checked_add(4)?.checked_add(len as usize)?;
                }
                b'c' => {
                    let line = |from: usize| {
                        let len = bytes.get(from..)?.iter().position(|&byte| byte == b'\n')?;
                        Some(Span { start: narrow(from), len: narrow(len) })
                    };
                    let module = line(at)?;
                    let name = line(at + module.len as usize + 1)?;
                    let text = |span: Span| &bytes[span.start as usize..][..span.len as usize];
                    let same = |one: &(usize, Span, Span, Option<u32>)| {
                        text(one.1) == text(module) && text(one.2) == text(name)
                    };
                    if survey.names.iter().any(same)
                        || std::str::from_utf8(text(module)).is_err()
                        || std::str::from_utf8(text(name)).is_err()
                    {
                        return None;
                    }
                    survey.names.push((start, module, name, None));
                    next = Last::Name;
                    at += module.len as usize + name.len as usize + 2;
                }
                b'q' | b'r' | b'h' | b'j' => {
                    let long = matches!(opcode, b'r' | b'j');
                    let entry = if long {
                        u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?)
                    } else {
                        u32::from(*bytes.get(at)?)
                    };
                    at += if long { 4 } else { 1 };
                    let within = (entry as usize).checked_sub(first);
                    if matches!(opcode, b'q' | b'r') {
                        (within == Some(survey.entries)).then_some(())?;
                        let within = narrow(survey.entries);
                        survey.entries += 1;
                        plain.push(!matches!(last, Last::Other));
                        match last {
                            Last::Text(span) => survey.texts.push((within, span)),
                            Last::Name => survey.names.last_mut()?.3 = Some(within),
                            Last::Other => {}
                        }
                    } else if let Some(within) = within {
                        plain.get(within).copied().filter(|&plain| plain)?;
                    } else if !survey.outside.contains(&entry) {
                        (survey.outside.len() < MOST_PARTS).then_some(())?;
                        survey.outside.push(entry);
                    }
                }
                _ => return None,
            }
            last = next;
        }
        (depth == 0 && at == bytes.len()).then_some(survey)
    }
}
