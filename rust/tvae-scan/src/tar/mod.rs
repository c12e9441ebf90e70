//! What torch 0.1 wrote: a tar file of `sys_info`, `pickle`, `storages` and `tensors`, all of them pickles in part.

mod members;

use std::collections::HashMap;

use crate::file::File;
use crate::issue::Severity;
use crate::pickle::{self, Budget, DType, Document, NodeId, Safety, Unpickled, Value as Node};
use crate::record::Status;
use crate::source::Source;
use crate::tensors::references::View;
use crate::tensors::storages::Place;
use members::Member;

/// Storages or tensors that are followed.
const MOST_ENTRIES: i64 = 20_000;
/// Dimensions that a tensor may have.
const MOST_DIMENSIONS: u32 = 64;
/// Bytes that the pickle of an entry has, nearly always.
const SHORT: usize = 512;
/// Bytes that are read at once.
const WINDOW: u64 = 1 << 18;

/// A storage, or the part of another one that it stands for.
#[derive(Debug, Clone, Copy)]
struct Stored {
    dtype: DType,
    place: Place,
}

/// Reads such a file, or names it as another tar.
pub(crate) fn read(source: &Source, file: &mut File<'_>) {
    file.record.kind = "tar".into();
    let members = members::read(source, file);
    file.record.n_records = Some(members.len() as u64);
    if !members.iter().any(|member| member.name == "pickle") {
        return file.unsupported("Z005", "a tar archive that torch did not write");
    }
    file.record.kind = "torch_tar".into();
    // As Python reads it, the last member of a name counts; the others are followed all the same.
    let mut of = [None; 4];
    for (at, member) in members.iter().enumerate() {
        let Some(place) =
            ["sys_info", "pickle", "storages", "tensors"].iter().position(|&n| n == member.name)
        else {
            continue;
        };
        if of[place].replace(at).is_some() {
            let message = format!("{:?} is there twice: the last counts", member.name);
            file.streams.issues.add_at("Z054", Severity::High, message, member.start);
        }
    }
    for (at, member) in members.iter().enumerate() {
        let known = matches!(member.name.as_str(), "sys_info" | "pickle" | "storages" | "tensors");
        if known && !of.contains(&Some(at)) {
            aside(source, member, file);
        }
    }
    let [system, values, stored, viewed] = of.map(|at| at.map(|at| &members[at]));
    if let Some(member) = system {
        Cursor::new(source, member).next(file);
    }
    let mut storages = HashMap::new();
    if stored.is_some_and(|member| follow_storages(source, member, &mut storages, file).is_none()) {
        unfollowed("storages", file);
    }
    let mut views = HashMap::new();
    if viewed.is_some_and(|member| follow_tensors(source, member, &mut views, file).is_none()) {
        unfollowed("tensors", file);
    }
    if let Some(member) = values {
        read_values(source, member, file);
    }
    resolve(&storages, &views, file);
    if file.streams.safety == Safety::Unparsed {
        file.record.status = Status::Corrupt;
    }
}

/// The values, whose references to tensors are numbers.
fn read_values(source: &Source, member: &Member, file: &mut File<'_>) {
    let mut cursor = Cursor::new(source, member);
    let bytes = cursor.rest();
    let mut found = pickle::load(&bytes, &Budget::default());
    let numbers = found.document.as_ref().is_some_and(|document| {
        let mut ids = document.walk(document.root(), usize::MAX).map(|visit| document.value(visit.id));
        ids.all(|value| match value {
            Node::Persistent(id) => matches!(document.value(id), Node::Int(_)),
            _ => true,
        })
    });
    if numbers {
        found.issues.retain(|issue| issue.code != pickle::code::PERSISTENT);
    }
    file.streams.absorb(&mut found, member.start);
    if let Some(document) = &found.document {
        file.values(document);
    }
    if !found.complete {
        file.record.status = Status::Corrupt;
        return file.streams.worsen(Safety::Unparsed);
    }
    if let Some(rest) = bytes.get(found.end..).filter(|rest| rest.iter().any(|&byte| byte != 0)) {
        let at = member.start + found.end as u64;
        file.streams.issues.add_at("S010", Severity::Warning, "bytes behind the end of the pickle", at);
        file.streams.behind(rest, at);
    }
}

/// A member that does not count: whatever it holds, its pickles are followed.
fn aside(source: &Source, member: &Member, file: &mut File<'_>) {
    let mut cursor = Cursor::new(source, member);
    let bytes = cursor.rest();
    file.streams.load(&bytes, member.start);
    if member.name == "storages" && follow_storages(source, member, &mut HashMap::new(), file).is_none()
        || member.name == "tensors" && follow_tensors(source, member, &mut HashMap::new(), file).is_none()
    {
        unfollowed(&member.name, file);
    }
}

/// Follows every stream among the storages: a count, then (key, location, class), a number of elements and their
/// bytes each, then the list of views (key, key of the whole, first element, elements).
fn follow_storages(
    source: &Source,
    member: &Member,
    storages: &mut HashMap<i64, Stored>,
    file: &mut File<'_>,
) -> Option<()> {
    let mut cursor = Cursor::new(source, member);
    for _ in 0..cursor.count(file)? {
        let entry = cursor.next(file)?;
        let document = entry.document.as_ref()?;
        let Node::Tuple(&[key, _, class]) = document.value(document.root()) else { return None };
        let Node::Global { name, .. } = document.value(class) else { return None };
        let dtype = DType::from_storage_class(name)?;
        let key = whole(document, key)?;
        let count = u64::from_le_bytes(cursor.array()?);
        let (offset, length) = (cursor.at(), count.checked_mul(dtype.itemsize())?);
        cursor.skip(length)?;
        storages.insert(key, Stored { dtype, place: Place { offset: Some(offset), length, crc: None } });
    }
    let views = cursor.next(file)?;
    let document = views.document.as_ref()?;
    let Node::List(items) = document.value(document.root()) else { return None };
    for &item in items {
        let Node::Tuple(&[key, of, first, count]) = document.value(item) else { return None };
        let numbers = [key, of, first, count].map(|id| whole(document, id));
        let [Some(key), Some(of), Some(first), Some(count)] = numbers else { return None };
        let Some(&Stored { dtype, place }) = storages.get(&of) else { continue };
        let [first, length] = [first, count]
            .map(|number| u64::try_from(number).ok().and_then(|one| one.checked_mul(dtype.itemsize())));
        let (first, length) = (first?, length?);
        let inside = first.checked_add(length).is_some_and(|end| end <= place.length);
        let offset = place.offset.and_then(|offset| offset.checked_add(first)).filter(|_| inside);
        storages.insert(key, Stored { dtype, place: Place { offset, length, crc: None } });
    }
    Some(())
}

/// A tensor: the number of its storage, its sizes, strides and first element.
#[derive(Debug, Clone)]
struct Viewed {
    storage: i64,
    shape: Vec<i64>,
    stride: Vec<i64>,
    first: i64,
}

/// Follows every stream among the tensors: a count, then (key, key of the storage, class), the number of dimensions,
/// sizes, strides and the first element each.
fn follow_tensors(
    source: &Source,
    member: &Member,
    views: &mut HashMap<i64, Viewed>,
    file: &mut File<'_>,
) -> Option<()> {
    let mut cursor = Cursor::new(source, member);
    for _ in 0..cursor.count(file)? {
        let entry = cursor.next(file)?;
        let document = entry.document.as_ref()?;
        let Node::Tuple(&[key, storage, _]) = document.value(document.root()) else { return None };
        let (key, storage) = (whole(document, key)?, whole(document, storage)?);
        let dimensions = u32::from_le_bytes(cursor.array()?);
        cursor.skip(4)?;
        if dimensions > MOST_DIMENSIONS {
            return None;
        }
        let mut shape = Vec::new();
        for _ in 0..dimensions {
            shape.push(i64::from_le_bytes(cursor.array()?));
        }
        let mut stride = Vec::new();
        for _ in 0..dimensions {
            stride.push(i64::from_le_bytes(cursor.array()?));
        }
        let first = i64::from_le_bytes(cursor.array()?);
        views.insert(key, Viewed { storage, shape, stride, first });
    }
    Some(())
}

/// Puts the tensors where the values refer to them.
fn resolve(storages: &HashMap<i64, Stored>, views: &HashMap<i64, Viewed>, file: &mut File<'_>) {
    let mut places = HashMap::new();
    for reference in std::mem::take(&mut file.room.tensors.references) {
        let number = reference.number;
        let found = views.get(&number).and_then(|view| Some((view, storages.get(&view.storage)?)));
        let Some((view, stored)) = found else {
            let name = file.room.tensors.reference_name(&reference);
            let message = format!("{name}: its tensor or storage, number {number}, is not in the file");
            file.streams.issues.add("T001", Severity::Error, message);
            continue;
        };
        let Viewed { storage, shape, stride, first } = view.clone();
        let key = storage.to_string();
        let view = View { dtype: stored.dtype, shape, stride, offset: first };
        file.room.tensors.refer(&reference, &view, &key, stored.place.length);
        places.insert(key, stored.place);
    }
    file.places(&places);
}

fn whole(document: &Document<'_>, id: NodeId) -> Option<i64> {
    match document.value(id) {
        Node::Int(number) => Some(number),
        _ => None,
    }
}

fn unfollowed(name: &str, file: &mut File<'_>) {
    let message = format!("member {name:?} could not be followed to its end");
    file.streams.issues.add("Z053", Severity::Error, message);
    file.streams.worsen(Safety::Unparsed);
    file.record.status = Status::Corrupt;
}

/// A place in a member, from which pickles and numbers are taken in turn.
struct Cursor<'s> {
    source: &'s Source<'s>,
    end: u64,
    /// Bytes of the file from `base` on, and how many of them were taken.
    bytes: Vec<u8>,
    base: u64,
    taken: usize,
}

impl<'s> Cursor<'s> {
    fn new(source: &'s Source<'s>, member: &Member) -> Self {
        Self { source, end: member.end, bytes: Vec::new(), base: member.start, taken: 0 }
    }

    fn at(&self) -> u64 {
        self.base + self.taken as u64
    }

    /// At least `wanted` bytes that were not taken, as far as the member has them.
    fn fill(&mut self, wanted: u64) {
        let here = self.at();
        if ((self.bytes.len() - self.taken) as u64) < wanted.min(self.end - here) {
            let length = wanted.max(WINDOW).min(self.end - here);
            self.bytes = self.source.read_up_to(here, length).unwrap_or_default();
            (self.base, self.taken) = (here, 0);
        }
    }

    /// What is left of the member, up to the budget of a stream.
    fn rest(&mut self) -> Vec<u8> {
        self.fill((Budget::default().bytes as u64).min(self.end - self.at()));
        self.bytes[self.taken..].to_vec()
    }

    /// The next pickle, if it could be followed to its end.
    fn next(&mut self, file: &mut File<'_>) -> Option<Unpickled<'_>> {
        let mut length = SHORT;
        loop {
            self.fill(length as u64);
            let have = self.bytes.len() - self.taken;
            let all = have as u64 == self.end - self.at() || length >= Budget::default().bytes;
            let window = &self.bytes[self.taken..][..have.min(length)];
            let cut = pickle::scan(window, &Budget::default());
            let cut = cut.issues.iter().any(|issue| issue.code == pickle::code::TRUNCATED);
            if !cut || have <= length && all {
                break;
            }
            length *= 16;
        }
        let at = self.at();
        let start = self.taken;
        let have = (self.bytes.len() - start).min(length);
        let found = file.streams.load(&self.bytes[start..][..have], at);
        self.taken = start + found.end;
        found.complete.then_some(found)
    }

    fn count(&mut self, file: &mut File<'_>) -> Option<i64> {
        let found = self.next(file)?;
        let document = found.document.as_ref()?;
        whole(document, document.root()).filter(|count| (0..=MOST_ENTRIES).contains(count))
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.fill(N as u64);
        let array = *self.bytes[self.taken..].first_chunk::<N>()?;
        self.taken += N;
        Some(array)
    }

    fn skip(&mut self, length: u64) -> Option<()> {
        let end = self.at().checked_add(length).filter(|end| *end <= self.end)?;
        match usize::try_from(length).ok().map(|length| self.taken + length) {
            Some(taken) if taken <= self.bytes.len() => self.taken = taken,
            _ => (self.bytes, self.base, self.taken) = (Vec::new(), end, 0),
        }
        Some(())
    }
}
