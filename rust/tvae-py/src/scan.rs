//! Checkpoints and trees of them: the functions and the result that Python sees.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyList};
use tvae_scan::Inspector;
use tvae_scan::judge::{Contradicted, Direction, Judgement, judge_measured, rank, words};
use tvae_scan::rules::Rules;
use tvae_scan::scan::Options;
use tvae_scan::table;
use tvae_scan::tensors::Tensor;

use crate::errors::{bad_rules, refuse, unreadable};
use crate::{arrow, records, verdicts};

type TensorEntry = (String, &'static str, Vec<u64>, Vec<i64>, Option<u64>, u64);

thread_local! {
    /// What is learnt of one file makes the next ones of its trainer cheaper.
    static INSPECTOR: RefCell<Inspector> = RefCell::default();
}

/// The record of a file as a dict: what it is, whether loading it would be safe, what it holds.
#[pyfunction]
pub(crate) fn inspect_file(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyDict>> {
    let inspect = || INSPECTOR.with_borrow_mut(|inspector| inspector.inspect(&path));
    let record = py.detach(inspect).map_err(|error| unreadable(py, &error))?;
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

/// Everything below `paths`, judged by rules: the default ones, "legacy", or the text of a rules file that comes from
/// `rules_origin`. `progress` is called with (done, total) every 50 ms; False stops the scan, and so
/// does Ctrl-C.
#[pyfunction]
#[pyo3(signature = (paths, *, threads = None, follow = false, verify_crc = false, cache = None, refresh = false,
    rules = None, rules_origin = None, progress = None))]
pub(crate) fn scan(
    py: Python<'_>,
    paths: Vec<PathBuf>,
    threads: Option<usize>,
    follow: bool,
    verify_crc: bool,
    cache: Option<PathBuf>,
    refresh: bool,
    rules: Option<String>,
    rules_origin: Option<String>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Scan> {
    let threads = match threads.map(NonZeroUsize::new) {
        Some(None) => return Err(refuse("threads", "at least 1", "0")),
        Some(threads) => threads,
        None => None,
    };
    let rules = match rules.as_deref() {
        None => Rules::default(),
        Some("legacy") => Rules::legacy(),
        Some(text) => Rules::parse(text, rules_origin.as_deref().unwrap_or("rules"))
            .map_err(|message| bad_rules(py, &message, rules_origin.as_deref()))?,
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
        .map(|scan| Scan::judged(Arc::new(scan), Arc::new(rules), Contradicted::new()))
    });
    match (found, raised) {
        (Ok(scan), _) => Ok(scan),
        (Err(_), Some(raised)) => Err(raised),
        (Err(error), None) => Err(unreadable(py, &error)),
    }
}

/// Whether a scan of its folder would look at a file: by its name, or by how it begins.
#[pyfunction]
pub(crate) fn is_candidate(path: PathBuf) -> bool {
    tvae_scan::scan::is_candidate(&path)
}

/// Every code of an issue, in order.
#[pyfunction]
pub(crate) fn codes() -> Vec<&'static str> {
    let mut codes: Vec<&str> = tvae_scan::codes::all().map(|one| one.code).collect();
    codes.sort_unstable();
    codes
}

/// What a code means, as a dict with title, meaning and remedy; None if there is no such code.
#[pyfunction]
pub(crate) fn explain<'py>(py: Python<'py>, code: &str) -> PyResult<Option<Bound<'py, PyDict>>> {
    let Some(found) = tvae_scan::codes::explain(code) else { return Ok(None) };
    let out = PyDict::new(py);
    out.set_item("title", found.title)?;
    out.set_item("meaning", found.meaning)?;
    out.set_item("remedy", found.remedy)?;
    Ok(Some(out))
}

/// What a scan found. The records stay here until they are asked for.
#[pyclass(frozen, module = "tvae._core")]
pub(crate) struct Scan {
    found: Arc<tvae_scan::scan::Scan>,
    judgement: Judgement,
    rules: Arc<Rules>,
    contradicted: Contradicted,
}

#[pymethods]
impl Scan {
    /// Number of file records.
    #[getter]
    fn n_files(&self) -> usize {
        self.found.files.len()
    }

    /// Number of directory records.
    #[getter]
    fn n_dirs(&self) -> usize {
        self.judgement.dirs.len()
    }

    /// Records that came from the cache.
    #[getter]
    fn n_cached(&self) -> usize {
        self.found.n_cached
    }

    /// Why the cache could not be written, if so.
    #[getter]
    fn cache_trouble(&self) -> Option<&str> {
        self.found.cache_trouble.as_deref()
    }

    /// The file records from `start` to before `stop`, in order of the path, as dicts.
    #[pyo3(signature = (start = 0, stop = None))]
    fn files<'py>(
        &self,
        py: Python<'py>,
        start: usize,
        stop: Option<usize>,
    ) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let all = &self.found.files;
        let stop = stop.unwrap_or(all.len()).min(all.len());
        let places = start.min(stop)..stop;
        let records =
            all[places.clone()].iter().zip(&self.judgement.files[places]).map(|(record, verdict)| {
                let out = records::file(py, record)?;
                verdicts::add_file(&out, verdict)?;
                Ok(out)
            });
        records.collect()
    }

    /// The directory records, in order of the path, as dicts.
    fn dirs<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        self.judgement.dirs.iter().map(|record| verdicts::dir(py, record)).collect()
    }

    /// Every tensor of every file as a dict with the path of the file.
    fn tensors<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let tensors = py.detach(|| self.list_tensors());
        let dicts = tensors.into_iter().map(|(path, tensor)| {
            let one = PyDict::new(py);
            one.set_item("path", path)?;
            one.set_item("name", tensor.name)?;
            one.set_item("dtype", tensor.dtype)?;
            one.set_item("shape", tensor.shape)?;
            one.set_item("stride", tensor.stride)?;
            one.set_item("file_offset", tensor.file_offset)?;
            one.set_item("nbytes", tensor.nbytes)?;
            Ok(one)
        });
        dicts.collect()
    }

    /// The tree in numbers, as a dict.
    fn summary<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        verdicts::summary(py, &self.judgement)
    }

    /// The words that the rules can put into directory records, by field, as a dict of lists.
    fn words<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let out = PyDict::new(py);
        for (field, all) in words(&self.rules) {
            out.set_item(field, all)?;
        }
        Ok(out)
    }

    /// The same scan, judged by what was measured: by path, the measured values of stored metrics that are not those.
    fn measured(&self, py: Python<'_>, contradicted: Contradicted) -> Self {
        py.detach(|| Self::judged(Arc::clone(&self.found), Arc::clone(&self.rules), contradicted))
    }

    /// The leaderboard: the first `n` of each metric family have a rank, and everybody else a reason. `field` names one
    /// metric to rank by; without `descending`, in the direction that is better for it. With `among`, only the directories
    /// of these paths compete.
    #[pyo3(signature = (n, field = None, descending = None, among = None))]
    fn best<'py>(
        &self,
        py: Python<'py>,
        n: usize,
        field: Option<&str>,
        descending: Option<bool>,
        among: Option<HashSet<String>>,
    ) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let by = field.map(|name| {
            let more = || tvae_scan::judge::direction(name).is_none_or(|way| way == Direction::Higher);
            (name, descending.unwrap_or_else(more))
        });
        let ranked = py.detach(|| {
            let mut judgement = Cow::Borrowed(&self.judgement);
            if let Some(among) = among {
                judgement.to_mut().dirs.retain(|dir| among.contains(&table::shown(&dir.path)));
            }
            rank(&self.found, &judgement, &self.rules, by, &self.contradicted)
        });
        ranked.iter().map(|entry| verdicts::ranked(py, entry, n)).collect()
    }

    /// The records of a kind, "file", "dir" or "tensor", as a capsule with an Arrow C stream.
    fn arrow<'py>(&self, py: Python<'py>, kind: &str) -> PyResult<Bound<'py, PyCapsule>> {
        let table = py.detach(|| match kind {
            "file" => Some(table::files(&self.found, &self.judgement)),
            "dir" => Some(table::dirs(&self.judgement)),
            "tensor" => Some(table::tensors(&self.list_tensors())),
            _ => None,
        });
        match table {
            Some(table) => arrow::stream(py, table),
            None => Err(refuse("kind", "file, dir or tensor", kind)),
        }
    }

    /// What was not looked at: a list of dicts with path, code and message.
    fn skipped<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let skipped = self.found.skipped.iter().map(|skipped| {
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
    fn judged(found: Arc<tvae_scan::scan::Scan>, rules: Arc<Rules>, contradicted: Contradicted) -> Self {
        let judgement = judge_measured(&found, &rules, &contradicted);
        Self { found, judgement, rules, contradicted }
    }

    /// Every tensor with the path of its file; files that changed meanwhile and cannot be read give none.
    fn list_tensors(&self) -> Vec<(String, Tensor)> {
        let decoded = self.found.files.iter().filter(|file| file.status.is_decoded());
        let opened =
            decoded.filter_map(|file| Some((table::shown(&file.path), tvae_scan::open(&file.path).ok()?.1)));
        opened.flat_map(|(path, tensors)| tensors.into_iter().map(move |one| (path.clone(), one))).collect()
    }
}
