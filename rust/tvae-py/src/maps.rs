//! Radius, maps at the origin and projection of float32 points.

use numpy::{
    PyReadonlyArray2, PyReadonlyArrayDyn, PyReadwriteArray2, PyReadwriteArrayDyn, PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use tvae_core::maps::{self, Map};

use crate::arrays::slice;
use crate::errors::{raise, refuse};

/// Writes the radius (`kind` "radius"; `out` of shape (N,)) or the image ("expmap0", "logmap0", "project" with its
/// `rho`; `out` (N, D)) of each row of `x`, float32 (N, D), and into `slopes` (N, 3), if given, what `map_gradient`
/// takes. Past the rim alpha is clamped.
#[pyfunction]
#[pyo3(signature = (kind, x, curvature, out, slopes=None, rho=0.5))]
pub(crate) fn map_points(
    py: Python<'_>,
    kind: &str,
    x: PyReadonlyArray2<'_, f32>,
    curvature: f64,
    mut out: PyReadwriteArrayDyn<'_, f32>,
    mut slopes: Option<PyReadwriteArray2<'_, f32>>,
    rho: f64,
) -> PyResult<()> {
    let (map, dim) = (named(kind, rho)?, x.shape()[1]);
    let x = slice("x", &x)?;
    let out = out.as_slice_mut().map_err(|_| strided("out"))?;
    let slopes = match &mut slopes {
        Some(array) => Some(array.as_slice_mut().map_err(|_| strided("slopes"))?),
        None => None,
    };
    py.detach(|| maps::image(map, x, dim, curvature, out, slopes)).map_err(|error| raise(py, &error))
}

/// Writes the gradient for the upstream `g`, of the shape of `map_points`' `out`, into `gx` (N, D); returns the one in
/// the curvature.
#[pyfunction]
pub(crate) fn map_gradient(
    py: Python<'_>,
    kind: &str,
    x: PyReadonlyArray2<'_, f32>,
    curvature: f64,
    slopes: PyReadonlyArray2<'_, f32>,
    g: PyReadonlyArrayDyn<'_, f32>,
    mut gx: PyReadwriteArray2<'_, f32>,
) -> PyResult<f64> {
    let (map, dim) = (named(kind, 0.5)?, x.shape()[1]);
    let (x, slopes, g) = (slice("x", &x)?, slice("slopes", &slopes)?, slice("g", &g)?);
    let gx = gx.as_slice_mut().map_err(|_| strided("gx"))?;
    py.detach(|| maps::pull(map, x, dim, curvature, slopes, g, gx)).map_err(|error| raise(py, &error))
}

fn named(kind: &str, rho: f64) -> PyResult<Map> {
    match kind {
        "radius" => Ok(Map::Radius),
        "expmap0" => Ok(Map::Expmap),
        "logmap0" => Ok(Map::Logmap),
        "project" => Ok(Map::Project { rho }),
        other => Err(refuse("kind", "radius, expmap0, logmap0 or project", other)),
    }
}

fn strided(path: &str) -> PyErr {
    refuse(path, "a C-contiguous array", "another order or a strided view")
}
