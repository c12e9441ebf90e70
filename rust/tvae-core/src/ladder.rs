//! Valuations of many indices: the loops behind `Depth::valuations_*`.
//!
//! One rung: a multiple of `3^e` times the inverse of `3^e` modulo the word size is the quotient, and every
//! other product lies above `MAX / 3^e`. So one multiplication both tests and divides. Rungs of falling
//! `e` read off the valuation like a binary number, without a branch.

use crate::Depth;

macro_rules! ladder {
    ($name:ident, $word:ty, [$($e:literal),+]) => {
        /// The valuation of an index below `3^depth`.
        #[inline(always)]
        pub(crate) fn $name(index: $word, depth: $word) -> $word {
            const fn inverse(q: $word) -> $word {
                // Newton's step doubles the correct bits; an odd q is its own inverse to 3 bits.
                let mut x = q;
                let mut bits = 3;
                while bits < <$word>::BITS {
                    x = x.wrapping_mul((2 as $word).wrapping_sub(q.wrapping_mul(x)));
                    bits *= 2;
                }
                x
            }
            let mut rest = index;
            let mut level: $word = 0;
            $(
                const { assert!((3 as $word).checked_pow($e).is_some()) };
                let quotient = rest.wrapping_mul(const { inverse((3 as $word).pow($e)) });
                let divides = quotient <= const { <$word>::MAX / (3 as $word).pow($e) };
                rest = if divides { quotient } else { rest };
                level += if divides { $e } else { 0 };
            )+
            let _ = rest; // of the last rung
            level.min(depth) // zero passes every rung, and its level is the depth
        }
    };
}

ladder!(ladder_u16, u16, [4, 4, 2, 1]); // levels 0 to 11
ladder!(ladder_u32, u32, [8, 8, 4, 2, 1]); // levels 0 to 23

macro_rules! levels {
    ($name:ident, $input:ty, $word:ty, $ladder:ident) => {
        /// Writes the levels; true if an index lies outside the space (its level is then void).
        #[inline(always)]
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_lossless)] // 0..3^depth
        pub(crate) fn $name(indices: &[$input], out: &mut [u8], space: Depth) -> bool {
            let (depth, size) = (space.get() as $word, space.size() as $input);
            let mut outside = false;
            for (level, &index) in out.iter_mut().zip(indices) {
                outside |= !(0..size).contains(&index);
                *level = $ladder(index as $word, depth) as u8;
            }
            outside
        }
    };
}

levels!(levels_u16, u16, u16, ladder_u16);
levels!(levels_u32, u32, u32, ladder_u32);
levels!(levels_u64, u64, u32, ladder_u32);
levels!(levels_i64, i64, u32, ladder_u32);
