//! Triplets and pairs at exact 3-adic levels, in closed form.
//!
//! `v(a - b) = k` says that `b - a` is `3^k t` with `t` no multiple of three, modulo the size of the space:
//! adding in a ring whose size is a power of three leaves the low digits alone. So the partners of `a` at
//! level `k` are `a + 3^k t mod N` for the `2 * 3^(depth-1-k)` values `t = 1, 2, 4, 5, 7, ...` below
//! `3^(depth-k)`: one draw, one multiplication, one conditional subtraction. Nothing is rejected, nothing
//! is divided, and no two members of a triplet are equal. Columns come out grouped by stratum.

use crate::padic::POW3;
use crate::rng::{NARROW, Purpose, Stream, scale, scale_wide};
use crate::strata::{PairShares, TripletShares, apportion, number, offset};
use crate::{Depth, Error, padic::same_length, simd};

/// Largest number of columns of one call: positions and counters are 32-bit.
const MOST: usize = i32::MAX as usize;

/// How to find partners at level `k`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Siblings {
    size: u32,
    power: u32,
    pub(crate) choices: u32,
}

impl Siblings {
    pub(crate) fn new(depth: Depth, k: u32) -> Self {
        Self {
            size: depth.size(),
            power: POW3[k as usize],
            choices: 2 * POW3[(depth.get() - 1 - k) as usize],
        }
    }

    /// Partner number `choice` of `x`.
    #[inline(always)]
    pub(crate) fn of(&self, x: u32, choice: u32) -> u32 {
        let partner = x + self.power * (choice + (choice >> 1) + 1); // below 2 * 3^19 < 2^32
        if partner >= self.size { partner - self.size } else { partner }
    }
}

/// One stratum of a call: its streams, and where partners are.
pub(crate) struct Stratum {
    streams: [Stream; 3],
    size: u32,
    positive: Siblings,
    negative: Siblings,
}

impl Stratum {
    fn new(depth: Depth, k: u32, j: u32, seed: u64, step: u64, purpose: Purpose) -> Self {
        Self {
            streams: [0, 1, 2].map(|part| Stream::new(seed, step, purpose, number(k, j), part)),
            size: depth.size(),
            positive: Siblings::new(depth, k),
            negative: Siblings::new(depth, j),
        }
    }

    /// Anchor and choices of positive and negative of column `i`.
    ///
    /// At depth 10 or less a triplet takes at most 46 bits, so one well-mixed word and two that follow from
    /// it are enough; deeper, each value has two words of its own.
    #[inline(always)]
    fn draw<const WIDE: bool>(&self, i: u32) -> [u32; 3] {
        let ranges = [self.size, self.positive.choices, self.negative.choices];
        let [first, second, third] = self.streams;
        if WIDE {
            std::array::from_fn(|part| {
                let word = self.streams[part].word(i);
                scale_wide(word, self.streams[part].after(word), ranges[part])
            })
        } else {
            let a = first.word(i);
            let p = second.after(a);
            let q = third.after(p);
            [scale(a, ranges[0]), scale(p, ranges[1]), scale(q, ranges[2])]
        }
    }
}

#[inline(always)]
#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // indices and lengths are below 2^31
pub(crate) fn fill_triplets<const WIDE: bool>(s: &Stratum, first: u32, out: [&mut [i32]; 3]) {
    let [anchors, positives, negatives] = out;
    let rows = anchors.iter_mut().zip(positives).zip(negatives);
    for (t, ((anchor, positive), negative)) in rows.enumerate() {
        let [x, p, q] = s.draw::<WIDE>(first.wrapping_add(t as u32));
        *anchor = x as i32;
        *positive = s.positive.of(x, p) as i32;
        *negative = s.negative.of(x, q) as i32;
    }
}

#[inline(always)]
#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // indices and lengths are below 2^31
pub(crate) fn fill_pairs<const WIDE: bool>(s: &Stratum, first: u32, out: [&mut [i32]; 2]) {
    let [anchors, partners] = out;
    for (t, (anchor, partner)) in anchors.iter_mut().zip(partners).enumerate() {
        let [x, p, _] = s.draw::<WIDE>(first.wrapping_add(t as u32));
        *anchor = x as i32;
        *partner = s.positive.of(x, p) as i32;
    }
}

/// Writes `n` triplets: `out` holds `n` anchors, then `n` positives, then `n` negatives.
///
/// The result depends on `depth`, `shares`, `n`, `seed` and `step` alone, not on `threads`.
///
/// # Errors
/// [`Error::Length`] if `out` has not `3 n` elements, [`Error::Scalar`] if `n` reaches 2^31 or at
/// depth 1, where all pairs are at level 0 and no triplet exists.
pub fn triplets(
    depth: Depth,
    shares: &TripletShares,
    n: usize,
    seed: u64,
    step: u64,
    threads: usize,
    out: &mut [i32],
) -> Result<(), Error> {
    if shares.0.is_empty() {
        return Err(Error::Scalar { path: "depth", got: depth.get().to_string(), expected: "at least 2" });
    }
    let stratum = |k, j| Stratum::new(depth, k, j, seed, step, Purpose::Triplets);
    let strata = shares.0.iter().map(|&(k, j, share)| (share, stratum(k, j)));
    let fill = if depth.size() > NARROW { simd::triplets_wide } else { simd::triplets_narrow };
    generate(strata.collect(), n, offset(seed, step, Purpose::Triplets), threads, out, fill)
}

/// Writes `n` pairs: `out` holds `n` anchors, then their `n` partners.
///
/// # Errors
/// As [`triplets`], with `2 n` elements.
pub fn pairs(
    depth: Depth,
    shares: &PairShares,
    n: usize,
    seed: u64,
    step: u64,
    threads: usize,
    out: &mut [i32],
) -> Result<(), Error> {
    let stratum = |k| Stratum::new(depth, k, k, seed, step, Purpose::Pairs);
    let strata = shares.0.iter().map(|&(k, share)| (share, stratum(k)));
    let fill = if depth.size() > NARROW { simd::pairs_wide } else { simd::pairs_narrow };
    generate(strata.collect(), n, offset(seed, step, Purpose::Pairs), threads, out, fill)
}

/// Fills `ROWS` rows of `n` columns, each thread a contiguous range of columns.
fn generate<const ROWS: usize>(
    strata: Vec<(f64, Stratum)>,
    n: usize,
    offset: f64,
    threads: usize,
    out: &mut [i32],
    fill: fn(&Stratum, u32, [&mut [i32]; ROWS]),
) -> Result<(), Error> {
    if n >= MOST {
        return Err(Error::Scalar { path: "n", got: n.to_string(), expected: "less than 2^31" });
    }
    same_length("out", ROWS * n, out.len())?;
    if n == 0 {
        return Ok(());
    }
    let (shares, strata): (Vec<f64>, Vec<Stratum>) = strata.into_iter().unzip();
    let counts = apportion(&shares, n, offset);
    let mut rows = out.chunks_exact_mut(n);
    let mut rest: [&mut [i32]; ROWS] = std::array::from_fn(|_| rows.next().unwrap_or_default());
    let threads = threads.clamp(1, n.min(crate::MOST_THREADS));
    std::thread::scope(|scope| {
        for t in 0..threads {
            let (begin, end) = (n * t / threads, n * (t + 1) / threads);
            let mut mine = take(&mut rest, end - begin);
            let (counts, strata) = (&counts, &strata);
            let mut work = move || {
                let mut start = 0;
                for (stratum, &count) in strata.iter().zip(counts) {
                    let (from, to) = (start.max(begin), (start + count).min(end));
                    if from < to {
                        #[allow(clippy::cast_possible_truncation)] // below n < 2^31
                        fill(stratum, (from - start) as u32, take(&mut mine, to - from));
                    }
                    start += count;
                }
            };
            if t + 1 == threads {
                work();
            } else {
                scope.spawn(work);
            }
        }
    });
    Ok(())
}

/// Splits the first `count` columns off every row.
fn take<'a, const ROWS: usize>(rows: &mut [&'a mut [i32]; ROWS], count: usize) -> [&'a mut [i32]; ROWS] {
    std::array::from_fn(|r| {
        let (head, tail) = std::mem::take(&mut rows[r]).split_at_mut(count);
        rows[r] = tail;
        head
    })
}
