//! Triplets, pairs and batches.

use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyUntypedArrayMethods};
use pyo3::prelude::*;
use tvae_core::mining::{pairs as fill_pairs, triplets as fill_triplets};
use tvae_core::strata::{PairShares, TripletShares};
use tvae_core::{Error, batches, in_batch};

use crate::arrays::slice;
use crate::errors::{raise, refuse};
use crate::space::depth_of;

/// Runs `fill` on the caller's buffer, or on a new one, of `rows` rows and `n` columns.
fn with_buffer<'py>(
    py: Python<'py>,
    rows: usize,
    n: usize,
    out: Option<Bound<'py, PyArray2<i32>>>,
    fill: impl FnOnce(&mut [i32]) -> Result<(), Error> + Send,
) -> PyResult<Bound<'py, PyArray2<i32>>> {
    if n >= i32::MAX as usize {
        return Err(refuse("n", "less than 2^31", &n.to_string()));
    }
    let out = out.unwrap_or_else(|| PyArray2::zeros(py, [rows, n], false));
    if out.shape() != [rows, n] || !out.is_c_contiguous() {
        let got = format!("shape {:?}{}", out.shape(), if out.is_c_contiguous() { "" } else { ", strided" });
        return Err(refuse("out", &format!("a contiguous int32 array of shape ({rows}, {n})"), &got));
    }
    {
        let mut buffer =
            out.try_readwrite().map_err(|error| refuse("out", "a writable array", &error.to_string()))?;
        let slice = buffer.as_slice_mut()?;
        py.detach(|| fill(slice)).map_err(|error| raise(py, &error))?;
    }
    Ok(out)
}

/// `n` triplets at exact levels, int32 (3, n): anchors, positives at level k, negatives at level j < k.
///
/// `strata` lists (k, j, share); by default all are equal. Columns are grouped by stratum. The result
/// does not depend on `threads`.
#[pyfunction]
#[pyo3(signature = (depth, n, *, seed, step=0, strata=None, threads=1, out=None))]
pub(crate) fn triplets<'py>(
    py: Python<'py>,
    depth: u32,
    n: usize,
    seed: u64,
    step: u64,
    strata: Option<Vec<(u32, u32, f64)>>,
    threads: usize,
    out: Option<Bound<'py, PyArray2<i32>>>,
) -> PyResult<Bound<'py, PyArray2<i32>>> {
    let depth = depth_of(py, depth)?;
    let shares = match &strata {
        None => TripletShares::equal(depth),
        Some(list) => TripletShares::new(depth, list).map_err(|error| raise(py, &error))?,
    };
    with_buffer(py, 3, n, out, |buffer| fill_triplets(depth, &shares, n, seed, step, threads, buffer))
}

/// `n` pairs at exact levels, int32 (2, n): anchors and partners. `strata` lists (k, share).
#[pyfunction]
#[pyo3(signature = (depth, n, *, seed, step=0, strata=None, threads=1, out=None))]
pub(crate) fn pairs<'py>(
    py: Python<'py>,
    depth: u32,
    n: usize,
    seed: u64,
    step: u64,
    strata: Option<Vec<(u32, f64)>>,
    threads: usize,
    out: Option<Bound<'py, PyArray2<i32>>>,
) -> PyResult<Bound<'py, PyArray2<i32>>> {
    let depth = depth_of(py, depth)?;
    let shares = match &strata {
        None => PairShares::equal(depth),
        Some(list) => PairShares::new(depth, list).map_err(|error| raise(py, &error))?,
    };
    with_buffer(py, 2, n, out, |buffer| fill_pairs(depth, &shares, n, seed, step, threads, buffer))
}

/// `n` triplets of positions into `ids`, int32 (3, n), over the strata that the batch can serve.
#[pyfunction]
#[pyo3(signature = (ids, n, *, depth, seed, step=0, strata=None, out=None))]
pub(crate) fn in_batch_triplets<'py>(
    py: Python<'py>,
    ids: PyReadonlyArray1<'py, i64>,
    n: usize,
    depth: u32,
    seed: u64,
    step: u64,
    strata: Option<Vec<(u32, u32, f64)>>,
    out: Option<Bound<'py, PyArray2<i32>>>,
) -> PyResult<Bound<'py, PyArray2<i32>>> {
    let depth = depth_of(py, depth)?;
    let shares = match &strata {
        None => TripletShares::equal(depth),
        Some(list) => TripletShares::new(depth, list).map_err(|error| raise(py, &error))?,
    };
    let ids = slice("ids", &ids)?;
    with_buffer(py, 3, n, out, |buffer| {
        in_batch::in_batch_triplets(depth, ids, &shares, n, seed, step, buffer)
    })
}

/// `size` operations, int64: `floor(high_v * size)` spread over the high levels, the rest uniform.
#[pyfunction]
#[pyo3(signature = (depth, size, *, seed, step=0, high_v=0.25))]
pub(crate) fn stratified_batch(
    py: Python<'_>,
    depth: u32,
    size: usize,
    seed: u64,
    step: u64,
    high_v: f64,
) -> PyResult<Bound<'_, PyArray1<i64>>> {
    let depth = depth_of(py, depth)?;
    let batch = py.detach(|| batches::stratified_batch(depth, size, seed, step, high_v));
    batch.map(|batch| PyArray1::from_vec(py, batch)).map_err(|error| raise(py, &error))
}

/// `size / 2` anchors, then one partner for each at a level drawn evenly from `levels`, int64.
///
/// A share `high_v` of the anchors are multiples of `3^m`, m drawn evenly from 1 to depth. By default
/// `levels` is `depth // 2` to `depth - 1`.
#[pyfunction]
#[pyo3(signature = (depth, size, *, seed, step=0, high_v=0.25, levels=None))]
pub(crate) fn paired_batch(
    py: Python<'_>,
    depth: u32,
    size: usize,
    seed: u64,
    step: u64,
    high_v: f64,
    levels: Option<Vec<u32>>,
) -> PyResult<Bound<'_, PyArray1<i64>>> {
    let depth = depth_of(py, depth)?;
    let levels = levels.unwrap_or_else(|| (depth.get() / 2..depth.get()).collect());
    let batch = py.detach(|| batches::paired_batch(depth, size, seed, step, high_v, &levels));
    batch.map(|batch| PyArray1::from_vec(py, batch)).map_err(|error| raise(py, &error))
}
