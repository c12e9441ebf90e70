//! Python binding of `tvae-core` and `tvae-scan`: convert, release the interpreter lock, call, convert back.

#![allow(clippy::needless_pass_by_value)] // arguments come from Python by value
#![allow(clippy::too_many_arguments)] // the arguments of the Python functions, most of them optional there
#![allow(clippy::doc_markdown)] // these comments are docstrings, read as plain text

mod arrays;
mod arrow;
mod distance;
mod errors;
mod families;
mod hinge;
mod maps;
mod mining;
mod records;
mod scan;
mod space;
mod statistics;
mod structure;
mod verdicts;

use pyo3::prelude::*;
use pyo3::types::PyModule;

/// The 3-adic engine of tvae, in Rust. Arrays are numpy arrays and are not copied.
#[pymodule]
mod _core {
    use super::{Bound, PyModule, PyModuleMethods, PyResult};

    #[pymodule_export]
    use super::distance::{pair_distances, pair_gradients};
    #[pymodule_export]
    use super::families::metric_families;
    #[pymodule_export]
    use super::hinge::listed_hinge;
    #[pymodule_export]
    use super::maps::{map_gradient, map_points};
    #[pymodule_export]
    use super::mining::{in_batch_triplets, paired_batch, pairs, stratified_batch, triplets};
    #[pymodule_export]
    use super::scan::{
        Scan, checkpoint_value, codes, explain, inspect_file, is_candidate, open_checkpoint, scan,
    };
    #[pymodule_export]
    use super::simd;
    #[pymodule_export]
    use super::space::{agreements, indices, trits, valuations};
    #[pymodule_export]
    use super::statistics::{PairStatistics, RadialStatistics, pair_statistics, radial_statistics};
    #[pymodule_export]
    use super::structure::pair_loss;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}

/// The build of the hot loops that runs: "avx2" or "baseline". With `limit="baseline"` (or back with
/// `limit="avx2"`) the choice is restricted for the whole process; results do not depend on it.
#[pyfunction]
#[pyo3(signature = (limit=None))]
fn simd(limit: Option<&str>) -> PyResult<&'static str> {
    match limit {
        None => {}
        Some("baseline") => tvae_core::simd::restrict(true),
        Some("avx2") => tvae_core::simd::restrict(false),
        Some(other) => {
            return Err(errors::refuse("limit", "\"baseline\" or \"avx2\"", other));
        }
    }
    Ok(if tvae_core::simd::avx2() { "avx2" } else { "baseline" })
}
