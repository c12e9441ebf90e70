//! Which stretches of a stream may be parts from now on.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::arena::{Node, Span};
use super::form;
use super::hurry::{UNMADE, Unmade};
use super::machine::Machine;
use super::parts::{Begin, Caught, Held, LONGEST, MOST_PARTS, Named, Part, SHORTEST, Stretch, Use, moved};
use super::reader::narrow;
use super::value::NodeId;
use super::{Safety, code};

impl Machine<'_> {
    /// Notes that the SETITEMS at `at` closed a mark, with so many pairs.
    pub fn end_part(&mut self, at: usize, pairs: usize) {
        let depth = self.marks.len();
        while self.begins.last().is_some_and(|begin| begin.depth > depth) {
            self.begins.pop();
        }
        let Some(begin) = self.begins.pop_if(|begin| begin.depth == depth) else { return };
        let long = (SHORTEST..LONGEST).contains(&(at + 1 - begin.at));
        let full = self.doc.tensors.len() > begin.tensors;
        if long && full && self.issues.len() == begin.issues && self.floor == begin.floor {
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
        let from = self.unmade.partition_point(|unmade| (unmade.start as usize) < begin.at);
        let survey = Survey::of(bytes, begin, &self.unmade[from..], memo)?;
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
            share: Arc::default(),
        };
        safe.then_some(Caught { dict, part })
    }
}

/// What the opcodes of a stretch do to the memo.
#[derive(Debug, Default)]
struct Survey {
    /// The first entry that is put, and how many are.
    first: usize,
    entries: usize,
    /// Which entries may be asked for: texts and names, as others may be reached in one way only, and those outside that
    /// were noted.
    open: Vec<u64>,
    /// What the last tensor asked for, all of which may be; and whether one asked for what may not.
    asked: Option<(u64, [u8; 2])>,
    odd: bool,
    outside: Vec<u32>,
    names: Vec<(usize, Span, Span, Option<u32>)>,
    texts: Vec<(u32, Span)>,
}

/// What a PUT behind an opcode keeps.
#[derive(Clone, Copy)]
enum Last {
    Text(Span),
    Name,
    Other,
}

impl Survey {
    /// Reads a stretch, unless it has an opcode that no part has. Known is what was taken in one go from its beginning on,
    /// and how many memo entries there are behind it.
    fn of(bytes: &[u8], begin: Begin, mut known: &[Unmade], memo: usize) -> Option<Self> {
        let within = known.partition_point(|unmade| (unmade.start as usize) < begin.at + bytes.len());
        // A tensor has a name and a key, for the most part.
        let texts = Vec::with_capacity(2 * within + 8);
        let mut survey = Self { first: begin.memo, open: vec![0; memo / 64 + 1], texts, ..Self::default() };
        let (mut at, mut depth, mut last) = (0, 0_usize, Last::Other);
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
                b'U' => {
                    let len = u32::from(*bytes.get(at)?);
                    next = Last::Text(Span { start: narrow(at + 1), len });
                    at += 1 + len as usize;
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
                    if matches!(opcode, b'q' | b'r') {
                        (entry as usize == survey.first + survey.entries).then_some(())?;
                        survey.put(last)?;
                    } else if let Some(end) = survey.tensor(bytes, start, begin.at, &mut known) {
                        at = end;
                    } else {
                        survey.get(entry)?;
                    }
                }
                _ => return None,
            }
            last = next;
        }
        (depth == 0 && at == bytes.len() && !survey.odd).then_some(survey)
    }

    /// Goes behind a tensor that the machine took in one go, and gives where it ends.
    fn tensor(&mut self, bytes: &[u8], start: usize, base: usize, known: &mut &[Unmade]) -> Option<usize> {
        let (&Unmade { end, memo, .. }, rest) =
            known.split_first().filter(|known| known.0.start as usize == base + start)?;
        *known = rest;
        let head = *bytes.get(start..)?.first_chunk()?;
        // A scalar is read as it is.
        let [b'h', rebuild, b'(', b'(', b'h', storage, b'h', class] = head else { return None };
        let (end, first) = (end as usize - base, self.first + self.entries);
        let [opcode, len]: [u8; 2] = *bytes.get(start + head.len()..)?.first_chunk()?;
        let text = start + head.len() + if opcode == b'X' { 5 } else { 2 };
        let key = Span { start: narrow(text), len: len.into() };
        let put = if first > 0xff { 5 } else { 2 };
        let location = *bytes.get(text + usize::from(len) + put + 1)?;
        // Before the last three PUTs, and the opcodes before each of them.
        let ordered = *bytes.get(end.checked_sub(3 * put + 5)?)?;
        let asked = Some((u64::from_le_bytes(head), [location, ordered]));
        if self.asked != asked {
            let mut each = [rebuild, storage, class, location, ordered].into_iter();
            self.odd |= each.try_for_each(|entry| self.get(entry.into())).is_none();
            self.asked = asked;
        }
        self.texts.push((narrow(self.entries), key));
        self.allow(first);
        self.entries = (memo as usize + 1).checked_sub(self.first)?;
        Some(end)
    }

    fn get(&mut self, entry: u32) -> Option<()> {
        let open = self.open.get(entry as usize / 64)?;
        if open >> (entry % 64) & 1 == 1 {
            return Some(());
        }
        ((entry as usize) < self.first && self.outside.len() < MOST_PARTS).then_some(())?;
        self.outside.push(entry);
        self.allow(entry as usize);
        Some(())
    }

    fn allow(&mut self, entry: usize) {
        if let Some(open) = self.open.get_mut(entry / 64) {
            *open |= 1 << (entry % 64);
        }
    }

    fn put(&mut self, last: Last) -> Option<()> {
        let within = narrow(self.entries);
        if !matches!(last, Last::Other) {
            self.allow(self.first + self.entries);
        }
        self.entries += 1;
        match last {
            Last::Text(span) => self.texts.push((within, span)),
            Last::Name => self.names.last_mut()?.3 = Some(within),
            Last::Other => {}
        }
        Some(())
    }
}
