//! Shares of strata, and how `n` draws are split between them.

use std::collections::BTreeMap;

use crate::rng::{Purpose, fraction};
use crate::{Depth, Error};

/// Splits `n` draws so that part `s` gets `n * share_s` rounded down or up, without bias.
///
/// Systematic sampling: the cumulated shares, scaled to `n`, are shifted by one uniform `offset` in
/// [0, 1) and rounded down, so the expectation of each count is exact and the counts add up to `n`.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) fn apportion(shares: &[f64], n: usize, offset: f64) -> Vec<usize> {
    let total: f64 = shares.iter().sum();
    let last = shares.iter().rposition(|&s| s > 0.0).unwrap_or(0);
    let mut cumulated = 0.0;
    let mut before = 0;
    shares
        .iter()
        .enumerate()
        .map(|(s, share)| {
            cumulated += share;
            let end = if s >= last { n } else { ((cumulated / total * n as f64 + offset) as usize).min(n) };
            let count = end - before;
            before = end;
            count
        })
        .collect()
}

/// Checks that shares are finite, not negative, and not all zero.
pub(crate) fn check_shares(shares: impl Iterator<Item = f64>) -> Result<(), Error> {
    let mut total = 0.0;
    for share in shares {
        if !share.is_finite() || share < 0.0 {
            return Err(Error::Shares { got: share });
        }
        total += share;
    }
    if total > 0.0 && total.is_finite() { Ok(()) } else { Err(Error::Shares { got: total }) }
}

/// The shares of triplet strata `(k, j)`: positive at level `k`, negative at level `j < k`.
#[derive(Debug, Clone)]
pub struct TripletShares(pub(crate) Vec<(u32, u32, f64)>);

impl TripletShares {
    /// Every stratum alike: deep levels, rare among uniform draws, weigh as much as shallow ones.
    ///
    /// At depth 1 there is a single level, hence no stratum and an empty list.
    #[must_use]
    pub fn equal(depth: Depth) -> Self {
        Self((1..depth.get()).flat_map(|k| (0..k).map(move |j| (k, j, 1.0))).collect())
    }

    /// Checks shares given as `(k, j, share)`, in any order; the shares of one stratum add up.
    ///
    /// # Errors
    /// [`Error::Stratum`] unless `0 <= j < k < depth`, [`Error::Shares`] for a negative or void share.
    pub fn new(depth: Depth, shares: &[(u32, u32, f64)]) -> Result<Self, Error> {
        if let Some((k, j, _)) = shares.iter().find(|(k, j, _)| !(j < k && *k < depth.get())) {
            return Err(Error::Stratum {
                got: format!("({k}, {j})"),
                expected: format!("(k, j) with 0 <= j < k <= {}", depth.get() - 1),
                depth: depth.get(),
            });
        }
        check_shares(shares.iter().map(|s| s.2))?;
        let mut sum = BTreeMap::new();
        for &(k, j, share) in shares {
            *sum.entry((k, j)).or_insert(0.0) += share;
        }
        Ok(Self(sum.into_iter().map(|((k, j), share)| (k, j, share)).collect()))
    }
}

/// The shares of pair levels `k`.
#[derive(Debug, Clone)]
pub struct PairShares(pub(crate) Vec<(u32, f64)>);

impl PairShares {
    /// Every level alike.
    #[must_use]
    pub fn equal(depth: Depth) -> Self {
        Self((0..depth.get()).map(|k| (k, 1.0)).collect())
    }

    /// Checks shares given as `(k, share)`, in any order; the shares of one level add up.
    ///
    /// # Errors
    /// [`Error::Stratum`] unless `0 <= k < depth`, [`Error::Shares`] for a negative or void share.
    pub fn new(depth: Depth, shares: &[(u32, f64)]) -> Result<Self, Error> {
        if let Some((k, _)) = shares.iter().find(|(k, _)| *k >= depth.get()) {
            return Err(Error::Stratum {
                got: k.to_string(),
                expected: format!("a level from 0 to {}", depth.get() - 1),
                depth: depth.get(),
            });
        }
        check_shares(shares.iter().map(|s| s.1))?;
        let mut sum = BTreeMap::new();
        for &(k, share) in shares {
            *sum.entry(k).or_insert(0.0) += share;
        }
        Ok(Self(sum.into_iter().collect()))
    }
}

/// The number that names the streams of a stratum, whatever other strata there are.
pub(crate) const fn number(k: u32, j: u32) -> u32 {
    32 * k + j
}

/// The offset of `apportion` for one call.
pub(crate) fn offset(seed: u64, step: u64, purpose: Purpose) -> f64 {
    fraction(seed, step, purpose)
}
