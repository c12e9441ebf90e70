//! Streams that differ in numbers and texts only.
//!
//! The runs of one trainer save the same structure again and again: of two files, the same opcodes build the same
//! containers, names, keys and tensors, and what differs are an epoch, metrics, paths, histories. A pattern is one such
//! stream with slots for what may differ. Where another stream has the same bytes between the slots, it is what the
//! machine would have built of it but for the values in the slots, which are put in their places.
//!
//! That holds only for values that nothing but plain containers holds: what a call was given, or what is a key, decides
//! about more than itself. So a value has a slot if it is found in as many places of dictionaries, lists and tuples as
//! it was ever put on the stack, which is once for its opcode and once for every GET. If that is not true of every
//! container on the way to it, or if the stream has an opcode or a GET that is not known to keep it true, no other stream
//! is of its pattern. The slots are told when one may be, as most streams are the only ones of their kind. A slot takes
//! numbers, booleans and None alike, as each is one opcode; text of ASCII; the bytes of a numpy scalar, as many as there
//! were; and a list of numbers, however many.

use std::ops::Range;

use super::arena::{Node, ScalarData, Span};
use super::document::Document;
use super::line::{Line, MOST_NUMBERS};
use super::reader::narrow;
use super::scalars::decoded;
use super::slots::{Kind, Listed, Slots};
use super::traces::Traces;
use super::value::NodeId;
use super::{Import, Safety, Unpickled};

/// Bytes and values of a stream that may be a pattern.
const MOST_BYTES: usize = 1 << 18;
const MOST_NODES: usize = 1 << 15;
/// Values and opcodes for which there must still be room where a stream ended, so that there is for those of another.
pub(crate) const ROOM: usize = 4 * MOST_NUMBERS;

/// A stream with slots, and what it built.
#[derive(Debug)]
pub(crate) struct Pattern {
    entries: u32,
    /// What its slots can be told by, until another stream may be of it.
    traces: Option<Traces>,
    /// Its bytes are the first ones that its document has made.
    length: usize,
    /// `None` if no other stream is one of it.
    slots: Option<Slots>,
    document: Document<'static>,
    /// How far what is behind each slot is behind where it is here, in the stream that was followed last.
    shifts: Vec<usize>,
    /// Values and made bytes apart from those in slots.
    nodes: usize,
    made: usize,
    imports: Vec<Import>,
    safety: Safety,
    opcodes: u64,
}

impl Pattern {
    /// The pattern of a whole stream, if it may be one: it had no issue, and nothing stands behind its STOP.
    pub(crate) fn of(
        bytes: &[u8],
        document: &Document<'_>,
        found: &Found,
        traces: &mut Traces,
    ) -> Option<Self> {
        if traces.odd || bytes.len() > MOST_BYTES || document.nodes.len() > MOST_NODES {
            return None;
        }
        traces.encoded.sort_unstable_by_key(|one| one.0);
        // They are the same bytes, for the most part.
        let own = document.source.get(..bytes.len())?;
        (std::ptr::eq(own, bytes) || own == bytes).then(|| Self {
            entries: entries(bytes),
            traces: Some(traces.clone()),
            length: bytes.len(),
            slots: None,
            document: document.detached(),
            shifts: Vec::new(),
            nodes: document.nodes.len(),
            made: document.source.len() + document.made.len(),
            imports: found.imports.clone(),
            safety: found.safety,
            opcodes: found.opcodes,
        })
    }

    /// Bytes that it takes, more or less.
    pub(crate) fn size(&self) -> usize {
        self.document.size() + self.traces.as_ref().map_or(0, Traces::size)
    }

    /// What the machine would find in a stream that puts so many [`entries`], if it is one of this pattern.
    pub(crate) fn follow(&mut self, bytes: &[u8], entries: u32) -> Option<Unpickled<'static>> {
        (entries == self.entries).then_some(())?;
        if let Some(traces) = self.traces.take() {
            self.slots = Slots::of(&self.document, self.length, &traces);
            if let Some(Slots { all, lists, .. }) = &self.slots {
                self.shifts.reserve(all.len());
                self.document.nodes.reserve(lists.iter().map(|listed| listed.items.len()).sum());
            }
        }
        let opcodes = self.fill(bytes)?;
        let mut imports = self.imports.clone();
        let (slots, mut before) = (&self.slots.as_ref()?.all, 0);
        for import in &mut imports {
            while slots.get(before).is_some_and(|slot| u64::from(slot.start) < import.offset) {
                before += 1;
            }
            import.offset = import.offset.wrapping_add(self.shift(before) as u64);
        }
        Some(Unpickled {
            imports,
            safety: self.safety,
            end: bytes.len(),
            opcodes,
            complete: true,
            ..Unpickled::default()
        })
    }

    /// The values of the stream that was followed last.
    pub(crate) fn document(&self) -> &Document<'static> {
        &self.document
    }

    /// Whether a GET asks for a value; true if that is not known any more, as another stream was followed.
    pub(crate) fn is_asked_for(&self, id: NodeId) -> bool {
        self.traces.as_ref().is_none_or(|traces| traces.got.contains(&id))
    }

    /// How far what is behind so many slots is behind where it is here; it may wrap around.
    fn shift(&self, slots: usize) -> usize {
        slots.checked_sub(1).map_or(0, |last| self.shifts[last])
    }

    /// What may differ of a stretch of the stream that the pattern was made of, as it was in the one that was followed
    /// last; `None` if a value there may be in another stretch too.
    pub(crate) fn stretch<'b>(&self, own: &Range<usize>, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let Slots { all, shared: false, .. } = self.slots.as_ref()? else { return None };
        let before = |place: usize| all.partition_point(|slot| (slot.start as usize) < place);
        let (first, last) = (before(own.start), before(own.end));
        let Some([head, .., tail] | [head @ tail]) = all.get(first..last) else { return Some(&[]) };
        let start = (head.start as usize).wrapping_add(self.shift(first));
        bytes.get(start..(tail.end as usize).wrapping_add(self.shift(last)))
    }

    /// Puts what a stream has in the slots in its places, and gives its opcodes; `None`, with the places in disorder, if it
    /// is another.
    fn fill(&mut self, bytes: &[u8]) -> Option<u64> {
        let Self { length, slots, document, shifts, .. } = self;
        shifts.clear();
        let Slots { all: slots, lists, opcodes: listed, .. } = slots.as_ref()?;
        document.nodes.truncate(self.nodes);
        document.made.truncate(self.made);
        let (mut before, mut at, mut opcodes) = (0, 0, 0);
        for slot in slots {
            at = same(bytes, at, &document.made[before..slot.start as usize])?;
            let line = &mut Line { bytes, at };
            let value = slot.value.index();
            match slot.kind {
                Kind::Number => document.nodes[value] = line.number()?,
                Kind::Text => {
                    let text = line.text().filter(|text| text.is_ascii())?;
                    document.nodes[value] = Node::Text(document.add_made(text));
                }
                Kind::Scalar(scalar, len) => {
                    let (value, count) = decoded(line.text()?)?;
                    (count == len as usize).then_some(())?;
                    let ScalarData { bytes, .. } = &mut document.scalars[scalar as usize];
                    *bytes = Span { start: narrow(document.made.len()), len };
                    document.made.extend_from_slice(&value[..count]);
                }
                Kind::Numbers(place) => {
                    let Listed { list, items, opcodes: usual } = &lists[place as usize];
                    let read = &mut document.lists[*list as usize];
                    read.clear();
                    let same = same(bytes, at, &document.made[slot.start as usize..slot.end as usize]);
                    let found = if let Some(end) = same {
                        read.extend_from_slice(items);
                        line.at = end;
                        Some(*usual)
                    } else {
                        let first = document.nodes.len();
                        let found = line.numbers(&mut document.nodes);
                        read.extend((first..document.nodes.len()).map(|node| NodeId(narrow(node))));
                        found
                    };
                    opcodes += found?;
                }
            }
            at = line.at;
            before = slot.end as usize;
            shifts.push(at.wrapping_sub(before));
        }
        let end = same(bytes, at, &document.made[before..*length])?;
        let opcodes = (self.opcodes + opcodes).checked_sub(*listed)?;
        (end == bytes.len()).then_some(opcodes)
    }
}

/// The entry that the last `LONG_BINPUT` of a stream puts, for all that its last bytes tell. Streams of one pattern put the
/// same, and those of others are told apart by it without a look at all their bytes.
pub(crate) fn entries(bytes: &[u8]) -> u32 {
    let last = &bytes[bytes.len().saturating_sub(LAST)..];
    let put = |&[opcode, a, b, c, d]: &[u8; 5]| {
        (opcode == b'r' && (c, d) == (0, 0)).then(|| u32::from_le_bytes([a, b, c, d]))
    };
    last.windows(5).rev().filter_map(<[u8]>::first_chunk).find_map(put).unwrap_or(0)
}
/// Bytes in which it is looked for.
const LAST: usize = 256;

/// Behind `expected`, if it stands at `at`.
#[inline]
fn same(bytes: &[u8], at: usize, expected: &[u8]) -> Option<usize> {
    bytes.get(at..)?.starts_with(expected).then_some(at + expected.len())
}

/// What else a stream came to.
#[derive(Debug)]
pub(crate) struct Found {
    pub imports: Vec<Import>,
    pub safety: Safety,
    pub opcodes: u64,
}

#[cfg(test)]
mod tests {
    use super::super::machine::Room;
    use super::super::{Budget, Value, load, load_in};
    use super::*;

    fn stream(parts: &[&[u8]]) -> Vec<u8> {
        [&b"\x80\x02"[..], &parts.concat(), b"."].concat()
    }

    fn text(text: &str) -> Vec<u8> {
        let len = u32::try_from(text.len()).expect("short");
        [b"X", &len.to_le_bytes()[..], text.as_bytes()].concat()
    }

    fn pattern(bytes: &[u8]) -> Option<Pattern> {
        let mut room = Room::default();
        room.traces.wanted = true;
        let found = load_in(bytes, &Budget::default(), &mut room);
        assert!(found.complete, "{found:?}");
        let document = found.document.expect("values");
        let told = Found { imports: found.imports, safety: found.safety, opcodes: found.opcodes };
        Pattern::of(bytes, &document, &told, &mut room.traces)
    }

    /// Whether a stream is of the pattern; if it is, all that is told of it is what the machine finds.
    fn follows(pattern: &mut Pattern, bytes: &[u8]) -> bool {
        let Some(followed) = pattern.follow(bytes, entries(bytes)) else { return false };
        let found = load(bytes, &Budget::default());
        assert_eq!(
            (followed.imports, followed.safety, followed.opcodes, followed.end, followed.complete),
            (found.imports, found.safety, found.opcodes, found.end, found.complete)
        );
        let document = found.document.expect("values");
        assert_eq!(shown(pattern.document()), shown(&document));
        true
    }

    fn shown(document: &Document<'_>) -> Vec<String> {
        let show = |id: NodeId| match document.value(id) {
            Value::Dict(dict) => format!("dict of {}", dict.pairs.len()),
            Value::List(items) => format!("list of {}", items.len()),
            Value::Tuple(items) => format!("tuple of {}", items.len()),
            value => format!("{value:?}"),
        };
        document.walk(document.root(), usize::MAX).map(|visit| show(visit.id)).collect()
    }

    fn epoch(value: &[u8]) -> Vec<u8> {
        stream(&[b"}q\x00(", &text("epoch"), b"q\x01", value, &text("name"), b"q\x02", &text("a"), b"q\x03u"])
    }

    #[test]
    fn one_number_stands_for_another() {
        let mut known = pattern(&epoch(b"K\x05")).expect("a pattern");
        for value in
            [&b"K\x07"[..], b"M\x00\x01", b"J\xff\xff\xff\xff", b"G\x3f\xf8\0\0\0\0\0\0", b"N", b"\x88"]
        {
            assert!(follows(&mut known, &epoch(value)), "{value:?}");
        }
        for value in [&b"]"[..], b"\x8a\x01\x05", b"K\x05q\x09", b"K", &text("5")] {
            assert!(!follows(&mut known, &epoch(value)), "{value:?}");
        }
    }

    #[test]
    fn texts_and_lists_have_any_length() {
        let whole = |name: &str, list: &[u8]| {
            stream(&[
                b"}q\x00(",
                &text("n"),
                b"q\x01",
                &text(name),
                b"q\x02",
                &text("l"),
                b"q\x03]q\x04",
                list,
                b"u",
            ])
        };
        let mut known = pattern(&whole("run", b"(K\x01K\x02e")).expect("a pattern");
        let long = [&b"("[..], &b"K\x01".repeat(1000), b"e(K\x02K\x03e"].concat();
        for list in [&b""[..], b"K\x01a", b"(K\x01G\x3f\xf8\0\0\0\0\0\0Ne", b"(K\x01K\x02e", &long] {
            for name in ["", "run", "a longer name"] {
                assert!(follows(&mut known, &whole(name, list)), "{name} {list:?}");
            }
        }
        for (name, list) in
            [("é", &b"K\x01a"[..]), ("run", b"]a"), ("run", b"(K\x01K\x02"), ("run", b"K\x01")]
        {
            assert!(!follows(&mut known, &whole(name, list)), "{name} {list:?}");
        }
    }

    #[test]
    fn what_is_used_elsewhere_has_no_slot() {
        // A text that is a key as well.
        let key = |name: &str| stream(&[b"}q\x00(", &text(name), b"q\x01h\x01u"]);
        assert!(!follows(&mut pattern(&key("a")).expect("a pattern"), &key("b")));
        // A text that is a value twice.
        let twice = |name: &str| {
            stream(&[b"}q\x00(", &text("a"), b"q\x01", &text(name), b"q\x02", &text("b"), b"q\x03h\x02u"])
        };
        assert!(follows(&mut pattern(&twice("x")).expect("a pattern"), &twice("other")));
        // A number that a call is given as well: the size of a tensor, or what a set holds.
        let call = |number: u8| {
            let size = [b"ctorch\nSize\nq\x02K", &[number][..], b"K\x02\x86q\x03\x85q\x04R"].concat();
            stream(&[b"}q\x00(", &text("a"), b"q\x01", &size, &text("b"), b"q\x05h\x03u"])
        };
        assert!(pattern(&call(1)).is_none_or(|mut known| !follows(&mut known, &call(3))));
        // A value that POP takes off again.
        let popped = |number: u8| stream(&[b"}q\x00(", &text("a"), b"q\x01K\x01K", &[number], b"0u"]);
        assert!(pattern(&popped(1)).is_none());
    }

    #[test]
    fn scalars_have_other_bytes() {
        let scalar = |bytes: &str, more: &[u8]| {
            stream(&[
                b"}q\x00(",
                &text("a"),
                b"q\x01cnumpy.core.multiarray\nscalar\nq\x02cnumpy\ndtype\nq\x03",
                &text("f8"),
                b"q\x04K\x00K\x01\x87q\x05Rq\x06(K\x03",
                &text("<"),
                b"q\x07NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x08bc_codecs\nencode\nq\x09",
                &text(bytes),
                b"q\x0a",
                &text("latin1"),
                b"q\x0b\x86q\x0cRq\x0d\x86q\x0eRq\x0f",
                more,
                b"u",
            ])
        };
        let second = |bytes: &str| {
            let [name, bytes] = [text("b"), text(bytes)];
            [&name[..], b"q\x10h\x02h\x06h\x09", &bytes, b"q\x11h\x0b\x86q\x12Rq\x13\x86q\x14Rq\x15"].concat()
        };
        let mut known = pattern(&scalar("12345678", &second("abcdefgh"))).expect("a pattern");
        assert!(follows(&mut known, &scalar("\0\0\0\0\0\0ð?", &second("\0\0\0\0\0\0\u{8}@"))));
        assert!(!follows(&mut known, &scalar("1234567", &second("abcdefgh"))));
        assert!(!follows(&mut known, &scalar("1234567\u{100}", &second("abcdefgh"))));
        // The text of a scalar is the value of another key as well.
        let shared = |bytes: &str| scalar(bytes, &[&text("b")[..], b"q\x10h\x0a"].concat());
        assert!(!follows(&mut pattern(&shared("12345678")).expect("a pattern"), &shared("abcdefgh")));
        // So are its bytes.
        let shared = |bytes: &str| scalar(bytes, &[&text("b")[..], b"q\x10h\x0d"].concat());
        assert!(!follows(&mut pattern(&shared("12345678")).expect("a pattern"), &shared("abcdefgh")));
    }
}
