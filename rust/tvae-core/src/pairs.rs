//! Statistics over the pairs of all operations: how well distances in the ball follow the tree.

use crate::bins::{Bins, Grain};
pub use crate::cloud::Coordinate;
use crate::cloud::{Cloud, Points};
use crate::draw::{Measure, keys};
use crate::pairset::{PairSet, by_agreement, by_difference};
use crate::ranking::{Cell, Outcome, Ranking};
use crate::sweep::{Counters, count};
use crate::{Depth, Error};

/// The bound that a pass must meet, else the bins are refined.
const GOAL: f64 = 1e-6;
/// Bins of a pass at most: enough for the goal even where distances say nothing about levels.
const MOST_BINS: usize = 1_310_720;
/// Bins of an exact pass at least: they still fit the cache, and a sample sees rare mixtures badly.
const FEWEST_BINS: usize = 1 << 18;
/// Pairs per group that set the bins of the first exact pass, and the bins that they are put into.
const SCOUTS: usize = 16_384;
/// Pairs that are simply sorted, without bins.
const SORTED: usize = 1 << 16;
/// Passes at most, refinements included.
const PASSES: usize = 3;
/// The deepest space whose pairs are all visited.
const DEEPEST_EXACT: u32 = 10;
/// Pairs per level where a deeper space is sampled unasked.
const DEFAULT_SAMPLE: usize = 200_000;

/// Which pairs are visited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visit {
    /// All of them up to depth 10, a sample of 200,000 per level beyond.
    Exact,
    /// This many per level, all of a level that has fewer.
    Sample(usize),
}

/// What is asked for, beside the points.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    /// Curvature `c > 0` of the ball.
    pub curvature: f64,
    /// Which pairs.
    pub visit: Visit,
    /// Names the sample.
    pub seed: u64,
    /// Number of threads; the result does not depend on it.
    pub threads: usize,
    /// Whether to compute the legacy `dist_corr`, which costs as much again.
    pub dist_corr: bool,
}

/// Statistics of pairs, with the largest error that binning can have caused.
///
/// The bounds say nothing about the rounding of the distances themselves, which are float32.
#[derive(Debug, Clone, PartialEq)]
pub struct PairStatistics {
    /// `-Spearman(v(i-j), d(z_i, z_j))` with tie-averaged ranks; 0 if collapsed.
    pub ultrametric: f64,
    /// Bound on the error of `ultrametric`.
    pub ultrametric_bound: f64,
    /// Mean of `tree_inversions_by_level`; 0 at depth 1, where there is nothing to compare.
    pub tree_inversions: f64,
    /// Bound on the error of `tree_inversions`.
    pub tree_inversions_bound: f64,
    /// For `k = 0..depth-2`: the share of comparisons between a pair at level `k` and one at level
    /// `k + 1` in which the first is not the farther one.
    pub tree_inversions_by_level: Vec<f64>,
    /// Legacy: Spearman(`|z_i - z_j|`, `|v(i) - v(j)|`); 0 if collapsed, none if not asked for.
    pub dist_corr: Option<f64>,
    /// Bound on the error of `dist_corr`.
    pub dist_corr_bound: Option<f64>,
    /// Whether all distances (or all levels) are equal, so that correlations are 0 by definition.
    pub collapsed: bool,
    /// Number of pairs that exist.
    pub population: u64,
    /// Number of pairs visited for `ultrametric`: `population`, or the size of the sample.
    pub visited: u64,
}

impl PairStatistics {
    /// Whether every pair was visited.
    #[must_use]
    pub fn exact(&self) -> bool {
        self.visited == self.population
    }
}

/// Statistics of the pairs of `3^depth` points, row `i` belonging to operation `i`.
///
/// # Errors
/// [`Error::Length`] for another number of rows, [`Error::NotFinite`] and [`Error::OutsideBall`] for a
/// point that is no point of the ball, [`Error::Scalar`] for a curvature or sample size that is not
/// positive.
pub fn statistics<T: Coordinate>(
    depth: Depth,
    rows: &[T],
    dim: usize,
    request: &Request,
) -> Result<PairStatistics, Error> {
    let points = Points::new(depth, rows, dim, request.curvature)?;
    let sample = match request.visit {
        Visit::Exact if depth.get() <= DEEPEST_EXACT => None,
        Visit::Exact => Some(DEFAULT_SAMPLE),
        Visit::Sample(n) if (1..1 << 28).contains(&n) => Some(n),
        Visit::Sample(n) => {
            return Err(Error::Scalar { path: "pairs", got: n.to_string(), expected: "1 to 2^28 per level" });
        }
    };
    let mut cloud = if sample.is_none() { Some(Cloud::new(depth, &points)) } else { None };
    let levels = by_agreement(depth);
    let (tree, visited) = match (&cloud, sample) {
        (Some(cloud), _) => all(depth, &points, cloud, &levels, Measure::Ball, request),
        (None, wanted) => some(depth, &points, &levels, Measure::Ball, wanted.unwrap_or(0), request),
    };
    let legacy = request.dist_corr.then(|| {
        let groups = by_difference(depth);
        if let Some(cloud) = &mut cloud {
            cloud.flatten();
        }
        match (&cloud, sample) {
            (Some(cloud), _) => all(depth, &points, cloud, &groups, Measure::Chord, request).0,
            (None, wanted) => some(depth, &points, &groups, Measure::Chord, wanted.unwrap_or(0), request).0,
        }
    });
    let inversions = tree.mean_share();
    Ok(PairStatistics {
        ultrametric: 0.0 - tree.rho, // not -rho, which would be -0 for a collapsed cloud
        ultrametric_bound: tree.bound,
        tree_inversions: inversions.value,
        tree_inversions_bound: inversions.bound,
        tree_inversions_by_level: tree.not_larger.iter().map(|s| s.value).collect(),
        dist_corr: legacy.as_ref().map(|l| l.rho),
        dist_corr_bound: legacy.as_ref().map(|l| l.bound),
        collapsed: tree.constant,
        population: levels.iter().flatten().map(|set| set.population(depth)).sum(),
        visited,
    })
}

fn population(depth: Depth, sets: &[PairSet]) -> u64 {
    sets.iter().map(|set| set.population(depth)).sum()
}

/// Visits every pair, again with finer bins where the bound asks for it.
///
/// The doubt falls as one over the number of bins, so a sample tells how many the goal needs: few where
/// distances follow the tree and bins are pure, and few bins stay in the cache.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn all(
    depth: Depth,
    points: &Points,
    cloud: &Cloud,
    groups: &[Vec<PairSet>],
    measure: Measure,
    request: &Request,
) -> (Outcome, u64) {
    let pairs: u64 = groups.iter().map(|sets| population(depth, sets)).sum();
    if pairs <= SORTED as u64 {
        return some(depth, points, groups, measure, SORTED, request);
    }
    let sample = Sample::new(depth, points, groups, measure, SCOUTS, request.seed);
    let (mass, forecast) = sample.plan();
    let budget = (forecast * SCOUTS as f64 / (0.8 * GOAL)) as usize;
    let mut bins = Bins::new(Grain::Coarse, &mass, budget.clamp(FEWEST_BINS, MOST_BINS));
    let mut pass = 1;
    loop {
        let mut counters: Vec<Counters> =
            (0..request.threads.clamp(1, crate::MOST_THREADS)).map(|_| Counters::new(&bins)).collect();
        let mut ranking = Ranking::new(bins.cells(), &sample.populations);
        for (sets, population) in groups.iter().zip(&sample.populations) {
            ranking.absorb(count(depth, cloud, sets, &bins, &mut counters), *population);
        }
        let outcome = ranking.finish();
        let bound = outcome.worst_bound();
        if pass == PASSES || bound <= GOAL {
            return (outcome, pairs);
        }
        // A large doubt comes from bins with much mass, that is from few values with many pairs each.
        bins = if bound > 10.0 * GOAL && bins.grain == Grain::Coarse {
            Bins::new(Grain::Fine, &sample.mass(Grain::Fine), MOST_BINS)
        } else {
            Bins::new(bins.grain, &outcome.refinement, MOST_BINS)
        };
        pass += 1;
    }
}

/// Visits a sample of every group, each group weighing as much as its population.
fn some(
    depth: Depth,
    points: &Points,
    groups: &[Vec<PairSet>],
    measure: Measure,
    wanted: usize,
    request: &Request,
) -> (Outcome, u64) {
    let sample = Sample::new(depth, points, groups, measure, wanted, request.seed);
    let visited: usize = sample.keys.iter().map(Vec::len).sum();
    if visited <= SORTED {
        return (sample.sort(), visited as u64);
    }
    let mass = sample.mass(Grain::Coarse);
    // A single cell, as of a collapsed cloud, is cheap to resolve fully.
    let fewest = if mass.iter().filter(|&&m| m > 0.0).count() == 1 { 1 << 17 } else { 1 << 14 };
    let budget = (visited / 16).clamp(fewest, MOST_BINS);
    let outcome = sample.rank(&Bins::new(Grain::Coarse, &mass, budget));
    if outcome.worst_bound() <= 100.0 * GOAL {
        return (outcome, visited as u64);
    }
    let fine = Bins::new(Grain::Fine, &sample.mass(Grain::Fine), MOST_BINS);
    (sample.rank(&fine), visited as u64)
}

/// Keys of a sample, by group.
struct Sample {
    keys: Vec<Vec<u32>>,
    populations: Vec<f64>,
}

impl Sample {
    #[allow(clippy::cast_precision_loss)] // weights, not counts
    fn new(
        depth: Depth,
        points: &Points,
        groups: &[Vec<PairSet>],
        measure: Measure,
        wanted: usize,
        seed: u64,
    ) -> Self {
        let populations = groups.iter().map(|sets| population(depth, sets) as f64).collect();
        let drawn =
            |(group, sets): (u32, &Vec<PairSet>)| keys(depth, points, sets, measure, wanted, seed, group);
        Self { keys: (0..).zip(groups).map(drawn).collect(), populations }
    }

    /// The bins that each cell deserves, up to a factor: half by where pairs are, half by where groups are,
    /// however few pairs a group has.
    #[allow(clippy::cast_precision_loss)] // weights, not counts
    fn mass(&self, grain: Grain) -> Vec<f64> {
        let total: f64 = self.populations.iter().sum();
        let mut mass = grain.zeros();
        for (keys, population) in self.keys.iter().zip(&self.populations) {
            let each = (population / total + 1.0 / self.keys.len() as f64) / keys.len().max(1) as f64;
            for &key in keys {
                mass[grain.cell(key)] += each;
            }
        }
        mass
    }

    /// What each cell deserves by where groups mix, and the bound that `SCOUTS` bins of it would have.
    ///
    /// A part goes by mass alone, for cells that the sample has hardly seen.
    fn plan(&self) -> (Vec<f64>, f64) {
        let mass = self.mass(Grain::Coarse);
        let first = self.rank(&Bins::new(Grain::Coarse, &mass, SCOUTS));
        let doubt: f64 = first.refinement.iter().filter(|d| d.is_finite()).sum();
        if doubt <= 0.0 {
            return (mass, first.worst_bound());
        }
        let total: f64 = mass.iter().sum();
        let blend = |(mass, doubted): (&f64, &f64)| 0.3 * mass / total + 0.7 * doubted / doubt;
        let blended: Vec<f64> = mass.iter().zip(&first.refinement).map(blend).collect();
        let bound = self.rank(&Bins::new(Grain::Coarse, &blended, SCOUTS)).worst_bound();
        (blended, bound)
    }

    fn rank(&self, bins: &Bins) -> Outcome {
        self.count(bins.cells(), |key| bins.of(key) as usize)
    }

    /// Ranks with one bin for each value that occurs.
    fn sort(&self) -> Outcome {
        let mut values: Vec<u32> = self.keys.concat();
        values.sort_unstable();
        values.dedup();
        self.count(vec![Cell { bins: u32::try_from(values.len()).unwrap_or(u32::MAX), exact: true }], |key| {
            values.partition_point(|&value| value < key)
        })
    }

    fn count(&self, cells: Vec<Cell>, bin: impl Fn(u32) -> usize) -> Outcome {
        let bins = cells.iter().map(|cell| cell.bins as usize).sum();
        let mut ranking = Ranking::new(cells, &self.populations);
        for (keys, population) in self.keys.iter().zip(&self.populations) {
            let mut counts = vec![0; bins];
            for &key in keys {
                counts[bin(key)] += 1;
            }
            ranking.absorb(counts, *population);
        }
        ranking.finish()
    }
}
