//! One thread's way through many files: what is allocated for one serves the next.

use std::io;
use std::path::Path;

use crate::error::Error;
use crate::file::{File, Room, Want};
use crate::inspect::look;
use crate::issue::{Issue, Severity};
use crate::pickle::Safety;
use crate::record::{FileRecord, Status};
use crate::source::{ReadAt, Source, Windows};

/// Looks at one file after the other.
#[derive(Debug, Default)]
pub struct Inspector {
    windows: Windows,
    /// None before the first file, and during one.
    room: Option<Box<Room>>,
    refuses_links: bool,
    opcodes: u64,
}

impl Inspector {
    /// An inspector that follows links.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a path that is a link is looked at, or refused as it is opened.
    pub fn follow(&mut self, follow: bool) -> &mut Self {
        self.refuses_links = !follow;
        self
    }

    /// Opcodes of the pickles in the last file.
    #[must_use]
    pub fn opcodes(&self) -> u64 {
        self.opcodes
    }

    /// The record of a file.
    ///
    /// # Errors
    /// [`Error`] if the path cannot be opened; whatever is wrong with what is read stands in the record.
    pub fn inspect(&mut self, path: &Path) -> Result<FileRecord, Error> {
        let file = self.file(path, Want::default())?;
        Ok(self.keep_room(file))
    }

    /// The record of a file that something else reads, under the name of a path.
    ///
    /// # Errors
    /// [`Error`] if the reader cannot even say how long the file is.
    pub fn inspect_reader(&mut self, path: &Path, reader: &dyn ReadAt) -> Result<FileRecord, Error> {
        let open = |windows| {
            Source::injected(reader, windows).map_err(|source| Error::Io { path: path.into(), source })
        };
        let file = self.stable(path, Want::default(), open)?;
        Ok(self.keep_room(file))
    }

    /// The record of a file; its room is for the next one.
    fn keep_room(&mut self, file: File<'_>) -> FileRecord {
        let (record, room) = file.into_parts();
        self.room = room;
        record
    }

    /// A file with what is wanted of it.
    pub(crate) fn file<'k>(&mut self, path: &Path, want: Want<'k>) -> Result<File<'k>, Error> {
        let follow = !self.refuses_links;
        self.stable(path, want, |windows| Source::open_in(path, follow, windows))
    }

    /// Reads a file, and once more if it changed in the meantime.
    fn stable<'k, 'r>(
        &mut self,
        path: &Path,
        want: Want<'k>,
        open: impl Fn(Windows) -> Result<Source<'r>, Error>,
    ) -> Result<File<'k>, Error> {
        let (file, changed) = self.once(path, want, &open)?;
        if !changed {
            return Ok(file);
        }
        // A save may just have ended; one that goes on is not waited for.
        self.keep_room(file);
        let (mut file, changed) = self.once(path, want, &open)?;
        if changed {
            file.record.issues.push(Issue {
                code: "F007".into(),
                severity: Severity::Warning,
                message: "it was written to while it was read, so this may be half of either".into(),
                offset: None,
                hint: Some("scan again when nothing writes it".into()),
            });
            file.record.safety = file.record.safety.max(Safety::Unparsed);
        }
        Ok(file)
    }

    fn once<'k, 'r>(
        &mut self,
        path: &Path,
        want: Want<'k>,
        open: impl Fn(Windows) -> Result<Source<'r>, Error>,
    ) -> Result<(File<'k>, bool), Error> {
        let mut source = open(std::mem::take(&mut self.windows))?;
        let mut file = look(path, &mut source, want, self.room.take().unwrap_or_default());
        self.opcodes = file.streams.opcodes;
        let changed = source.has_changed();
        if let Some(error) = source.trouble() {
            unreadable(&mut file, &error);
        }
        self.windows = source.into_windows();
        Ok((file, changed))
    }
}

/// Of a file that could be read in part only, nothing is said but that.
fn unreadable(file: &mut File<'_>, error: &io::Error) {
    let old = std::mem::take(&mut file.record);
    let issue = Issue {
        code: "F005".into(),
        severity: Severity::Error,
        message: format!("cannot be read: {error}"),
        offset: None,
        hint: None,
    };
    file.record = FileRecord {
        path: old.path,
        size: old.size,
        allocated: old.allocated,
        mtime: old.mtime,
        identity: old.identity,
        kind: "unknown".into(),
        status: Status::Unreadable,
        safety: Safety::Unparsed,
        issues: vec![issue],
        elapsed_us: old.elapsed_us,
        ..FileRecord::default()
    };
    file.listed.clear();
    file.value = None;
}
