//! The algebra of the space, as properties.

use proptest::prelude::*;
use tvae_core::padic::POW3;
use tvae_core::{Depth, Error};

/// A space and some of its indices, half of them multiples of a power of three.
fn operations(count: usize) -> impl Strategy<Value = (Depth, Vec<u32>)> {
    (1_u32..=19).prop_flat_map(move |depth| {
        let depth = Depth::new(depth).unwrap();
        let index = (0..depth.size(), 0..=depth.get(), any::<bool>()).prop_map(move |(i, k, deep)| {
            let power = if deep { POW3[k as usize] } else { 1 };
            i / power * power
        });
        (Just(depth), prop::collection::vec(index, count))
    })
}

/// Counts leading zero digits one by one.
fn oracle(depth: Depth, index: u32) -> u32 {
    (0..depth.get()).take_while(|&k| (index / POW3[k as usize]).is_multiple_of(3)).count().try_into().unwrap()
}

proptest! {
    #[test]
    fn trits_round_trip((depth, indices) in operations(20)) {
        let indices: Vec<i64> = indices.into_iter().map(i64::from).collect();
        let mut trits = vec![0; indices.len() * depth.get() as usize];
        depth.trits(&indices, &mut trits).unwrap();
        let mut back = vec![0; indices.len()];
        depth.indices(&trits, &mut back).unwrap();
        prop_assert_eq!(back, indices);
    }

    #[test]
    fn ladders_agree_with_the_oracle((depth, indices) in operations(100)) {
        let expected: Vec<u8> = indices.iter().map(|&i| u8::try_from(oracle(depth, i)).unwrap()).collect();
        let mut levels = vec![0; indices.len()];
        depth.valuations_u32(&indices, &mut levels).unwrap();
        prop_assert_eq!(&levels, &expected);
        let signed: Vec<i64> = indices.iter().copied().map(i64::from).collect();
        depth.valuations_i64(&signed, &mut levels).unwrap();
        prop_assert_eq!(&levels, &expected);
        let unsigned: Vec<u64> = indices.iter().copied().map(u64::from).collect();
        depth.valuations_u64(&unsigned, &mut levels).unwrap();
        prop_assert_eq!(&levels, &expected);
        let short: Vec<u16> = indices.iter().filter_map(|&i| u16::try_from(i).ok()).collect();
        depth.valuations_u16(&short, &mut levels[..short.len()]).unwrap();
        for (i, level) in short.iter().zip(levels) {
            prop_assert_eq!(u32::from(level), oracle(depth, u32::from(*i)));
        }
    }

    #[test]
    fn distance_is_an_ultrametric((depth, indices) in operations(3)) {
        let [i, j, k] = indices[..] else { unreachable!() };
        prop_assert!(depth.distance(i, k) <= depth.distance(i, j).max(depth.distance(j, k)));
        prop_assert_eq!(depth.agreement(i, j), depth.valuation(i.abs_diff(j)));
        prop_assert_eq!(depth.agreement(i, j), depth.agreement(j, i));
    }

    #[test]
    fn agreement_is_a_common_prefix_of_reversed_indices((depth, indices) in operations(2)) {
        let (i, j) = (depth.reverse(indices[0]), depth.reverse(indices[1]));
        let shared = (0..=depth.get()).rev().find(|&k| {
            let cell = POW3[(depth.get() - k) as usize];
            i / cell == j / cell
        });
        prop_assert_eq!(Some(depth.agreement(indices[0], indices[1])), shared);
        prop_assert_eq!(depth.reverse(i), indices[0]);
    }

    #[test]
    fn one_bad_index_is_found((depth, mut indices) in operations(70), position in 0_usize..70, excess in 0_u32..5) {
        indices[position] = depth.size() + excess;
        let mut levels = vec![0; indices.len()];
        let error = depth.valuations_u32(&indices, &mut levels).unwrap_err();
        prop_assert_eq!(error, Error::Index {
            value: indices[position].into(), position, depth: depth.get(), size: depth.size(),
        });
        let mut signed: Vec<i64> = indices.iter().copied().map(i64::from).collect();
        signed[position] = i64::from(excess) - 5;
        prop_assert!(depth.valuations_i64(&signed, &mut levels).is_err());
        signed[position] = i64::from(excess) << 32; // its low half is an index
        prop_assert_eq!(depth.valuations_i64(&signed, &mut levels).is_err(), excess > 0);
    }
}

#[test]
fn level_counts_equal_enumeration() {
    for depth in (1..=9).map(|n| Depth::new(n).unwrap()) {
        let mut counts = vec![0; depth.get() as usize + 1];
        for i in 0..depth.size() {
            counts[depth.valuation(i) as usize] += 1;
        }
        let formula: Vec<u32> = (0..=depth.get()).map(|k| depth.level_count(k)).collect();
        assert_eq!(counts, formula);
        for level in 0..=depth.get() {
            assert!(
                (0..depth.level_count(level)).all(|r| depth.valuation(depth.of_level(level, r)) == level)
            );
        }
    }
    for depth in (1..=19).map(|n| Depth::new(n).unwrap()) {
        let size = u64::from(depth.size());
        assert_eq!((0..depth.get()).map(|k| depth.pair_count(k)).sum::<u64>(), size * (size - 1) / 2);
    }
}

#[test]
fn depths_outside_the_range_are_refused() {
    assert_eq!(Depth::new(0), Err(Error::Depth(0)));
    assert_eq!(Depth::new(20), Err(Error::Depth(20)));
}
