//! A file read by position: nothing is read that was not asked for, and no length is believed.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use crate::error::Error;
use crate::record::Identity;

/// An open regular file of known size.
#[derive(Debug)]
pub struct Source {
    file: File,
    size: u64,
    allocated: u64,
    identity: Identity,
}

impl Source {
    /// Opens a regular file. A pipe is recognised without waiting for its writer.
    ///
    /// # Errors
    /// [`Error`] if there is no such file, if it is not a regular one, or if it may not be opened.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source: io::Error| match source.kind() {
            // An invalid input is a name with a null byte, which no file has.
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidInput => {
                Error::Missing { path: path.into() }
            }
            _ => Error::Io { path: path.into(), source },
        };
        let regular = |metadata: &Metadata| match irregular(metadata) {
            Some(what) => Err(Error::Irregular { path: path.into(), what }),
            None => Ok(()),
        };
        regular(&path.metadata().map_err(failed)?)?;
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(failed)?;
        // Asked again of what was opened: the name may have changed hands in between.
        let metadata = file.metadata().map_err(failed)?;
        regular(&metadata)?;
        let allocated = metadata.blocks().saturating_mul(512);
        Ok(Self { file, size: metadata.size(), allocated, identity: identity(&metadata) })
    }

    /// Bytes of the file.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes that it takes on the disk.
    #[must_use]
    pub fn allocated(&self) -> u64 {
        self.allocated
    }

    /// Seconds since 1970 of its last change.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // a time is a number of seconds here; the exact one is in the identity
    pub fn mtime(&self) -> f64 {
        self.identity.mtime_ns as f64 * 1e-9
    }

    /// Which file it is.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// The file is not what it was when it was opened.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.file.metadata().is_ok_and(|metadata| identity(&metadata) != self.identity)
    }

    /// Exactly `length` bytes from `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` if the file does not have them, checked before anything is allocated; else what the
    /// system says.
    pub fn read(&self, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let inside = offset.checked_add(length).is_some_and(|end| end <= self.size);
        let length = usize::try_from(length).ok().filter(|_| inside);
        let length = length.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// At most `length` bytes from `offset`; fewer at the end of the file.
    ///
    /// # Errors
    /// What the system says.
    pub fn read_up_to(&self, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        self.read(offset.min(self.size), length.min(self.size.saturating_sub(offset)))
    }
}

/// Which file the system speaks of.
pub(crate) fn identity(metadata: &Metadata) -> Identity {
    let nanoseconds = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
    Identity {
        device: metadata.dev(),
        inode: metadata.ino(),
        size: metadata.size(),
        mtime_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
        ctime_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
    }
}

fn irregular(metadata: &Metadata) -> Option<&'static str> {
    let kind = metadata.file_type();
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("a folder")
    } else if kind.is_fifo() {
        Some("a pipe")
    } else if kind.is_socket() {
        Some("a socket")
    } else {
        Some("a device")
    }
}
