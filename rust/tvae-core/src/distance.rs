//! Distances of paired points in the ball, and their gradient: one pass over the points each.
//!
//! With `r = |x - y|`, `alpha = 1 - c |x|^2`, `t = r sqrt(c / (alpha beta))`, `h = sqrt(1 + t^2)` and
//! `y = asinh t`, `d = 2 y / sqrt(c)`. Norms, `alpha` and `r` are summed in float64, where squares of float32
//! are exact; what follows keeps its digits in float32. The forward pass leaves four slopes a row, so that the
//! backward pass is a weighted sum of the points.

use crate::rows::{BLOCK, gap_rows};
use crate::scalar::log1p;
use crate::simd::Four;
use crate::{Error, simd};

/// Slopes of a row: on `x - y`, on `x`, on `y`, and in `c`.
pub const SLOPES: usize = 4;
/// `(1 - rho)(1 + rho)` at `rho = 1 - 2e-7`: what alpha is held above, at the rim and past it.
pub(crate) const ALPHA_MIN: f64 = 3.999_999_6e-7;

/// Writes the distance of each row of `x` from that of `y`, and the slopes that [`pull`] takes.
///
/// # Errors
/// [`Error::Length`] if lengths do not match, [`Error::Scalar`] for a curvature that is not positive or
/// points without coordinates.
pub fn distances(
    points: [&[f32]; 2],
    dim: usize,
    c: f64,
    out: &mut [f32],
    slopes: Option<&mut [f32]>,
) -> Result<(), Error> {
    crate::cloud::check_ball(dim, c)?;
    let n = check(points, dim, out.len())?;
    if let Some(slopes) = &slopes {
        crate::padic::same_length("slopes", n * SLOPES, slopes.len())?;
    }
    simd::measure(points, dim, c, out, slopes);
    Ok(())
}

/// Writes the gradients in `x` and `y` for the upstream `g`, and returns the one in `c`.
///
/// # Errors
/// [`Error::Length`] if lengths do not match.
pub fn pull(
    points: [&[f32]; 2],
    dim: usize,
    slopes: &[f32],
    g: &[f32],
    out: [&mut [f32]; 2],
) -> Result<f64, Error> {
    let n = check(points, dim, g.len())?;
    crate::padic::same_length("slopes", n * SLOPES, slopes.len())?;
    for gradient in &out {
        crate::padic::same_length("gradient", points[0].len(), gradient.len())?;
    }
    Ok(simd::weigh(points, dim, slopes, g, out))
}

fn check(points: [&[f32]; 2], dim: usize, n: usize) -> Result<usize, Error> {
    crate::padic::same_length("x", n * dim, points[0].len())?;
    crate::padic::same_length("y", n * dim, points[1].len())?;
    Ok(n)
}

#[inline(always)]
pub(crate) fn measure_rows<F: Four>(
    points: [&[f32]; 2],
    dim: usize,
    c: f64,
    out: &mut [f32],
    slopes: Option<&mut [f32]>,
) {
    match dim {
        16 => measure_fixed::<F, 16>(points, dim, c, out, slopes),
        _ => measure_fixed::<F, 0>(points, dim, c, out, slopes),
    }
}

#[inline(always)]
#[allow(clippy::cast_possible_truncation)] // scalars become float32 once their digits are safe
#[allow(clippy::many_single_char_names)] // those of the formulas
fn measure_fixed<F: Four, const D: usize>(
    [x, y]: [&[f32]; 2],
    dim: usize,
    c: f64,
    out: &mut [f32],
    mut slopes: Option<&mut [f32]>,
) {
    let dim = if D == 0 { dim } else { D };
    let scale = Scale::new(c);
    let blocks = x.chunks(BLOCK * dim).zip(y.chunks(BLOCK * dim)).zip(out.chunks_mut(BLOCK));
    for (at, ((x, y), out)) in blocks.enumerate() {
        let [r, own, other] = gap_rows::<F>(x, y, dim);
        let (d, rows) = block([&r, &own, &other], c, &scale);
        out.copy_from_slice(&d[..out.len()]);
        if let Some(slopes) = &mut slopes {
            let start = at * BLOCK * SLOPES;
            for (i, slopes) in slopes[start..start + out.len() * SLOPES].chunks_exact_mut(SLOPES).enumerate()
            {
                for (s, slope) in slopes.iter_mut().enumerate() {
                    *slope = rows[s][i];
                }
            }
        }
    }
}

/// Distances of a block and their slopes, from `|x - y|^2`, `|x|^2` and `|y|^2`.
#[inline(always)]
#[allow(clippy::cast_possible_truncation)] // scalars become float32 once their digits are safe
pub(crate) fn block(
    [r, own, other]: [&[f64; BLOCK]; 3],
    c: f64,
    scale: &Scale,
) -> ([f32; BLOCK], [[f32; BLOCK]; SLOPES]) {
    // Loop by loop, so that each runs in the lanes of a register.
    let (mut gap, mut near, mut far) = ([0.0_f32; BLOCK], [0.0_f32; BLOCK], [0.0_f32; BLOCK]);
    let (mut square, mut other_square) = ([0.0_f32; BLOCK], [0.0_f32; BLOCK]);
    for i in 0..BLOCK {
        gap[i] = r[i].sqrt() as f32;
        near[i] = clamp(1.0 - c * own[i]) as f32;
        far[i] = clamp(1.0 - c * other[i]) as f32;
        square[i] = own[i] as f32;
        other_square[i] = other[i] as f32;
    }
    let mut rows = [[0.0_f32; BLOCK]; SLOPES];
    let mut d = [0.0_f32; BLOCK];
    let [toward, lift, other_lift, bend] = &mut rows;
    for i in 0..BLOCK {
        let slopes = row(gap[i], [near[i], far[i]], [square[i], other_square[i]], scale);
        [d[i], toward[i], lift[i], other_lift[i], bend[i]] = slopes;
    }
    (d, rows)
}

#[inline(always)]
pub(crate) fn clamp(alpha: f64) -> f64 {
    if alpha < ALPHA_MIN { ALPHA_MIN } else { alpha } // a NaN passes
}

/// What the formulas take of the curvature.
pub(crate) struct Scale {
    root: f32,
    /// `2 / sqrt(c)`.
    twice: f32,
    k: f32,
    /// `c^(-3/2)`.
    bend: f32,
}

impl Scale {
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation)] // factors of a row
    pub(crate) fn new(c: f64) -> Self {
        let root = c.sqrt();
        Self { root: root as f32, twice: (2.0 / root) as f32, k: c as f32, bend: (1.0 / (c * root)) as f32 }
    }
}

/// Distance and slopes from the separation, alpha and `|x|^2` of both points.
#[inline(always)]
#[allow(clippy::many_single_char_names)] // those of the formulas
fn row(r: f32, near: [f32; 2], squares: [f32; 2], scale: &Scale) -> [f32; SLOPES + 1] {
    let steep = 1.0 / (near[0] * near[1]).sqrt();
    let t = r * steep * scale.root;
    let q = t * t;
    let h = (1.0 + q).sqrt();
    let y = log1p(t + q / (1.0 + h));
    let y = if t < f32::INFINITY { y } else { t }; // a NaN stays one
    // d(d)/d(r); the rest is the change of alpha and of beta.
    let w = 2.0 * steep / h;
    let toward = if r == 0.0 { 0.0 } else { w / r };
    let turn = w * r;
    let (own, other) = (turn / near[0], turn / near[1]);
    let spread = 0.5 * (squares[0] * own + squares[1] * other);
    let p = y * y;
    let series = y * p * (1.0 / 3.0 + p * (-2.0 / 15.0 + p * (17.0 / 315.0 + p * (-62.0 / 2835.0))));
    let excess = if y < 0.2 { series } else { y - t / h };
    [y * scale.twice, toward, scale.k * own, scale.k * other, spread - scale.bend * excess]
}

#[inline(always)]
pub(crate) fn weigh_rows(
    points: [&[f32]; 2],
    dim: usize,
    slopes: &[f32],
    g: &[f32],
    out: [&mut [f32]; 2],
) -> f64 {
    match dim {
        16 => weigh_fixed::<16>(points, dim, slopes, g, out),
        _ => weigh_fixed::<0>(points, dim, slopes, g, out),
    }
}

#[inline(always)]
fn weigh_fixed<const D: usize>(
    [x, y]: [&[f32]; 2],
    dim: usize,
    slopes: &[f32],
    g: &[f32],
    [gx, gy]: [&mut [f32]; 2],
) -> f64 {
    let dim = if D == 0 { dim } else { D };
    let mut bend = 0.0;
    let gradients = gx.chunks_exact_mut(dim).zip(gy.chunks_exact_mut(dim));
    let points = x.chunks_exact(dim).zip(y.chunks_exact(dim));
    let scalars = slopes.chunks_exact(SLOPES).zip(g);
    for ((slopes, &g), ((x, y), (gx, gy))) in scalars.zip(points.zip(gradients)) {
        let (toward, own, other) = (g * slopes[0], g * slopes[1], g * slopes[2]);
        bend += f64::from(g) * f64::from(slopes[3]);
        for i in 0..dim {
            let pull = toward * (x[i] - y[i]);
            gx[i] = pull + own * x[i];
            gy[i] = other * y[i] - pull;
        }
    }
    bend
}
