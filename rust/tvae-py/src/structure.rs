//! The loss over all pairs.

use numpy::ndarray::Array2;
use numpy::{IntoPyArray, PyArray2, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use tvae_core::structure::{Band, structure};

use crate::arrays::slice;
use crate::errors::{raise, refuse};
use crate::space::depth_of;

/// Sum over all pairs of weight_k e^p, e = max(d - hi_k, lo_k - d, 0), with k = v(i - j) and p = 1, or 2 if
/// `squared`; row i of `points`, float32 (3^depth, D), is operation i, and `bands` has (lo, hi, weight) for
/// each level k < depth. Past the rim alpha is clamped.
///
/// Returns the sum, its parts by level before weights, and its gradients in the points and in the curvature.
#[pyfunction]
#[pyo3(signature = (points, depth, bands, *, curvature=1.0, squared=false))]
#[allow(clippy::type_complexity)] // a tuple is what Python takes apart
pub(crate) fn pair_loss<'py>(
    py: Python<'py>,
    points: PyReadonlyArray2<'py, f32>,
    depth: u32,
    bands: Vec<(f32, f32, f32)>,
    curvature: f64,
    squared: bool,
) -> PyResult<(f64, Vec<f64>, Bound<'py, PyArray2<f32>>, f64)> {
    let depth = depth_of(py, depth)?;
    let bands: Vec<Band> = bands.into_iter().map(|(lo, hi, weight)| Band { lo, hi, weight }).collect();
    let shape = [points.shape()[0], points.shape()[1]];
    let rows = slice("points", &points)?;
    let found = py
        .detach(|| structure(depth, rows, shape[1], curvature, &bands, squared))
        .map_err(|error| raise(py, &error))?;
    let gradient = Array2::from_shape_vec(shape, found.points)
        .map_err(|error| refuse("points", "one row an operation", &error.to_string()))?;
    Ok((found.value, found.levels, gradient.into_pyarray(py), found.curvature))
}
