//! Sums over the coordinates of rows, in float64, where products of float32 are exact.

#![allow(clippy::many_single_char_names)] // those of the formulas

use crate::simd::Four;

/// Rows whose scalars are computed side by side.
pub(crate) const BLOCK: usize = 16;

// No closures: one that is not inlined would call every instruction of `Four`.

/// `|a|^2` of each row of a block of at most [`BLOCK`] rows.
#[inline(always)]
pub(crate) fn square_rows<F: Four>(rows: &[f32], dim: usize) -> [f64; BLOCK] {
    let mut sums = [0.0; BLOCK];
    let n = rows.len() / dim;
    for start in (0..n).step_by(4) {
        let mut lanes = [F::ZERO; 4];
        for (lanes, row) in lanes.iter_mut().zip(rows[start * dim..].chunks_exact(dim)) {
            *lanes = square_lanes::<F>(row);
        }
        sums[start..start + 4].copy_from_slice(&F::totals(lanes));
    }
    sums
}

/// `|a - b|^2`, `|a|^2` and `|b|^2` of each row of a block.
#[inline(always)]
pub(crate) fn gap_rows<F: Four>(a: &[f32], b: &[f32], dim: usize) -> [[f64; BLOCK]; 3] {
    let mut sums = [[0.0; BLOCK]; 3];
    let n = a.len() / dim;
    for start in (0..n).step_by(4) {
        let mut lanes = [[F::ZERO; 4]; 3];
        let rows = a[start * dim..].chunks_exact(dim).zip(b[start * dim..].chunks_exact(dim));
        for (i, (a, b)) in rows.take(4).enumerate() {
            [lanes[0][i], lanes[1][i], lanes[2][i]] = gap_lanes::<F>(a, b);
        }
        for (sums, lanes) in sums.iter_mut().zip(lanes) {
            sums[start..start + 4].copy_from_slice(&F::totals(lanes));
        }
    }
    sums
}

/// The same of rows `i` and `j` of `x` for at most [`BLOCK`] listed pairs.
#[inline(always)]
pub(crate) fn gap_listed<F: Four>(x: &[f32], dim: usize, i: &[u32], j: &[u32]) -> [[f64; BLOCK]; 3] {
    let mut sums = [[0.0; BLOCK]; 3];
    for ((start, i), j) in (0..).step_by(4).zip(i.chunks(4)).zip(j.chunks(4)) {
        let mut lanes = [[F::ZERO; 4]; 3];
        for (at, (&i, &j)) in i.iter().zip(j).enumerate() {
            let (a, b) = (row(x, dim, i), row(x, dim, j));
            [lanes[0][at], lanes[1][at], lanes[2][at]] = gap_lanes::<F>(a, b);
        }
        for (sums, lanes) in sums.iter_mut().zip(lanes) {
            sums[start..start + 4].copy_from_slice(&F::totals(lanes));
        }
    }
    sums
}

#[inline(always)]
pub(crate) fn row(x: &[f32], dim: usize, i: u32) -> &[f32] {
    &x[i as usize * dim..(i as usize + 1) * dim]
}

/// `<a, b>` and `|b|^2`.
#[inline(always)]
pub(crate) fn products<F: Four>(a: &[f32], b: &[f32]) -> [f64; 2] {
    let ((wide_a, rest_a), (wide_b, rest_b)) = (a.as_chunks(), b.as_chunks());
    let [mut along, mut square] = [F::ZERO; 2];
    for (a, b) in wide_a.iter().zip(wide_b) {
        let (a, b) = (F::load(a), F::load(b));
        along = along.add(a.mul(b));
        square = square.add(b.mul(b));
    }
    if !rest_a.is_empty() {
        let (a, b) = (F::load(&filled(rest_a)), F::load(&filled(rest_b)));
        along = along.add(a.mul(b));
        square = square.add(b.mul(b));
    }
    [along.total(), square.total()]
}

#[inline(always)]
fn square_lanes<F: Four>(a: &[f32]) -> F {
    let (wide, rest) = a.as_chunks();
    let mut square = F::ZERO;
    for a in wide {
        let a = F::load(a);
        square = square.add(a.mul(a));
    }
    if !rest.is_empty() {
        let a = F::load(&filled(rest));
        square = square.add(a.mul(a));
    }
    square
}

#[inline(always)]
fn gap_lanes<F: Four>(a: &[f32], b: &[f32]) -> [F; 3] {
    let ((wide_a, rest_a), (wide_b, rest_b)) = (a.as_chunks(), b.as_chunks());
    let mut sums = [F::ZERO; 3];
    for (a, b) in wide_a.iter().zip(wide_b) {
        sums = gap_four(sums, F::load(a), F::load(b));
    }
    if !rest_a.is_empty() {
        sums = gap_four(sums, F::load(&filled(rest_a)), F::load(&filled(rest_b)));
    }
    sums
}

#[inline(always)]
fn gap_four<F: Four>([gap, own, other]: [F; 3], a: F, b: F) -> [F; 3] {
    let d = a.sub(b);
    [gap.add(d.mul(d)), own.add(a.mul(a)), other.add(b.mul(b))]
}

/// Fewer than four coordinates, filled up with 0.
#[inline(always)]
pub(crate) fn filled(rest: &[f32]) -> [f32; 4] {
    let mut four = [0.0; 4];
    four[..rest.len()].copy_from_slice(rest);
    four
}
