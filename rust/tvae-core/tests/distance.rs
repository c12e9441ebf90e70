//! Distances of paired points: the definition in float64, every slope by differences, and the edges.

#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // random points
#![allow(clippy::many_single_char_names)] // those of the formulas

use tvae_core::distance::{SLOPES, distances, pull};

fn points(n: usize, dim: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24) - 0.5
    };
    (0..n * dim).map(|_| (next() / (dim as f64).sqrt()) as f32).collect()
}

fn plain(x: &[f64], y: &[f64], c: f64) -> f64 {
    let s: f64 = x.iter().zip(y).map(|(a, b)| (a - b) * (a - b)).sum();
    let alpha = 1.0 - c * x.iter().map(|a| a * a).sum::<f64>();
    let beta = 1.0 - c * y.iter().map(|b| b * b).sum::<f64>();
    2.0 / c.sqrt() * (c * s / (alpha * beta)).sqrt().asinh()
}

#[test]
fn values_and_slopes_are_those_of_the_definition() {
    for (n, dim, c) in [(1, 1, 1.0), (17, 3, 0.5), (40, 16, 2.0), (5, 100, 1e-2)] {
        let (x, y) = (points(n, dim, 1), points(n, dim, 2));
        let (mut d, mut slopes) = (vec![0.0; n], vec![0.0; n * SLOPES]);
        distances([&x, &y], dim, c, &mut d, Some(&mut slopes)).unwrap();
        let (mut gx, mut gy) = (vec![0.0; n * dim], vec![0.0; n * dim]);
        let gc = pull([&x, &y], dim, &slopes, &vec![1.0; n], [&mut gx, &mut gy]).unwrap();
        let mut total = 0.0;
        let step = 1e-6;
        for i in 0..n {
            let at = i * dim..(i + 1) * dim;
            let a: Vec<f64> = x[at.clone()].iter().map(|&v| v.into()).collect();
            let b: Vec<f64> = y[at.clone()].iter().map(|&v| v.into()).collect();
            let truth = plain(&a, &b, c);
            assert!((f64::from(d[i]) / truth - 1.0).abs() < 5e-7);
            for k in 0..dim {
                let (mut up, mut down) = (a.clone(), a.clone());
                up[k] += step;
                down[k] -= step;
                let slope = (plain(&up, &b, c) - plain(&down, &b, c)) / (2.0 * step);
                assert!((f64::from(gx[at.start + k]) - slope).abs() < 1e-5 * (1.0 + slope.abs()));
                let slope = (plain(&b, &up, c) - plain(&b, &down, c)) / (2.0 * step);
                let mut swapped = (vec![0.0; n * dim], vec![0.0; n * dim]);
                let mut back = vec![0.0; n * SLOPES];
                distances([&y, &x], dim, c, &mut d.clone(), Some(&mut back)).unwrap();
                pull([&y, &x], dim, &back, &vec![1.0; n], [&mut swapped.0, &mut swapped.1]).unwrap();
                assert!((f64::from(swapped.1[at.start + k]) - slope).abs() < 1e-5 * (1.0 + slope.abs()));
            }
            total += (plain(&a, &b, c * (1.0 + step)) - plain(&a, &b, c * (1.0 - step))) / (2.0 * step * c);
        }
        assert!((gc - total).abs() < 1e-5 * total.abs());
    }
}

#[test]
fn edges() {
    let x = [0.0, 0.0, 1e-30, 0.0, 1.0, 0.0, 3.0, 4.0, f32::NAN, 0.0, 0.3, 0.4];
    let y = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.3, 0.4];
    let (mut d, mut slopes) = ([0.0; 6], [0.0; 24]);
    distances([&x, &y], 2, 1.0, &mut d, Some(&mut slopes)).unwrap();
    assert!((d[1] / 2e-30 - 1.0).abs() < 1e-6);
    assert!(d[4].is_nan() && d[0] == 0.0 && d[5] == 0.0 && d[2].is_finite() && d[3].is_finite());
    let (mut gx, mut gy) = ([0.0; 12], [0.0; 12]);
    pull([&x, &y], 2, &slopes, &[1.0; 6], [&mut gx, &mut gy]).unwrap();
    assert!(gx[8].is_nan() && gx[10] == 0.0 && gx[4] > 0.0 && gx[4].is_finite());
    assert!(distances([&x, &y[..10]], 2, 1.0, &mut d, None).is_err());
    assert!(distances([&x, &y], 2, -1.0, &mut d, None).is_err());
    assert!(distances([&[], &[]], 2, 1.0, &mut [], None).is_ok());
}
