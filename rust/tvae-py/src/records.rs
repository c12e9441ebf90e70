//! Records of checkpoints as plain Python objects.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use tvae_scan::issue::Issue;
use tvae_scan::metrics::{Metric, Reading};
use tvae_scan::record::{FileRecord, Identity, Optimizer, StateDict};
use tvae_scan::value::Value;

/// The record of a file, with the fields of the contract and ours.
pub(crate) fn file<'py>(py: Python<'py>, record: &FileRecord) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    named(&out, "path", &record.path)?;
    out.set_item("size", record.size)?;
    out.set_item("allocated", record.allocated)?;
    out.set_item("mtime", record.mtime)?;
    out.set_item("identity", identity(py, record.identity)?)?;
    out.set_item("kind", &*record.kind)?;
    out.set_item("torch_prefix", record.torch_prefix.as_deref())?;
    out.set_item("status", record.status.as_str())?;
    out.set_item("safety", record.safety.as_str())?;
    let imports = record.imports.iter().map(|import| {
        let one = PyDict::new(py);
        one.set_item("module", &*import.module)?;
        one.set_item("name", &*import.name)?;
        one.set_item("class", import.class.as_str())?;
        one.set_item("offset", import.offset)?;
        Ok(one)
    });
    out.set_item("imports", imports.collect::<PyResult<Vec<_>>>()?)?;
    out.set_item("epoch", record.epoch)?;
    let metrics = PyDict::new(py);
    for metric in &record.metrics {
        metrics.set_item(&*metric.name, measured(py, metric)?)?;
    }
    out.set_item("metrics", metrics)?;
    out.set_item("config", record.config.as_ref().map(|config| plain(py, config)).transpose()?)?;
    out.set_item("config_hash", record.config_hash())?;
    out.set_item("top_keys", &record.top_keys)?;
    out.set_item(
        "optimizers",
        record.optimizers.iter().map(|one| optimizer(py, one)).collect::<PyResult<Vec<_>>>()?,
    )?;
    let lineage = PyDict::new(py);
    for (key, value) in &record.lineage {
        lineage.set_item(key, plain(py, value)?)?;
    }
    out.set_item("lineage", lineage)?;
    let dicts = record.state_dicts.iter().map(|one| state_dict(py, one));
    out.set_item("state_dicts", dicts.collect::<PyResult<Vec<_>>>()?)?;
    out.set_item("n_records", record.n_records)?;
    out.set_item("serialization_id", record.serialization_id.as_deref())?;
    let issues = record.issues.iter().map(|one| issue(py, one));
    out.set_item("issues", issues.collect::<PyResult<Vec<_>>>()?)?;
    let salvaged = record.salvaged.map(|salvage| {
        let one = PyDict::new(py);
        one.set_item("present", salvage.present)?;
        one.set_item("storages", salvage.storages)?;
        PyResult::Ok(one)
    });
    out.set_item("salvaged", salvaged.transpose()?)?;
    out.set_item("elapsed_us", record.elapsed_us)?;
    Ok(out)
}

/// A path as text that every encoder takes; what is not UTF-8 in it is replaced, and its bytes stand beside it.
pub(crate) fn named(out: &Bound<'_, PyDict>, name: &str, path: &Path) -> PyResult<()> {
    out.set_item(name, path.to_string_lossy())?;
    if path.to_str().is_none() {
        out.set_item(format!("{name}_b64"), BASE64_STANDARD.encode(path.as_os_str().as_encoded_bytes()))?;
    }
    Ok(())
}

fn identity(py: Python<'_>, identity: Identity) -> PyResult<Bound<'_, PyDict>> {
    let one = PyDict::new(py);
    one.set_item("device", identity.device)?;
    one.set_item("inode", identity.inode)?;
    one.set_item("size", identity.size)?;
    one.set_item("mtime_ns", identity.mtime_ns)?;
    one.set_item("ctime_ns", identity.ctime_ns)?;
    Ok(one)
}

fn measured<'py>(py: Python<'py>, metric: &Metric) -> PyResult<Bound<'py, PyDict>> {
    let one = reading(py, &metric.reading)?;
    let others = metric.others.iter().map(|other| reading(py, other));
    one.set_item("others", others.collect::<PyResult<Vec<_>>>()?)?;
    Ok(one)
}

fn reading<'py>(py: Python<'py>, reading: &Reading) -> PyResult<Bound<'py, PyDict>> {
    let one = PyDict::new(py);
    one.set_item("value", plain(py, &reading.value)?)?;
    one.set_item("raw_key", &*reading.raw_key)?;
    one.set_item("source", &*reading.source)?;
    one.set_item("dtype", &*reading.dtype)?;
    one.set_item("family", &*reading.family)?;
    Ok(one)
}

fn state_dict<'py>(py: Python<'py>, found: &StateDict) -> PyResult<Bound<'py, PyDict>> {
    let one = PyDict::new(py);
    one.set_item("key", &found.key)?;
    one.set_item("n_tensors", found.n_tensors)?;
    one.set_item("n_params", found.n_params)?;
    one.set_item("bytes", found.bytes)?;
    one.set_item("dtypes", found.dtypes.iter().map(|name| &**name).collect::<Vec<_>>())?;
    one.set_item("layout", found.layout.as_deref())?;
    one.set_item("fingerprint", found.fingerprint.map(|print| format!("{print:016x}")))?;
    Ok(one)
}

fn optimizer<'py>(py: Python<'py>, found: &Optimizer) -> PyResult<Bound<'py, PyDict>> {
    let one = PyDict::new(py);
    one.set_item("key", &found.key)?;
    one.set_item("kind", found.kind.as_deref())?;
    one.set_item("n_params", found.n_params)?;
    one.set_item("lr", &found.lr)?;
    Ok(one)
}

fn issue<'py>(py: Python<'py>, issue: &Issue) -> PyResult<Bound<'py, PyDict>> {
    let one = PyDict::new(py);
    one.set_item("code", &*issue.code)?;
    one.set_item("severity", issue.severity.as_str())?;
    one.set_item("message", &issue.message)?;
    one.set_item("offset", issue.offset)?;
    one.set_item("hint", issue.hint.as_deref())?;
    Ok(one)
}

/// A value as Python has it; its depth is limited where it was made.
pub(crate) fn plain<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(value) => value.into_pyobject(py)?.to_owned().into_any(),
        Value::Int(value) => value.into_pyobject(py)?.into_any(),
        Value::Float(value) => value.into_pyobject(py)?.into_any(),
        Value::Text(text) => text.into_pyobject(py)?.into_any(),
        Value::List(items) => {
            let items = items.iter().map(|item| plain(py, item)).collect::<PyResult<Vec<_>>>()?;
            PyList::new(py, items)?.into_any()
        }
        Value::Map(items) => {
            let dict = PyDict::new(py);
            for (key, item) in items {
                dict.set_item(key, plain(py, item)?)?;
            }
            dict.into_any()
        }
    })
}
