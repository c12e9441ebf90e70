//! The loss over all pairs: its definition pair by pair in float64, and its edges.

#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // random points and small levels
#![allow(clippy::many_single_char_names)] // those of the formulas

use tvae_core::Depth;
use tvae_core::structure::{Band, structure};

fn cloud(n: usize, dim: usize, radius: f64) -> Vec<f32> {
    let mut state = 7_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24) - 0.5
    };
    (0..n * dim).map(|_| (next() * 2.0 * radius / (dim as f64).sqrt()) as f32).collect()
}

/// The definition, pair by pair in float64.
fn plain(depth: Depth, x: &[f64], dim: usize, c: f64, bands: &[Band], squared: bool) -> f64 {
    let n = depth.size();
    let mut total = 0.0;
    for i in 0..n {
        for j in 0..i {
            let band = bands[depth.valuation(i - j) as usize];
            let (a, b) = (&x[i as usize * dim..][..dim], &x[j as usize * dim..][..dim]);
            let s: f64 = a.iter().zip(b).map(|(p, q)| (p - q) * (p - q)).sum();
            let alpha = 1.0 - c * a.iter().map(|p| p * p).sum::<f64>();
            let beta = 1.0 - c * b.iter().map(|p| p * p).sum::<f64>();
            let d = 2.0 / c.sqrt() * (c * s / (alpha * beta)).sqrt().asinh();
            let e = (d - f64::from(band.hi)).max(f64::from(band.lo) - d).max(0.0);
            total += f64::from(band.weight) * if squared { e * e } else { e };
        }
    }
    total
}

fn bands(depth: u32) -> Vec<Band> {
    (0..depth)
        .map(|k| {
            let lo = 2.0 / (k as f32 + 1.0);
            Band { lo, hi: lo + 0.3, weight: 0.5 + k as f32 }
        })
        .collect()
}

#[test]
fn value_and_gradients_are_those_of_the_definition() {
    for (levels, dim, c, squared) in
        [(3, 2, 1.0, true), (4, 5, 0.7, false), (4, 16, 2.0, true), (1, 1, 1.0, true)]
    {
        let depth = Depth::new(levels).unwrap();
        let rows = cloud(depth.size() as usize, dim, 0.5);
        let bands = bands(levels);
        let found = structure(depth, &rows, dim, c, &bands, squared).unwrap();
        let wide: Vec<f64> = rows.iter().map(|&x| f64::from(x)).collect();
        let truth = plain(depth, &wide, dim, c, &bands, squared);
        assert!((found.value / truth - 1.0).abs() < 1e-6, "{} {truth}", found.value);
        let step = 1e-6;
        let mut largest: f64 = 0.0;
        for at in [0, rows.len() / 2, rows.len() - 1] {
            let mut moved = wide.clone();
            moved[at] += step;
            let up = plain(depth, &moved, dim, c, &bands, squared);
            moved[at] -= 2.0 * step;
            let slope = (up - plain(depth, &moved, dim, c, &bands, squared)) / (2.0 * step);
            largest = largest.max((f64::from(found.points[at]) - slope).abs() / (1.0 + slope.abs()));
        }
        assert!(largest < 1e-3, "{largest}");
        let up = plain(depth, &wide, dim, c + step, &bands, squared);
        let slope = (up - plain(depth, &wide, dim, c - step, &bands, squared)) / (2.0 * step);
        assert!((found.curvature - slope).abs() < 1e-4 * (1.0 + slope.abs()));
    }
}

#[test]
fn what_is_not_finite_shows() {
    let depth = Depth::new(2).unwrap();
    let mut rows = cloud(9, 3, 0.5);
    rows[4] = f32::NAN;
    let found = structure(depth, &rows, 3, 1.0, &bands(2), true).unwrap();
    assert!(found.value.is_nan() && found.points.iter().all(|g| g.is_nan()) && found.curvature.is_nan());
}

#[test]
fn coinciding_and_clamped_points_stay_finite() {
    let depth = Depth::new(2).unwrap();
    let mut rows = vec![0.0; 27];
    rows[26] = 1.0;
    rows[23] = -3.0;
    let found = structure(depth, &rows, 3, 1.0, &bands(2), true).unwrap();
    assert!(found.value.is_finite() && found.points.iter().all(|g| g.is_finite()));
}

#[test]
fn wrong_lengths_are_refused() {
    let depth = Depth::new(2).unwrap();
    assert!(structure(depth, &[0.0; 27], 3, 1.0, &bands(1), true).is_err());
    assert!(structure(depth, &[0.0; 26], 3, 1.0, &bands(2), true).is_err());
    assert!(structure(depth, &[0.0; 27], 3, 0.0, &bands(2), true).is_err());
}
