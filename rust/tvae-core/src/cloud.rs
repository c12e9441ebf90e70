//! The points of all operations, checked, with the factor that turns a chord into a distance.
//!
//! `d(x, y) = (2 / sqrt c) asinh sqrt q` with `q = c s / (alpha beta)`, `s = |x - y|^2` and
//! `alpha = 1 - c |x|^2`. The order of `q` is the order of `d`, so statistics of ranks need no logarithm.
//! `s` is a sum of squared differences, which does not cancel for near points; `alpha` is computed in
//! float64, which keeps it accurate next to the rim.

use std::borrow::Cow;

use crate::padic::same_length;
use crate::{Depth, Error};

/// Positions per block of the transposed layout: two AVX2 registers, four SSE2 ones.
pub(crate) const LANES: usize = 16;

/// A float32 or float64.
pub trait Coordinate: Copy + Into<f64> {
    /// The same numbers as float32, in place where they are already.
    fn rounded(values: &[Self]) -> Cow<'_, [f32]>;
}

impl Coordinate for f32 {
    fn rounded(values: &[Self]) -> Cow<'_, [f32]> {
        Cow::Borrowed(values)
    }
}

impl Coordinate for f64 {
    #[allow(clippy::cast_possible_truncation)] // rounding is the purpose
    fn rounded(values: &[Self]) -> Cow<'_, [f32]> {
        values.iter().map(|&x| x as f32).collect()
    }
}

/// Points as rows, with `sqrt(c) / alpha` of each.
pub(crate) struct Points<'a> {
    pub(crate) rows: Cow<'a, [f32]>,
    pub(crate) dim: usize,
    pub(crate) factors: Vec<f32>,
}

impl<'a> Points<'a> {
    /// Checks that every point is finite and inside the ball of curvature `c`.
    ///
    /// Float64 input is rounded to float32 for chords, after `alpha` has been taken from it.
    #[allow(clippy::cast_possible_truncation)] // factors are float32 by design
    pub(crate) fn new<T: Coordinate>(depth: Depth, rows: &'a [T], dim: usize, c: f64) -> Result<Self, Error> {
        check(depth, rows.len(), dim, c)?;
        let factors = rows.chunks_exact(dim).enumerate().map(|(row, point)| {
            let square: f64 = point.iter().map(|&x| x.into() * x.into()).sum();
            if !square.is_finite() {
                let value = point.iter().map(|&x| x.into()).find(|x| !x.is_finite()).unwrap_or(square);
                return Err(Error::NotFinite { path: "points", row, value });
            }
            let alpha = 1.0 - c * square;
            if alpha > 0.0 {
                Ok((c.sqrt() / alpha) as f32)
            } else {
                Err(Error::OutsideBall { row, value: c * square })
            }
        });
        let factors = factors.collect::<Result<_, _>>()?;
        Ok(Self { rows: T::rounded(rows), dim, factors })
    }

    /// The same without refusals: alpha is held above `least`, and what is not finite stays so.
    #[allow(clippy::cast_possible_truncation)] // factors are float32 by design
    pub(crate) fn clamped(
        depth: Depth,
        rows: &'a [f32],
        dim: usize,
        c: f64,
        least: f64,
    ) -> Result<Self, Error> {
        check(depth, rows.len(), dim, c)?;
        let factors = rows.chunks_exact(dim).map(|point| {
            let alpha = 1.0 - c * point.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>();
            (c.sqrt() / if alpha < least { least } else { alpha }) as f32
        });
        Ok(Self { factors: factors.collect(), rows: Cow::Borrowed(rows), dim })
    }

    pub(crate) fn row(&self, index: u32) -> &[f32] {
        let start = index as usize * self.dim;
        &self.rows[start..start + self.dim]
    }
}

fn check(depth: Depth, length: usize, dim: usize, c: f64) -> Result<(), Error> {
    check_ball(dim, c)?;
    same_length("points", depth.size() as usize * dim, length)
}

/// Refuses a curvature that no ball can have, and points without coordinates.
pub(crate) fn check_ball(dim: usize, c: f64) -> Result<(), Error> {
    if !(c.is_finite() && c > 0.0) {
        return Err(Error::Scalar { path: "curvature", got: c.to_string(), expected: "a positive number" });
    }
    if dim == 0 {
        return Err(Error::Scalar { path: "points", got: "0 columns".into(), expected: "1 column or more" });
    }
    Ok(())
}

/// Points in the order of reversed digits, in blocks of `LANES` positions, coordinate by coordinate.
pub(crate) struct Cloud {
    pub(crate) dim: usize,
    pub(crate) blocks: Vec<f32>,
    /// `sqrt(c) / alpha` by position, or 1 where plain chords are ranked.
    pub(crate) factors: Vec<f32>,
}

impl Cloud {
    pub(crate) fn new(depth: Depth, points: &Points) -> Self {
        let size = depth.size() as usize;
        let padded = size.next_multiple_of(LANES);
        let mut blocks = vec![0.0; padded * points.dim];
        let mut factors = vec![0.0; padded];
        for index in 0..depth.size() {
            let position = depth.reverse(index) as usize;
            factors[position] = points.factors[index as usize];
            let start = (position / LANES) * LANES * points.dim + position % LANES;
            for (d, &x) in points.row(index).iter().enumerate() {
                blocks[start + d * LANES] = x;
            }
        }
        Self { dim: points.dim, blocks, factors }
    }

    /// Ranks chords `|x - y|` from here on.
    pub(crate) fn flatten(&mut self) {
        self.factors.fill(1.0);
    }
}
