//! Hinges on the distances of listed rows: gather, distance, hinge and scatter in one pass.
//!
//! A triplet `(a, p, q)` costs `max(d(a, p) - d(a, q) + margin, 0)`; a pair at level `k` costs
//! `weight_k e^p` with `e = max(d - hi_k, lo_k - d, 0)`. The gradient of the sum comes from the same pass, float32 as
//! the points; value and gradient in the curvature are summed in float64.

#![allow(clippy::needless_range_loop)] // the form of loop that is compiled into lanes
#![allow(clippy::many_single_char_names)] // those of the formulas

use crate::distance::{SLOPES, Scale, block};
use crate::padic::same_length;
use crate::rows::{BLOCK, gap_listed, row};
use crate::simd::Four;
use crate::structure::Band;
use crate::{Error, simd};

/// What listed rows are held to.
#[derive(Debug, Clone, Copy)]
pub enum Hinge<'a> {
    /// Anchors, positives and negatives: the negative is farther by a margin.
    Triplets {
        /// The margin, in units of the ball.
        margin: f32,
    },
    /// Both ends of pairs: the distance lies in the band of a level.
    Pairs {
        /// The level of each pair; one that has no band weighs nothing.
        levels: &'a [i32],
        /// One a level.
        bands: &'a [Band],
        /// Whether the excess is squared.
        squared: bool,
    },
}

/// The sum over all columns of `lists`, and its gradient in the curvature; the one in the points is written into
/// `gradient`. NaN rows that take part give NaN.
///
/// # Errors
/// [`Error::Length`] if lengths do not match, [`Error::Scalar`] for a curvature that is not positive, points without
/// coordinates or a row that does not exist.
pub fn hinge(
    kind: Hinge<'_>,
    x: &[f32],
    dim: usize,
    c: f64,
    lists: &[&[u32]],
    gradient: &mut [f32],
) -> Result<[f64; 2], Error> {
    crate::cloud::check_ball(dim, c)?;
    same_length("x", x.len() / dim * dim, x.len())?;
    same_length("gradient", x.len(), gradient.len())?;
    same_length("lists", if matches!(kind, Hinge::Triplets { .. }) { 3 } else { 2 }, lists.len())?;
    for list in lists {
        same_length("list", lists[0].len(), list.len())?;
        if let Some(&most) = list.iter().max()
            && most as usize >= x.len() / dim
        {
            return Err(Error::Scalar {
                path: "row",
                got: most.to_string(),
                expected: "a row of the points",
            });
        }
    }
    if let Hinge::Pairs { levels, .. } = kind {
        same_length("levels", lists[0].len(), levels.len())?;
    }
    gradient.fill(0.0);
    Ok(simd::hinges(kind, x, dim, c, lists, gradient))
}

#[inline(always)]
pub(crate) fn hinge_rows<F: Four>(
    kind: Hinge<'_>,
    x: &[f32],
    dim: usize,
    c: f64,
    lists: &[&[u32]],
    gradient: &mut [f32],
) -> [f64; 2] {
    match (kind, dim) {
        (Hinge::Triplets { margin }, 16) => triplets::<F, 16>(margin, x, dim, c, lists, gradient),
        (Hinge::Triplets { margin }, _) => triplets::<F, 0>(margin, x, dim, c, lists, gradient),
        (Hinge::Pairs { levels, bands, squared }, 16) => {
            pairs::<F, 16>((levels, bands, squared), x, dim, c, lists, gradient)
        }
        (Hinge::Pairs { levels, bands, squared }, _) => {
            pairs::<F, 0>((levels, bands, squared), x, dim, c, lists, gradient)
        }
    }
}

#[inline(always)]
fn triplets<F: Four, const D: usize>(
    margin: f32,
    x: &[f32],
    dim: usize,
    c: f64,
    lists: &[&[u32]],
    gradient: &mut [f32],
) -> [f64; 2] {
    let dim = if D == 0 { dim } else { D };
    let scale = Scale::new(c);
    let mut sums = [0.0; 2];
    let columns = lists[0].chunks(BLOCK).zip(lists[1].chunks(BLOCK)).zip(lists[2].chunks(BLOCK));
    for ((a, p), q) in columns {
        let [gap, own, other] = gap_listed::<F>(x, dim, a, p);
        let (near, pull) = block([&gap, &own, &other], c, &scale);
        let [gap, own, other] = gap_listed::<F>(x, dim, a, q);
        let (far, push) = block([&gap, &own, &other], c, &scale);
        for i in 0..a.len() {
            let cost = near[i] - far[i] + margin;
            if cost <= 0.0 {
                continue; // a NaN is not
            }
            sums[0] += f64::from(cost);
            sums[1] += f64::from(pull[3][i]) - f64::from(push[3][i]);
            scatter(x, gradient, dim, [a[i], p[i]], &pull, i, 1.0);
            scatter(x, gradient, dim, [a[i], q[i]], &push, i, -1.0);
        }
    }
    sums
}

#[inline(always)]
fn pairs<F: Four, const D: usize>(
    (levels, bands, squared): (&[i32], &[Band], bool),
    x: &[f32],
    dim: usize,
    c: f64,
    lists: &[&[u32]],
    gradient: &mut [f32],
) -> [f64; 2] {
    let dim = if D == 0 { dim } else { D };
    let scale = Scale::new(c);
    let mut sums = [0.0; 2];
    let columns = lists[0].chunks(BLOCK).zip(lists[1].chunks(BLOCK)).zip(levels.chunks(BLOCK));
    for ((a, b), levels) in columns {
        let [gap, own, other] = gap_listed::<F>(x, dim, a, b);
        let (d, slopes) = block([&gap, &own, &other], c, &scale);
        for i in 0..a.len() {
            let band = usize::try_from(levels[i]).ok().and_then(|level| bands.get(level));
            let Some(&Band { lo, hi, weight }) = band.or(d[i].is_nan().then_some(&NOTHING)) else { continue };
            let (over, under) = (d[i] - hi, lo - d[i]);
            let (excess, sign) = if over > under { (over, weight) } else { (under, -weight) };
            if excess <= 0.0 {
                continue; // a NaN is not
            }
            let (cost, g) = if squared { (excess * excess, 2.0 * excess * sign) } else { (excess, sign) };
            sums[0] += f64::from(weight) * f64::from(cost);
            sums[1] += f64::from(g) * f64::from(slopes[3][i]);
            scatter(x, gradient, dim, [a[i], b[i]], &slopes, i, g);
        }
    }
    sums
}

/// The band of a pair without one: a NaN shows all the same.
const NOTHING: Band = Band { lo: 0.0, hi: 0.0, weight: 0.0 };

/// Adds `g` times the gradient of the distance of rows `a` and `b`.
#[inline(always)]
fn scatter(
    x: &[f32],
    gradient: &mut [f32],
    dim: usize,
    [a, b]: [u32; 2],
    slopes: &[[f32; BLOCK]; SLOPES],
    i: usize,
    g: f32,
) {
    let [toward, own, other] = [g * slopes[0][i], g * slopes[1][i], g * slopes[2][i]];
    let (near, far) = (row(x, dim, a), row(x, dim, b));
    for (out, (x, y)) in gradient[a as usize * dim..].iter_mut().zip(near.iter().zip(far)) {
        *out += toward * (x - y) + own * x;
    }
    for (out, (x, y)) in gradient[b as usize * dim..].iter_mut().zip(near.iter().zip(far)) {
        *out += other * y - toward * (x - y);
    }
}
