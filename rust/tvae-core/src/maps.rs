//! Radius, exponential and logarithmic map at 0, and projection, each in one pass over the points and back.
//!
//! A map multiplies each row by a scalar of its length, `y = f x`. Its Jacobian stretches directions across the
//! row by `f` and the direction of the row by `h = f + 2 w f'`, `w = c |x|^2`, which has a closed form of its
//! own (`sech^2`, `1 / alpha`, 0 or 1), so that with `p = <g, x> / |x|^2`
//!
//! ```text
//! gx = f (g - p x) + h p x        gc = (h - f) <g, x> / (2 c)
//! ```
//!
//! keeps its digits where `f g + 2 c f' <g, x> x` cancels. Norms, `alpha` and what is subtracted are float64.

#![allow(clippy::needless_range_loop)] // the form of loop that is compiled into lanes
#![allow(clippy::many_single_char_names)] // those of the formulas

use crate::distance::clamp;
use crate::rows::{BLOCK, filled, products, square_rows};
use crate::scalar::{exp_near, exp_split, log1p};
use crate::simd::Four;
use crate::{Error, simd};

/// What a loop computes of each row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Map {
    /// The distance from 0: one number a row.
    Radius,
    /// The point that a tangent vector at 0 leads to.
    Expmap,
    /// The tangent vector at 0 that leads to a point.
    Logmap,
    /// The nearest point with `sqrt(c) |x| <= rho`.
    Project {
        /// The bound, in (0, 1).
        rho: f64,
    },
}

/// Slopes of a row: across it, along it, and in the curvature; those of a map are `f`, `h` and `h - f`.
pub const SLOPES: usize = 3;

/// Writes the image of each row of `x` (its radius, for [`Map::Radius`]), and the slopes that [`pull`] takes.
///
/// # Errors
/// [`Error::Length`] if lengths do not match, [`Error::Scalar`] for a curvature that is not positive or
/// points without coordinates.
pub fn image(
    map: Map,
    x: &[f32],
    dim: usize,
    c: f64,
    out: &mut [f32],
    slopes: Option<&mut [f32]>,
) -> Result<(), Error> {
    crate::cloud::check_ball(dim, c)?;
    let n = if map == Map::Radius { out.len() } else { out.len() / dim };
    crate::padic::same_length("x", n * dim, x.len())?;
    if map != Map::Radius {
        crate::padic::same_length("out", x.len(), out.len())?;
    }
    if let Some(slopes) = &slopes {
        crate::padic::same_length("slopes", n * SLOPES, slopes.len())?;
    }
    simd::image(map, x, dim, c, out, slopes);
    Ok(())
}

/// Writes the gradient in `x` for the upstream `g` (a number a row for [`Map::Radius`], else one a coordinate)
/// and returns the one in `c`.
///
/// # Errors
/// [`Error::Length`] if lengths do not match, [`Error::Scalar`] as [`image`].
pub fn pull(
    map: Map,
    x: &[f32],
    dim: usize,
    c: f64,
    slopes: &[f32],
    g: &[f32],
    out: &mut [f32],
) -> Result<f64, Error> {
    crate::cloud::check_ball(dim, c)?;
    let n = x.len() / dim;
    crate::padic::same_length("x", n * dim, x.len())?;
    crate::padic::same_length("slopes", n * SLOPES, slopes.len())?;
    crate::padic::same_length("g", if map == Map::Radius { n } else { x.len() }, g.len())?;
    crate::padic::same_length("gradient", x.len(), out.len())?;
    Ok(simd::pull_back(map, x, dim, c, slopes, g, out))
}

#[inline(always)]
pub(crate) fn image_rows<F: Four>(
    map: Map,
    x: &[f32],
    dim: usize,
    c: f64,
    out: &mut [f32],
    slopes: Option<&mut [f32]>,
) {
    match dim {
        16 => image_fixed::<F, 16>(map, x, dim, c, out, slopes),
        _ => image_fixed::<F, 0>(map, x, dim, c, out, slopes),
    }
}

#[inline(always)]
fn image_fixed<F: Four, const D: usize>(
    map: Map,
    x: &[f32],
    dim: usize,
    c: f64,
    out: &mut [f32],
    slopes: Option<&mut [f32]>,
) {
    let dim = if D == 0 { dim } else { D };
    let wide = if map == Map::Radius { 1 } else { dim };
    let mut slopes = slopes.map(|slopes| slopes.chunks_mut(BLOCK * SLOPES));
    for (x, out) in x.chunks(BLOCK * dim).zip(out.chunks_mut(BLOCK * wide)) {
        let squares = square_rows::<F>(x, dim);
        let mut rows = [[0.0; BLOCK]; SLOPES + 1];
        match map {
            Map::Radius => radii(&squares, c, &mut rows),
            Map::Expmap => expmaps(&squares, c, &mut rows),
            Map::Logmap => logmaps(&squares, c, &mut rows),
            Map::Project { rho } => projections(&squares, c, rho, &mut rows),
        }
        let [value, rows @ ..] = &rows;
        if map == Map::Radius {
            out.copy_from_slice(&value[..out.len()]);
        } else {
            for ((row, out), &f) in x.chunks_exact(dim).zip(out.chunks_exact_mut(dim)).zip(value) {
                for (out, &x) in out.iter_mut().zip(row) {
                    *out = f * x;
                }
            }
        }
        if let Some(slopes) = slopes.as_mut().and_then(Iterator::next) {
            for (i, row) in slopes.chunks_exact_mut(SLOPES).enumerate() {
                for (slope, values) in row.iter_mut().zip(rows) {
                    *slope = values[i];
                }
            }
        }
    }
}

type Scalars = [[f32; BLOCK]; SLOPES + 1];

/// Below this `w = c |x|^2` the difference `h - f` is a series.
const SERIES_END: f32 = 0.09;

/// What the length of each row gives, rounded once its digits are safe.
struct Lengths {
    /// `2 u (1 + u) / alpha`, whose `log1p` is `2 artanh u`.
    odds: [f32; BLOCK],
    /// `u = sqrt(c) |x|`.
    u: [f32; BLOCK],
    /// `1 / alpha`.
    inverse: [f32; BLOCK],
    /// `2 / (alpha |x|)`, 0 at 0.
    steep: [f32; BLOCK],
}

// Loop by loop, float64 before float32, so that each runs in the lanes of a register.
#[inline(always)]
#[allow(clippy::cast_possible_truncation)] // the purpose
fn lengths(squares: &[f64; BLOCK], c: f64) -> Lengths {
    let root = c.sqrt();
    let zero = [0.0; BLOCK];
    let mut of = Lengths { odds: zero, u: zero, inverse: zero, steep: zero };
    for i in 0..BLOCK {
        let n = squares[i].sqrt();
        let away = if n == 0.0 { 1.0 } else { n };
        let u = root * n;
        let both = 1.0 / (clamp(1.0 - c * squares[i]) * away);
        let inverse = both * away;
        let steep = if both > 5e37 { 5e37 } else { both };
        of.odds[i] = (2.0 * u * (1.0 + u) * inverse) as f32;
        of.u[i] = u as f32;
        of.inverse[i] = inverse as f32;
        of.steep[i] = (2.0 * steep) as f32;
    }
    of
}

/// The radius, `2 / (alpha |x|)`, nothing, and the derivative in `c`.
#[inline(always)]
#[allow(clippy::cast_possible_truncation)] // factors of a row
fn radii(squares: &[f64; BLOCK], c: f64, rows: &mut Scalars) {
    let (unit, bend) = ((1.0 / c.sqrt()) as f32, (1.0 / (c * c.sqrt())) as f32);
    let of = lengths(squares, c);
    for i in 0..BLOCK {
        let (full, u) = (log1p_or_nan(of.odds[i]), of.u[i]);
        rows[0][i] = full * unit;
        rows[1][i] = if u == 0.0 { 0.0 } else { of.steep[i] };
        rows[3][i] = bend * u * growth(u * u, of.inverse[i], 0.5 * full / u);
    }
}

/// `A = artanh(u) / u`, itself, `1 / alpha`, and their difference.
#[inline(always)]
fn logmaps(squares: &[f64; BLOCK], c: f64, rows: &mut Scalars) {
    let of = lengths(squares, c);
    for i in 0..BLOCK {
        let u = of.u[i];
        let f = 0.5 * log1p_or_nan(of.odds[i]) / u;
        let f = if u == 0.0 { 1.0 } else { f };
        rows[0][i] = f;
        rows[1][i] = f;
        rows[2][i] = of.inverse[i];
        rows[3][i] = growth(u * u, of.inverse[i], f);
    }
}

#[inline(always)]
fn log1p_or_nan(u: f32) -> f32 {
    let y = log1p(u);
    if u < f32::INFINITY { y } else { u }
}

/// `1 / alpha - artanh(u) / u` for `w = u^2`: `2 w / 3 + 4 w^2 / 5 + 6 w^3 / 7 + ...`.
#[inline(always)]
fn growth(w: f32, inverse: f32, slope: f32) -> f32 {
    let series = 10.0 / 11.0 + w * (12.0 / 13.0 + w * (14.0 / 15.0));
    let series = w * (2.0 / 3.0 + w * (4.0 / 5.0 + w * (6.0 / 7.0 + w * (8.0 / 9.0 + w * series))));
    if w < SERIES_END { series } else { inverse - slope }
}

/// `tanh(z) / z`, itself, `sech^2 z`, and their difference.
#[inline(always)]
#[allow(clippy::cast_possible_truncation)] // scalars become float32 once their digits are safe
fn expmaps(squares: &[f64; BLOCK], c: f64, rows: &mut Scalars) {
    let (mut rest, mut power, mut length) = ([0.0; BLOCK], [0.0; BLOCK], [0.0; BLOCK]);
    for i in 0..BLOCK {
        let z = (c * squares[i]).sqrt();
        (rest[i], power[i]) = exp_split(2.0 * z);
        length[i] = z as f32;
    }
    for i in 0..BLOCK {
        let (z, e) = (length[i], exp_near(rest[i]) * power[i]);
        let (w, near, sum) = (z * z, z * z < SERIES_END, 1.0 + e);
        let tail = 17.0 / 315.0 - w * (62.0 / 2835.0 - w * (1382.0 / 155_925.0));
        let tail = 1.0 - w * (1.0 / 3.0 - w * (2.0 / 15.0 - w * tail));
        let f = if near { tail } else { (1.0 - e) / (sum * z) };
        let h = 4.0 * e / (sum * sum);
        let series = 4.0 / 15.0 - w * (17.0 / 105.0 - w * (248.0 / 2835.0 - w * (1382.0 / 31185.0)));
        let series = 2.0 * w * (w * series - 1.0 / 3.0);
        rows[0][i] = f;
        rows[1][i] = f;
        rows[2][i] = h;
        rows[3][i] = if near { series } else { h - f };
    }
}

/// `min(1, rho / u)`, itself, 1 inside and 0 outside, and their difference.
#[inline(always)]
#[allow(clippy::cast_possible_truncation)] // scalars become float32 once their digits are safe
fn projections(squares: &[f64; BLOCK], c: f64, rho: f64, rows: &mut Scalars) {
    let bound = rho / c.sqrt();
    for i in 0..BLOCK {
        let n = squares[i].sqrt();
        let outside = n > bound;
        let f = if outside { bound / n } else { 1.0 };
        let f = if n.is_nan() { n } else { f } as f32;
        rows[0][i] = f;
        rows[1][i] = f;
        rows[2][i] = if outside { 0.0 } else { 1.0 };
        rows[3][i] = if outside { -f } else { 0.0 };
    }
}

#[inline(always)]
pub(crate) fn pull_rows<F: Four>(
    map: Map,
    x: &[f32],
    dim: usize,
    c: f64,
    slopes: &[f32],
    g: &[f32],
    out: &mut [f32],
) -> f64 {
    match (map, dim) {
        (Map::Radius, 16) => stretch::<16>(x, dim, slopes, g, out),
        (Map::Radius, _) => stretch::<0>(x, dim, slopes, g, out),
        (_, 16) => turn::<F, 16>(x, dim, c, slopes, g, out),
        _ => turn::<F, 0>(x, dim, c, slopes, g, out),
    }
}

#[inline(always)]
fn stretch<const D: usize>(x: &[f32], dim: usize, slopes: &[f32], g: &[f32], out: &mut [f32]) -> f64 {
    let dim = if D == 0 { dim } else { D };
    let mut bend = 0.0;
    let rows = x.chunks_exact(dim).zip(out.chunks_exact_mut(dim));
    for ((x, out), (slopes, &g)) in rows.zip(slopes.chunks_exact(SLOPES).zip(g)) {
        let along = g * slopes[0];
        bend += f64::from(g) * f64::from(slopes[2]);
        for (out, &x) in out.iter_mut().zip(x) {
            *out = along * x;
        }
    }
    bend
}

#[inline(always)]
fn turn<F: Four, const D: usize>(
    x: &[f32],
    dim: usize,
    c: f64,
    slopes: &[f32],
    g: &[f32],
    out: &mut [f32],
) -> f64 {
    let dim = if D == 0 { dim } else { D };
    let mut bend = 0.0;
    let rows = x.chunks_exact(dim).zip(g.chunks_exact(dim)).zip(out.chunks_exact_mut(dim));
    for (((x, g), out), slopes) in rows.zip(slopes.chunks_exact(SLOPES)) {
        let [f, h, e] = [slopes[0], slopes[1], slopes[2]].map(f64::from);
        let [along, square] = products::<F>(g, x);
        // A row that the curvature does not move adds nothing, even if it is NaN.
        bend += if e == 0.0 { 0.0 } else { e * along };
        let p = if square == 0.0 { 0.0 } else { along / square };
        let (f, h, p) = (F::splat(f), F::splat(h), F::splat(p));
        let ((x, last_x), (g, last_g), (out, last)) = (x.as_chunks(), g.as_chunks(), out.as_chunks_mut());
        for ((out, x), g) in out.iter_mut().zip(x).zip(g) {
            let x = p.mul(F::load(x));
            f.mul(F::load(g).sub(x)).add(h.mul(x)).store(out);
        }
        if !last.is_empty() {
            let mut four = [0.0; 4];
            let x = p.mul(F::load(&filled(last_x)));
            f.mul(F::load(&filled(last_g)).sub(x)).add(h.mul(x)).store(&mut four);
            last.copy_from_slice(&four[..last.len()]);
        }
    }
    bend / (2.0 * c)
}
