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
        let key = name(seed, step, purpose, stratum, part);
        Self { multiplier: (key >> 32) as u32 | 1, offset: low(key) }
    }

    /// Word `i` of the stream.
    #[inline(always)]
    pub(crate) fn word(self, i: u32) -> u32 {
        let mut h = i.wrapping_mul(self.multiplier).wrapping_add(self.offset);
        h = (h ^ (h >> 16)).wrapping_mul(0x85EB_CA6B);
        h = (h ^ (h >> 13)).wrapping_mul(0xC2B2_AE35);
        h ^ (h >> 16)
    }
}

/// Two streams read as one 64-bit fraction, or as one 32-bit fraction where that is fine enough.
///
/// A fraction times `range` picks a value with a relative bias of at most `range / 2^32`. Ranges up to
/// 3^10 are drawn from one word (bias below 1.4e-5, out of reach of any test of a billion draws);
/// larger ones use both words, where the bias is below `2^-33`.
#[derive(Clone, Copy)]
pub(crate) struct Draw {
    high: Stream,
    low: Stream,
}

/// Largest range that one 32-bit word serves.
pub(crate) const NARROW: u32 = 59_049;

impl Draw {
    pub(crate) fn new(seed: u64, step: u64, purpose: Purpose, stratum: u32, part: u32) -> Self {
        Self {
            high: Stream::new(seed, step, purpose, stratum, 2 * part),
            low: Stream::new(seed, step, purpose, stratum, 2 * part + 1),
        }
    }

    /// A value in `0..range`; `WIDE` must be true for ranges above `NARROW`.
    #[inline(always)]
    pub(crate) fn below<const WIDE: bool>(self, i: u32, range: u32) -> u32 {
        let high = u64::from(self.high.word(i)) * u64::from(range);
        if WIDE {
            let carry = high_half(u64::from(self.low.word(i)) * u64::from(range));
            high_half(high + u64::from(carry))
        } else {
            high_half(high)
        }
    }

    /// A value in `0..range`, whatever the range.
    #[inline(always)]
    pub(crate) fn any(self, i: u32, range: u32) -> u32 {
        if range > NARROW { self.below::<true>(i, range) } else { self.below::<false>(i, range) }
    }
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
const fn low(x: u64) -> u32 {
    x as u32
}
