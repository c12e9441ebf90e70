//! Statistics of all pairs, against brute force over sorted lists.

#![allow(clippy::cast_precision_loss, clippy::cast_possible_wrap, clippy::float_cmp)] // small numbers, true ties

use tvae_core::Depth;
use tvae_core::pairs::{PairStatistics, Request, Visit, statistics};

const ALL: Request = Request { curvature: 1.0, visit: Visit::Exact, seed: 0, threads: 1, dist_corr: true };

/// Points in the ball from a small generator, `order` of them pulled towards their place in the tree.
fn cloud(depth: Depth, dim: usize, order: f64) -> Vec<f64> {
    let mut state = 42_u64;
    let mut noise = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(state >> 33).unwrap()) / f64::from(1_u32 << 31) - 0.5
    };
    let mut points = Vec::new();
    for i in 0..depth.size() {
        for d in 0..u32::try_from(dim).unwrap() {
            let digit = f64::from((i / 3_u32.pow(d % depth.get())) % 3) - 1.0;
            points.push(
                0.4 / (dim as f64).sqrt()
                    * (order * digit * 0.4_f64.powi(d as i32) + (1.0 - order) * noise()),
            );
        }
    }
    points
}

fn mid_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let end = start + order[start..].iter().take_while(|&&i| values[i] == values[order[start]]).count();
        order[start..end].iter().for_each(|&i| ranks[i] = (start + end) as f64 / 2.0);
        start = end;
    }
    ranks
}

fn spearman(x: &[f64], y: &[f64]) -> f64 {
    let (x, y) = (mid_ranks(x), mid_ranks(y));
    let middle = x.len() as f64 / 2.0;
    let product =
        |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum::<f64>();
    product(&x, &y) / (product(&x, &x) * product(&y, &y)).sqrt()
}

#[test]
fn exact_statistics_equal_brute_force() {
    for n in 2..=5 {
        let depth = Depth::new(n).unwrap();
        let dim = 3;
        for order in [0.0, 0.7, 0.99] {
            let points = cloud(depth, dim, order);
            let row = |i: u32| &points[i as usize * dim..(i as usize + 1) * dim];
            let square = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>();
            let (mut levels, mut balls, mut gaps, mut chords) = (vec![], vec![], vec![], vec![]);
            for j in 0..depth.size() {
                for i in 0..j {
                    let s: f64 = row(i).iter().zip(row(j)).map(|(x, y)| (x - y) * (x - y)).sum();
                    levels.push(f64::from(depth.agreement(i, j)));
                    balls.push(s / ((1.0 - square(row(i))) * (1.0 - square(row(j)))));
                    gaps.push(f64::from(depth.valuation(i).abs_diff(depth.valuation(j))));
                    chords.push(s);
                }
            }
            let found = statistics(depth, &points, dim, &ALL).unwrap();
            assert!(found.exact());
            assert!((found.ultrametric + spearman(&levels, &balls)).abs() < 1e-4);
            assert!((found.dist_corr.unwrap() - spearman(&gaps, &chords)).abs() < 1e-4);
            for (k, share) in found.tree_inversions_by_level.iter().enumerate() {
                let at = |k: usize| {
                    levels.iter().zip(&balls).filter(move |(l, _)| **l == k as f64).map(|(_, d)| *d)
                };
                let near: Vec<f64> = at(k + 1).collect();
                let wrong: usize = at(k).map(|d| near.iter().filter(|&&e| d <= e).count()).sum();
                let all = at(k).count() * near.len();
                assert!((share - wrong as f64 / all as f64).abs() < 0.01, "depth {n}, level {k}");
            }
        }
    }
}

#[test]
fn result_does_not_depend_on_threads() {
    let depth = Depth::new(6).unwrap();
    let points = cloud(depth, 5, 0.7);
    for visit in [Visit::Exact, Visit::Sample(1000)] {
        let run = |threads| statistics(depth, &points, 5, &Request { visit, threads, ..ALL }).unwrap();
        assert_eq!(run(1), run(4));
    }
}

#[test]
fn collapsed_cloud_is_flagged() {
    let depth = Depth::new(4).unwrap();
    for visit in [Visit::Exact, Visit::Sample(50)] {
        let found = statistics(depth, &[0.25_f32; 81 * 2], 2, &Request { visit, ..ALL }).unwrap();
        let PairStatistics { ultrametric, dist_corr, tree_inversions, collapsed, .. } = found;
        assert_eq!((ultrametric, dist_corr, tree_inversions, collapsed), (0.0, Some(0.0), 1.0, true));
    }
}

#[test]
fn bad_points_are_refused() {
    let depth = Depth::new(2).unwrap();
    for (value, word) in [(f32::NAN, "row 4"), (f32::INFINITY, "row 4"), (1.0, "outside the ball")] {
        let mut points = [0.0; 9];
        points[4] = value;
        let error = statistics(depth, &points, 1, &ALL).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    }
    assert!(statistics(depth, &[0.0_f32; 8], 1, &ALL).is_err());
    assert!(statistics(depth, &[0.0_f32; 9], 1, &Request { curvature: -1.0, ..ALL }).is_err());
}
