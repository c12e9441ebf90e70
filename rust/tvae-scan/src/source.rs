//! A file read by position: nothing is read that was not asked for, and no length is believed.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{Advice, OFlags, fadvise};

use crate::error::Error;
use crate::record::Identity;

/// Bytes of the end that are kept of the first file: they hold the directory of nearly every checkpoint.
const TAIL: u64 = 16 << 10;

/// What the system says about an open file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// Which file it is, and how long.
    pub identity: Identity,
    /// Bytes that it takes on the disk.
    pub allocated: u64,
}

/// A regular file that can be read by position.
pub trait ReadAt {
    /// What the system says about it now.
    ///
    /// # Errors
    /// What the system says instead.
    fn facts(&self) -> io::Result<Facts>;

    /// Fills `room` with the bytes from `offset` on.
    ///
    /// # Errors
    /// `UnexpectedEof` if there are fewer; else what the system says.
    fn read_exact_at(&self, room: &mut [u8], offset: u64) -> io::Result<()>;
}

impl ReadAt for File {
    fn facts(&self) -> io::Result<Facts> {
        self.metadata().map(|metadata| facts(&metadata))
    }

    fn read_exact_at(&self, room: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, room, offset)
    }
}

/// A stretch of a file that is kept in memory.
#[derive(Debug, Default)]
struct Window {
    start: u64,
    len: usize,
    room: Vec<u8>,
}

impl Window {
    /// Reads what it is to hold; of what cannot be read it holds nothing.
    fn fill(&mut self, reader: &dyn ReadAt, start: u64, len: u64) -> io::Result<()> {
        self.len = 0;
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        if self.room.len() < len {
            self.room.resize(len, 0);
        }
        reader.read_exact_at(&mut self.room[..len], start)?;
        (self.start, self.len) = (start, len);
        Ok(())
    }

    fn get(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let from = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        self.room[..self.len].get(from..from.checked_add(length)?)
    }
}

/// The beginning and the end of a file; the room is used again for the next one.
#[derive(Debug)]
pub(crate) struct Windows {
    head: Window,
    tail: Window,
    /// Bytes of the end that the next file is expected to need.
    expected: u64,
}

impl Default for Windows {
    fn default() -> Self {
        Self { head: Window::default(), tail: Window::default(), expected: TAIL }
    }
}

enum Reader<'r> {
    File(File),
    Other(&'r dyn ReadAt),
}

impl Reader<'_> {
    fn get(&self) -> &dyn ReadAt {
        match self {
            Self::File(file) => file,
            Self::Other(reader) => *reader,
        }
    }
}

/// An open regular file of known size.
pub(crate) struct Source<'r> {
    reader: Reader<'r>,
    facts: Facts,
    windows: Windows,
    /// The first error of a read that should have succeeded.
    trouble: RefCell<Option<io::Error>>,
}

impl Source<'static> {
    /// Opens a regular file. A pipe is recognised without waiting for its writer.
    ///
    /// # Errors
    /// [`Error`] if there is no such file, if it is not a regular one, or if it may not be opened.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        Self::open_in(path, true, Windows::default())
    }

    /// [`Source::open`] with room for what is read; a link is an error unless it is to be followed.
    pub(crate) fn open_in(path: &Path, follow: bool, windows: Windows) -> Result<Self, Error> {
        let link = if follow { OFlags::empty() } else { OFlags::NOFOLLOW };
        let flags = (OFlags::NONBLOCK | link).bits().cast_signed();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
        let file = file.map_err(|error| failed(path, follow, error))?;
        let metadata = file.metadata().map_err(|source| Error::Io { path: path.into(), source })?;
        if let Some(what) = irregular(&metadata) {
            return Err(Error::Irregular { path: path.into(), what });
        }
        // Reading ahead is for those who read on: on a cold disk this halves the time.
        let _ = fadvise(&file, 0, None, Advice::Random);
        Ok(Self::of(Reader::File(file), facts(&metadata), windows))
    }
}

impl<'r> Source<'r> {
    /// A file that something else reads.
    pub(crate) fn injected(reader: &'r dyn ReadAt, windows: Windows) -> io::Result<Self> {
        let facts = reader.facts()?;
        Ok(Self::of(Reader::Other(reader), facts, windows))
    }

    fn of(reader: Reader<'r>, facts: Facts, mut windows: Windows) -> Self {
        (windows.head.len, windows.tail.len) = (0, 0);
        (windows.head.start, windows.tail.start) = (0, 0);
        Self { reader, facts, windows, trouble: RefCell::default() }
    }

    /// Bytes of the file.
    pub(crate) fn size(&self) -> u64 {
        self.facts.identity.size
    }

    /// What was known of it when it was opened.
    pub(crate) fn facts(&self) -> Facts {
        self.facts
    }

    /// Whether the file is not any more what it was when it was opened.
    pub(crate) fn has_changed(&self) -> bool {
        self.reader.get().facts().is_ok_and(|now| now.identity != self.facts.identity)
    }

    /// Why a read failed that should not have, if one did.
    pub(crate) fn trouble(&self) -> Option<io::Error> {
        self.trouble.take()
    }

    /// The room, for the next file.
    pub(crate) fn into_windows(self) -> Windows {
        self.windows
    }

    /// Keeps the end of the file, from which most of it is told: as much as files needed before this one.
    pub(crate) fn keep_tail(&mut self) {
        let start = self.size().saturating_sub(self.windows.expected);
        let done = self.windows.tail.fill(self.reader.get(), start, self.facts.identity.size - start);
        self.note(done);
    }

    /// Keeps the first `length` bytes, or all there are.
    pub(crate) fn keep_head(&mut self, length: u64) {
        let length = length.min(self.size());
        if self.windows.tail.start == 0 && self.windows.tail.len as u64 >= length {
            return;
        }
        let done = self.windows.head.fill(self.reader.get(), 0, length);
        self.note(done);
    }

    /// Keeps the last `length` bytes, or all there are, which hold what was kept of the end.
    pub(crate) fn keep_end(&mut self, length: u64) {
        let start = self.size().saturating_sub(length);
        if self.windows.tail.start > start {
            let done = self.windows.tail.fill(self.reader.get(), start, self.size() - start);
            self.note(done);
        }
    }

    /// Keeps the last `length` bytes, which others are expected to need too. Most files of a run need about the same, and
    /// some a little more, where names are longer; a file that needs less is followed by some that need more.
    pub(crate) fn need_end(&mut self, length: u64) {
        self.keep_end(length);
        self.windows.expected = (length + length / 16).max(self.windows.expected - self.windows.expected / 8);
    }

    /// How much of the end is kept.
    pub(crate) fn tail(&self) -> u64 {
        self.windows.tail.len as u64
    }

    fn note(&self, done: io::Result<()>) {
        if let Err(error) = done {
            self.trouble.borrow_mut().get_or_insert(error);
        }
    }

    /// Exactly `length` bytes from `offset`, which borrow what is kept if they can.
    ///
    /// # Errors
    /// `UnexpectedEof` if the file does not have them, checked before anything is allocated; else what the
    /// system says.
    pub(crate) fn bytes(&self, offset: u64, length: u64) -> io::Result<Cow<'_, [u8]>> {
        let inside = offset.checked_add(length).is_some_and(|end| end <= self.size());
        let length = usize::try_from(length).ok().filter(|_| inside);
        let length = length.ok_or(io::ErrorKind::UnexpectedEof)?;
        if let Some(kept) = self.held(offset, length) {
            return Ok(Cow::Borrowed(kept));
        }
        let mut bytes = vec![0; length];
        self.fill(&mut bytes, offset)?;
        Ok(Cow::Owned(bytes))
    }

    /// Fills `room` with the bytes from `offset` on, which are not kept.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn fill(&self, room: &mut [u8], offset: u64) -> io::Result<()> {
        let done = self.reader.get().read_exact_at(room, offset);
        let kind = done.as_ref().err().map(io::Error::kind);
        self.note(done);
        kind.map_or(Ok(()), |kind| Err(kind.into()))
    }

    /// `length` bytes from `offset`, if they are kept.
    pub(crate) fn held(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let Windows { head, tail, .. } = &self.windows;
        head.get(offset, length).or_else(|| tail.get(offset, length))
    }

    /// What is kept of the beginning of the file, from `offset` on.
    pub(crate) fn kept(&self, offset: u64) -> &[u8] {
        let Windows { head, tail, .. } = &self.windows;
        let first = if tail.start == 0 && tail.len > 0 { tail } else { head };
        let rest = usize::try_from(offset).ok().and_then(|offset| first.room[..first.len].get(offset..));
        rest.unwrap_or_default()
    }

    /// [`Source::bytes`] of one's own.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn read(&self, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        self.bytes(offset, length).map(Cow::into_owned)
    }

    /// At most `length` bytes from `offset`; fewer at the end of the file.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn read_up_to(&self, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        self.bytes_up_to(offset, length).map(Cow::into_owned)
    }

    /// [`Source::read_up_to`], which borrows what is kept if it can.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn bytes_up_to(&self, offset: u64, length: u64) -> io::Result<Cow<'_, [u8]>> {
        self.bytes(offset.min(self.size()), length.min(self.size().saturating_sub(offset)))
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

fn facts(metadata: &Metadata) -> Facts {
    Facts { identity: identity(metadata), allocated: metadata.blocks().saturating_mul(512) }
}

/// Why a file could not be opened. A socket is none that can be, and a link may be unwanted.
fn failed(path: &Path, follow: bool, source: io::Error) -> Error {
    match source.kind() {
        // An invalid input is a name with a null byte, which no file has.
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidInput => {
            return Error::Missing { path: path.into() };
        }
        _ => {}
    }
    let metadata = if follow { path.metadata() } else { path.symlink_metadata() };
    match metadata.ok().as_ref().and_then(irregular) {
        Some(what) => Error::Irregular { path: path.into(), what },
        None => Error::Io { path: path.into(), source },
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
    } else if kind.is_symlink() {
        Some("a link")
    } else {
        Some("a device")
    }
}
