//! Where a stream may differ from another of its pattern; see `pattern`.

use super::arena::{Node, ScalarData, Span};
use super::document::Document;
use super::line::Line;
use super::reader::narrow;
use super::scalars::LONGEST;
use super::traces::Traces;
use super::value::NodeId;

/// Values for which a survey has room at first.
const LEAVES: usize = 256;

/// A stretch of the stream that may be another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub start: u32,
    pub end: u32,
    pub value: NodeId,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Number,
    Text,
    /// The scalar, and its bytes.
    Scalar(u32, u32),
    /// The list, by its place among those of the pattern.
    Numbers(u32),
}

/// A list of numbers.
#[derive(Debug)]
pub(super) struct Listed {
    pub list: u32,
    pub items: Vec<NodeId>,
    /// Opcodes that fill it.
    pub opcodes: u64,
}

/// The slots of a stream, in its order.
#[derive(Debug)]
pub(super) struct Slots {
    pub all: Vec<Slot>,
    /// A value in a slot, or what holds one, is found in more than one place.
    pub shared: bool,
    /// Lists of numbers as they are in it.
    pub lists: Vec<Listed>,
    /// Opcodes that fill them.
    pub opcodes: u64,
}

impl Slots {
    /// Those of a stream of so many bytes, which its document has made. `None` if it can have none.
    pub fn of(document: &Document<'static>, length: usize, traces: &Traces) -> Option<Self> {
        let bytes = document.made.get(..length)?;
        let mut survey = Survey::of(document, traces)?;
        let leaves = std::mem::take(&mut survey.leaves);
        let mut all = Vec::with_capacity(leaves.len());
        all.extend(leaves.into_iter().filter_map(|leaf| survey.slot(bytes, leaf)));
        all.sort_by_key(|slot: &Slot| slot.start);
        let apart = all.windows(2).all(|pair| pair[0].end <= pair[1].start);
        let opcodes = survey.lists.iter().map(|listed| listed.opcodes).sum();
        let shared = survey.shared || all.iter().any(|slot| survey.got[slot.value.index()]);
        apart.then_some(Self { all, shared, lists: survey.lists, opcodes })
    }
}

/// Which values of a document nothing but plain containers holds.
struct Survey<'s> {
    document: &'s Document<'s>,
    traces: &'s Traces,
    /// Places of each value, less the GETs that asked for it.
    places: Vec<i32>,
    /// Whether it was met, and whether a GET asked for it.
    seen: Vec<bool>,
    got: Vec<bool>,
    /// A GET asked for a container.
    shared: bool,
    leaves: Vec<NodeId>,
    lists: Vec<Listed>,
}

impl<'s> Survey<'s> {
    /// `None` if a container on the way to any value is held by something else.
    fn of(document: &'s Document<'_>, traces: &'s Traces) -> Option<Self> {
        let count = document.nodes.len();
        let mut survey = Self {
            document,
            traces,
            places: vec![0; count],
            seen: vec![false; count],
            got: vec![false; count],
            shared: false,
            leaves: Vec::with_capacity(LEAVES),
            lists: Vec::new(),
        };
        for id in &traces.got {
            survey.places[id.index()] -= 1;
            survey.got[id.index()] = true;
        }
        let mut above = Vec::with_capacity(LEAVES);
        survey.meet(document.root, &mut above);
        let mut next = 0;
        while let Some(&id) = above.get(next) {
            next += 1;
            match document.node(id) {
                Node::Dict(at) => {
                    for pair in document.dict(at).pairs {
                        survey.meet(pair.1, &mut above);
                    }
                }
                Node::List(at) => {
                    let items = document.list(at);
                    if !items.is_empty() && items.iter().all(|&item| survey.is_number(item)) {
                        // They have one slot together.
                        for item in items {
                            survey.places[item.index()] += 1;
                            survey.seen[item.index()] = true;
                        }
                        survey.leaves.push(id);
                    } else {
                        for &item in items {
                            survey.meet(item, &mut above);
                        }
                    }
                }
                Node::Tuple(run) => {
                    for &item in document.run(run) {
                        survey.meet(item, &mut above);
                    }
                }
                _ => {}
            }
        }
        survey.shared = above.iter().any(|id| survey.got[id.index()]);
        let alone = above.iter().all(|&id| survey.is_alone(id));
        // What was got and used elsewhere may hold a value that has a slot.
        let open = |id: &NodeId| match document.node(*id) {
            Node::Tuple(run) | Node::Size(run) | Node::FrozenSet(run) => run.len > 0 && !survey.is_alone(*id),
            Node::Bytes(_) | Node::ByteArray(_) => true,
            _ => false,
        };
        (alone && !traces.got.iter().any(open)).then_some(survey)
    }

    /// Counts a place of a value.
    fn meet(&mut self, id: NodeId, above: &mut Vec<NodeId>) {
        self.places[id.index()] += 1;
        if std::mem::replace(&mut self.seen[id.index()], true) {
            return;
        }
        match self.document.node(id) {
            Node::Dict(_) | Node::List(_) | Node::Tuple(_) => above.push(id),
            Node::Int(_) | Node::Float(_) | Node::None | Node::Bool(_) | Node::Text(_) | Node::Scalar(_) => {
                self.leaves.push(id);
            }
            _ => {}
        }
    }

    fn is_number(&self, id: NodeId) -> bool {
        matches!(self.document.node(id), Node::Int(_) | Node::Float(_) | Node::None | Node::Bool(_))
    }

    fn is_alone(&self, id: NodeId) -> bool {
        self.places[id.index()] == 1
    }

    /// Where numbers that were put one behind the other have their notes; the first is this one.
    fn notes(&self, first: NodeId, count: usize) -> Option<&'s [(NodeId, u32)]> {
        let numbers = &self.traces.numbers;
        let at = numbers.binary_search_by_key(&first, |number| number.0).ok()?;
        numbers.get(at..at + count)
    }

    /// The slot of a value, if it has one. Numbers in a list of such have one together.
    fn slot(&mut self, bytes: &[u8], id: NodeId) -> Option<Slot> {
        if !self.is_alone(id) {
            return None;
        }
        let (start, kind) = match self.document.node(id) {
            Node::Text(span) => {
                let start = announced(bytes, span)?;
                (self.document.bytes(span).is_ascii().then_some(start)?, Kind::Text)
            }
            Node::Scalar(at) => {
                let ScalarData { bytes: value, .. } = self.document.scalars[at as usize];
                let encoded = &self.traces.encoded;
                let place = encoded.binary_search_by_key(&value.start, |one| one.0).ok()?;
                let (_, text, made) = encoded[place];
                // Nothing but the call that made the bytes may have the text.
                let has = |id: NodeId| self.seen[id.index()] || self.places[id.index()] != 0;
                if value.len as usize > LONGEST || made.is_some_and(has) {
                    return None;
                }
                (announced(bytes, text)?, Kind::Scalar(at, value.len))
            }
            Node::List(at) => return self.list(bytes, id, at),
            _ => (self.notes(id, 1)?[0].1 as usize, Kind::Number),
        };
        let mut line = Line { bytes, at: start };
        match kind {
            Kind::Number => drop(line.number()?),
            _ => drop(line.text()?.len()),
        }
        Some(Slot { start: narrow(start), end: narrow(line.at), value: id, kind })
    }

    /// The slot of a list of numbers, if just its numbers stand there.
    fn list(&mut self, bytes: &[u8], value: NodeId, list: u32) -> Option<Slot> {
        let items = self.document.list(list);
        let notes = self.notes(*items.first()?, items.len())?;
        let mut both = notes.iter().zip(items);
        both.all(|(number, &item)| number.0 == item && self.is_alone(item)).then_some(())?;
        let batch = items.len() > 1;
        let start = (notes[0].1 as usize).checked_sub(usize::from(batch))?;
        let mut line = Line { bytes, at: start };
        let mut read = Vec::with_capacity(items.len());
        let opcodes = line.numbers(&mut read)?;
        let within = (notes[items.len() - 1].1 as usize) < line.at && read.len() == items.len();
        let kind = Kind::Numbers(narrow(self.lists.len()));
        within.then(|| self.lists.push(Listed { list, items: items.to_vec(), opcodes }))?;
        Some(Slot { start: narrow(start), end: narrow(line.at), value, kind })
    }
}

/// Where the BINUNICODE of a text stands, if that is what announces it.
fn announced(bytes: &[u8], text: Span) -> Option<usize> {
    let start = (text.start as usize).checked_sub(5)?;
    let head: [u8; 5] = *bytes.get(start..)?.first_chunk()?;
    let [a, b, c, d] = text.len.to_le_bytes();
    (head == [b'X', a, b, c, d]).then_some(start)
}
