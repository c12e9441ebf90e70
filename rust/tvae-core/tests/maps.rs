//! Radius, maps at 0 and projection: the definition in float64, every slope by differences, both builds, edges.

#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // random points
#![allow(clippy::many_single_char_names)] // those of the formulas

use tvae_core::maps::{Map, SLOPES, image, pull};
use tvae_core::simd;

fn points(n: usize, dim: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24) - 0.5
    };
    (0..n * dim).map(|_| (next() / (dim as f64).sqrt()) as f32).collect()
}

/// `<g, map(x)>`, the radius itself for `Map::Radius` and a `g` of 1.
fn plain(map: Map, x: &[f64], g: &[f64], c: f64) -> f64 {
    let n = x.iter().map(|a| a * a).sum::<f64>().sqrt();
    let (u, along) = (c.sqrt() * n, x.iter().zip(g).map(|(a, b)| a * b).sum::<f64>());
    match map {
        Map::Radius => 2.0 * u.atanh() / c.sqrt(),
        Map::Expmap => u.tanh() / u * along,
        Map::Logmap => u.atanh() / u * along,
        Map::Project { rho } => (rho / u).min(1.0) * along,
    }
}

const MAPS: [Map; 4] = [Map::Radius, Map::Expmap, Map::Logmap, Map::Project { rho: 0.2 }];

#[test]
fn values_and_slopes_are_those_of_the_definition() {
    for map in MAPS {
        for (n, dim, c) in [(1, 1, 1.0), (17, 3, 0.5), (40, 16, 2.0), (5, 100, 1e-2)] {
            let (x, g) = (points(n, dim, 1), points(n, dim, 2));
            let wide = if map == Map::Radius { 1 } else { dim };
            let g = if map == Map::Radius { vec![1.0; n] } else { g };
            let (mut out, mut slopes, mut gx) =
                (vec![0.0; n * wide], vec![0.0; n * SLOPES], vec![0.0; n * dim]);
            image(map, &x, dim, c, &mut out, Some(&mut slopes)).unwrap();
            let gc = pull(map, &x, dim, c, &slopes, &g, &mut gx).unwrap();
            let (mut total, step) = (0.0, 1e-6);
            for i in 0..n {
                let a: Vec<f64> = x[i * dim..(i + 1) * dim].iter().map(|&v| v.into()).collect();
                let b: Vec<f64> = g[i * wide..(i + 1) * wide].iter().map(|&v| v.into()).collect();
                let truth = plain(map, &a, &b, c);
                let got: f64 =
                    out[i * wide..(i + 1) * wide].iter().zip(&b).map(|(&v, b)| f64::from(v) * b).sum();
                assert!((got - truth).abs() < 1e-6 * (0.01 + truth.abs()), "{map:?}");
                for k in 0..dim {
                    let (mut up, mut down) = (a.clone(), a.clone());
                    up[k] += step;
                    down[k] -= step;
                    let slope = (plain(map, &up, &b, c) - plain(map, &down, &b, c)) / (2.0 * step);
                    assert!((f64::from(gx[i * dim + k]) - slope).abs() < 1e-5 * (1.0 + slope.abs()));
                }
                let (more, less) = (c * (1.0 + step), c * (1.0 - step));
                total += (plain(map, &a, &b, more) - plain(map, &a, &b, less)) / (more - less);
            }
            assert!((gc - total).abs() < 1e-4 * (1e-2 + total.abs()), "{map:?} {gc} {total}");
        }
    }
}

#[test]
fn both_builds_give_the_same_bits() {
    let (n, dim) = (37, 13);
    let (x, g) = (points(n, dim, 3), points(n, dim, 4));
    for map in MAPS {
        let results = [true, false].map(|baseline| {
            simd::restrict(baseline);
            let wide = if map == Map::Radius { n } else { n * dim };
            let (mut out, mut slopes, mut gx) = (vec![0.0; wide], vec![0.0; n * SLOPES], vec![0.0; n * dim]);
            image(map, &x, dim, 0.7, &mut out, Some(&mut slopes)).unwrap();
            let gc = pull(map, &x, dim, 0.7, &slopes, &g[..wide], &mut gx).unwrap();
            (out, slopes, gx, gc.to_bits())
        });
        assert_eq!(results[0], results[1]);
    }
}

#[test]
fn edges() {
    let x = [0.0, 0.0, 1e-30, 0.0, 1.0, 0.0, 3.0, 4.0, f32::NAN, 0.0];
    for map in MAPS {
        let wide = if map == Map::Radius { 5 } else { 10 };
        let (mut out, mut slopes, mut gx) = (vec![0.0; wide], [0.0; 15], [0.0; 10]);
        image(map, &x, 2, 1.0, &mut out, Some(&mut slopes)).unwrap();
        pull(map, &x, 2, 1.0, &slopes, &vec![1.0; wide], &mut gx).unwrap();
        let nan = wide / 5 * 4;
        assert!(out[nan].is_nan() && gx[8].is_nan(), "{map:?}");
        assert!(out[..nan].iter().chain(&gx[..8]).all(|v| v.is_finite()), "{map:?}");
        let at_zero = if map == Map::Radius { 0.0_f32 } else { 1.0 };
        assert!(out[0] == 0.0 && gx[0].to_bits() == at_zero.to_bits(), "{map:?}");
        assert!(image(map, &x[..9], 2, 1.0, &mut out, None).is_err());
        assert!(image(map, &x, 2, -1.0, &mut out, None).is_err());
        assert!(image(map, &[], 2, 1.0, &mut [], None).is_ok());
    }
}
