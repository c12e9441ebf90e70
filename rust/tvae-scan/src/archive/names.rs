//! The records of an archive by name, as torch's reader looks them up: without regard to capitals, and of two with
//! the same name the first.
//!
//! Nearly all records of a checkpoint are called `data/0`, `data/1` and so on. Those are kept by number; the few others
//! are compared one by one, and only where there are many is a table made.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::directory::Directory;
use crate::pickle::number;

/// No record has this number.
const NONE: u32 = u32::MAX;
/// Names up to here are found by comparing them all.
const FEW: usize = 48;

/// What the names of an archive amount to. It is the same for names that differ in the folder only.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    /// Bytes of the folder of the first record.
    pub prefix: usize,
    /// The records called `data/N` in just this spelling, by `N`.
    numbered: Vec<u32>,
    /// All other records, in order of the directory, and whether each is below the prefix but for capitals.
    others: Vec<(u32, bool)>,
    /// Where each of the others is first, by its name in small letters, if they are many.
    table: Option<HashMap<Vec<u8>, u32>>,
    /// Records with a name that came before.
    pub again: Vec<u32>,
    /// The first record that is not below the prefix.
    pub outside: Option<usize>,
    roles: OnceLock<Roles>,
}

/// The records of one name each, and what the names tell of the archive.
#[derive(Debug)]
pub(crate) struct Roles {
    pub main: Option<usize>,
    pub id: Option<usize>,
    pub order: Option<usize>,
    pub version: Option<usize>,
    /// What wrote the archive, by names that only it gives.
    pub kind: Option<&'static str>,
    /// Others with a name that is odd behind the prefix.
    pub odd: Vec<usize>,
}

impl Roles {
    fn of(names: &Names<'_>) -> Self {
        let kind = if names.get("constants.pkl").is_some() || names.has_folder("code") {
            Some("torchscript")
        } else if names.has_folder(".data") && names.get(".data/extern_modules").is_some() {
            Some("torch_package")
        } else {
            names.get("archive_format").map(|_| "torch_export")
        };
        let is_odd = |at: &usize| is_odd(names.directory.name_at(*at));
        Self {
            main: names.get("data.pkl"),
            id: names.get(".data/serialization_id"),
            order: names.get("byteorder"),
            version: names.get("version"),
            kind,
            odd: names.others().filter(is_odd).collect(),
        }
    }
}

/// A name that a careless program would take for a path to somewhere else.
pub(crate) fn is_odd(name: &[u8]) -> bool {
    let up = name.windows(2).any(|pair| pair == b"..")
        && name.split(|&byte| byte == b'/').any(|part| part == b"..");
    up || name.starts_with(b"/") || name.iter().any(|byte| matches!(byte, b'\\' | 0))
}

impl Sorted {
    fn of(directory: &Directory<'_>) -> Self {
        let first = if directory.len() > 0 { directory.name_at(0) } else { &[] };
        // Torch refuses a first name without a folder; its records are then looked for at the top.
        let prefix = first.iter().position(|&byte| byte == b'/').map_or(&[][..], |slash| &first[..slash]);
        let (numbered, others) = (vec![NONE; directory.len()], Vec::with_capacity(8));
        let mut sorted = Self { prefix: prefix.len(), numbered, others, ..Self::default() };
        if !sorted.sort_out(directory, prefix) {
            // A number may be written in two ways here: every name is compared.
            sorted.others.clear();
            (0..).take(directory.len()).for_each(|at| sorted.other(directory, prefix, at));
            sorted.again.clear();
            sorted.numbered.clear();
        }
        sorted.find_outside(directory, prefix);
        sorted.compare_others(directory);
        sorted
    }

    /// Tells numbered records from others; false if capitals make that impossible.
    fn sort_out(&mut self, directory: &Directory<'_>, prefix: &[u8]) -> bool {
        let folder = &below(prefix, "data/")[..];
        let mut highest = 0;
        let mut at = 0;
        while at < directory.len() {
            if highest == 0 {
                // As torch numbers its records: from zero on, one behind the other.
                highest = self.sequence(directory, at, folder);
                at += highest;
                if highest > 0 {
                    continue;
                }
            }
            let place = u32::try_from(at).unwrap_or(NONE);
            let name = directory.name_at(at);
            at += 1;
            if let Some(number) = name.strip_prefix(folder).and_then(number) {
                let number = number as usize;
                match self.numbered.get_mut(number) {
                    Some(slot) if *slot == NONE => *slot = place,
                    Some(_) => self.again.push(place),
                    None => {
                        self.numbered.resize(number + 1, NONE);
                        self.numbered[number] = place;
                    }
                }
                highest = highest.max(number + 1);
                continue;
            }
            let start = name.get(..folder.len()).unwrap_or_default();
            if start != folder && start.eq_ignore_ascii_case(folder) {
                return false;
            }
            self.other(directory, prefix, place);
        }
        self.numbered.truncate(highest);
        true
    }

    /// Keeps the records from `first` on that are called 0, 1 and so on in a folder, and gives how many they are.
    #[inline(never)] // which leaves the loop its registers
    fn sequence(&mut self, directory: &Directory<'_>, first: usize, folder: &[u8]) -> usize {
        let (Some(start), Some(middle)) = (folder.first_chunk::<8>(), folder.last_chunk::<8>()) else {
            return 0;
        };
        if folder.len() > 16 {
            return 0;
        }
        let mut digits = 1;
        let mut end = u64::from_le_bytes(*middle) >> 8 | u64::from(b'0') << 56;
        let (mut count, place) = (0, u32::try_from(first).unwrap_or(NONE));
        let last = directory.len().min(first + MOST_NUMBER);
        for ((record, slot), at) in (first..last).zip(&mut self.numbered).zip(0..) {
            let name = directory.name_at(record);
            // Eight to sixteen bytes at a time are too short for the library's comparison to pay.
            let same = name.len() == folder.len() + digits
                && name.last_chunk() == Some(&end.to_le_bytes())
                && name.first_chunk() == Some(start)
                && name[folder.len() - 8..].first_chunk() == Some(middle);
            if !same {
                break;
            }
            *slot = place + at;
            count += 1;
            end += 1 << 56;
            if end >> 56 > u64::from(b'9') {
                (end, digits) = carried(end, digits);
            }
        }
        count
    }

    fn other(&mut self, directory: &Directory<'_>, prefix: &[u8], at: u32) {
        let (start, rest) = directory.name_at(at as usize).split_at_checked(prefix.len()).unwrap_or_default();
        let slash = prefix.is_empty() || rest.starts_with(b"/");
        self.others.push((at, slash && start.eq_ignore_ascii_case(prefix)));
    }

    fn find_outside(&mut self, directory: &Directory<'_>, prefix: &[u8]) {
        if prefix.is_empty() {
            self.outside = (directory.len() > 0).then_some(0);
            return;
        }
        let is_outside =
            |&&(at, below): &&(u32, bool)| !below || !directory.name_at(at as usize).starts_with(prefix);
        self.outside = self.others.iter().find(is_outside).map(|other| other.0 as usize);
    }

    fn compare_others(&mut self, directory: &Directory<'_>) {
        let name = |at: u32| directory.name_at(at as usize);
        if self.others.len() <= FEW {
            for (place, &(at, _)) in self.others.iter().enumerate() {
                let own = name(at);
                let mut before = self.others[..place].iter().map(|before| name(before.0));
                if before.any(|before| before.len() == own.len() && before.eq_ignore_ascii_case(own)) {
                    self.again.push(at);
                }
            }
        } else {
            let mut table = HashMap::with_capacity(self.others.len());
            for &(at, _) in &self.others {
                let first = *table.entry(name(at).to_ascii_lowercase()).or_insert(at);
                if first != at {
                    self.again.push(at);
                }
            }
            self.table = Some(table);
        }
        self.again.sort_unstable();
    }

    /// Whether the names are as torch writes them, but for what they are called.
    pub(crate) fn is_usual(&self) -> bool {
        self.outside.is_none() && self.again.is_empty() && self.table.is_none()
    }
}

/// The records below the prefix, which is the folder of the first record.
#[derive(Debug)]
pub(crate) struct Names<'d> {
    directory: &'d Directory<'d>,
    prefix: &'d [u8],
    pub sorted: Arc<Sorted>,
}

impl<'d> Names<'d> {
    pub(crate) fn of(directory: &'d Directory<'d>) -> Self {
        let sorted = directory.sorted.as_ref().map_or_else(|| Arc::new(Sorted::of(directory)), Arc::clone);
        let prefix = if directory.len() > 0 { &directory.name_at(0)[..sorted.prefix] } else { &[] };
        Self { directory, prefix, sorted }
    }

    /// The records of one name each.
    pub(crate) fn roles(&self) -> &Roles {
        self.sorted.roles.get_or_init(|| Roles::of(self))
    }

    /// The folder that all records should be in.
    pub(crate) fn prefix(&self) -> &'d [u8] {
        self.prefix
    }

    /// The records that do not hold a storage by number.
    pub(crate) fn others(&self) -> impl Iterator<Item = usize> {
        self.sorted.others.iter().map(|other| other.0 as usize)
    }

    /// A name below the prefix.
    pub(crate) fn full(&self, name: &str) -> Vec<u8> {
        below(self.prefix, name)
    }

    /// The names of the others below the prefix.
    fn rests(&self) -> impl Iterator<Item = (u32, &'d [u8])> {
        let skipped = if self.prefix.is_empty() { 0 } else { self.prefix.len() + 1 };
        let below = self.sorted.others.iter().filter(|other| other.1);
        below.map(move |&(at, _)| (at, &self.directory.name_at(at as usize)[skipped..]))
    }

    /// Whether the records of storages are just those of these numbers, which differ, and of so many `more` that are there.
    /// False if that is not easily told.
    pub(crate) fn are_only(&self, numbers: impl Iterator<Item = u32>, more: usize) -> bool {
        let numbered = self.directory.len() - self.sorted.others.len();
        self.sorted.again.is_empty()
            && numbers.filter(|&number| self.storage(number).is_some()).count() + more == numbered
            && !self.has_folder("data")
    }

    /// The record of a name below the prefix.
    pub(crate) fn get(&self, name: &str) -> Option<usize> {
        if let Some(number) = name.strip_prefix("data/").and_then(|digits| number(digits.as_bytes()))
            && let Some(at) = self.storage(number)
        {
            return Some(at);
        }
        if let Some(table) = &self.sorted.table {
            return table.get(&self.full(name).to_ascii_lowercase()).map(|&at| at as usize);
        }
        let is = |rest: &[u8]| rest.len() == name.len() && rest.eq_ignore_ascii_case(name.as_bytes());
        self.rests().find(|(_, rest)| is(rest)).map(|found| found.0 as usize)
    }

    /// The records of storages by number; what is no record stands for none.
    pub(crate) fn numbered(&self) -> &[u32] {
        &self.sorted.numbered
    }

    /// The record of a storage that has a number for its key.
    pub(crate) fn storage(&self, number: u32) -> Option<usize> {
        self.sorted.numbered.get(number as usize).filter(|&&at| at != NONE).map(|&at| at as usize)
    }

    /// Whether a record other than a numbered one is in this folder below the prefix.
    pub(crate) fn has_folder(&self, name: &str) -> bool {
        let is = |rest: &[u8]| {
            rest.split_at_checked(name.len()).is_some_and(|(start, rest)| {
                rest.first() == Some(&b'/') && start.eq_ignore_ascii_case(name.as_bytes())
            })
        };
        self.rests().any(|(_, rest)| is(rest))
    }
}

/// A name below a folder.
fn below(prefix: &[u8], name: &str) -> Vec<u8> {
    let slash = if prefix.is_empty() { &b""[..] } else { b"/" };
    [prefix, slash, name.as_bytes()].concat()
}

/// A number at the end of eight bytes, of so many digits the last of which is one too large.
fn carried(end: u64, digits: usize) -> (u64, usize) {
    let mut end = end;
    for digit in 1..=digits {
        let place = 64 - 8 * digit;
        if end >> place & 0xff <= u64::from(b'9') {
            break;
        }
        end -= 10 << place;
        if digit == digits {
            // One digit more: what is before them moves by a byte.
            return (end >> 8 | u64::from(b'0') << 56 | 1 << (place - 8), digits + 1);
        }
        end += 1 << (place - 8);
    }
    (end, digits)
}

/// Numbers of records have five digits at most.
const MOST_NUMBER: usize = 100_000;
