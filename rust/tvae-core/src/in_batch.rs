//! Triplets inside a given batch of operations.
//!
//! Sorted by their reversed digits, operations that share low digits are neighbours: those that agree
//! with a member in at least `k` digits form one contiguous range around it. Its partners at exactly
//! level `k` are that range without the inner range of level `k + 1`: two pieces, found once per member
//! and level, so that each draw is O(1).

use crate::rng::{Purpose, Stream};
use crate::strata::{TripletShares, apportion, number, offset};
use crate::{Depth, Error, padic::same_length};

/// A batch sorted by reversed digits, with the range of every member at every level.
struct Sorted {
    /// Position in the caller's batch of each sorted member.
    places: Vec<u32>,
    /// Range `[start, end)` of sorted member `p` at level `k`, at `k * members + p`.
    ranges: Vec<(u32, u32)>,
    members: usize,
}

impl Sorted {
    #[allow(clippy::cast_possible_truncation)] // the caller has checked that the batch has fewer than 2^31
    fn new(depth: Depth, ids: &[i64]) -> Result<Self, Error> {
        depth.check_all(ids)?;
        let mut order: Vec<(u32, u32)> = ids
            .iter()
            .enumerate()
            .map(|(place, &id)| (depth.reverse(u32::try_from(id).unwrap_or(0)), place as u32))
            .collect();
        order.sort_unstable();
        let members = order.len();
        let mut ranges = vec![(0, 0); (depth.get() as usize + 1) * members];
        for (k, level) in ranges.chunks_exact_mut(members.max(1)).enumerate() {
            // The k low digits are the k leading digits of the reversed index.
            let cell = crate::padic::POW3[depth.get() as usize - k];
            let mut start = 0;
            while start < members {
                let prefix = order[start].0 / cell;
                let length = order[start..].iter().take_while(|o| o.0 / cell == prefix).count();
                level[start..start + length].fill((start as u32, (start + length) as u32));
                start += length;
            }
        }
        Ok(Self { places: order.into_iter().map(|o| o.1).collect(), ranges, members })
    }

    fn range(&self, k: u32, member: u32) -> (u32, u32) {
        self.ranges[k as usize * self.members + member as usize]
    }

    /// Number of members at exactly level `k` from `member`.
    fn count(&self, k: u32, member: u32) -> u32 {
        let (outer, inner) = (self.range(k, member), self.range(k + 1, member));
        (outer.1 - outer.0) - (inner.1 - inner.0)
    }

    /// Number `choice` of them.
    fn partner(&self, k: u32, member: u32, choice: u32) -> u32 {
        let (outer, inner) = (self.range(k, member), self.range(k + 1, member));
        let left = inner.0 - outer.0;
        if choice < left { outer.0 + choice } else { inner.1 + choice - left }
    }

    #[allow(clippy::cast_possible_truncation)] // fewer than 2^31 members
    fn anchors(&self, k: u32, j: u32) -> Vec<u32> {
        (0..self.members as u32).filter(|&m| self.count(k, m) > 0 && self.count(j, m) > 0).collect()
    }

    fn distinct(&self, depth: Depth) -> usize {
        let last = depth.get();
        let mut starts: Vec<u32> = self.ranges[last as usize * self.members..].iter().map(|r| r.0).collect();
        starts.dedup();
        starts.len()
    }
}

/// Writes `n` triplets of positions into `ids`: anchors, then positives, then negatives.
///
/// Strata that the batch cannot serve are left out and the shares of the others scaled up. Within a
/// stratum the anchor is uniform among members that have both partners, and so is each partner.
/// Duplicates are allowed; two copies of one operation are never partners.
///
/// # Errors
/// [`Error::NoTriplet`] if no stratum with a positive share can be served, [`Error::Index`] for an id
/// outside the space, [`Error::Length`] if `out` has not `3 n` elements.
pub fn in_batch_triplets(
    depth: Depth,
    ids: &[i64],
    shares: &TripletShares,
    n: usize,
    seed: u64,
    step: u64,
    out: &mut [i32],
) -> Result<(), Error> {
    for (path, got) in [("n", n), ("ids", ids.len())] {
        if got >= i32::MAX as usize {
            return Err(Error::Scalar { path, got: got.to_string(), expected: "less than 2^31" });
        }
    }
    same_length("out", 3 * n, out.len())?;
    let sorted = Sorted::new(depth, ids)?;
    let strata: Vec<(u32, u32, f64, Vec<u32>)> = shares
        .0
        .iter()
        .filter(|stratum| stratum.2 > 0.0)
        .map(|&(k, j, share)| (k, j, share, sorted.anchors(k, j)))
        .filter(|stratum| !stratum.3.is_empty())
        .collect();
    if strata.is_empty() {
        return Err(Error::NoTriplet { distinct: sorted.distinct(depth) });
    }
    let weights: Vec<f64> = strata.iter().map(|s| s.2).collect();
    let counts = apportion(&weights, n, offset(seed, step, Purpose::InBatch));
    let (first, rest) = out.split_at_mut(n);
    let (second, third) = rest.split_at_mut(n);
    let mut columns = first.iter_mut().zip(second).zip(third);
    for ((k, j, _, anchors), count) in strata.iter().zip(counts) {
        let draws = [0, 1, 2].map(|part| Stream::new(seed, step, Purpose::InBatch, number(*k, *j), part));
        let candidates = u32::try_from(anchors.len()).unwrap_or(u32::MAX);
        for (i, ((a, p), q)) in (0_u32..).zip(columns.by_ref().take(count)) {
            let anchor = anchors[draws[0].below(i, candidates) as usize];
            let positive = sorted.partner(*k, anchor, draws[1].below(i, sorted.count(*k, anchor)));
            let negative = sorted.partner(*j, anchor, draws[2].below(i, sorted.count(*j, anchor)));
            *a = place(&sorted, anchor);
            *p = place(&sorted, positive);
            *q = place(&sorted, negative);
        }
    }
    Ok(())
}

fn place(sorted: &Sorted, member: u32) -> i32 {
    i32::try_from(sorted.places[member as usize]).unwrap_or(i32::MAX)
}
