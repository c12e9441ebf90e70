//! The samplers, as properties: exact levels, and a stream that does not depend on threads.

use proptest::prelude::*;
use tvae_core::in_batch::in_batch_triplets;
use tvae_core::mining::{pairs, triplets};
use tvae_core::strata::{PairShares, TripletShares};
use tvae_core::{Depth, Error, simd};

fn draw(depth: Depth, n: usize, seed: u64, step: u64, threads: usize) -> Vec<i32> {
    let mut out = vec![-1; 3 * n];
    triplets(depth, &TripletShares::equal(depth), n, seed, step, threads, &mut out).unwrap();
    out
}

fn level(depth: Depth, i: i32, j: i32) -> u32 {
    depth.agreement(u32::try_from(i).unwrap(), u32::try_from(j).unwrap())
}

proptest! {
    #[test]
    fn triplet_levels_are_exact(depth in 2_u32..=19, n in 1_usize..500, seed: u64, step: u64) {
        let depth = Depth::new(depth).unwrap();
        let out = draw(depth, n, seed, step, 1);
        for t in 0..n {
            let (a, p, q) = (out[t], out[n + t], out[2 * n + t]);
            prop_assert!([a, p, q].iter().all(|&x| (0..i64::from(depth.size())).contains(&i64::from(x))));
            let (k, j) = (level(depth, a, p), level(depth, a, q));
            prop_assert!(j < k && k < depth.get());
        }
    }

    #[test]
    fn streams_do_not_depend_on_threads(depth in 2_u32..=19, n in 1_usize..500, seed: u64, threads in 2_usize..9) {
        let depth = Depth::new(depth).unwrap();
        prop_assert_eq!(draw(depth, n, seed, 0, 1), draw(depth, n, seed, 0, threads));
    }

    #[test]
    fn pair_levels_are_exact(depth in 1_u32..=19, n in 1_usize..300, seed: u64, k in 0_u32..19) {
        let depth = Depth::new(depth).unwrap();
        let k = k % depth.get();
        let shares = PairShares::new(depth, &[(k, 2.5)]).unwrap();
        let mut out = vec![0; 2 * n];
        pairs(depth, &shares, n, seed, 0, 2, &mut out).unwrap();
        let (anchors, partners) = out.split_at(n);
        prop_assert!(anchors.iter().zip(partners).all(|(&i, &j)| level(depth, i, j) == k));
    }

    #[test]
    fn in_batch_triplets_have_exact_levels(depth in 2_u32..=6, seed: u64, ids in prop::collection::vec(0_i64..729, 1..40)) {
        let depth = Depth::new(depth).unwrap();
        let ids: Vec<i64> = ids.into_iter().map(|i| i % i64::from(depth.size())).collect();
        let at = |place: i32| i32::try_from(ids[usize::try_from(place).unwrap()]).unwrap();
        let n = 50;
        let mut out = vec![-1; 3 * n];
        match in_batch_triplets(depth, &ids, &TripletShares::equal(depth), n, seed, 0, &mut out) {
            Ok(()) => for t in 0..n {
                let (a, p, q) = (at(out[t]), at(out[n + t]), at(out[2 * n + t]));
                prop_assert!(level(depth, a, q) < level(depth, a, p));
                prop_assert!(level(depth, a, p) < depth.get());
            },
            Err(Error::NoTriplet { .. }) => {
                // Then no member has neighbours at two levels.
                for &a in &ids {
                    let mut levels: Vec<u32> = ids.iter().map(|&b| {
                        level(depth, i32::try_from(a).unwrap(), i32::try_from(b).unwrap())
                    }).filter(|&k| k < depth.get()).collect();
                    levels.dedup();
                    prop_assert!(levels.iter().all(|&k| k == levels[0]));
                }
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}

#[test]
fn both_builds_draw_the_same_stream() {
    for depth in [9, 19].map(|n| Depth::new(n).unwrap()) {
        let wide = draw(depth, 10_000, 1, 2, 1);
        simd::restrict(true);
        let narrow = draw(depth, 10_000, 1, 2, 1);
        simd::restrict(false);
        assert_eq!(wide, narrow);
    }
}
