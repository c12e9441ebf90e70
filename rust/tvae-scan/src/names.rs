//! The records of an archive by name, as torch's reader looks them up: without regard to capitals, and of two with
//! the same name the first.
//!
//! Nearly all records of a checkpoint are called `data/0`, `data/1` and so on. Those are kept by number; the few others
//! are compared one by one, and only where there are many is a table made.

use std::collections::HashMap;

use crate::pickle::number;
use crate::zip::Directory;

/// No record has this number.
const NONE: u32 = u32::MAX;
/// Names up to here are found by comparing them all.
const FEW: usize = 48;

/// The records below the prefix, which is the folder of the first record.
#[derive(Debug)]
pub(crate) struct Names<'d> {
    directory: &'d Directory<'d>,
    prefix: &'d [u8],
    /// The records called `data/N` in just this spelling, by `N`.
    numbered: Vec<u32>,
    /// All other records, in order of the directory, each with its name behind the prefix if it is below that but for
    /// capitals.
    others: Vec<(u32, Option<&'d [u8]>)>,
    /// Where each of the others is first, by its name in small letters, if they are many.
    table: Option<HashMap<Vec<u8>, u32>>,
    /// Records with a name that came before.
    pub again: Vec<u32>,
    /// The first record that is not below the prefix.
    pub outside: Option<usize>,
}

impl<'d> Names<'d> {
    pub(crate) fn of(directory: &'d Directory<'d>, numbered: Vec<u32>) -> Self {
        let first = directory.entries.first().map_or(&[][..], |first| directory.name(first));
        // Torch refuses a first name without a folder; its records are then looked for at the top.
        let prefix = first.iter().position(|&byte| byte == b'/').map_or(&[][..], |slash| &first[..slash]);
        let mut names = Self {
            directory,
            prefix,
            numbered,
            others: Vec::with_capacity(8),
            table: None,
            again: Vec::new(),
            outside: None,
        };
        if !names.sort_out() {
            // A number may be written in two ways here: every name is compared.
            names.others.clear();
            (0..).take(directory.entries.len()).for_each(|at| names.other(at));
            names.again.clear();
            names.numbered.clear();
        }
        names.find_outside();
        names.compare_others();
        names
    }

    /// Tells numbered records from others; false if capitals make that impossible.
    fn sort_out(&mut self) -> bool {
        let folder = &self.full("data/")[..];
        let directory = self.directory;
        self.numbered.clear();
        self.numbered.resize(directory.entries.len(), NONE);
        let mut highest = 0;
        let mut at = 0;
        while at < directory.entries.len() {
            if highest == 0 {
                // As torch numbers its records: from zero on, one behind the other.
                highest = self.sequence(at, folder);
                at += highest;
                if highest > 0 {
                    continue;
                }
            }
            let place = u32::try_from(at).unwrap_or(NONE);
            let name = self.name(place);
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
            self.other(place);
        }
        self.numbered.truncate(highest);
        true
    }

    /// Keeps the records from `first` on that are called 0, 1 and so on in a folder, and gives how many they are.
    #[inline(never)] // which leaves the loop its registers
    fn sequence(&mut self, first: usize, folder: &[u8]) -> usize {
        let (Some(start), Some(middle)) = (folder.first_chunk::<8>(), folder.last_chunk::<8>()) else {
            return 0;
        };
        if folder.len() > 16 {
            return 0;
        }
        let mut digits = 1;
        let mut end = u64::from_le_bytes(*middle) >> 8 | u64::from(b'0') << 56;
        let (mut count, place) = (0, u32::try_from(first).unwrap_or(NONE));
        let directory = self.directory;
        let entries = directory.entries.get(first..).unwrap_or_default();
        let last = entries.len().min(MOST_NUMBER);
        for ((entry, slot), at) in entries[..last].iter().zip(&mut self.numbered).zip(0..) {
            let name = directory.name(entry);
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

    fn other(&mut self, at: u32) {
        let below = || {
            let (prefix, rest) = self.name(at).split_at_checked(self.prefix.len())?;
            let rest = if prefix.is_empty() { rest } else { rest.strip_prefix(b"/")? };
            prefix.eq_ignore_ascii_case(self.prefix).then_some(rest)
        };
        let below = below();
        self.others.push((at, below));
    }

    fn find_outside(&mut self) {
        if self.prefix.is_empty() {
            self.outside = (!self.directory.entries.is_empty()).then_some(0);
            return;
        }
        let outside =
            self.others.iter().find(|(at, rest)| rest.is_none() || !self.name(*at).starts_with(self.prefix));
        self.outside = outside.map(|other| other.0 as usize);
    }

    fn compare_others(&mut self) {
        if self.others.len() <= FEW {
            for (place, &(at, _)) in self.others.iter().enumerate() {
                let name = self.name(at);
                let mut before = self.others[..place].iter().map(|before| self.name(before.0));
                if before.any(|before| before.len() == name.len() && before.eq_ignore_ascii_case(name)) {
                    self.again.push(at);
                }
            }
        } else {
            let mut table = HashMap::with_capacity(self.others.len());
            for &(at, _) in &self.others {
                let first = *table.entry(self.name(at).to_ascii_lowercase()).or_insert(at);
                if first != at {
                    self.again.push(at);
                }
            }
            self.table = Some(table);
        }
        self.again.sort_unstable();
    }

    fn name(&self, at: u32) -> &'d [u8] {
        self.directory.name(&self.directory.entries[at as usize])
    }

    /// The folder that all records should be in.
    pub(crate) fn prefix(&self) -> &'d [u8] {
        self.prefix
    }

    /// The records that do not hold a storage by number.
    pub(crate) fn others(&self) -> impl Iterator<Item = usize> {
        self.others.iter().map(|other| other.0 as usize)
    }

    /// A name below the prefix.
    pub(crate) fn full(&self, name: &str) -> Vec<u8> {
        let slash = if self.prefix.is_empty() { &b""[..] } else { b"/" };
        [self.prefix, slash, name.as_bytes()].concat()
    }

    /// Whether the records of storages are just those of these numbers, which differ, and of so many `more` that are there.
    /// False if that is not easily told.
    pub(crate) fn are_only(&self, numbers: impl Iterator<Item = u32>, more: usize) -> bool {
        let numbered = self.directory.entries.len() - self.others.len();
        self.again.is_empty()
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
        if let Some(table) = &self.table {
            return table.get(&self.full(name).to_ascii_lowercase()).map(|&at| at as usize);
        }
        let is = |rest: &[u8]| rest.len() == name.len() && rest.eq_ignore_ascii_case(name.as_bytes());
        let found = self.others.iter().find(|(_, rest)| rest.is_some_and(is));
        found.map(|found| found.0 as usize)
    }

    /// The records of storages by number; what is no record stands for none.
    pub(crate) fn numbered(&self) -> &[u32] {
        &self.numbered
    }

    /// The record of a storage that has a number for its key.
    pub(crate) fn storage(&self, number: u32) -> Option<usize> {
        self.numbered.get(number as usize).filter(|&&at| at != NONE).map(|&at| at as usize)
    }

    /// Whether a record other than a numbered one is in this folder below the prefix.
    pub(crate) fn has_folder(&self, name: &str) -> bool {
        let is = |rest: &[u8]| {
            rest.split_at_checked(name.len()).is_some_and(|(start, rest)| {
                rest.first() == Some(&b'/') && start.eq_ignore_ascii_case(name.as_bytes())
            })
        };
        self.others.iter().any(|(_, rest)| rest.is_some_and(is))
    }

    /// The room of the numbers, for the next archive.
    pub(crate) fn into_room(self) -> Vec<u32> {
        self.numbered
    }
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
