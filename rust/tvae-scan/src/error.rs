//! Why a path could not be looked at; what is wrong inside a file is an [`crate::issue::Issue`] instead.

use std::io;
use std::path::PathBuf;

/// A path that gave nothing to look at.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing has this name.
    #[error("{}: no such file", .path.display())]
    Missing {
        /// What was asked for.
        path: PathBuf,
    },
    /// A folder, pipe, socket or device: reading it could hang or never end.
    #[error("{}: {what}, not a regular file", .path.display())]
    Irregular {
        /// What was asked for.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// The system refuses to open or to read it.
    #[error("{}: cannot be read: {source}", .path.display())]
    Io {
        /// What was asked for.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file was read, and is no checkpoint whose tensors can be listed.
    #[error("{}: {reason}", .path.display())]
    NotCheckpoint {
        /// What was asked for.
        path: PathBuf,
        /// What it is instead.
        reason: String,
    },
    /// A cache would replace what is there.
    #[error("{}: {what}", .path.display())]
    NotCache {
        /// Where the cache was to be.
        path: PathBuf,
        /// What is there.
        what: &'static str,
    },
    /// The caller wanted no more.
    #[error("stopped")]
    Stopped,
}
