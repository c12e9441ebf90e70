//! The one mapping from errors of the core to exceptions of the package.

use std::path::Path;

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tvae_scan::record::Status;

/// Codes of files of no format that a checkpoint has: without bytes, of zeros, a text, an archive of something else.
const FOREIGN: [&str; 6] = ["Z001", "Z002", "Z003", "Z004", "Z005", "Z008"];

/// The core's error as `tvae.errors.DomainError`.
pub(crate) fn raise(py: Python<'_>, error: &tvae_core::Error) -> PyErr {
    build(py, &error.to_string(), error.path(), &error.expected(), &error.got(), error.hint())
}

/// A `DomainError` about an argument that the binding itself refuses.
pub(crate) fn refuse(path: &str, expected: &str, got: &str) -> PyErr {
    Python::attach(|py| build(py, &format!("{path} is not accepted"), path, expected, got, None))
}

/// The scanner's error as the `CheckpointError`, `MissingError` or `StorageError` that Python code raises
/// for the same reason.
pub(crate) fn unreadable(py: Python<'_>, error: &tvae_scan::Error) -> PyErr {
    use tvae_scan::Error::{Io, Irregular, Missing, NotCheckpoint, Stopped};
    let (class, path, message, hint) = match error {
        // As after Ctrl-C: whoever watched wanted no more.
        Stopped => return PyKeyboardInterrupt::new_err("stopped"),
        Missing { path } => ("MissingError", path, "no such file".to_owned(), Some("check the path")),
        Irregular { path, what: what @ "a folder" } => {
            ("CheckpointError", path, format!("is {what}"), Some("name a file in it"))
        }
        Irregular { path, what } => ("CheckpointError", path, format!("is {what}, not a regular file"), None),
        Io { path, source } => ("StorageError", path, format!("cannot be read: {source}"), None),
        NotCheckpoint { path, reason } => {
            let (message, hint) = undecoded(path, reason);
            ("CheckpointError", path, message, hint)
        }
    };
    let path = path.to_string_lossy();
    construct(py, class, &message, &path, [("hint", hint)])
}

/// What a file that could not be decoded is, and what to do about it.
fn undecoded(path: &Path, reason: &str) -> (String, Option<&'static str>) {
    let Ok(record) = tvae_scan::inspect(path) else { return (reason.to_owned(), None) };
    if let Some(issue) = record.issues.iter().find(|issue| FOREIGN.contains(&&*issue.code)) {
        let what = match issue.message.as_str() {
            "no checkpoint of a known kind" => "neither a safetensors file nor one of torch",
            message => message.strip_suffix(", no checkpoint").unwrap_or(message),
        };
        let pointer = what.starts_with("a Git LFS pointer");
        let hint = if pointer { "run `git lfs pull`" } else { "copy it again or name another file" };
        return (format!("no checkpoint: {what}"), Some(hint));
    }
    if record.status == Status::Corrupt {
        return (format!("damaged: {reason}"), Some("copy it again or use an earlier checkpoint"));
    }
    (reason.to_owned(), None)
}

/// A rules file that is refused, as the `ConfigError` of any other file of settings.
pub(crate) fn bad_rules(py: Python<'_>, message: &str, origin: Option<&str>) -> PyErr {
    construct::<0>(py, "ConfigError", message, origin.unwrap_or("rules"), [])
}

fn build(py: Python<'_>, message: &str, path: &str, expected: &str, got: &str, hint: Option<&str>) -> PyErr {
    let answers = [("expected", Some(expected)), ("got", Some(got)), ("hint", hint)];
    construct(py, "DomainError", message, path, answers)
}

fn construct<const N: usize>(
    py: Python<'_>,
    class: &str,
    message: &str,
    path: &str,
    answers: [(&str, Option<&str>); N],
) -> PyErr {
    let make = || {
        let kwargs = PyDict::new(py);
        kwargs.set_item("path", path)?;
        for (name, answer) in answers {
            kwargs.set_item(name, answer)?;
        }
        py.import("tvae.errors")?.getattr(class)?.call((message,), Some(&kwargs))
    };
    make().map_or_else(|failure| failure, PyErr::from_value)
}
