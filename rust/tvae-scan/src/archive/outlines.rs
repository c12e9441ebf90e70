//! Directories that were read before.
//!
//! The archives of a run have nearly the same directory: it differs in checksums and places, in the length of the first
//! record, which is `data.pkl`, and in the folder that all names begin with. Where nothing else differs from a directory
//! that was read before, the records are where they were in that one, and so are the names.

use std::sync::Arc;

use super::directory::{Directory, FULL, HEAD, LOCAL_HEAD, Place, Record, narrow};
use super::names::Sorted;
use super::zip::u16_at;

/// Outlines that are kept in a thread, and their bytes.
const MOST: usize = 64;
const MOST_BYTES: usize = 1 << 20;

/// Bytes of a name that are changed at once.
const NAME: usize = 16;

/// A directory that was read before.
#[derive(Debug)]
pub(crate) struct Outline {
    /// Those of the directory that it was compared with last, but for what differs elsewhere, and as many as are changed
    /// of a name.
    bytes: Vec<u8>,
    /// Bytes of the folder that all names begin with.
    folder: usize,
    pub places: Arc<[Place]>,
    /// Bytes that each record takes of the file, from its header on, but for padding; that of the first is without its content.
    spans: Vec<u32>,
    pub sorted: Arc<Sorted>,
}

impl Outline {
    /// `None` if a number in it does not fit its record.
    fn of(directory: &Directory<'_>, sorted: Arc<Sorted>) -> Option<Self> {
        let span = |(at, place): (usize, &Place)| {
            let record = Record::at(&directory.bytes, place.start as usize)?;
            let head = LOCAL_HEAD + narrow(record.name());
            let content = if at == 0 { 0 } else { record.packed() };
            head.checked_add(content).filter(|_| !record.is_wide())
        };
        let spans = directory.places.iter().enumerate().map(span).collect::<Option<_>>()?;
        let (bytes, places) = ([&directory.bytes, &[0; NAME][..]].concat(), Arc::clone(&directory.places));
        Some(Self { bytes, folder: sorted.prefix, places, spans, sorted })
    }

    /// Whether `bytes` are such a directory, with names below `folder` and records that follow each other within a file
    /// of so many bytes. What may differ is taken over first, so that then all is to be the same.
    fn fits(&mut self, bytes: &[u8], folder: &[u8], file: u64) -> bool {
        let length = bytes.len();
        if length + NAME != self.bytes.len() || folder.len() != self.folder {
            return false;
        }
        let Some(first) = Record::at(bytes, 0).filter(|first| !first.is_wide()) else { return false };
        self.bytes[20..28].copy_from_slice(&bytes[20..28]);
        let (start, rest) = folder.split_at(folder.len().min(NAME));
        let mut name = [0; NAME];
        name[..start.len()].copy_from_slice(start);
        // Ones behind the folder: these bytes stay.
        let others = u128::MAX.checked_shl(8 * narrow(start.len())).unwrap_or(0);
        let name = u128::from_le_bytes(name);
        let (mut last, mut more, mut apart) = (0, u64::from(first.packed()), true);
        for (place, &span) in self.places.iter().zip(&self.spans) {
            let at = place.start as usize;
            let own = self.bytes.get_mut(at..).and_then(<[u8]>::split_first_chunk_mut::<{ HEAD + NAME }>);
            let (Some(record), Some((own, behind))) = (Record::at(bytes, at), own) else { return false };
            own[16..20].copy_from_slice(&record.0[16..20]);
            own[42..HEAD].copy_from_slice(&record.0[42..]);
            if let Some(own) = own.last_chunk_mut::<NAME>() {
                *own = ((u128::from_le_bytes(*own) & others) | name).to_le_bytes();
            }
            if !rest.is_empty() {
                behind[..rest.len()].copy_from_slice(rest);
            }
            let header = u64::from(record.header());
            apart &= header >= last && header < u64::from(FULL);
            last = header + u64::from(span) + std::mem::take(&mut more);
        }
        apart && last <= file && self.bytes[..length] == *bytes
    }
}

/// The outlines of a thread, those that were met last first.
#[derive(Debug, Default)]
#[allow(clippy::vec_box)] // they are moved at every file, and large
pub(crate) struct Outlines {
    known: Vec<Box<Outline>>,
    bytes: usize,
}

impl Outlines {
    /// What a directory of so many records in a file of so many bytes is like, if one is known.
    pub(crate) fn find(&mut self, bytes: &[u8], count: usize, file: u64) -> Option<&Outline> {
        let name = bytes.get(HEAD..HEAD + usize::from(u16_at(bytes.get(..HEAD)?, 28)))?;
        let folder = &name[..name.iter().position(|&byte| byte == b'/')?];
        let mut known = self.known.iter_mut();
        let at = known.position(|known| known.places.len() == count && known.fits(bytes, folder, file))?;
        self.known[..=at].rotate_right(1);
        self.known.first().map(|known| &**known)
    }

    /// Keeps a directory, of which the names are known, for those to come. `data.pkl` is the first of them, all are below
    /// one folder, and no two are the same.
    pub(crate) fn keep(&mut self, directory: &Directory<'_>, sorted: Arc<Sorted>) {
        let Some(outline) = Outline::of(directory, sorted) else { return };
        self.bytes += outline.bytes.len();
        self.known.insert(0, Box::new(outline));
        while (self.bytes > MOST_BYTES || self.known.len() > MOST)
            && let Some(oldest) = self.known.pop()
        {
            self.bytes -= oldest.bytes.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::directory::{Entry, RECORD};
    use crate::archive::names::Names;

    const FILE: u64 = 1 << 20;

    /// The directory of an archive as torch writes it: its names below a folder, checksums, and bytes of `data.pkl`.
    fn archive(folder: &str, crc: u32, pickle: u32) -> Vec<u8> {
        let names = ["data.pkl", "byteorder", "data/0", "data/1", "data/10", "data/2", "version", ".data/id"];
        let mut header: u32 = 0;
        let mut bytes = Vec::new();
        for (at, name) in (0..).zip(names) {
            let name = format!("{folder}/{name}");
            let size = if at == 0 { pickle } else { 8 * at };
            let length = u16::try_from(name.len()).expect("short");
            let mut record = [0; HEAD];
            record[..4].copy_from_slice(&RECORD.to_le_bytes());
            for (place, number) in [(16, crc ^ at), (20, size), (24, size), (42, header)] {
                record[place..place + 4].copy_from_slice(&number.to_le_bytes());
            }
            record[28..30].copy_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&record);
            bytes.extend_from_slice(name.as_bytes());
            header = (header + LOCAL_HEAD + u32::from(length) + size).next_multiple_of(64);
        }
        bytes
    }

    const COUNT: usize = 8;

    fn read<'b>(bytes: &'b [u8], outlines: &mut Outlines) -> Option<Directory<'b>> {
        Directory::of(bytes.into(), COUNT, 0, FILE, outlines)
    }

    /// Everything that is told of a directory.
    fn told(directory: &Directory<'_>) -> String {
        let names = Names::of(directory);
        let entries: Vec<Entry> = directory.entries().collect();
        let stored: Vec<_> = (0..8).map(|at| directory.stored(at)).collect();
        let looked_up = ["data.pkl", "byteorder", "data/1", "data/3", "version"].map(|name| names.get(name));
        let Sorted { again, outside, .. } = &*names.sorted;
        format!(
            "{entries:?} {stored:?} {looked_up:?} {:?} {again:?} {outside:?} {:?} {:?}",
            names.numbered(),
            names.prefix(),
            names.roles()
        )
    }

    fn known(folder: &str) -> Outlines {
        let bytes = archive(folder, 7, 500);
        let mut outlines = Outlines::default();
        let directory = read(&bytes, &mut outlines).expect("a directory");
        assert!(directory.apart && directory.sorted.is_none());
        let names = Names::of(&directory);
        assert!(names.sorted.is_usual());
        outlines.keep(&directory, Arc::clone(&names.sorted));
        outlines
    }

    #[test]
    fn the_directory_of_the_next_epoch_is_known() {
        for base in ["a", "best", "epoch_1", "sixteen_bytes_in", "checkpoint_epoch_100"] {
            let mut outlines = known(base);
            for (end, crc, pickle) in [('1', 7, 500), ('2', 9, 500), ('x', 0, 700)] {
                let folder = format!("{}{end}", &base[..base.len() - 1]);
                let bytes = archive(&folder, crc, pickle);
                let found = read(&bytes, &mut outlines).expect("a directory");
                assert!(found.sorted.is_some() && found.apart, "{folder}");
                let fresh = read(&bytes, &mut Outlines::default()).expect("a directory");
                assert_eq!(told(&found), told(&fresh), "{folder}");
            }
        }
        let mut outlines = known("epoch_1");
        for folder in ["best", "epoch_10", "epoc/_1"] {
            let bytes = archive(folder, 7, 500);
            assert!(read(&bytes, &mut outlines).expect("a directory").sorted.is_none(), "{folder}");
        }
    }

    #[test]
    fn whatever_else_differs_is_looked_at() {
        for (first, folder) in [("epoch_1", "epoch_2"), ("checkpoint_epoch_100", "checkpoint_epoch_101")] {
            changed(&mut known(first), &archive(folder, 9, 500));
        }
    }

    fn changed(outlines: &mut Outlines, original: &[u8]) {
        let mut taken = 0;
        for at in 0..original.len() {
            for change in [1, 2, 0x20, 0x80, 0xff] {
                let mut bytes = original.to_vec();
                bytes[at] ^= change;
                let fresh = read(&bytes, &mut Outlines::default());
                let found = read(&bytes, outlines);
                assert_eq!(found.as_ref().map(told), fresh.as_ref().map(told), "{at} {change}");
                if let Some(found) = found.filter(|found| found.sorted.is_some()) {
                    taken += 1;
                    assert!(fresh.is_some_and(|fresh| fresh.apart && found.apart), "{at} {change}");
                }
            }
        }
        // Checksums, and a little more.
        assert!(taken >= 5 * 4 * COUNT, "{taken}");
        assert!(read(original, outlines).is_some_and(|found| found.sorted.is_some()));
    }

    #[test]
    fn records_that_reach_beyond_the_file_are_not_known() {
        let (bytes, mut outlines) = (archive("epoch_1", 7, 500), known("epoch_1"));
        let found = Directory::of((&bytes[..]).into(), COUNT, 0, 600, &mut outlines).expect("a directory");
        assert!(found.sorted.is_none());
        assert_eq!(found.stored(2), None);
    }
}
