//! The definitions that a checkpoint's metrics can have.

use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Every family of metrics with its meaning.
#[pyfunction]
pub(crate) fn metric_families(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let out = PyDict::new(py);
    for (name, meaning) in tvae_scan::metrics::families() {
        out.set_item(name, meaning)?;
    }
    Ok(out)
}
