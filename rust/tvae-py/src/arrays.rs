//! Borrowing numpy arrays as slices.

use numpy::ndarray::Dimension;
use numpy::{Element, PyReadonlyArray, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::errors::refuse;

/// The elements in C order. A Fortran-ordered array is contiguous too, and would be read transposed.
pub(crate) fn slice<'a, T: Element, D: Dimension>(
    path: &str,
    array: &'a PyReadonlyArray<'_, T, D>,
) -> PyResult<&'a [T]> {
    match array.as_slice() {
        Ok(slice) if array.is_c_contiguous() => Ok(slice),
        _ => Err(refuse(path, "a C-contiguous array", "another order or a strided view")),
    }
}

/// The refusal of an array of another type or dimension.
pub(crate) fn wrong_kind(path: &str, expected: &str, array: &Bound<'_, PyUntypedArray>) -> PyErr {
    refuse(path, expected, &format!("{} of dimension {}", array.dtype(), array.ndim()))
}
