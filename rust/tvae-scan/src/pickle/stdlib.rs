//! Types of Python's own library.

use super::arena::{EMPTY, Node, ObjectData, Run};
use super::calls::Args;
use super::known::Known;
use super::machine::{Halt, Machine};
use super::reader::narrow;
use super::text;
use super::value::{DictKind, NodeId, ObjectKind};

/// A second in microseconds.
const SECOND: i64 = 1_000_000;

impl Machine<'_> {
    /// Containers, bytes and numbers: values that need no object of their own.
    pub fn plain_form(&mut self, known: Known, args: Args) -> Result<Option<Node>, Halt> {
        self.sets |= matches!(known, Known::Set | Known::FrozenSet);
        match (known, args.ids()) {
            (Known::OrderedDict, []) => self.dictionary(DictKind::Ordered, None).map(Some),
            (Known::OrderedDict, &[items]) => self.dictionary_of(items),
            (Known::DefaultDict, []) => self.dictionary(DictKind::Default, None).map(Some),
            (Known::DefaultDict, &[factory]) => {
                use Known as K;
                let fine = match self.known(factory).map(|known| known.0) {
                    Some(
                        K::Class
                        | K::ListClass
                        | K::DictClass
                        | K::Set
                        | K::OrderedDict
                        | K::Counter
                        | K::Deque,
                    ) => true,
                    _ => self.doc.node(factory) == Node::None,
                };
                if fine { self.dictionary(DictKind::Default, None).map(Some) } else { Ok(None) }
            }
            (Known::Counter, []) => self.dictionary(DictKind::Counter, None).map(Some),
            (Known::Counter, &[counts]) => self.copy_pairs(counts, DictKind::Counter),
            (Known::DictClass, []) => Ok(Some(Node::Dict(EMPTY))),
            (Known::ListClass, []) => Ok(Some(Node::List(EMPTY))),
            (Known::Set, []) => Ok(Some(Node::Set(EMPTY))),
            (Known::Set, &[items]) => match self.sequence(items)? {
                Some(run) => {
                    let at = self.new_list(self.doc.run(run).to_vec())?;
                    Ok(Some(Node::Set(at)))
                }
                None => Ok(None),
            },
            (Known::FrozenSet, []) => Ok(Some(Node::FrozenSet(Run::default()))),
            (Known::FrozenSet, &[items]) => Ok(self.sequence(items)?.map(Node::FrozenSet)),
            (Known::Size, &[sizes]) => match self.doc.node(sizes) {
                Node::Tuple(run) => {
                    let whole = self.doc.run(run).iter().all(|&id| matches!(self.doc.node(id), Node::Int(_)));
                    Ok(whole.then_some(Node::Size(run)))
                }
                _ => Ok(None),
            },
            (Known::Bytes, []) => Ok(Some(Node::Bytes(self.make(&[])?))),
            (Known::ByteArray, []) => Ok(Some(Node::ByteArray(self.make(&[])?))),
            (Known::ByteArray, &[bytes]) => match self.doc.node(bytes) {
                Node::Bytes(span) => Ok(Some(Node::ByteArray(span))),
                _ => Ok(None),
            },
            (Known::ByteArray, &[value, codec]) => Ok(self.encoded(value, codec)?.map(|node| match node {
                Node::Bytes(span) => Node::ByteArray(span),
                other => other,
            })),
            (Known::Encode, &[value, codec]) => self.encoded(value, codec),
            (Known::Complex, &[re, im]) => {
                let (Some(re), Some(im)) = (self.real(re), self.real(im)) else { return Ok(None) };
                self.charge(1)?;
                self.doc.complexes.push((re, im));
                Ok(Some(Node::Complex(narrow(self.doc.complexes.len() - 1))))
            }
            _ => Ok(None),
        }
    }

    fn dictionary(&mut self, kind: DictKind, pairs: Option<Vec<(NodeId, NodeId)>>) -> Result<Node, Halt> {
        self.new_dict(kind, pairs.unwrap_or_default())
    }

    /// `OrderedDict([[key, value], ...])`, as Python 2 wrote it.
    fn dictionary_of(&mut self, items: NodeId) -> Result<Option<Node>, Halt> {
        let Some(run) = self.sequence(items)? else { return Ok(None) };
        let pair = |&id: &NodeId| match self.doc.node(id) {
            Node::Tuple(run) => <[NodeId; 2]>::try_from(self.doc.run(run)).ok(),
            Node::List(at) => <[NodeId; 2]>::try_from(self.doc.list(at)).ok(),
            _ => None,
        };
        let pairs = self.doc.run(run).iter().map(|id| pair(id).map(|[key, value]| (key, value)));
        let Some(pairs) = pairs.collect::<Option<Vec<_>>>() else { return Ok(None) };
        self.charge(pairs.len().div_ceil(2))?;
        self.dictionary(DictKind::Ordered, Some(pairs)).map(Some)
    }

    /// The items of a list or tuple as they are now.
    fn sequence(&mut self, id: NodeId) -> Result<Option<Run>, Halt> {
        match self.doc.node(id) {
            Node::Tuple(run) => {
                // A copy: what is made of it may reorder its own items.
                self.charge((run.len as usize).div_ceil(4))?;
                let start = narrow(self.doc.items.len());
                let from = run.start as usize;
                self.doc.items.extend_from_within(from..from + run.len as usize);
                Ok(Some(Run { start, len: run.len }))
            }
            Node::List(EMPTY) => Ok(Some(Run::default())),
            Node::List(at) => {
                let len = self.doc.lists[at as usize].len();
                self.charge(len.div_ceil(4))?;
                let start = narrow(self.doc.items.len());
                self.doc.items.extend_from_slice(&self.doc.lists[at as usize]);
                Ok(Some(Run { start, len: narrow(len) }))
            }
            _ => Ok(None),
        }
    }

    /// Text in latin-1, which is how protocols below 3 write bytes.
    fn encoded(&mut self, value: NodeId, codec: NodeId) -> Result<Option<Node>, Halt> {
        let (Some(span), Some("latin1" | "latin-1")) = (self.text_of(value), self.doc.as_text(codec)) else {
            return Ok(None);
        };
        if self.doc.text(span).is_ascii() {
            self.traces.encode(span, span, Some(value));
            return Ok(Some(Node::Bytes(span)));
        }
        self.charge(span.len as usize / 16)?;
        let Some(bytes) = text::latin1(self.doc.text(span)) else { return Ok(None) };
        let made = self.make(&bytes)?;
        self.traces.encode(made, span, Some(value));
        Ok(Some(Node::Bytes(made)))
    }

    #[allow(clippy::cast_precision_loss)] // as Python does
    fn real(&self, id: NodeId) -> Option<f64> {
        match self.doc.node(id) {
            Node::Float(value) => Some(value),
            Node::Int(value) => Some(value as f64),
            _ => None,
        }
    }

    /// Types that stay objects, with their usual notation beside them.
    pub fn object_form(&mut self, known: Known, class: NodeId, args: Args) -> Result<Option<Node>, Halt> {
        use ObjectKind as O;
        if known == Known::Reconstructor {
            return self.reconstructed(args);
        }
        self.charge(args.run.len as usize)?;
        let ids = args.ids();
        let made = match known {
            Known::PosixPath | Known::WindowsPath => {
                self.path(args.run, known).map(|text| (O::Path, Some(text)))
            }
            Known::DateTime => self.datetime(ids).map(|text| (O::DateTime, Some(text))),
            Known::Date => self.date(ids).map(|text| (O::DateTime, Some(text))),
            Known::Time => self.time(ids).map(|text| (O::DateTime, Some(text))),
            Known::TimeDelta => self.delta(ids).map(|micros| (O::TimeDelta, Some(duration(micros)))),
            Known::TimeZone => self.zone(ids).map(|text| (O::TimeDelta, Some(text))),
            Known::Uuid if ids.is_empty() => Some((O::Uuid, None)),
            Known::Namespace if ids.is_empty() => Some((O::Namespace, None)),
            Known::Decimal => match ids {
                [text] => self.doc.as_text(*text).map(|text| (O::Number, Some(text.to_owned()))),
                _ => None,
            },
            Known::Fraction => self.fraction(ids).map(|text| (O::Number, Some(text))),
            Known::Range if self.are_bounds(ids, false) => Some((O::Range, None)),
            Known::Slice if ids.len() == 3 && self.are_bounds(ids, true) => Some((O::Slice, None)),
            Known::Deque => return self.deque(class, args),
            Known::Device => self.device(ids).map(|text| (O::Device, Some(text))),
            Known::Layout | Known::Version => match ids {
                [text] => {
                    let kind = if known == Known::Layout { O::Layout } else { O::Version };
                    self.doc.as_text(*text).map(|text| (kind, Some(text.to_owned())))
                }
                _ => None,
            },
            _ => None,
        };
        let Some((kind, text)) = made else { return Ok(None) };
        let text = text.map(|text| self.make(text.as_bytes())).transpose()?;
        self.new_object(ObjectData { text, ..ObjectData::new(kind, class, args.run) }).map(Some)
    }

    /// `copyreg._reconstructor(class, object, None)`: an empty instance, to be filled by BUILD. Of a class with
    /// another base, what that base is made of is its argument.
    fn reconstructed(&mut self, args: Args) -> Result<Option<Node>, Halt> {
        let &[class, base, state] = args.ids() else { return Ok(None) };
        let (Some((known, _)), Some((base, _))) = (self.known(class), self.known(base)) else {
            return Ok(None);
        };
        let kind = match (known, base) {
            (Known::Unknown, Known::ObjectClass | Known::Class | Known::ListClass | Known::DictClass) => {
                ObjectKind::Opaque
            }
            (Known::Namespace, Known::ObjectClass) => ObjectKind::Namespace,
            (Known::Uuid, Known::ObjectClass) => ObjectKind::Uuid,
            (Known::Version, Known::Class) if self.text_of(state).is_some() => ObjectKind::Version,
            _ => return Ok(None),
        };
        let plain = base == Known::ObjectClass && self.doc.node(state) == Node::None;
        let run = if plain { Run::default() } else { Run { start: args.run.start + 2, len: 1 } };
        let text = if kind == ObjectKind::Version { self.text_of(state) } else { None };
        self.new_object(ObjectData { text, ..ObjectData::new(kind, class, run) }).map(Some)
    }

    /// `deque([...], maxlen)`, filled by APPENDS.
    fn deque(&mut self, class: NodeId, args: Args) -> Result<Option<Node>, Halt> {
        let items = match *args.ids() {
            [] => Run::default(),
            [items] => match self.sequence(items)? {
                Some(run) => run,
                None => return Ok(None),
            },
            [items, limit] => match (self.sequence(items)?, self.doc.node(limit)) {
                (Some(run), Node::Int(0..) | Node::None) => run,
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        let items = self.doc.run(items).to_vec();
        self.new_object(ObjectData { items, ..ObjectData::new(ObjectKind::Deque, class, args.run) }).map(Some)
    }

    fn int(&self, id: NodeId) -> Option<i64> {
        match self.doc.node(id) {
            Node::Int(value) => Some(value),
            _ => None,
        }
    }

    fn are_bounds(&self, ids: &[NodeId], open: bool) -> bool {
        let bound = |&id: &NodeId| self.int(id).is_some() || (open && self.doc.node(id) == Node::None);
        (1..=3).contains(&ids.len()) && ids.iter().all(bound)
    }

    /// Parts joined as pathlib does; one that is absolute drops those before it.
    fn path(&self, run: Run, known: Known) -> Option<String> {
        let separator = if known == Known::WindowsPath { '\\' } else { '/' };
        let mut path = String::new();
        for &id in self.doc.run(run) {
            let part = self.doc.as_text(id)?;
            // More than any system takes, and a way to grow without end.
            if path.len() + part.len() > 1 << 16 {
                return None;
            }
            if part.is_empty() || part == "." {
                continue;
            }
            if part.starts_with(separator) {
                path.clear();
            }
            if !path.is_empty() && !path.ends_with(separator) {
                path.push(separator);
            }
            path.push_str(part);
        }
        Some(if path.is_empty() { ".".to_owned() } else { path })
    }

    fn device(&self, ids: &[NodeId]) -> Option<String> {
        let kind = self.doc.as_text(*ids.first()?)?;
        match ids {
            [_] => Some(kind.to_owned()),
            [_, index] => Some(format!("{kind}:{}", self.int(*index)?)),
            _ => None,
        }
    }

    fn fraction(&self, ids: &[NodeId]) -> Option<String> {
        match *ids {
            [text] => self.doc.as_text(text).map(str::to_owned),
            [above, below] => Some(format!("{}/{}", self.int(above)?, self.int(below)?)),
            _ => None,
        }
    }

    fn octets(&self, id: NodeId) -> Option<&[u8]> {
        match self.doc.node(id) {
            Node::Bytes(span) => Some(self.doc.bytes(span)),
            _ => None,
        }
    }

    fn datetime(&self, ids: &[NodeId]) -> Option<String> {
        let (&first, zone) = ids.split_first()?;
        let (date, time) = self.octets(first)?.split_at_checked(4)?;
        Some(format!("{}T{}{}", calendar(date)?, clock(time)?, self.zone_of(zone)?))
    }

    fn date(&self, ids: &[NodeId]) -> Option<String> {
        let &[only] = ids else { return None };
        calendar(self.octets(only)?)
    }

    fn time(&self, ids: &[NodeId]) -> Option<String> {
        let (&first, zone) = ids.split_first()?;
        Some(clock(self.octets(first)?)? + &self.zone_of(zone)?)
    }

    /// The zone after a time. One of an unknown class is not spelled out.
    fn zone_of(&self, ids: &[NodeId]) -> Option<String> {
        match *ids {
            [] => Some(String::new()),
            [zone] => match self.doc.node(zone) {
                Node::None => Some(String::new()),
                Node::Object(at) => {
                    let zone = &self.doc.objects[at as usize];
                    Some(zone.text.map_or_else(String::new, |span| self.doc.text(span).to_owned()))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Days, seconds and microseconds.
    fn delta(&self, ids: &[NodeId]) -> Option<i64> {
        let &[days, seconds, micros] = ids else { return None };
        let seconds = self.int(days)?.checked_mul(86_400)?.checked_add(self.int(seconds)?)?;
        seconds.checked_mul(SECOND)?.checked_add(self.int(micros)?)
    }

    /// A zone is a difference, and may have a name.
    fn zone(&self, ids: &[NodeId]) -> Option<String> {
        let (&first, name) = ids.split_first()?;
        let named = matches!(name, []) || matches!(name, [name] if self.text_of(*name).is_some());
        let Node::Object(at) = self.doc.node(first) else { return None };
        let delta = &self.doc.objects[at as usize];
        if !named || delta.kind != ObjectKind::TimeDelta {
            return None;
        }
        let micros = self.delta(self.args(delta.args).ids())?;
        let minutes = (micros / SECOND / 60).unsigned_abs();
        Some(format!("{}{:02}:{:02}", if micros < 0 { '-' } else { '+' }, minutes / 60, minutes % 60))
    }

    /// A UUID is given its number as state.
    pub fn build_uuid(&mut self, at: u32, state: NodeId) -> bool {
        let number = self.doc.dict_entry(state, "int").and_then(|id| match self.doc.node(id) {
            Node::Int(value) => u128::try_from(value).ok(),
            Node::BigInt(span) => self
                .doc
                .text(span)
                .parse::<u128>()
                .ok()
                .or_else(|| u128::from_str_radix(self.doc.text(span).strip_prefix("0x")?, 16).ok()),
            _ => None,
        });
        let Some(number) = number else { return false };
        let digits = format!("{number:032x}");
        let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
        let Ok(span) = self.make(parts.join("-").as_bytes()) else { return false };
        self.doc.objects[at as usize].text = Some(span);
        true
    }
}

/// Year in two bytes, month, day.
fn calendar(bytes: &[u8]) -> Option<String> {
    let &[high, low, month, day] = bytes else { return None };
    // The highest bit of the month tells apart the two hours at the end of summer time.
    let (year, month) = (u16::from_be_bytes([high, low]), month & 0x7F);
    let valid = (1..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    valid.then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// Hour, minute, second, microseconds in three bytes.
fn clock(bytes: &[u8]) -> Option<String> {
    let &[hour, minute, second, a, b, c] = bytes else { return None };
    let (hour, micros) = (hour & 0x7F, u32::from_be_bytes([0, a, b, c]));
    if hour > 23 || minute > 59 || second > 59 || micros >= 1_000_000 {
        return None;
    }
    let whole = format!("{hour:02}:{minute:02}:{second:02}");
    Some(if micros == 0 { whole } else { format!("{whole}.{micros:06}") })
}

/// Microseconds as seconds.
fn duration(micros: i64) -> String {
    let (sign, micros) = (if micros < 0 { "-" } else { "" }, micros.unsigned_abs());
    let (whole, part) = (micros / SECOND.unsigned_abs(), micros % SECOND.unsigned_abs());
    if part == 0 { format!("{sign}{whole} s") } else { format!("{sign}{whole}.{part:06} s") }
}
