//! Indices, trits and valuations.

use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use tvae_core::{Depth, Error};

use crate::errors::{raise, refuse};

pub(crate) fn depth_of(py: Python<'_>, depth: u32) -> PyResult<Depth> {
    Depth::new(depth).map_err(|error| raise(py, &error))
}

/// A 1-d index array of one of the accepted types, C-contiguous.
#[derive(FromPyObject)]
pub(crate) enum Indices<'py> {
    /// What torch and numpy count with.
    I64(PyReadonlyArray1<'py, i64>),
    /// Unsigned 64 bits.
    U64(PyReadonlyArray1<'py, u64>),
    /// Unsigned 32 bits.
    U32(PyReadonlyArray1<'py, u32>),
    /// Unsigned 16 bits: a quarter of the memory up to depth 10.
    U16(PyReadonlyArray1<'py, u16>),
}

/// Trits of each index, as int8 of shape (len(indices), depth), least significant first.
#[pyfunction]
pub(crate) fn trits<'py>(
    py: Python<'py>,
    indices: PyReadonlyArray1<'py, i64>,
    depth: u32,
) -> PyResult<Bound<'py, PyArray2<i8>>> {
    let depth = depth_of(py, depth)?;
    let indices = indices.as_slice()?;
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
    let trits = trits.as_slice()?;
    let mut out = vec![0; rows];
    py.detach(|| depth.indices(trits, &mut out)).map_err(|error| raise(py, &error))?;
    Ok(PyArray1::from_vec(py, out))
}

/// Valuation of each index, as uint8. Indices are int64, uint64, uint32 or uint16, contiguous.
#[pyfunction]
#[pyo3(signature = (indices, depth, *, out=None))]
pub(crate) fn valuations<'py>(
    py: Python<'py>,
    indices: Indices<'py>,
    depth: u32,
    out: Option<Bound<'py, PyArray1<u8>>>,
) -> PyResult<Bound<'py, PyArray1<u8>>> {
    let depth = depth_of(py, depth)?;
    let length = match &indices {
        Indices::I64(a) => a.len()?,
        Indices::U64(a) => a.len()?,
        Indices::U32(a) => a.len()?,
        Indices::U16(a) => a.len()?,
    };
    let out = out.unwrap_or_else(|| PyArray1::zeros(py, length, false));
    {
        let mut buffer = out.try_readwrite().map_err(|error| refuse("out", "a free array", &error.to_string()))?;
        let levels = buffer.as_slice_mut()?;
        let result: Result<(), Error> = match &indices {
            Indices::I64(a) => {
                let values = a.as_slice()?;
                py.detach(|| depth.valuations_i64(values, levels))
            }
            Indices::U64(a) => {
                let values = a.as_slice()?;
                py.detach(|| depth.valuations_u64(values, levels))
            }
            Indices::U32(a) => {
                let values = a.as_slice()?;
                py.detach(|| depth.valuations_u32(values, levels))
            }
            Indices::U16(a) => {
                let values = a.as_slice()?;
                py.detach(|| depth.valuations_u16(values, levels))
            }
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
    let (i, j) = (i.as_slice()?, j.as_slice()?);
    let mut out = vec![0; i.len()];
    py.detach(|| depth.agreements(i, j, &mut out)).map_err(|error| raise(py, &error))?;
    Ok(PyArray1::from_vec(py, out))
}
