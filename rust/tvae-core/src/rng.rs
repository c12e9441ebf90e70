//! A counter-based generator: word `i` of a stream is a hash, so any thread can write any part of it.
//!
//! A stream is named by seed, step, purpose and stratum. The names are mixed in 64 bits into an odd
//! multiplier and an offset; the words are an affine counter through the finaliser of `MurmurHash3`
//! (32-bit multiplies only, so plain loops vectorise without AVX-512).

/// What a stream is for. Streams of different purposes never coincide.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Triplets = 1,
    Pairs = 2,
    InBatch = 3,
    Batch = 4,
    Paired = 5,
    Statistics = 6,
    Apportion = 7,
}

/// One stream of 32-bit words.
#[derive(Clone, Copy)]
pub(crate) struct Stream {
    multiplier: u32,
    offset: u32,
    twist: u32,
}

fn mix64(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The 64-bit name of stream `part` of a stratum.
pub(crate) fn name(seed: u64, step: u64, purpose: Purpose, stratum: u32, part: u32) -> u64 {
    let place = (u64::from(stratum) << 32) | u64::from(part);
    mix64(mix64(mix64(mix64(seed) ^ step) ^ purpose as u64) ^ place)
}

impl Stream {
    pub(crate) fn new(seed: u64, step: u64, purpose: Purpose, stratum: u32, part: u32) -> Self {
        let key = name(seed, step, purpose, stratum, 2 * part);
        let other = name(seed, step, purpose, stratum, 2 * part + 1);
        Self { multiplier: high_half(key) | 1, offset: low_half(key), twist: low_half(other) }
    }

    /// Word `i` of the stream.
    #[inline(always)]
    pub(crate) fn word(self, i: u32) -> u32 {
        let mut h = i.wrapping_mul(self.multiplier).wrapping_add(self.offset);
        h = (h ^ (h >> 16)).wrapping_mul(0x85EB_CA6B);
        h = (h ^ (h >> 13)).wrapping_mul(0xC2B2_AE35);
        h ^ (h >> 16)
    }

    /// A further word from one that is mixed already, for one multiplication.
    ///
    /// The upper bits of the product depend on the lower bits of `word`, which a value picked by its upper
    /// bits leaves free.
    #[inline(always)]
    pub(crate) fn after(self, word: u32) -> u32 {
        let h = (word ^ self.twist).wrapping_mul(0x9E37_79B1);
        h ^ (h >> 15)
    }

    /// A value in `0..range`. The relative bias is at most `range / 2^32` up to `NARROW`, and `2^-33` above.
    #[inline(always)]
    pub(crate) fn below(self, i: u32, range: u32) -> u32 {
        let word = self.word(i);
        if range > NARROW { scale_wide(word, self.after(word), range) } else { scale(word, range) }
    }
}

/// Largest range that one 32-bit word serves: the bias is below 1.4e-5, out of reach of a billion draws.
pub(crate) const NARROW: u32 = 59_049;

/// Picks from `0..range` by a 32-bit fraction.
#[inline(always)]
pub(crate) fn scale(word: u32, range: u32) -> u32 {
    high_half(u64::from(word) * u64::from(range))
}

/// Picks from `0..range` by a 64-bit fraction in two words.
#[inline(always)]
pub(crate) fn scale_wide(word: u32, next: u32, range: u32) -> u32 {
    high_half(u64::from(word) * u64::from(range) + u64::from(scale(next, range)))
}

/// A uniform fraction in [0, 1) for the whole stream.
#[allow(clippy::cast_precision_loss)] // 53 bits fit a float64 exactly
pub(crate) fn fraction(seed: u64, step: u64, purpose: Purpose) -> f64 {
    (name(seed, step, Purpose::Apportion, purpose as u32, 0) >> 11) as f64 / (1_u64 << 53) as f64
}

#[inline(always)]
#[allow(clippy::cast_possible_truncation)] // the upper half of 64 bits has 32
const fn high_half(x: u64) -> u32 {
    (x >> 32) as u32
}

#[inline(always)]
#[allow(clippy::cast_possible_truncation)] // the lower half is what is asked for
const fn low_half(x: u64) -> u32 {
    x as u32
}
