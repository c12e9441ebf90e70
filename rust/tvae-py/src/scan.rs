//! Checkpoints and trees of them: the functions and the result that Python sees.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyList};
use tvae_scan::scan::Options;
use tvae_scan::table;
use tvae_scan::tensors::Tensor;

use crate::errors::{refuse, unreadable};
use crate::{arrow, records};

type TensorEntry = (String, &'static str, Vec<u64>, Vec<i64>, Option<u64>, u64);

/// The record of a file as a dict: what it is, whether loading it would be safe, what it holds.
#[pyfunction]
pub(crate) fn inspect_file(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyDict>> {
    let record = py.detach(|| tvae_scan::inspect(&path)).map_err(|error| unreadable(py, &error))?;
    records::file(py, &record)
}

/// The record of a checkpoint and its tensors as (name, dtype, shape, stride, file_offset, nbytes).
#[pyfunction]
pub(crate) fn open_checkpoint(
    py: Python<'_>,
    path: PathBuf,
) -> PyResult<(Bound<'_, PyDict>, Vec<TensorEntry>)> {
    let (record, tensors) = py.detach(|| tvae_scan::open(&path)).map_err(|error| unreadable(py, &error))?;
    let tensors = tensors.into_iter().map(|tensor| {
        (tensor.name, tensor.dtype, tensor.shape, tensor.stride, tensor.file_offset, tensor.nbytes)
    });
    Ok((records::file(py, &record)?, tensors.collect()))
}

/// The values of a checkpoint under a key path such as "config.lr": one in a list, or an empty list.
#[pyfunction]
pub(crate) fn checkpoint_value<'py>(
    py: Python<'py>,
    path: PathBuf,
    key: &str,
) -> PyResult<Bound<'py, PyList>> {
    let found = py.detach(|| tvae_scan::value(&path, key)).map_err(|error| unreadable(py, &error))?;
    let found = found.map(|value| records::plain(py, &value)).transpose()?;
    PyList::new(py, found)
}

/// Everything below `paths`. `progress` is called with (done, total) every 50 ms; False stops the scan, and so
/// does Ctrl-C.
#[pyfunction]
#[pyo3(signature = (paths, *, threads = None, follow = false, verify_crc = false, cache = None, refresh = false,
    progress = None))]
pub(crate) fn scan(
    py: Python<'_>,
    paths: Vec<PathBuf>,
    threads: Option<usize>,
    follow: bool,
    verify_crc: bool,
    cache: Option<PathBuf>,
    refresh: bool,
    progress: Option<Py<PyAny>>,
) -> PyResult<Scan> {
    let threads = match threads.map(NonZeroUsize::new) {
        Some(None) => return Err(refuse("threads", "at least 1", "0")),
        Some(threads) => threads,
        None => None,
    };
    let options = Options { threads, follow, verify_crc, cache, refresh };
    let mut raised = None;
    let found = py.detach(|| {
        tvae_scan::scan::scan(&paths, &options, &mut |done, total| {
            let answer = Python::attach(|py| {
                py.check_signals()?;
                let Some(progress) = &progress else { return Ok(true) };
                let answer = progress.bind(py).call1((done, total))?;
                Ok(answer.is_none() || answer.is_truthy()?)
            });
            answer.unwrap_or_else(|error| {
                raised = Some(error);
                false
            })
        })
    });
    match (found, raised) {
        (Ok(scan), _) => Ok(Scan { scan }),
        (Err(_), Some(raised)) => Err(raised),
        (Err(error), None) => Err(unreadable(py, &error)),
    }
}

/// What a scan found. The records stay here until they are asked for.
#[pyclass(frozen, module = "tvae._core")]
pub(crate) struct Scan {
    scan: tvae_scan::scan::Scan,
}

#[pymethods]
impl Scan {
    /// Number of file records.
    #[getter]
    fn n_files(&self) -> usize {
        self.scan.files.len()
    }

    /// Records that came from the cache.
    #[getter]
    fn n_cached(&self) -> usize {
        self.scan.n_cached
    }

    /// Why the cache could not be written, if so.
    #[getter]
    fn cache_trouble(&self) -> Option<&str> {
        self.scan.cache_trouble.as_deref()
    }

    /// The file records from `start` to before `stop`, in order of the path, as dicts.
    #[pyo3(signature = (start = 0, stop = None))]
    fn files<'py>(
        &self,
        py: Python<'py>,
        start: usize,
        stop: Option<usize>,
    ) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let all = &self.scan.files;
        let stop = stop.unwrap_or(all.len()).min(all.len());
        all[start.min(stop)..stop].iter().map(|record| records::file(py, record)).collect()
    }

    /// The records of a kind, "file" or "tensor", as a capsule with an Arrow C stream.
    fn arrow<'py>(&self, py: Python<'py>, kind: &str) -> PyResult<Bound<'py, PyCapsule>> {
        let table = py.detach(|| match kind {
            "file" => Some(table::files(&self.scan.files)),
            "tensor" => Some(table::tensors(&self.tensors())),
            _ => None,
        });
        match table {
            Some(table) => arrow::stream(py, table),
            None => Err(refuse("kind", "file or tensor", kind)),
        }
    }

    /// What was not looked at: a list of dicts with path, code and message.
    fn skipped<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let skipped = self.scan.skipped.iter().map(|skipped| {
            let one = PyDict::new(py);
            records::named(&one, "path", &skipped.path)?;
            one.set_item("code", skipped.code)?;
            one.set_item("message", &skipped.message)?;
            Ok(one)
        });
        skipped.collect()
    }
}

impl Scan {
    /// Every tensor with the path of its file; files that changed meanwhile and cannot be read give none.
    fn tensors(&self) -> Vec<(String, Tensor)> {
        let decoded = self.scan.files.iter().filter(|file| file.status.is_decoded());
        let opened =
            decoded.filter_map(|file| Some((table::shown(&file.path), tvae_scan::open(&file.path).ok()?.1)));
        opened.flat_map(|(path, tensors)| tensors.into_iter().map(move |one| (path.clone(), one))).collect()
    }
}
