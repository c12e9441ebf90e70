//! Spearman correlation between a grouping and a binned quantity, with the error that binning can cause.
//!
//! Groups come one at a time, in the order of the first variable. Per bin it is enough to carry the mass
//! and the summed ranks of the groups seen so far. Within a bin the order is unknown: the covariance of
//! ranks lies between the two sorted orders, `+-1/2 sum_(l<m) n_l n_m (r_m - r_l)` around the value for
//! tied ranks; and the sum of squared ranks lies between `all tied` and `no ties`. Both are summed from
//! the bins themselves, so the bound holds for these data, not on average.

/// Neighbouring bins that are counted as one where bounds are concerned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    /// Number of bins.
    pub(crate) bins: u32,
    /// Whether every bin holds one value only, so that nothing about it is in doubt.
    pub(crate) exact: bool,
}

/// A share of comparisons, with the half-width of what the bins leave open.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Share {
    pub(crate) value: f64,
    pub(crate) bound: f64,
}

/// The result of a pass over all groups.
pub(crate) struct Outcome {
    /// Spearman's coefficient; 0 if one of the variables is constant.
    pub(crate) rho: f64,
    /// Largest possible error of `rho` from binning.
    pub(crate) bound: f64,
    /// Whether one of the variables is constant.
    pub(crate) constant: bool,
    /// For each group but the last: comparisons with the next one in which it is not the larger.
    pub(crate) not_larger: Vec<Share>,
    /// For each cell, the number of bins it deserves, up to a factor, to shrink the bounds.
    pub(crate) refinement: Vec<f64>,
}

impl Outcome {
    /// The mean of `not_larger`; 0 where there is nothing to compare.
    #[allow(clippy::cast_precision_loss)] // at most 19 groups
    pub(crate) fn mean_share(&self) -> Share {
        let count = self.not_larger.len().max(1) as f64;
        Share {
            value: self.not_larger.iter().map(|s| s.value).sum::<f64>() / count,
            bound: self.not_larger.iter().map(|s| s.bound).sum::<f64>() / count,
        }
    }

    /// The larger of the two bounds.
    pub(crate) fn worst_bound(&self) -> f64 {
        self.bound.max(self.mean_share().bound)
    }
}

/// The running state.
pub(crate) struct Ranking {
    cells: Vec<Cell>,
    total: f64,
    comparisons: f64,
    seen: f64,
    unit: f64,
    mass: Vec<f64>,
    ranks: Vec<f64>,
    previous: Vec<u32>,
    previous_count: f64,
    variance: f64,
    mixed: f64,
    not_larger: Vec<Share>,
    doubt: Vec<f64>,
}

impl Ranking {
    /// Expects groups of these sizes, in bins that follow each other cell by cell.
    #[allow(clippy::cast_precision_loss)] // at most 20 groups
    pub(crate) fn new(cells: Vec<Cell>, populations: &[f64]) -> Self {
        let bins = cells.iter().map(|cell| cell.bins as usize).sum();
        Self {
            doubt: vec![0.0; cells.len()],
            cells,
            total: populations.iter().sum(),
            comparisons: (populations.len() - 1).max(1) as f64,
            seen: 0.0,
            unit: 1.0,
            mass: vec![0.0; bins],
            ranks: vec![0.0; bins],
            previous: Vec::new(),
            previous_count: 0.0,
            variance: 0.0,
            mixed: 0.0,
            not_larger: Vec::new(),
        }
    }

    /// Adds the next group: `counts` per bin, standing for `population` pairs.
    pub(crate) fn absorb(&mut self, counts: Vec<u32>, population: f64) {
        let count: f64 = counts.iter().map(|&n| f64::from(n)).sum();
        let weight = population / count;
        let rank = self.seen + population / 2.0 - self.total / 2.0;
        // Both doubts in the units of their bounds: of rho, roughly, and of the mean share.
        let per_mixed = 7.0 / (self.total * self.total * self.total);
        let comparisons = count * self.previous_count;
        let per_joint = if comparisons > 0.0 { 0.5 / comparisons / self.comparisons } else { 0.0 };
        let (mut below, mut not_larger, mut open) = (0.0, 0.0, 0.0);
        let mut start = 0;
        for (cell, doubt) in self.cells.iter().zip(&mut self.doubt) {
            let end = start + cell.bins as usize;
            for (b, n) in (start..end).zip(&counts[start..end]) {
                let n = f64::from(*n);
                let before = self.previous.get(b).map_or(0.0, |&p| f64::from(p));
                let joint = n * before;
                not_larger += n * below;
                below += before;
                if cell.exact {
                    not_larger += joint;
                } else {
                    open += joint;
                    let mixed = n * weight * (rank * self.mass[b] - self.ranks[b]);
                    self.mixed += mixed;
                    *doubt += per_mixed * mixed + per_joint * joint;
                }
                self.mass[b] += n * weight;
                self.ranks[b] += n * weight * rank;
            }
            start = end;
        }
        if !self.previous.is_empty() {
            let value = (not_larger + open / 2.0) / comparisons;
            self.not_larger.push(Share { value, bound: open / 2.0 / comparisons });
        }
        self.variance += population * rank * rank;
        self.seen += population;
        self.unit = self.unit.max(weight);
        self.previous = counts;
        self.previous_count = count;
    }

    /// The statistics of all groups absorbed.
    pub(crate) fn finish(self) -> Outcome {
        let half = self.total / 2.0;
        let (mut covariance, mut below) = (0.0, 0.0);
        // Sum over bins of t^3 for the tie correction: the least and the most it can be.
        let (mut fewest_ties, mut most_ties) = (0.0, 0.0);
        let mut refinement = self.doubt;
        let cube = self.total * self.total * self.total;
        let mut start = 0;
        for (cell, doubt) in self.cells.iter().zip(&mut refinement) {
            let end = start + cell.bins as usize;
            for b in start..end {
                let mass = self.mass[b];
                covariance += self.ranks[b] * (below + mass / 2.0 - half);
                below += mass;
                let tied = mass * mass * mass;
                let untied = if cell.exact { tied } else { tied.min(mass * self.unit * self.unit) };
                most_ties += tied;
                fewest_ties += untied;
                *doubt += (tied - untied) / cube;
            }
            // The doubt of a cell falls as 1 / bins, so the sum is least for bins ~ sqrt(doubt * bins).
            *doubt = if cell.exact { f64::INFINITY } else { (*doubt * f64::from(cell.bins)).sqrt() };
            start = end;
        }
        let (widest, narrowest) = ((cube - fewest_ties) / 12.0, (cube - most_ties) / 12.0);
        let constant = self.variance <= 0.0 || widest <= cube * 1e-15;
        if constant {
            let bound = 0.0;
            return Outcome { rho: 0.0, bound, constant, not_larger: self.not_larger, refinement };
        }
        let rho = covariance / (self.variance * widest).sqrt();
        let slack = if narrowest > 0.0 {
            self.mixed / 2.0 / (self.variance * narrowest).sqrt()
                + rho.abs() * ((widest / narrowest).sqrt() - 1.0)
        } else {
            2.0
        };
        Outcome { rho, bound: slack.min(2.0), constant, not_larger: self.not_larger, refinement }
    }
}
