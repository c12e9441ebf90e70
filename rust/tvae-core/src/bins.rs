//! An order-preserving map from a non-negative float32 to a bin.
//!
//! The bits of a non-negative float32 increase with its value. Their upper part names a cell (64 to an
//! octave), and every cell is cut into as many equal bins as its expected mass deserves. A cell with
//! `2^17` bins has one bin for each float32, so nothing about it is in doubt.

/// Bits of a key below its cell.
const INNER: u32 = 17;
/// Cells of the positive half of float32, infinity included.
const CELLS: usize = 1 << (31 - INNER);
/// Bins of a fully resolved cell.
const FULL: u32 = 1 << INNER;

/// The map.
pub(crate) struct Bins {
    /// First bin and number of bins of each cell.
    cells: Box<[(u32, u32); CELLS]>,
    total: usize,
}

/// The cell of a value.
#[inline(always)]
pub(crate) fn cell(key: u32) -> usize {
    (key >> INNER) as usize
}

/// Mass per cell, to be filled by `cell`.
pub(crate) fn empty_mass() -> Vec<f64> {
    vec![0.0; CELLS]
}

impl Bins {
    /// Shares about `budget` bins between cells in proportion to `mass`; every cell gets one at least.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
    pub(crate) fn new(mass: &[f64], budget: usize) -> Self {
        let mut counts = vec![1_u32; CELLS];
        // Cells that would get more than one bin per float32 are capped, the others share what is left.
        let mut open: Vec<usize> = (0..CELLS).filter(|&c| mass[c] > 0.0).collect();
        let mut left = budget as f64;
        while !open.is_empty() {
            let total: f64 = open.iter().map(|&c| mass[c]).sum();
            let scale = left / total;
            let (full, rest): (Vec<usize>, Vec<usize>) =
                open.iter().partition(|&&c| mass[c] * scale >= f64::from(FULL));
            full.iter().for_each(|&c| counts[c] = FULL);
            left -= full.len() as f64 * f64::from(FULL);
            if full.is_empty() {
                rest.iter().for_each(|&c| counts[c] = ((mass[c] * scale) as u32).max(1));
                break;
            }
            open = rest;
        }
        let mut total = 0;
        let mut cells = Box::new([(0, 0); CELLS]);
        for (cell, count) in cells.iter_mut().zip(counts) {
            *cell = (total, count);
            total += count;
        }
        Self { cells, total: total as usize }
    }

    /// Number of bins.
    pub(crate) fn len(&self) -> usize {
        self.total
    }

    /// The bin of a key, the bits of a non-negative float32.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation)] // the quotient is below count
    pub(crate) fn of(&self, key: u32) -> u32 {
        let (base, count) = self.cells[cell(key) & (CELLS - 1)];
        base + ((u64::from(key & (FULL - 1)) * u64::from(count)) >> INNER) as u32
    }

    /// Each cell: its bins, and whether every bin holds one float32 only.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (std::ops::Range<usize>, bool)> {
        self.cells.iter().map(|&(base, count)| (base as usize..(base + count) as usize, count == FULL))
    }
}
