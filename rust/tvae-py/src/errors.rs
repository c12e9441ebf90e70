//! The one mapping from errors of the core to exceptions of the package.

use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The core's error as `tvae.errors.DomainError`.
pub(crate) fn raise(py: Python<'_>, error: &tvae_core::Error) -> PyErr {
    build(py, &error.to_string(), error.path(), &error.expected(), &error.got(), error.hint())
}

/// A `DomainError` about an argument that the binding itself refuses.
pub(crate) fn refuse(path: &str, expected: &str, got: &str) -> PyErr {
    Python::attach(|py| build(py, &format!("{path} is not accepted"), path, expected, got, None))
}

fn build(py: Python<'_>, message: &str, path: &str, expected: &str, got: &str, hint: Option<&str>) -> PyErr {
    let make = || {
        let kwargs = PyDict::new(py);
        kwargs.set_item("path", path)?;
        kwargs.set_item("expected", expected)?;
        kwargs.set_item("got", got)?;
        kwargs.set_item("hint", hint)?;
        py.import("tvae.errors")?.getattr("DomainError")?.call((message,), Some(&kwargs))
    };
    make().map_or_else(|failure| failure, PyErr::from_value)
}
