//! An order-preserving map from a non-negative float32 to a bin.
//!
//! The bits of a non-negative float32 increase with its value. Their upper part names a cell, and every
//! cell is cut into as many equal bins as its expected mass deserves. A cell with one bin for each float32
//! is fully resolved: nothing about it is in doubt.

use crate::ranking::Cell;

/// How many low bits of a key a cell spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grain {
    /// 64 cells to an octave, for distances that spread.
    Coarse,
    /// 2048 cells to an octave, for distances that take few values: each gets its own cell.
    Fine,
}

/// Room for the finest cells of the positive half of float32, infinity included.
const CELLS: usize = 1 << 19;

impl Grain {
    const fn inner(self) -> u32 {
        match self {
            Self::Coarse => 17,
            Self::Fine => 12,
        }
    }

    /// The cell of a key, the bits of a non-negative float32.
    #[inline(always)]
    pub(crate) fn cell(self, key: u32) -> usize {
        (key >> self.inner()) as usize
    }

    /// One zero for each cell.
    pub(crate) fn zeros(self) -> Vec<f64> {
        vec![0.0; 1 << (31 - self.inner())]
    }
}

/// The map.
pub(crate) struct Bins {
    pub(crate) grain: Grain,
    inner: u32,
    /// First bin and number of bins of each cell.
    cells: Box<[(u32, u32); CELLS]>,
    total: usize,
}

impl Bins {
    /// Shares about `budget` bins between cells in proportion to `mass`; every cell gets one at least, and
    /// one with infinite mass is fully resolved.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
    pub(crate) fn new(grain: Grain, mass: &[f64], budget: usize) -> Self {
        let inner = grain.inner();
        let full = f64::from(1_u32 << inner);
        let mut counts = vec![1_u32; mass.len()];
        // Cells that would get more than one bin per float32 are capped, the others share what is left.
        let mut open: Vec<usize> = (0..mass.len()).filter(|&c| mass[c] > 0.0).collect();
        let mut left = budget as f64;
        while !open.is_empty() && left > 0.0 {
            let total: f64 = open.iter().map(|&c| mass[c]).filter(|m| m.is_finite()).sum();
            let deserved = |c: usize| if mass[c].is_finite() { mass[c] / total * left } else { full };
            let (capped, rest): (Vec<usize>, Vec<usize>) = open.iter().partition(|&&c| deserved(c) >= full);
            if capped.is_empty() {
                for &c in &rest {
                    counts[c] = (deserved(c) as u32).max(1);
                }
                break;
            }
            for &c in &capped {
                counts[c] = 1 << inner;
            }
            left -= capped.len() as f64 * full;
            open = rest;
        }
        let mut cells: Box<[(u32, u32); CELLS]> = vec![(0, 0); CELLS]
            .into_boxed_slice()
            .try_into()
            .unwrap_or_else(|_| unreachable!("the slice has just been made with this length"));
        let mut total = 0;
        for (cell, count) in cells.iter_mut().zip(counts) {
            *cell = (total, count);
            total += count;
        }
        Self { grain, inner, cells, total: total as usize }
    }

    /// Number of bins.
    pub(crate) fn len(&self) -> usize {
        self.total
    }

    /// The bin of a key, the bits of a non-negative float32.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation)] // the quotient is below count
    pub(crate) fn of(&self, key: u32) -> u32 {
        let (base, count) = self.cells[(key >> self.inner) as usize & (CELLS - 1)];
        let within = key & ((1 << self.inner) - 1);
        base + ((u64::from(within) * u64::from(count)) >> self.inner) as u32
    }

    /// The cells in order.
    pub(crate) fn cells(&self) -> Vec<Cell> {
        let cells = self.cells.iter().take(1 << (31 - self.inner));
        cells.map(|&(_, bins)| Cell { bins, exact: bins == 1 << self.inner }).collect()
    }
}
