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
            if index == 0 { depth } else { level }
        }
    };
}

ladder!(ladder_u16, u16, [4, 4, 2, 1]); // levels 0 to 11
ladder!(ladder_u32, u32, [8, 8, 4, 2, 1]); // levels 0 to 23

/// Indices per round: short enough for registers, long enough for every vector width.
const ROUND: usize = 32;

macro_rules! levels {
    ($name:ident, $input:ty) => {
        /// Writes the levels; true if an index lies outside the space (its level is then void).
        #[inline(always)]
        pub(crate) fn $name(indices: &[$input], out: &mut [u8], space: Depth) -> bool {
            if space.get() <= 10 {
                levels!(@loop indices, out, space, $input, u16, ladder_u16) // 3^10 < 2^16: twice the lanes
            } else {
                levels!(@loop indices, out, space, $input, u32, ladder_u32)
            }
        }
    };
    (@loop $indices:ident, $out:ident, $space:ident, $input:ty, $word:ty, $ladder:ident) => {{
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_lossless)]
        #[inline(always)]
        fn one(index: $input, depth: $word, largest: &mut $word, spilled: &mut $input) -> u8 {
            // What does not fit the word is collected apart; a negative index has its sign bit there.
            *spilled |= if <$input>::BITS > <$word>::BITS { index >> (<$word>::BITS % <$input>::BITS) } else { 0 };
            *largest = (*largest).max(index as $word);
            $ladder(index as $word, depth) as u8
        }
        #[allow(clippy::cast_possible_truncation)] // depth and size fit the word that was chosen for them
        let (depth, size) = ($space.get() as $word, $space.size() as $word);
        let (mut largest, mut spilled) = ([0; ROUND], [0; ROUND]);
        let (rounds, rest) = $indices.as_chunks::<ROUND>();
        let (level_rounds, level_rest) = $out.as_chunks_mut::<ROUND>();
        for (round, levels) in rounds.iter().zip(level_rounds) {
            for lane in 0..ROUND {
                levels[lane] = one(round[lane], depth, &mut largest[lane], &mut spilled[lane]);
            }
        }
        for (&index, level) in rest.iter().zip(level_rest) {
            *level = one(index, depth, &mut largest[0], &mut spilled[0]);
        }
        largest.iter().any(|&index| index >= size) || spilled.iter().any(|&bits| bits != 0)
    }};
}

levels!(levels_u16, u16);
levels!(levels_u32, u32);
levels!(levels_u64, u64);
levels!(levels_i64, i64);
