//! Batches of operations with a budget for the rare high valuations.

use crate::mining::Siblings;
use crate::padic::POW3;
use crate::rng::{Purpose, Stream};
use crate::strata::{apportion, offset};
use crate::{Depth, Error};

/// The lowest level that counts as high: `ceil(4 depth / 9)`, that is 4 at depth 9.
#[must_use]
pub const fn high_level(depth: Depth) -> u32 {
    (4 * depth.get()).div_ceil(9)
}

/// `floor(high_v * size)` draws spread evenly over the high levels, the rest uniform over the space.
///
/// High levels are tiny (at depth 9, level 9 is operation 0 alone), so every draw is with replacement.
/// The draws of high levels come first, in increasing order of level.
///
/// # Errors
/// [`Error::Scalar`] unless `0 <= high_v <= 1` and `size < 2^31`.
pub fn stratified_batch(
    depth: Depth,
    size: usize,
    seed: u64,
    step: u64,
    high_v: f64,
) -> Result<Vec<i64>, Error> {
    let budget = budget(size, high_v)?;
    let lowest = high_level(depth);
    let levels: Vec<u32> = (lowest..=depth.get()).collect();
    let counts = apportion(&vec![1.0; levels.len()], budget, offset(seed, step, Purpose::Batch));
    let mut batch = Vec::with_capacity(size);
    for (&level, count) in levels.iter().zip(counts) {
        let draw = Stream::new(seed, step, Purpose::Batch, level, 0);
        let members = depth.level_count(level);
        batch.extend(counters(count).map(|i| i64::from(depth.of_level(level, draw.below(i, members)))));
    }
    let draw = Stream::new(seed, step, Purpose::Batch, u32::MAX, 0);
    batch.extend(counters(size - budget).map(|i| i64::from(draw.below(i, depth.size()))));
    Ok(batch)
}

/// `size / 2` anchors, then one partner for each at `v(i - j) = k`, `k` drawn evenly from `levels`.
///
/// Anchors are uniform, except that the first `floor(high_v * size / 2)` are multiples of `3^m` with
/// `m` drawn evenly from 1 to `depth`, so that operation 0 and its neighbours occur in every batch.
///
/// # Errors
/// [`Error::Scalar`] unless `size` is even and below 2^31 and `0 <= high_v <= 1`; [`Error::Stratum`]
/// for a level outside `0..depth`, or for no level at all.
pub fn paired_batch(
    depth: Depth,
    size: usize,
    seed: u64,
    step: u64,
    high_v: f64,
    levels: &[u32],
) -> Result<Vec<i64>, Error> {
    if !size.is_multiple_of(2) {
        return Err(Error::Scalar { path: "size", got: size.to_string(), expected: "an even number" });
    }
    let half = size / 2;
    let budget = budget(half, high_v)?;
    let bad = levels.iter().find(|&&k| k >= depth.get()).map(ToString::to_string);
    if bad.is_some() || levels.is_empty() {
        return Err(Error::Stratum {
            got: bad.unwrap_or_else(|| "no level".into()),
            expected: format!("levels from 0 to {}", depth.get() - 1),
            depth: depth.get(),
        });
    }
    let siblings: Vec<Siblings> = levels.iter().map(|&k| Siblings::new(depth, k)).collect();
    let [power, anchor, level, partner] =
        [0, 1, 2, 3].map(|part| Stream::new(seed, step, Purpose::Paired, 0, part));
    let choices = u32::try_from(siblings.len()).unwrap_or(u32::MAX);
    let mut batch = vec![0; size];
    let (anchors, partners) = batch.split_at_mut(half);
    for (i, (a, b)) in counters(half).zip(anchors.iter_mut().zip(partners)) {
        let x = if (i as usize) < budget {
            let m = 1 + power.below(i, depth.get());
            POW3[m as usize] * anchor.below(i, POW3[(depth.get() - m) as usize])
        } else {
            anchor.below(i, depth.size())
        };
        let sibling = siblings[level.below(i, choices) as usize];
        *a = i64::from(x);
        *b = i64::from(sibling.of(x, partner.below(i, sibling.choices)));
    }
    Ok(batch)
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn budget(size: usize, high_v: f64) -> Result<usize, Error> {
    if size >= i32::MAX as usize {
        return Err(Error::Scalar { path: "size", got: size.to_string(), expected: "less than 2^31" });
    }
    if !(0.0..=1.0).contains(&high_v) {
        return Err(Error::Scalar { path: "high_v", got: high_v.to_string(), expected: "0 to 1" });
    }
    Ok((high_v * size as f64) as usize)
}

fn counters(count: usize) -> std::ops::Range<u32> {
    0..u32::try_from(count).unwrap_or(u32::MAX)
}
