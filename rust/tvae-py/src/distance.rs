//! Distances of paired points.

use numpy::{
    PyReadonlyArray1, PyReadonlyArray2, PyReadwriteArray1, PyReadwriteArray2, PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use tvae_core::distance;

use crate::arrays::slice;
use crate::errors::{raise, refuse};

/// Writes the distance of each row of `x`, float32 (N, D), from that of `y` into `out` (N,), and into `slopes`
/// (N, 4), if given, what `pair_gradients` takes. Past the rim alpha is clamped.
#[pyfunction]
#[pyo3(signature = (x, y, curvature, out, slopes=None))]
pub(crate) fn pair_distances(
    py: Python<'_>,
    x: PyReadonlyArray2<'_, f32>,
    y: PyReadonlyArray2<'_, f32>,
    curvature: f64,
    mut out: PyReadwriteArray1<'_, f32>,
    mut slopes: Option<PyReadwriteArray2<'_, f32>>,
) -> PyResult<()> {
    let points = [slice("x", &x)?, slice("y", &y)?];
    let dim = x.shape()[1];
    let out = out.as_slice_mut().map_err(|_| strided("out"))?;
    let slopes = match &mut slopes {
        Some(array) => Some(array.as_slice_mut().map_err(|_| strided("slopes"))?),
        None => None,
    };
    py.detach(|| distance::distances(points, dim, curvature, out, slopes)).map_err(|error| raise(py, &error))
}

/// Writes the gradients for the upstream `g` (N,) into `gx` and `gy` (N, D); returns the one in the curvature.
#[pyfunction]
pub(crate) fn pair_gradients(
    py: Python<'_>,
    x: PyReadonlyArray2<'_, f32>,
    y: PyReadonlyArray2<'_, f32>,
    slopes: PyReadonlyArray2<'_, f32>,
    g: PyReadonlyArray1<'_, f32>,
    mut gx: PyReadwriteArray2<'_, f32>,
    mut gy: PyReadwriteArray2<'_, f32>,
) -> PyResult<f64> {
    let points = [slice("x", &x)?, slice("y", &y)?];
    let dim = x.shape()[1];
    let (slopes, g) = (slice("slopes", &slopes)?, slice("g", &g)?);
    let out = [gx.as_slice_mut().map_err(|_| strided("gx"))?, gy.as_slice_mut().map_err(|_| strided("gy"))?];
    py.detach(|| distance::pull(points, dim, slopes, g, out)).map_err(|error| raise(py, &error))
}

fn strided(path: &str) -> PyErr {
    refuse(path, "a C-contiguous array", "another order or a strided view")
}
