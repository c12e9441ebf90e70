//! Statistics of pairs and of radii.

use numpy::{PyArray2, PyArrayMethods, PyReadonlyArray1, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use tvae_core::pairs::{Request, Visit};
use tvae_core::{pairs, radial};

use crate::arrays::{slice, wrong_kind};
use crate::errors::{raise, refuse};
use crate::space::depth_of;

/// `pairs="exact"` or a number of pairs per level.
#[derive(FromPyObject)]
pub(crate) enum PairChoice {
    /// Pairs per level.
    Count(usize),
    /// The word "exact".
    Word(String),
}

/// What `pair_statistics` found. Correlations are 0 where `collapsed`.
#[pyclass(frozen, get_all, module = "tvae._core")]
pub(crate) struct PairStatistics {
    /// -Spearman(v(i-j), d(z_i, z_j)), tie-averaged.
    ultrametric: f64,
    /// Largest error of `ultrametric` from binning.
    ultrametric_bound: f64,
    /// Mean of `tree_inversions_by_level`.
    tree_inversions: f64,
    /// Largest error of `tree_inversions` from binning.
    tree_inversions_bound: f64,
    /// Share of comparisons in which a pair at level k is not farther than one at level k + 1.
    tree_inversions_by_level: Vec<f64>,
    /// Spearman(|z_i - z_j|, |v_i - v_j|), or None if not asked for.
    dist_corr: Option<f64>,
    /// Largest error of `dist_corr` from binning.
    dist_corr_bound: Option<f64>,
    /// Whether all distances are equal.
    collapsed: bool,
    /// Number of pairs that exist.
    population: u64,
    /// Number of pairs visited.
    visited: u64,
}

#[pymethods]
impl PairStatistics {
    /// "exact" if every pair was visited, else the number of sampled pairs.
    #[getter]
    fn pairs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if self.visited == self.population {
            Ok("exact".into_pyobject(py)?.into_any())
        } else {
            Ok(self.visited.into_pyobject(py)?.into_any())
        }
    }

    fn __repr__(&self) -> String {
        format!(
            "PairStatistics(ultrametric={:.10}, tree_inversions={:.3e}, visited={})",
            self.ultrametric, self.tree_inversions, self.visited
        )
    }
}

/// What `radial_statistics` found. `hierarchy` is 0 where `collapsed`.
#[pyclass(frozen, get_all, module = "tvae._core")]
pub(crate) struct RadialStatistics {
    /// Spearman(v, R), tie-averaged.
    hierarchy: f64,
    /// Share of pairs with v_i < v_j and R_i <= R_j, over pairs with v_i != v_j.
    inversions: f64,
    /// Mean over levels of the population variance.
    richness: f64,
    /// Mean over levels of six or more of 1 - KS distance to uniform, or None without such a level.
    uniformity: Option<f64>,
    /// Whether all radii are equal.
    collapsed: bool,
    /// (v, n, mean, std, min, max) of each level.
    levels: Vec<(u32, u32, f64, f64, f64, f64)>,
}

#[pymethods]
impl RadialStatistics {
    fn __repr__(&self) -> String {
        format!(
            "RadialStatistics(hierarchy={:.10}, inversions={:.3e}, richness={:.5})",
            self.hierarchy, self.inversions, self.richness
        )
    }
}

/// Statistics of the pairs of all operations; row i of `points`, (3^depth, D), is operation i.
///
/// Points are float32, or float64: then chords are taken from the rounded coordinates.
/// `pairs` is a number of pairs per level, or "exact" (the default): all pairs up to depth 10, and 200,000 a
/// level beyond, where the attribute `pairs` of the result tells so.
/// The result does not depend on `threads`.
#[pyfunction]
#[pyo3(signature = (points, depth, *, curvature=1.0, pairs=None, seed=0, threads=1, dist_corr=true))]
pub(crate) fn pair_statistics(
    py: Python<'_>,
    points: Bound<'_, PyUntypedArray>,
    depth: u32,
    curvature: f64,
    pairs: Option<PairChoice>,
    seed: u64,
    threads: usize,
    dist_corr: bool,
) -> PyResult<PairStatistics> {
    let depth = depth_of(py, depth)?;
    let visit = match pairs {
        None => Visit::Exact,
        Some(PairChoice::Count(n)) => Visit::Sample(n),
        Some(PairChoice::Word(word)) if word == "exact" => Visit::Exact,
        Some(PairChoice::Word(word)) => return Err(refuse("pairs", "\"exact\" or a number", &word)),
    };
    let request = Request { curvature, visit, seed, threads, dist_corr };
    let found = if let Ok(array) = points.cast::<PyArray2<f32>>() {
        let (array, dim) = (array.readonly(), array.shape()[1]);
        let rows = slice("points", &array)?;
        py.detach(|| pairs::statistics(depth, rows, dim, &request))
    } else if let Ok(array) = points.cast::<PyArray2<f64>>() {
        let (array, dim) = (array.readonly(), array.shape()[1]);
        let rows = slice("points", &array)?;
        py.detach(|| pairs::statistics(depth, rows, dim, &request))
    } else {
        return Err(wrong_kind("points", "float32 or float64 of dimension 2", &points));
    };
    let found = found.map_err(|error| raise(py, &error))?;
    Ok(PairStatistics {
        ultrametric: found.ultrametric,
        ultrametric_bound: found.ultrametric_bound,
        tree_inversions: found.tree_inversions,
        tree_inversions_bound: found.tree_inversions_bound,
        tree_inversions_by_level: found.tree_inversions_by_level,
        dist_corr: found.dist_corr,
        dist_corr_bound: found.dist_corr_bound,
        collapsed: found.collapsed,
        population: found.population,
        visited: found.visited,
    })
}

/// Statistics of the radii of all operations; element i of `radii`, float64 (3^depth,), is operation i.
#[pyfunction]
pub(crate) fn radial_statistics(
    py: Python<'_>,
    radii: PyReadonlyArray1<'_, f64>,
    depth: u32,
) -> PyResult<RadialStatistics> {
    let depth = depth_of(py, depth)?;
    let radii = slice("radii", &radii)?;
    let found = py.detach(|| radial::statistics(depth, radii)).map_err(|error| raise(py, &error))?;
    Ok(RadialStatistics {
        hierarchy: found.hierarchy,
        inversions: found.inversions,
        richness: found.richness,
        uniformity: found.uniformity,
        collapsed: found.collapsed,
        levels: found.levels.iter().map(|l| (l.level, l.count, l.mean, l.std, l.min, l.max)).collect(),
    })
}
