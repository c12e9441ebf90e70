//! Indices, trits and valuations of the space with `3^depth` operations.

use crate::ladder::ladder_u32;
use crate::{Error, simd};

/// Powers of three up to `3^19`, the last one below `2^31`.
pub const POW3: [u32; 20] = {
    let mut table = [1_u32; 20];
    let mut k = 1;
    while k < 20 {
        table[k] = 3 * table[k - 1];
        k += 1;
    }
    table
};

/// A checked number of digits, 1 to 19.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Depth(u32);

impl Depth {
    /// Checks the number of digits.
    ///
    /// # Errors
    /// [`Error::Depth`] outside 1 to 19.
    pub fn new(depth: u32) -> Result<Self, Error> {
        if (1..=19).contains(&depth) { Ok(Self(depth)) } else { Err(Error::Depth(depth.into())) }
    }

    /// The number of digits.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The number of operations, `3^depth`.
    #[must_use]
    pub const fn size(self) -> u32 {
        POW3[self.0 as usize]
    }

    /// Number of operations with `v(i) = level`: `2 * 3^(depth-1-level)`, and 1 for the last level.
    #[must_use]
    pub const fn level_count(self, level: u32) -> u32 {
        if level < self.0 { 2 * POW3[(self.0 - 1 - level) as usize] } else { (level == self.0) as u32 }
    }

    /// Number of unordered pairs with `v(i - j) = level`: `N * 3^(depth-1-level)`.
    #[must_use]
    pub const fn pair_count(self, level: u32) -> u64 {
        if level < self.0 { self.size() as u64 * POW3[(self.0 - 1 - level) as usize] as u64 } else { 0 }
    }

    /// The operation number `rank`, in increasing order, among those with `v(i) = level`.
    ///
    /// The multiples of `3^level` that are no multiples of `3^(level+1)` are `3^level` times
    /// 1, 2, 4, 5, 7, 8, ...
    #[inline]
    #[must_use]
    pub const fn of_level(self, level: u32, rank: u32) -> u32 {
        if level >= self.0 { 0 } else { POW3[level as usize] * (rank + (rank >> 1) + 1) }
    }

    fn check(self, value: i64, position: usize) -> Result<u32, Error> {
        match u32::try_from(value) {
            Ok(index) if index < self.size() => Ok(index),
            _ => Err(Error::Index { value, position, depth: self.0, size: self.size() }),
        }
    }

    /// Checks that every value is an index of the space.
    ///
    /// # Errors
    /// [`Error::Index`] with the first position that is not.
    pub fn check_all<T: Copy + Into<i128>>(self, values: &[T]) -> Result<(), Error> {
        let size = i128::from(self.size());
        match values.iter().position(|&x| !(0..size).contains(&x.into())) {
            None => Ok(()),
            Some(position) => {
                let value = values[position].into();
                let value = i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX });
                Err(Error::Index { value, position, depth: self.0, size: self.size() })
            }
        }
    }

    /// The valuation of one index: its number of leading zero digits, `depth` for 0.
    #[inline]
    #[must_use]
    pub fn valuation(self, index: u32) -> u32 {
        ladder_u32(index, self.0)
    }

    /// `v(i - j)`: the number of equal low digits, `depth` where the two are equal.
    #[inline]
    #[must_use]
    pub fn agreement(self, i: u32, j: u32) -> u32 {
        ladder_u32(i.abs_diff(j), self.0)
    }

    /// The 3-adic distance `3^-v(i-j)`, and 0 for equal operations.
    #[must_use]
    pub fn distance(self, i: u32, j: u32) -> f64 {
        if i == j { 0.0 } else { 1.0 / f64::from(POW3[self.agreement(i, j) as usize]) }
    }

    /// The digits read backwards: the order in which operations that share low digits are neighbours.
    #[must_use]
    pub fn reverse(self, mut index: u32) -> u32 {
        let mut reversed = 0;
        for _ in 0..self.0 {
            reversed = 3 * reversed + index % 3;
            index /= 3;
        }
        reversed
    }

    /// Writes the trits of each index, `depth` per index, least significant first.
    ///
    /// # Errors
    /// [`Error::Index`], or [`Error::Length`] if `out` has not `depth` elements per index.
    pub fn trits(self, indices: &[i64], out: &mut [i8]) -> Result<(), Error> {
        let width = self.0 as usize;
        same_length("out", indices.len() * width, out.len())?;
        for (position, (&index, row)) in indices.iter().zip(out.chunks_exact_mut(width)).enumerate() {
            let mut rest = self.check(index, position)?;
            for trit in row {
                #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // 0, 1 or 2
                let digit = (rest % 3) as i8;
                *trit = digit - 1;
                rest /= 3;
            }
        }
        Ok(())
    }

    /// Writes the index of each row of `depth` trits.
    ///
    /// # Errors
    /// [`Error::Trit`], or [`Error::Length`] if the lengths do not match.
    pub fn indices(self, trits: &[i8], out: &mut [i64]) -> Result<(), Error> {
        let width = self.0 as usize;
        same_length("trits", out.len() * width, trits.len())?;
        if let Some(position) = trits.iter().position(|t| !(-1..=1).contains(t)) {
            return Err(Error::Trit { value: trits[position].into(), position });
        }
        for (row, index) in trits.chunks_exact(width).zip(out) {
            *index = row.iter().rev().fold(0, |sum, &trit| 3 * sum + i64::from(trit) + 1);
        }
        Ok(())
    }

    /// The error about the first index outside the space, if the loop has met one.
    fn unless_outside<T: Copy + Into<i128>>(self, indices: &[T], outside: bool) -> Result<(), Error> {
        if outside { self.check_all(indices) } else { Ok(()) }
    }

    /// Writes `v(i)` for 16-bit indices.
    ///
    /// # Errors
    /// [`Error::Index`] or [`Error::Length`].
    pub fn valuations_u16(self, indices: &[u16], out: &mut [u8]) -> Result<(), Error> {
        same_length("out", indices.len(), out.len())?;
        self.unless_outside(indices, simd::valuations_u16(indices, out, self))
    }

    /// Writes `v(i)` for 32-bit indices.
    ///
    /// # Errors
    /// [`Error::Index`] or [`Error::Length`].
    pub fn valuations_u32(self, indices: &[u32], out: &mut [u8]) -> Result<(), Error> {
        same_length("out", indices.len(), out.len())?;
        self.unless_outside(indices, simd::valuations_u32(indices, out, self))
    }

    /// Writes `v(i)` for signed 64-bit indices.
    ///
    /// # Errors
    /// [`Error::Index`] or [`Error::Length`].
    pub fn valuations_i64(self, indices: &[i64], out: &mut [u8]) -> Result<(), Error> {
        same_length("out", indices.len(), out.len())?;
        self.unless_outside(indices, simd::valuations_i64(indices, out, self))
    }

    /// Writes `v(i - j)` for each pair of indices.
    ///
    /// # Errors
    /// [`Error::Index`] or [`Error::Length`].
    pub fn agreements(self, i: &[i64], j: &[i64], out: &mut [u8]) -> Result<(), Error> {
        same_length("j", i.len(), j.len())?;
        same_length("out", i.len(), out.len())?;
        self.check_all(i)?;
        self.check_all(j)?;
        for ((level, i), j) in out.iter_mut().zip(i).zip(j) {
            let gap = u32::try_from(i.abs_diff(*j)).unwrap_or(0);
            *level = narrow(self.valuation(gap));
        }
        Ok(())
    }

    /// Writes `v(i)` for 64-bit indices.
    ///
    /// # Errors
    /// [`Error::Index`] or [`Error::Length`].
    pub fn valuations_u64(self, indices: &[u64], out: &mut [u8]) -> Result<(), Error> {
        same_length("out", indices.len(), out.len())?;
        self.unless_outside(indices, simd::valuations_u64(indices, out, self))
    }
}

fn narrow(level: u32) -> u8 {
    u8::try_from(level).unwrap_or(u8::MAX)
}

pub(crate) fn same_length(path: &'static str, expected: usize, got: usize) -> Result<(), Error> {
    if expected == got { Ok(()) } else { Err(Error::Length { path, expected, got }) }
}
