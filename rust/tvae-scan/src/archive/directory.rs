//! The records of a central directory: where they are, and what each says.

use std::borrow::Cow;
use std::sync::Arc;

use super::names::Sorted;
use super::outlines::Outlines;
use super::zip::{u16_at, u64_at};

/// What a record begins with.
pub(crate) const RECORD: u32 = u32::from_le_bytes(*b"PK\x01\x02");
/// Bytes of a record before its name.
pub(crate) const HEAD: usize = 46;
/// Bytes of a local header before its name.
pub(crate) const LOCAL_HEAD: u32 = 30;
/// Stands where a number does not fit the record.
pub(crate) const FULL: u32 = u32::MAX;

/// The fixed part of a record.
#[derive(Clone, Copy)]
pub(crate) struct Record<'b>(pub &'b [u8; HEAD]);

#[rustfmt::skip] // a table
impl<'b> Record<'b> {
    pub fn at(bytes: &'b [u8], at: usize) -> Option<Self> {
        bytes.get(at..)?.first_chunk().map(Self)
    }

    fn short<const AT: usize>(self) -> u16 {
        u16::from_le_bytes([self.0[AT], self.0[AT + 1]])
    }

    fn long<const AT: usize>(self) -> u32 {
        u32::from_le_bytes([self.0[AT], self.0[AT + 1], self.0[AT + 2], self.0[AT + 3]])
    }

    fn is_signed(self) -> bool { self.long::<0>() == RECORD }
    fn flags(self) -> u16 { self.short::<8>() }
    fn method(self) -> u16 { self.short::<10>() }
    fn crc(self) -> u32 { self.long::<16>() }
    pub fn packed(self) -> u32 { self.long::<20>() }
    fn size(self) -> u32 { self.long::<24>() }
    pub fn name(self) -> usize { self.short::<28>().into() }
    fn extra(self) -> usize { self.short::<30>().into() }
    fn comment(self) -> usize { self.short::<32>().into() }
    pub fn header(self) -> u32 { self.long::<42>() }

    /// Whether a number did not fit.
    pub fn is_wide(self) -> bool { self.packed().max(self.size()).max(self.header()) == FULL }
}

/// One record of the central directory.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Entry {
    name: (usize, usize),
    /// 0: stored, 8: deflate.
    pub method: u16,
    /// General purpose flags.
    pub flags: u16,
    /// CRC-32 of the content, as claimed.
    pub crc: u32,
    /// Bytes in the file.
    pub packed: u64,
    /// Bytes of the content.
    pub size: u64,
    /// Where its local header is.
    pub header: u64,
}

impl Entry {
    /// The record that begins at `at`, and where the next one does.
    fn read(bytes: &[u8], at: usize) -> Option<(Self, usize)> {
        let record = Record::at(bytes, at)?;
        let name = at + HEAD;
        let extra = name + record.name();
        let comment = extra + record.extra();
        let next = comment + record.comment();
        if !record.is_signed() || next > bytes.len() {
            return None;
        }
        let mut entry = Self {
            name: (name, extra),
            method: record.method(),
            flags: record.flags(),
            crc: record.crc(),
            packed: record.packed().into(),
            size: record.size().into(),
            header: record.header().into(),
        };
        if record.is_wide() {
            entry.widen(&bytes[extra..comment])?;
        }
        Some((entry, next))
    }

    /// Takes from the zip64 extra field what did not fit the record.
    #[cold]
    fn widen(&mut self, mut extra: &[u8]) -> Option<()> {
        let fields = [&mut self.size, &mut self.packed, &mut self.header];
        let mut wanted = fields.into_iter().filter(|field| **field == u64::from(FULL));
        while extra.len() >= 4 {
            let (id, length) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
            let field = extra.get(4..4 + length)?;
            if id == 1 {
                let mut numbers = field.chunks_exact(8).map(|number| u64_at(number, 0));
                return wanted.try_for_each(|field| numbers.next().map(|number| *field = number));
            }
            extra = &extra[4 + length..];
        }
        // A record of exactly 4 GiB - 1 bytes is possible.
        Some(())
    }
}

/// Where all records of a directory are, and the sizes of their contents.
#[derive(Debug)]
pub(crate) struct Plan(Arc<[Place]>);

/// A record in the directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Where it begins.
    pub start: u32,
    /// Bytes of its content, if that lies within the file as it is; else, and of the first, [`FULL`].
    stored: u32,
}

/// The central directory.
#[derive(Debug)]
pub(crate) struct Directory<'s> {
    pub bytes: Cow<'s, [u8]>,
    /// Every record, in the order of the directory.
    pub places: Arc<[Place]>,
    /// Added to where a local header is said to be.
    shift: u64,
    /// The records are known to follow each other in the file without sharing a byte.
    pub apart: bool,
    /// What is known of the names.
    pub sorted: Option<Arc<Sorted>>,
}

impl<'s> Directory<'s> {
    /// The directory of so many records in a file of so many bytes; `None` if a record is damaged.
    pub(crate) fn of(
        bytes: Cow<'s, [u8]>,
        count: usize,
        shift: u64,
        file: u64,
        outlines: &mut Outlines,
    ) -> Option<Self> {
        if shift == 0
            && let Some(outline) = outlines.find(&bytes, count, file)
        {
            let (places, sorted) = (Arc::clone(&outline.places), Some(Arc::clone(&outline.sorted)));
            return Some(Self { bytes, places, shift, apart: true, sorted });
        }
        let mut places = Vec::with_capacity(count);
        let (mut at, mut apart, mut last) = (0, shift == 0, 0);
        for _ in 0..count {
            let (entry, next) = Entry::read(&bytes, at)?;
            let inside = entry.header.checked_add(entry.packed).is_some_and(|end| end <= file);
            let size = u32::try_from(entry.size).ok().filter(|_| shift == 0 && entry.method == 0 && inside);
            places.push(Place { start: narrow(at), stored: size.unwrap_or(FULL) });
            apart &= entry.header >= last;
            let head = u64::from(LOCAL_HEAD) + (entry.name.1 - entry.name.0) as u64;
            last = entry.header.saturating_add(head).saturating_add(entry.packed);
            at = next;
        }
        // It is `data.pkl`, which may have another length in the next archive.
        if let Some(first) = places.first_mut() {
            first.stored = FULL;
        }
        Some(Self { bytes, places: places.into(), shift, apart, sorted: None })
    }

    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// A record by its number in the directory.
    pub(crate) fn entry(&self, at: usize) -> Entry {
        // It was read before.
        let (mut entry, _) = Entry::read(&self.bytes, self.places[at].start as usize).unwrap_or_default();
        entry.header = entry.header.saturating_add(self.shift);
        entry
    }

    /// Every record.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry> {
        (0..self.len()).map(|at| self.entry(at))
    }

    /// The name of a record.
    pub(crate) fn name(&self, entry: &Entry) -> &[u8] {
        &self.bytes[entry.name.0..entry.name.1]
    }

    /// The name of a record by its number in the directory.
    pub(crate) fn name_at(&self, at: usize) -> &[u8] {
        let start = self.places[at].start as usize;
        let length = Record::at(&self.bytes, start).map_or(0, Record::name);
        &self.bytes[start + HEAD..start + HEAD + length]
    }

    /// Where a record is, and the size of its content; `None` unless that lies within the file as it is, and is of less
    /// than 4 GiB, and for the first record.
    pub(crate) fn stored(&self, at: u32) -> Option<(u32, u64)> {
        let place = self.places.get(at as usize)?;
        (place.stored < FULL).then(|| (place.start, place.stored.into()))
    }

    /// The checksum that the record states which is at `start`.
    pub(crate) fn checksum(&self, start: u32) -> Option<u32> {
        Record::at(&self.bytes, start as usize).map(Record::crc)
    }

    /// Whether all records are where they are in another directory, with contents of the same sizes.
    pub(crate) fn is_as(&self, plan: &Plan) -> bool {
        Arc::ptr_eq(&self.places, &plan.0)
    }

    /// Where the records are.
    pub(crate) fn plan(&self) -> Plan {
        Plan(Arc::clone(&self.places))
    }
}

/// A place in a directory, which is 16 MB long at most.
#[allow(clippy::cast_possible_truncation)]
pub(crate) fn narrow(place: usize) -> u32 {
    place as u32
}
