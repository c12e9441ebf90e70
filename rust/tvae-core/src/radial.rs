//! Statistics of radii by valuation: theory that a tree has its root at the centre.

use crate::padic::same_length;
use crate::{Depth, Error};

/// Radii of the operations of one valuation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LevelStatistics {
    /// The valuation.
    pub level: u32,
    /// Number of operations.
    pub count: u32,
    /// Mean radius.
    pub mean: f64,
    /// Population standard deviation.
    pub std: f64,
    /// Smallest radius.
    pub min: f64,
    /// Largest radius.
    pub max: f64,
}

/// Statistics of all radii.
#[derive(Debug, Clone, PartialEq)]
pub struct RadialStatistics {
    /// Spearman(v, R) with tie-averaged ranks; 0 if all radii are equal.
    pub hierarchy: f64,
    /// Share of pairs with `v_i < v_j` and `R_i <= R_j` among the pairs with `v_i != v_j`.
    pub inversions: f64,
    /// Mean over levels of the population variance of R; a level of one counts 0.
    pub richness: f64,
    /// Mean over levels of six members or more of `1 - KS(R, uniform on [min, max])`; 0 for a level whose
    /// radii are all equal; none if no level is large enough.
    pub uniformity: Option<f64>,
    /// Whether all radii are equal, so that `hierarchy` is 0 by definition.
    pub collapsed: bool,
    /// Levels 0 to `depth`.
    pub levels: Vec<LevelStatistics>,
}

/// Statistics of the radii of all operations, element `i` belonging to operation `i`.
///
/// # Errors
/// [`Error::Length`] for another number of radii, [`Error::NotFinite`] for NaN or infinity.
pub fn statistics(depth: Depth, radii: &[f64]) -> Result<RadialStatistics, Error> {
    same_length("radii", depth.size() as usize, radii.len())?;
    if let Some(row) = radii.iter().position(|r| !r.is_finite()) {
        return Err(Error::NotFinite { path: "radii", row, value: radii[row] });
    }
    let mut sorted: Vec<(f64, u32)> = (0..).zip(radii).map(|(i, &r)| (r, depth.valuation(i))).collect();
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (hierarchy, inversions) = orders(depth, &sorted);
    let mut by_level = vec![Vec::new(); depth.get() as usize + 1];
    for &(r, v) in &sorted {
        by_level[v as usize].push(r);
    }
    let levels: Vec<LevelStatistics> = (0..).zip(&by_level).map(|(v, r)| describe(v, r)).collect();
    let filled: Vec<f64> =
        by_level.iter().filter(|r| r.len() >= 6).map(|r| 1.0 - distance_to_uniform(r)).collect();
    Ok(RadialStatistics {
        hierarchy: hierarchy.unwrap_or(0.0),
        inversions,
        richness: mean(&levels.iter().map(|l| l.std * l.std).collect::<Vec<_>>()),
        uniformity: (!filled.is_empty()).then(|| mean(&filled)),
        collapsed: hierarchy.is_none(),
        levels,
    })
}

#[allow(clippy::cast_precision_loss)] // fewer than 2^31 values
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn describe(level: u32, sorted: &[f64]) -> LevelStatistics {
    let centre = mean(sorted);
    let variance = mean(&sorted.iter().map(|r| (r - centre) * (r - centre)).collect::<Vec<_>>());
    LevelStatistics {
        level,
        count: u32::try_from(sorted.len()).unwrap_or(u32::MAX),
        mean: centre,
        std: variance.sqrt(),
        min: sorted.first().copied().unwrap_or(f64::NAN),
        max: sorted.last().copied().unwrap_or(f64::NAN),
    }
}

/// Spearman's coefficient, if the radii are not all equal, and the share of inversions.
#[allow(clippy::cast_precision_loss)]
fn orders(depth: Depth, sorted: &[(f64, u32)]) -> (Option<f64>, f64) {
    let levels = depth.get() as usize + 1;
    let total = sorted.len() as f64;
    let centre = total / 2.0;
    // Rank of a level among valuations, as the middle of the stretch it fills, less the overall middle.
    let mut ranks = Vec::with_capacity(levels);
    let mut before = 0.0;
    let mut cubes = 0.0;
    for level in 0..=depth.get() {
        let count = f64::from(depth.level_count(level));
        ranks.push(before + count / 2.0 - centre);
        before += count;
        cubes += count * count * count;
    }
    let compared = {
        let equal: u64 = (0..=depth.get()).map(|v| u64::from(depth.level_count(v)).pow(2)).sum();
        (u64::from(depth.size()).pow(2) - equal) / 2
    };
    let mut seen = vec![0_u64; levels];
    let (mut inverted, mut covariance, mut ties, mut start) = (0_u64, 0.0, 0.0, 0);
    while start < sorted.len() {
        #[allow(clippy::float_cmp)] // ties are exact equality
        let length = sorted[start..].iter().take_while(|s| s.0 == sorted[start].0).count();
        let group = &sorted[start..start + length];
        let rank = start as f64 + length as f64 / 2.0 - centre;
        for &(_, v) in group {
            seen[v as usize] += 1;
        }
        for &(_, v) in group {
            inverted += seen[..v as usize].iter().sum::<u64>();
            covariance += rank * ranks[v as usize];
        }
        ties += (length as f64).powi(3);
        start += length;
    }
    let cube = total * total * total;
    let hierarchy = (ties < cube).then(|| covariance / ((cube - cubes) * (cube - ties)).sqrt() * 12.0);
    (hierarchy, inverted as f64 / compared as f64)
}

/// Kolmogorov-Smirnov distance of sorted values from the uniform distribution on their own range.
#[allow(clippy::cast_precision_loss)]
fn distance_to_uniform(sorted: &[f64]) -> f64 {
    let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
    if low >= high {
        return 1.0;
    }
    let count = sorted.len() as f64;
    sorted.iter().enumerate().fold(0.0, |worst: f64, (i, r)| {
        let uniform = (r - low) / (high - low);
        worst.max((i + 1) as f64 / count - uniform).max(uniform - i as f64 / count)
    })
}
