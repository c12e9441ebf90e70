//! The storages of a document, each once, found by their keys.
//!
//! The keys of most files are small numbers, which are places of a list. Before 1.6 they were addresses, other in every
//! file: those are looked up in a table of positions, and lie one behind the other in one text.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::piece::{NONE, Piece, index};
use crate::pickle::{mark, number};

/// Places of the table that are looked at for a key. They are enough unless somebody chose the keys for them not to be.
const PROBES: usize = 128;
/// No key in the table is longer: many that look the same there are compared in full.
const LONGEST: usize = 64;
/// The smallest table, and the largest that is kept for the next file.
const LEAST: usize = 256;
const MOST_KEPT: usize = 1 << 13;

/// Where a storage is in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its first byte, if it was looked for.
    pub offset: Option<u64>,
    /// Its bytes in the file.
    pub length: u64,
    /// CRC-32 of them, as the container claims it.
    pub crc: Option<u32>,
}

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
            None => self.named.find(key, |at| self.word(at)),
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
        let known = match number {
            Some(number) => self.number(number as usize, new),
            None => self.name(key, new),
        };
        if let Some(known) = known {
            return (known, false);
        }
        let mut piece = Piece::default();
        if number.is_none() {
            piece = Piece { start: index(self.text.len()), len: index(key.len()) };
            self.text.extend_from_slice(key);
        }
        self.list.push(StorageUse { key: piece, number, count, bytes, place: None, counted: NONE });
        (new, true)
    }

    /// The storage of a number, or none and the number is that of the new one.
    #[inline]
    fn number(&mut self, number: usize, new: u32) -> Option<u32> {
        if self.numbered.len() <= number {
            self.numbered.resize(number + 1, NONE);
        }
        let place = &mut self.numbered[number];
        if *place == NONE {
            *place = new;
            return None;
        }
        Some(*place)
    }

    /// The storage of a key that is no number, or none and the key is that of the new one.
    fn name(&mut self, key: &[u8], new: u32) -> Option<u32> {
        let Self { list, text, named, .. } = self;
        let key_of = |at: u32| piece_of(text, list[at as usize].key);
        if named.is_full() {
            named.grow(key_of);
        }
        named.add(key, new, key_of)
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
    /// All keys, if they crowd in the table or one is too long for it.
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

    fn find<'t>(&self, key: &[u8], key_of: impl Fn(u32) -> &'t [u8]) -> Option<u32> {
        if self.taken == 0 {
            return self.crowd.get(key).copied();
        }
        match self.look(halves(mark(key)), key, key_of) {
            Some((_, at)) if at != NONE => Some(at),
            _ => None,
        }
    }

    /// The place of a key, or the one that is free for it, and what is there; none if it is not there and the places for
    /// it are taken.
    #[inline]
    fn look<'t>(
        &self,
        (first, part): (usize, u32),
        key: &[u8],
        key_of: impl Fn(u32) -> &'t [u8],
    ) -> Option<(usize, u32)> {
        let last = self.slots.len().wrapping_sub(1);
        (first..first.saturating_add(PROBES)).find_map(|place| {
            let place = place & last;
            let Slot { mark, at } = *self.slots.get(place)?;
            (at == NONE || mark == part && key_of(at) == key).then_some((place, at))
        })
    }

    /// The storage of a key, or none and it is that of the new one.
    fn add<'t>(&mut self, key: &[u8], new: u32, key_of: impl Fn(u32) -> &'t [u8]) -> Option<u32> {
        if self.crowd.is_empty() {
            let halves = halves(mark(key));
            match self.look(halves, key, &key_of).filter(|_| key.len() <= LONGEST) {
                Some((_, known)) if known != NONE => return Some(known),
                Some((place, _)) => {
                    self.slots[place] = Slot { mark: halves.1, at: new };
                    self.taken += 1;
                    return None;
                }
                None => self.crowd(&self.taken_slots(), &key_of),
            }
        }
        match self.crowd.entry(key.to_vec()) {
            Entry::Occupied(known) => Some(*known.get()),
            Entry::Vacant(free) => {
                free.insert(new);
                None
            }
        }
    }

    fn is_full(&self) -> bool {
        2 * self.taken >= self.slots.len() && self.crowd.is_empty()
    }

    fn taken_slots(&self) -> Vec<Slot> {
        self.slots.iter().copied().filter(|slot| slot.at != NONE).collect()
    }

    /// Doubles the table.
    fn grow<'t>(&mut self, key_of: impl Fn(u32) -> &'t [u8]) {
        let old = self.taken_slots();
        self.slots = vec![FREE; LEAST.max(2 * self.slots.len())];
        for &slot in &old {
            let key = key_of(slot.at);
            match self.look(halves(mark(key)), key, &key_of) {
                Some((place, _)) => self.slots[place] = slot,
                None => return self.crowd(&old, &key_of),
            }
        }
    }

    /// Keeps the keys apart from the table from now on.
    fn crowd<'t>(&mut self, slots: &[Slot], key_of: impl Fn(u32) -> &'t [u8]) {
        self.crowd = slots.iter().map(|slot| (key_of(slot.at).to_vec(), slot.at)).collect();
        (self.slots, self.taken) = (Vec::new(), 0);
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
    fn keys_that_crowd_or_are_long_are_found_all_the_same() {
        let crowds = |key: &String| halves(mark(key.as_bytes())).0.is_multiple_of(16 * LEAST);
        let keys: Vec<String> = (0..).map(|at| format!("key {at}")).filter(crowds).take(300).collect();
        let mut storages = added(&keys);
        assert_eq!(storages.named.taken, 0);
        are_found(&mut storages, &keys);
        storages.clear();
        assert_eq!(storages.find(keys[0].as_bytes()), None);
        let keys = ["short", &"long".repeat(LONGEST), "between"].map(str::to_owned);
        are_found(&mut added(&keys), &keys);
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
