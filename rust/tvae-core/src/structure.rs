//! A loss over every pair of the space, and its gradient, without the matrix of pairs.
//!
//! With `k = v(i - j)` and `d` the distance in the ball, a pair costs `weight_k e^p`, where
//! `e = max(d - hi_k, lo_k - d, 0)` and `p` is 1 or 2: bands with `p = 1`, and the stress
//! `weight_k (d - t_k)^2` with `lo = hi = t`. With `F = sqrt(c) / alpha` of each point and `q = s F G`,
//! `t = sqrt q`, `h = sqrt(1 + q)`, `y = asinh t` and `d = 2 y / sqrt c`:
//!
//! ```text
//! dd/dx = 2 F G / (sqrt(c) t h) (x - z) + 2 c x / alpha * t / (sqrt(c) h)
//! dd/dc = (|x|^2 / alpha + |z|^2 / beta) t / (sqrt(c) h) - (y - t / h) / c^(3/2)
//! ```
//!
//! In the order of reversed digits a level is a list of rectangles, so a loop knows its level beforehand.
//! Sums of a job are float32, over at most 1024 terms a lane; everything beyond is float64.

use crate::cloud::{Cloud, LANES, Points};
use crate::distance::ALPHA_MIN;
use crate::padic::same_length;
use crate::pairset::PairSet;
use crate::scalar::log1p;
use crate::sweep::{JOB_COLUMNS, Job, jobs};
use crate::{Depth, Error, simd};

/// Rows that share each load of a block of columns.
const ROWS: usize = 4;

/// What a pair of one level is held to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// Distances below cost.
    pub lo: f32,
    /// Distances above cost.
    pub hi: f32,
    /// Factor on the cost of a pair.
    pub weight: f32,
}

/// The loss with its gradient.
#[derive(Debug, Clone, PartialEq)]
pub struct Structure {
    /// The sum over all pairs.
    pub value: f64,
    /// The same by level `0..depth`, before weights.
    pub levels: Vec<f64>,
    /// Gradient in the points, as they were given.
    pub points: Vec<f32>,
    /// Gradient in the curvature.
    pub curvature: f64,
}

/// The loss of `3^depth` points, row `i` belonging to operation `i`; one band a level `0..depth`.
///
/// Past the rim alpha is clamped. A coordinate that is not finite makes everything NaN.
///
/// # Errors
/// [`Error::Length`] for another number of rows or bands, [`Error::Scalar`] for a curvature that is not
/// positive.
#[allow(clippy::cast_possible_truncation)] // gradients are float32 by design
pub fn structure(
    depth: Depth,
    rows: &[f32],
    dim: usize,
    curvature: f64,
    bands: &[Band],
    squared: bool,
) -> Result<Structure, Error> {
    same_length("bands", depth.get() as usize, bands.len())?;
    let points = Points::clamped(depth, rows, dim, curvature, ALPHA_MIN)?;
    if rows.iter().any(|x| !x.is_finite()) {
        return Ok(Structure {
            value: f64::NAN,
            levels: vec![f64::NAN; bands.len()],
            points: vec![f32::NAN; rows.len()],
            curvature: f64::NAN,
        });
    }
    let cloud = Cloud::new(depth, &points);
    let mut sums = Sums::new(&cloud);
    let root = curvature.sqrt();
    let (linear, quadratic) = if squared { (0.0, 1.0) } else { (1.0, 0.0) };
    let mut levels = Vec::with_capacity(bands.len());
    for (k, &band) in (0..depth.get()).zip(bands) {
        let rule = Rule { band, linear, quadratic, twice: (2.0 / root) as f32, inverse: (1.0 / root) as f32 };
        sums.cost = 0.0;
        for job in jobs(depth, &[PairSet::Siblings(k)]) {
            simd::pull(&cloud, &job, &rule, &mut sums);
        }
        levels.push(sums.cost);
    }
    let value = levels.iter().zip(bands).map(|(sum, band)| sum * f64::from(band.weight)).sum();
    let mut gradient = vec![0.0; rows.len()];
    let mut spread = 0.0;
    for index in 0..depth.size() {
        let position = depth.reverse(index) as usize;
        let row = points.row(index);
        let square: f64 = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        let alpha = clamp(1.0 - curvature * square);
        let turn = sums.turn[position];
        spread += turn * square / alpha;
        let start = index as usize * dim;
        for (d, (out, &x)) in gradient[start..start + dim].iter_mut().zip(row).enumerate() {
            let pull = sums.pull[position * dim + d];
            *out = (pull + 2.0 * curvature * turn / alpha * f64::from(x)) as f32;
        }
    }
    let curvature = spread - sums.bend / (curvature * root);
    Ok(Structure { value, levels, points: gradient, curvature })
}

fn clamp(alpha: f64) -> f64 {
    if alpha < ALPHA_MIN { ALPHA_MIN } else { alpha }
}

/// What one level costs, with the factors of the distance.
pub(crate) struct Rule {
    band: Band,
    /// 1 where the cost is the excess itself.
    linear: f32,
    /// 1 where the cost is its square.
    quadratic: f32,
    /// `2 / sqrt(c)`.
    twice: f32,
    /// `1 / sqrt(c)`.
    inverse: f32,
}

/// Sums over pairs, by position in the order of reversed digits.
pub(crate) struct Sums {
    cost: f64,
    /// Of `2 F G / (sqrt(c) t h) (x - z)`, weighted.
    pull: Vec<f64>,
    /// Of `t / (sqrt(c) h)`, weighted.
    turn: Vec<f64>,
    /// Of `y - t / h`, weighted.
    bend: f64,
    rows: Vec<f32>,
    row_pull: Vec<[[f32; LANES]; ROWS]>,
    column_pull: Vec<[f32; LANES]>,
    column_turn: Vec<[f32; LANES]>,
}

impl Sums {
    fn new(cloud: &Cloud) -> Self {
        let blocks = JOB_COLUMNS as usize / LANES + 1;
        Self {
            cost: 0.0,
            pull: vec![0.0; cloud.blocks.len()],
            turn: vec![0.0; cloud.factors.len()],
            bend: 0.0,
            rows: Vec::new(),
            row_pull: vec![[[0.0; LANES]; ROWS]; cloud.dim],
            column_pull: vec![[0.0; LANES]; blocks * cloud.dim],
            column_turn: vec![[0.0; LANES]; blocks],
        }
    }
}

/// Adds the pairs of one job.
#[inline(always)]
pub(crate) fn pull_job(cloud: &Cloud, job: &Job, rule: &Rule, sums: &mut Sums) {
    let dim = cloud.dim;
    let first_block = job.columns.0 as usize / LANES;
    let blocks = (job.columns.1 as usize).div_ceil(LANES) - first_block;
    sums.column_pull[..blocks * dim].fill([0.0; LANES]);
    sums.column_turn[..blocks].fill([0.0; LANES]);
    let mut row = job.rows.0 as usize;
    let end = job.rows.1 as usize;
    while row + ROWS <= end {
        pull_rows::<ROWS>(cloud, row, job, rule, sums);
        row += ROWS;
    }
    while row < end {
        pull_rows::<1>(cloud, row, job, rule, sums);
        row += 1;
    }
    for block in 0..blocks {
        for lane in 0..LANES {
            let position = (first_block + block) * LANES + lane;
            sums.turn[position] += f64::from(sums.column_turn[block][lane]);
            for d in 0..dim {
                sums.pull[position * dim + d] -= f64::from(sums.column_pull[block * dim + d][lane]);
            }
        }
    }
}

#[inline(always)]
#[allow(clippy::many_single_char_names)] // those of the formulas
fn pull_rows<const R: usize>(cloud: &Cloud, first: usize, job: &Job, rule: &Rule, sums: &mut Sums) {
    let dim = cloud.dim;
    sums.rows.clear();
    for d in 0..dim {
        sums.rows.extend((first..first + R).map(|r| cloud.blocks[(r / LANES * dim + d) * LANES + r % LANES]));
    }
    sums.row_pull.fill([[0.0; LANES]; ROWS]);
    let (begin, end) = (job.columns.0 as usize, job.columns.1 as usize);
    let (mut cost, mut bend) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    let mut row_turn = [[0.0_f32; LANES]; R];
    let first_block = begin / LANES;
    for block in first_block..end.div_ceil(LANES) {
        let start = block * LANES;
        let mut counts = [1.0_f32; LANES];
        if start < begin || start + LANES > end {
            for (lane, count) in counts.iter_mut().enumerate() {
                *count = if (begin..end).contains(&(start + lane)) { 1.0 } else { 0.0 };
            }
        }
        let columns = &cloud.blocks[start * dim..(start + LANES) * dim];
        let mut squares = [[0.0_f32; LANES]; R];
        for (column, x) in columns.chunks_exact(LANES).zip(sums.rows.chunks_exact(R)) {
            for r in 0..R {
                for lane in 0..LANES {
                    let gap = x[r] - column[lane];
                    squares[r][lane] += gap * gap;
                }
            }
        }
        let factors = &cloud.factors[start..start + LANES];
        let mut force = [[0.0_f32; LANES]; R];
        let turns = &mut sums.column_turn[block - first_block];
        for r in 0..R {
            let own = cloud.factors[first + r];
            for lane in 0..LANES {
                let pair = own * factors[lane];
                let q = squares[r][lane] * pair;
                let t = q.sqrt();
                let h = (1.0 + q).sqrt();
                let y = log1p(t + q / (1.0 + h));
                let d = y * rule.twice;
                let (over, under) = (d - rule.band.hi, rule.band.lo - d);
                let (excess, sign) = if over > under { (over, 1.0) } else { (under, -1.0) };
                let count = if excess > 0.0 { counts[lane] } else { 0.0 };
                // Without a branch: either power is a weight on 1 and one on the excess.
                let excess = excess * count;
                cost[lane] += excess * (rule.linear + rule.quadratic * excess);
                let g = sign * rule.band.weight * (rule.linear * count + 2.0 * rule.quadratic * excess);
                let steep = g / h;
                let tanh = t * steep;
                bend[lane] += g * y - tanh;
                let turn = tanh * rule.inverse;
                row_turn[r][lane] += turn;
                turns[lane] += turn;
                let strength = steep * pair * rule.twice / t;
                force[r][lane] = if t > 0.0 { strength } else { 0.0 };
            }
        }
        let pulls = &mut sums.column_pull[(block - first_block) * dim..(block - first_block + 1) * dim];
        let coordinates = columns.chunks_exact(LANES).zip(sums.rows.chunks_exact(R));
        for ((column, x), (pull, row_pull)) in coordinates.zip(pulls.iter_mut().zip(&mut sums.row_pull)) {
            for lane in 0..LANES {
                let mut total = 0.0;
                for r in 0..R {
                    let part = force[r][lane] * (x[r] - column[lane]);
                    row_pull[r][lane] += part;
                    total += part;
                }
                pull[lane] += total;
            }
        }
    }
    let wide = |lanes: &[f32; LANES]| lanes.iter().map(|&x| f64::from(x)).sum::<f64>();
    sums.cost += wide(&cost);
    sums.bend += wide(&bend);
    for (r, turn) in row_turn.iter().enumerate() {
        sums.turn[first + r] += wide(turn);
        for d in 0..dim {
            sums.pull[(first + r) * dim + d] += wide(&sums.row_pull[d][r]);
        }
    }
}
