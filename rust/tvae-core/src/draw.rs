//! Keys of a seeded sample of pairs, or of all pairs of a set that is small.

use crate::Depth;
use crate::cloud::Points;
use crate::pairset::PairSet;
use crate::rng::{Purpose, Stream};
use crate::strata::apportion;

/// What to rank: the distance in the ball, or the chord.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    Ball,
    Chord,
}

/// Keys of about `wanted` pairs of the sets, in proportion to their populations; all, if there are fewer.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
pub(crate) fn keys(
    depth: Depth,
    points: &Points,
    sets: &[PairSet],
    measure: Measure,
    wanted: usize,
    seed: u64,
    group: u32,
) -> Vec<u32> {
    let populations: Vec<u64> = sets.iter().map(|set| set.population(depth)).collect();
    let total: u64 = populations.iter().sum();
    let mut keys = Vec::with_capacity(wanted.min(usize::try_from(total).unwrap_or(wanted)));
    if total <= wanted as u64 {
        for set in sets {
            set.each(depth, |i, j| keys.push(key(points, measure, i, j)));
        }
        return keys;
    }
    let shares: Vec<f64> = populations.iter().map(|&p| p as f64).collect();
    let counts = apportion(&shares, wanted, 0.5);
    for (part, (set, count)) in sets.iter().zip(counts).enumerate() {
        let stratum = (group << 16) | ((measure as u32) << 15) | part as u32;
        let draws = [0, 1, 2].map(|word| Stream::new(seed, 0, Purpose::Statistics, stratum, word));
        keys.extend((0..count as u32).map(|t| {
            let (i, j) = set.draw(depth, draws, t);
            key(points, measure, i, j)
        }));
    }
    keys
}

fn key(points: &Points, measure: Measure, i: u32, j: u32) -> u32 {
    let (x, y) = (points.row(i), points.row(j));
    let (x_blocks, y_blocks) = (x.chunks_exact(8), y.chunks_exact(8));
    let mut square: f32 =
        x_blocks.remainder().iter().zip(y_blocks.remainder()).map(|(a, b)| (a - b) * (a - b)).sum();
    let mut sums = [0.0_f32; 8];
    for (a, b) in x_blocks.zip(y_blocks) {
        for lane in 0..8 {
            let gap = a[lane] - b[lane];
            sums[lane] += gap * gap;
        }
    }
    square += sums.iter().sum::<f32>();
    match measure {
        Measure::Ball => square * (points.factors[i as usize] * points.factors[j as usize]),
        Measure::Chord => square,
    }
    .to_bits()
}
