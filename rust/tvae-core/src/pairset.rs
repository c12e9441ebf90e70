//! Sets of operation pairs that share one property, and how to enumerate or draw them.

use crate::Depth;
use crate::padic::POW3;
use crate::rng::Stream;

/// Unordered pairs of distinct operations.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PairSet {
    /// `v(i - j) = k`.
    Siblings(u32),
    /// `v(i)` is the first level and `v(j)` the second, a different one.
    Between(u32, u32),
    /// `v(i) = v(j) = level`.
    Within(u32),
}

/// All pairs by `v(i - j)`, level 0 first.
pub(crate) fn by_agreement(depth: Depth) -> Vec<Vec<PairSet>> {
    (0..depth.get()).map(|k| vec![PairSet::Siblings(k)]).collect()
}

/// All pairs by `|v(i) - v(j)|`, 0 first.
pub(crate) fn by_difference(depth: Depth) -> Vec<Vec<PairSet>> {
    let n = depth.get();
    let mut groups = vec![(0..n).map(PairSet::Within).collect()]; // level n is operation 0 alone
    groups.extend((1..=n).map(|gap| (0..=n - gap).map(|v| PairSet::Between(v, v + gap)).collect()));
    groups
}

impl PairSet {
    /// Number of pairs in the set.
    pub(crate) fn population(self, depth: Depth) -> u64 {
        match self {
            Self::Siblings(k) => depth.pair_count(k),
            Self::Between(v, w) => u64::from(depth.level_count(v)) * u64::from(depth.level_count(w)),
            Self::Within(v) => {
                let members = u64::from(depth.level_count(v));
                members * (members - 1) / 2
            }
        }
    }

    /// Calls `visit` with every pair of the set.
    pub(crate) fn each(self, depth: Depth, mut visit: impl FnMut(u32, u32)) {
        match self {
            Self::Siblings(k) => {
                let (power, upper) = (POW3[k as usize], POW3[(depth.get() - 1 - k) as usize]);
                for low in 0..power {
                    for (d, e) in [(0, 1), (0, 2), (1, 2)] {
                        for x in 0..upper {
                            let i = low + power * (d + 3 * x);
                            (0..upper).for_each(|y| visit(i, low + power * (e + 3 * y)));
                        }
                    }
                }
            }
            Self::Between(v, w) => {
                for x in 0..depth.level_count(v) {
                    let i = depth.of_level(v, x);
                    (0..depth.level_count(w)).for_each(|y| visit(i, depth.of_level(w, y)));
                }
            }
            Self::Within(v) => {
                for x in 0..depth.level_count(v) {
                    let i = depth.of_level(v, x);
                    (0..x).for_each(|y| visit(i, depth.of_level(v, y)));
                }
            }
        }
    }

    /// Pair number `t` of a uniform stream of pairs of the set.
    #[inline(always)]
    #[allow(clippy::many_single_char_names)] // i, j, v, w, x and y as everywhere in this file
    pub(crate) fn draw(self, depth: Depth, draws: [Stream; 3], t: u32) -> (u32, u32) {
        match self {
            Self::Siblings(k) => {
                let (power, upper) = (POW3[k as usize], POW3[(depth.get() - 1 - k) as usize]);
                let low = draws[0].below(t, power);
                // 3 * 3 ordered digits, less the equal ones: 6 choices; the order does not matter.
                let i = draws[1].below(t, 3 * upper);
                let turn = draws[2].below(t, 2 * upper);
                let j = 3 * (turn >> 1) + (i % 3 + 1 + (turn & 1)) % 3;
                (low + power * i, low + power * j)
            }
            Self::Between(v, w) => {
                let (x, y) =
                    (draws[0].below(t, depth.level_count(v)), draws[1].below(t, depth.level_count(w)));
                (depth.of_level(v, x), depth.of_level(w, y))
            }
            Self::Within(v) => {
                let members = depth.level_count(v);
                let x = draws[0].below(t, members);
                let y = x + 1 + draws[1].below(t, members - 1);
                (depth.of_level(v, x), depth.of_level(v, if y < members { y } else { y - members }))
            }
        }
    }
}
