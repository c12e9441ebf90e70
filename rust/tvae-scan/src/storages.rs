//! The storages of a document, each once, found by their keys.
//!
//! The keys of most files are small numbers, which are places of a list. Before 1.6 they were addresses, other in every
//! file: those are looked up in a table of positions, and lie one behind the other in one text.

use std::collections::HashMap;

use crate::census::{NONE, Piece, index};
use crate::pickle::{mark, number};
use crate::places::Place;

/// Places of the table that are looked at for a key. They are enough unless somebody chose the keys for them not to be.
const PROBES: usize = 128;
/// The smallest table, and the largest that is kept for the next file.
const LEAST: usize = 256;
const MOST_KEPT: usize = 1 << 13;

/// A storage that tensors refer to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StorageUse {
    /// Its key, unless that is a number.
    key: Piece,
    /// Its key, if that is a number.
    pub number: Option<u32>,
    /// Its elements, as declared; bytes if it is untyped.
    pub count: Option<u64>,
    /// Bytes that it must have; `None` if that is no number.
    pub bytes: Option<u64>,
    /// Where it is, if it was found.
    pub place: Option<Place>,
    /// The group that counted it last.
    pub counted: u32,
}

/// The storages of a document.
#[derive(Debug, Default)]
pub(crate) struct Storages {
    pub list: Vec<StorageUse>,
    pub numbered: Vec<u32>,
    /// The keys that are no numbers.
    text: Vec<u8>,
    named: Named,
}

impl Storages {
    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.numbered.clear();
        self.text.clear();
        self.named.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn find(&self, key: &[u8]) -> Option<usize> {
        let at = match number(key) {
            Some(number) => self.numbered.get(number as usize).copied().filter(|&at| at != NONE),
            None => self.named.find(key, |at| self.word(at) == key),
        };
        at.map(|at| at as usize)
    }

    /// The storage of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&StorageUse> {
        self.find(key.as_bytes()).map(|at| &self.list[at])
    }

    /// The storage of a key, with the number that the key is if it is one; true if there was none and it was added.
    #[inline]
    pub(crate) fn add(
        &mut self,
        number: Option<u32>,
        key: &[u8],
        count: Option<u64>,
        bytes: Option<u64>,
    ) -> (u32, bool) {
        let new = index(self.list.len());
        let mut piece = Piece::default();
        if let Some(number) = number {
            let number = number as usize;
            if self.numbered.len() <= number {
                self.numbered.resize(number + 1, NONE);
            }
            if self.numbered[number] != NONE {
                return (self.numbered[number], false);
            }
            self.numbered[number] = new;
        } else {
            if let Some(known) = self.named.find(key, |at| self.word(at) == key) {
                return (known, false);
            }
            piece = Piece { start: index(self.text.len()), len: index(key.len()) };
            self.text.extend_from_slice(key);
        }
        self.list.push(StorageUse { key: piece, number, count, bytes, place: None, counted: NONE });
        if number.is_none() {
            let Self { list, text, named, .. } = self;
            named.add(new, |at| piece_of(text, list[at as usize].key));
        }
        (new, true)
    }

    /// The key of a storage.
    pub(crate) fn key(&self, storage: &StorageUse) -> String {
        match storage.number {
            Some(number) => number.to_string(),
            None => String::from_utf8_lossy(piece_of(&self.text, storage.key)).into_owned(),
        }
    }

    fn word(&self, at: u32) -> &[u8] {
        piece_of(&self.text, self.list[at as usize].key)
    }
}

fn piece_of(text: &[u8], piece: Piece) -> &[u8] {
    &text[piece.start as usize..][..piece.len as usize]
}

/// A key in the table: a part of its mark, and the position of its storage.
#[derive(Debug, Clone, Copy)]
struct Slot {
    mark: u32,
    at: u32,
}

const FREE: Slot = Slot { mark: 0, at: NONE };

/// Positions of storages by keys that are no numbers.
#[derive(Debug, Default)]
struct Named {
    /// At most half of them are taken; their number is a power of two.
    slots: Vec<Slot>,
    taken: usize,
    /// All keys, if they crowd in the table.
    crowd: HashMap<Vec<u8>, u32>,
}

impl Named {
    fn clear(&mut self) {
        if self.slots.len() > MOST_KEPT {
            self.slots = Vec::new();
        } else if self.taken > 0 {
            self.slots.fill(FREE);
        }
        self.taken = 0;
        if !self.crowd.is_empty() {
            self.crowd = HashMap::new();
        }
    }

    fn find(&self, key: &[u8], is_key: impl Fn(u32) -> bool) -> Option<u32> {
        if self.taken == 0 {
            return self.crowd.get(key).copied();
        }
        let (mut place, part) = halves(mark(key));
        for _ in 0..PROBES {
            let Slot { mark, at } = self.slots[place & (self.slots.len() - 1)];
            if at == NONE {
                return None;
            }
            if mark == part && is_key(at) {
                return Some(at);
            }
            place += 1;
        }
        None
    }

    /// Adds the storage at `new`, the key of which is not among them. Those before it that have no number are there.
    fn add<'t>(&mut self, new: u32, key_of: impl Fn(u32) -> &'t [u8]) {
        if self.taken == 0 && !self.crowd.is_empty() {
            self.crowd.insert(key_of(new).to_vec(), new);
            return;
        }
        let old = if 2 * self.taken < self.slots.len() {
            Vec::new()
        } else {
            let size = LEAST.max(2 * self.slots.len());
            std::mem::replace(&mut self.slots, vec![FREE; size])
        };
        self.taken += 1;
        let all = old.iter().map(|slot| slot.at).filter(|&at| at != NONE).chain([new]);
        if !all.fold(true, |fits, at| fits && self.put(at, key_of(at))) {
            let known = old.iter().chain(&self.slots).map(|slot| slot.at).filter(|&at| at != NONE);
            self.crowd = known.chain([new]).map(|at| (key_of(at).to_vec(), at)).collect();
            (self.slots, self.taken) = (Vec::new(), 0);
        }
    }

    /// Puts a key into the table, unless there is no place for it.
    fn put(&mut self, at: u32, key: &[u8]) -> bool {
        let (place, mark) = halves(mark(key));
        let last = self.slots.len() - 1;
        let free = (place..place + PROBES).find(|place| self.slots[place & last].at == NONE);
        free.map(|place| self.slots[place & last] = Slot { mark, at }).is_some()
    }
}

/// A place in a table of any size, and what is compared there.
#[allow(clippy::cast_possible_truncation)] // each half is what is wanted
fn halves(mark: u64) -> (usize, u32) {
    ((mark >> 32) as usize, mark as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(keys: &[String]) -> Storages {
        let mut storages = Storages::default();
        for (at, key) in keys.iter().enumerate() {
            assert_eq!(storages.add(None, key.as_bytes(), None, None), (index(at), true));
        }
        storages
    }

    fn are_found(storages: &mut Storages, keys: &[String]) {
        for (at, key) in keys.iter().enumerate() {
            assert_eq!(storages.find(key.as_bytes()), Some(at));
            assert_eq!(storages.add(None, key.as_bytes(), None, None), (index(at), false));
            assert_eq!(storages.key(&storages.list[at]), *key);
        }
        assert_eq!(storages.find(b"another key"), None);
    }

    #[test]
    fn thousands_of_addresses_are_found_in_the_table() {
        let keys: Vec<String> =
            (0..20_000_u64).map(|at| (94_505_105_846_112 + 64 * at * at).to_string()).collect();
        let mut storages = added(&keys);
        assert!(storages.named.crowd.is_empty());
        are_found(&mut storages, &keys);
        storages.clear();
        assert_eq!(storages.find(keys[0].as_bytes()), None);
        are_found(&mut added(&keys[..3]), &keys[..3]);
    }

    #[test]
    fn keys_that_crowd_are_found_all_the_same() {
        let crowds = |key: &String| halves(mark(key.as_bytes())).0 % (16 * LEAST) == 0;
        let keys: Vec<String> = (0..).map(|at| format!("key {at}")).filter(crowds).take(300).collect();
        let mut storages = added(&keys);
        assert_eq!(storages.named.taken, 0);
        are_found(&mut storages, &keys);
        storages.clear();
        assert_eq!(storages.find(keys[0].as_bytes()), None);
    }

    #[test]
    fn numbers_are_places_of_a_list() {
        let mut storages = Storages::default();
        assert_eq!(storages.add(Some(7), b"7", None, Some(4)), (0, true));
        assert_eq!(storages.add(Some(7), b"7", None, Some(4)), (0, false));
        assert_eq!(storages.add(None, b"07", None, Some(4)), (1, true));
        assert_eq!(
            (storages.find(b"7"), storages.find(b"07"), storages.find(b"8")),
            (Some(0), Some(1), None)
        );
    }
}
