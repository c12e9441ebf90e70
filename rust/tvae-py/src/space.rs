//! Indices, trits and valuations.

use numpy::{
    PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArray,
    PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use tvae_core::Depth;

use crate::arrays::{slice, wrong_kind};
use crate::errors::{raise, refuse};

pub(crate) fn depth_of(py: Python<'_>, depth: u32) -> PyResult<Depth> {
    Depth::new(depth).map_err(|error| raise(py, &error))
}

/// Trits of each index, as int8 of shape (len(indices), depth), least significant first.
#[pyfunction]
pub(crate) fn trits<'py>(
    py: Python<'py>,
    indices: PyReadonlyArray1<'py, i64>,
    depth: u32,
) -> PyResult<Bound<'py, PyArray2<i8>>> {
    let depth = depth_of(py, depth)?;
    let indices = slice("indices", &indices)?;
    let mut out = vec![0; indices.len() * depth.get() as usize];
    py.detach(|| depth.trits(indices, &mut out)).map_err(|error| raise(py, &error))?;
    PyArray1::from_vec(py, out).reshape([indices.len(), depth.get() as usize])
}

/// Index of each row of trits, as int64 of shape (len(trits),).
#[pyfunction]
#[pyo3(name = "index")]
pub(crate) fn indices<'py>(
    py: Python<'py>,
    trits: PyReadonlyArray2<'py, i8>,
    depth: u32,
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let depth = depth_of(py, depth)?;
    let rows = trits.as_array().nrows();
    let trits = slice("trits", &trits)?;
    let mut out = vec![0; rows];
    py.detach(|| depth.indices(trits, &mut out)).map_err(|error| raise(py, &error))?;
    Ok(PyArray1::from_vec(py, out))
}

/// Valuation of each index, as uint8. Indices are int64, uint64, uint32 or uint16, contiguous.
#[pyfunction]
#[pyo3(signature = (indices, depth, *, out=None))]
pub(crate) fn valuations<'py>(
    py: Python<'py>,
    indices: Bound<'py, PyUntypedArray>,
    depth: u32,
    out: Option<Bound<'py, PyArray1<u8>>>,
) -> PyResult<Bound<'py, PyArray1<u8>>> {
    let depth = depth_of(py, depth)?;
    let out = out.unwrap_or_else(|| PyArray1::zeros(py, indices.len(), false));
    {
        let mut buffer =
            out.try_readwrite().map_err(|error| refuse("out", "a free array", &error.to_string()))?;
        let levels = buffer.as_slice_mut()?;
        // The types are tried by hand: a failed extraction of an argument costs microseconds.
        let result = if let Ok(array) = indices.cast::<PyArray1<i64>>() {
            let array = array.readonly();
            let values = slice("indices", &array)?;
            py.detach(|| depth.valuations_i64(values, levels))
        } else if let Ok(array) = indices.cast::<PyArray1<u32>>() {
            let array = array.readonly();
            let values = slice("indices", &array)?;
            py.detach(|| depth.valuations_u32(values, levels))
        } else if let Ok(array) = indices.cast::<PyArray1<u16>>() {
            let array = array.readonly();
            let values = slice("indices", &array)?;
            py.detach(|| depth.valuations_u16(values, levels))
        } else if let Ok(array) = indices.cast::<PyArray1<u64>>() {
            let array = array.readonly();
            let values = slice("indices", &array)?;
            py.detach(|| depth.valuations_u64(values, levels))
        } else {
            let expected = "int64, uint64, uint32 or uint16 of dimension 1";
            return Err(wrong_kind("indices", expected, &indices));
        };
        result.map_err(|error| raise(py, &error))?;
    }
    Ok(out)
}

/// `v(i - j)` of each pair, as uint8: the number of equal low digits, `depth` where i = j.
#[pyfunction]
pub(crate) fn agreements<'py>(
    py: Python<'py>,
    i: PyReadonlyArray1<'py, i64>,
    j: PyReadonlyArray1<'py, i64>,
    depth: u32,
) -> PyResult<Bound<'py, PyArray1<u8>>> {
    let depth = depth_of(py, depth)?;
    let (i, j) = (slice("i", &i)?, slice("j", &j)?);
    let mut out = vec![0; i.len()];
    py.detach(|| depth.agreements(i, j, &mut out)).map_err(|error| raise(py, &error))?;
    Ok(PyArray1::from_vec(py, out))
}
