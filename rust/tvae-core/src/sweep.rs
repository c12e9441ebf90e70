//! Counting every pair of a set into bins.
//!
//! In the order of reversed digits, the operations that share `k` low digits are one block of positions,
//! and the operations of one valuation are one range of positions. So every set of pairs is a list of
//! rectangles (or triangles) of positions, and its group is known without looking at an index.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::bins::Bins;
use crate::cloud::{Cloud, LANES};
use crate::padic::POW3;
use crate::pairset::PairSet;
use crate::{Depth, simd};

/// Rows that share each load of a block of columns.
const ROWS: usize = 4;
/// Rows of one job.
const JOB_ROWS: u32 = 64;
/// Columns of one job: 1024 points of 16 coordinates are 64 KiB.
pub(crate) const JOB_COLUMNS: u32 = 1024;

/// A rectangle of positions; where `triangle`, only columns right of the row count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Job {
    pub(crate) rows: (u32, u32),
    pub(crate) columns: (u32, u32),
    triangle: bool,
}

/// One thread's counts: a byte per bin, and a list of the bins that passed 255.
///
/// Bytes keep the table in the second-level cache; an overflow stands for 256 pairs, so the list stays
/// short however the pairs are spread.
pub(crate) struct Counters {
    bytes: Vec<u8>,
    overflows: Vec<u32>,
    rows: Vec<f32>,
}

impl Counters {
    pub(crate) fn new(bins: &Bins) -> Self {
        Self { bytes: vec![0; bins.len()], overflows: Vec::new(), rows: Vec::new() }
    }

    fn drain_into(&mut self, counts: &mut [u32]) {
        for (count, byte) in counts.iter_mut().zip(&mut self.bytes) {
            *count += u32::from(*byte);
            *byte = 0;
        }
        for bin in self.overflows.drain(..) {
            counts[bin as usize] += 256;
        }
    }
}

/// Counts every pair of the sets into bins, with one thread for each counter.
pub(crate) fn count(
    depth: Depth,
    cloud: &Cloud,
    sets: &[PairSet],
    bins: &Bins,
    counters: &mut [Counters],
) -> Vec<u32> {
    let jobs = jobs(depth, sets);
    let next = AtomicUsize::new(0);
    let grain = (jobs.len() / (counters.len() * 32)).clamp(1, 1024);
    let work = |mine: &mut Counters| {
        loop {
            let start = next.fetch_add(grain, Ordering::Relaxed);
            if start >= jobs.len() {
                break;
            }
            jobs[start..jobs.len().min(start + grain)]
                .iter()
                .for_each(|job| simd::sweep(cloud, job, bins, mine));
        }
    };
    std::thread::scope(|scope| {
        let (first, others) = counters.split_at_mut(1);
        for mine in others {
            scope.spawn(move || work(mine));
        }
        work(&mut first[0]);
    });
    let mut counts = vec![0; bins.len()];
    for mine in counters {
        mine.drain_into(&mut counts);
    }
    counts
}

/// The positions of the operations with `v(i) = level`.
fn positions(depth: Depth, level: u32) -> (u32, u32) {
    let end = POW3[(depth.get() - level) as usize];
    if level == depth.get() { (0, 1) } else { (end / 3, end) }
}

/// The rectangles and triangles of positions that hold the pairs of the sets.
pub(crate) fn jobs(depth: Depth, sets: &[PairSet]) -> Vec<Job> {
    let mut jobs = Vec::new();
    for &set in sets {
        match set {
            PairSet::Siblings(k) => {
                let side = POW3[(depth.get() - 1 - k) as usize];
                for block in 0..POW3[k as usize] {
                    let start = 3 * side * block;
                    let part = |digit: u32| (start + digit * side, start + (digit + 1) * side);
                    for (d, e) in [(0, 1), (0, 2), (1, 2)] {
                        cut(&mut jobs, part(d), part(e), false);
                    }
                }
            }
            PairSet::Between(v, w) => cut(&mut jobs, positions(depth, v), positions(depth, w), false),
            PairSet::Within(v) => cut(&mut jobs, positions(depth, v), positions(depth, v), true),
        }
    }
    jobs
}

fn cut(jobs: &mut Vec<Job>, rows: (u32, u32), columns: (u32, u32), triangle: bool) {
    for left in (columns.0..columns.1).step_by(JOB_COLUMNS as usize) {
        for top in (rows.0..rows.1).step_by(JOB_ROWS as usize) {
            let job = Job {
                rows: (top, rows.1.min(top + JOB_ROWS)),
                columns: (left, columns.1.min(left + JOB_COLUMNS)),
                triangle,
            };
            if !triangle || job.rows.0 + 1 < job.columns.1 {
                jobs.push(job);
            }
        }
    }
}

/// Counts the pairs of one job.
#[inline(always)]
pub(crate) fn count_job(cloud: &Cloud, job: &Job, bins: &Bins, counters: &mut Counters) {
    let mut row = job.rows.0 as usize;
    let end = job.rows.1 as usize;
    while row + ROWS <= end {
        count_rows::<ROWS>(cloud, row, job, bins, counters);
        row += ROWS;
    }
    while row < end {
        count_rows::<1>(cloud, row, job, bins, counters);
        row += 1;
    }
}

#[inline(always)]
fn count_rows<const R: usize>(cloud: &Cloud, first: usize, job: &Job, bins: &Bins, counters: &mut Counters) {
    let dim = cloud.dim;
    let Counters { bytes, overflows, rows } = counters;
    let bytes = bytes.as_mut_slice();
    rows.clear();
    for d in 0..dim {
        rows.extend((first..first + R).map(|r| cloud.blocks[(r / LANES * dim + d) * LANES + r % LANES]));
    }
    let (begin, end) = (job.columns.0 as usize, job.columns.1 as usize);
    let begin = if job.triangle { begin.max(first + 1) } else { begin };
    for block in begin / LANES..end.div_ceil(LANES) {
        let start = block * LANES;
        let columns = &cloud.blocks[start * dim..(start + LANES) * dim];
        let mut sums = [[0.0_f32; LANES]; R];
        for (column, x) in columns.chunks_exact(LANES).zip(rows.chunks_exact(R)) {
            for r in 0..R {
                for lane in 0..LANES {
                    let gap = x[r] - column[lane];
                    sums[r][lane] += gap * gap;
                }
            }
        }
        let factors = &cloud.factors[start..start + LANES];
        let mut found = [[0; LANES]; R];
        for r in 0..R {
            for lane in 0..LANES {
                found[r][lane] =
                    bins.of((sums[r][lane] * (cloud.factors[first + r] * factors[lane])).to_bits());
            }
        }
        let to = end.min(start + LANES) - start;
        if start >= begin && to == LANES && !(job.triangle && start < first + R) {
            found.as_flattened().iter().for_each(|&bin| add(bytes, overflows, bin));
        } else {
            for (r, found) in found.iter().enumerate() {
                let from = if job.triangle { begin.max(first + r + 1) } else { begin }.max(start) - start;
                found[from.min(to)..to].iter().for_each(|&bin| add(bytes, overflows, bin));
            }
        }
    }
}

#[inline(always)]
fn add(bytes: &mut [u8], overflows: &mut Vec<u32>, bin: u32) {
    let count = &mut bytes[bin as usize];
    *count = count.wrapping_add(1);
    if *count == 0 {
        spill(overflows, bin);
    }
}

#[cold]
fn spill(overflows: &mut Vec<u32>, bin: u32) {
    overflows.push(bin);
}
