//! Hinges on listed rows.

use numpy::{PyReadonlyArray1, PyReadonlyArray2, PyReadwriteArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use tvae_core::hinge::{self, Hinge};
use tvae_core::structure::Band;

use crate::arrays::slice;
use crate::errors::{raise, refuse};

/// The sum over listed rows of `x`, float32 (N, D), and its gradient in the curvature; the one in the points is written
/// into `gx`. `rows` (3, T) are triplets held to `margin`, `rows` (2, P) pairs held to the `(lo, hi, weight)` of their
/// `levels` (P,).
#[pyfunction]
#[pyo3(signature = (x, rows, curvature, gx, *, margin=0.0, levels=None, bands=None, squared=false))]
pub(crate) fn listed_hinge(
    py: Python<'_>,
    x: PyReadonlyArray2<'_, f32>,
    rows: PyReadonlyArray2<'_, u32>,
    curvature: f64,
    mut gx: PyReadwriteArray2<'_, f32>,
    margin: f32,
    levels: Option<PyReadonlyArray1<'_, i32>>,
    bands: Option<Vec<(f32, f32, f32)>>,
    squared: bool,
) -> PyResult<(f64, f64)> {
    let (dim, length) = (x.shape()[1], rows.shape()[1]);
    let (x, rows) = (slice("x", &x)?, slice("rows", &rows)?);
    let lists: Vec<&[u32]> = if length == 0 { vec![] } else { rows.chunks_exact(length).collect() };
    let gx = gx.as_slice_mut().map_err(|_| refuse("gx", "a C-contiguous array", "a strided view"))?;
    let bands = bands.unwrap_or_default();
    let bands: Vec<Band> = bands.into_iter().map(|(lo, hi, weight)| Band { lo, hi, weight }).collect();
    let kind = match &levels {
        Some(levels) => Hinge::Pairs { levels: slice("levels", levels)?, bands: &bands, squared },
        None => Hinge::Triplets { margin },
    };
    if lists.is_empty() {
        gx.fill(0.0);
        return Ok((0.0, 0.0));
    }
    let [value, bend] =
        py.detach(|| hinge::hinge(kind, x, dim, curvature, &lists, gx)).map_err(|error| raise(py, &error))?;
    Ok((value, bend))
}
