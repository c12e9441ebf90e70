//! A folder with what it holds, ready to be judged.

use std::borrow::Cow;
use std::os::unix::ffi::OsStrExt as _;

use crate::pickle::Safety;
use crate::record::FileRecord;
use crate::scan::{Folder, Scan};

/// A directory that gets a record.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub folder: &'a Folder,
    /// Its last component.
    pub name: String,
    /// Its path below the argument, with slashes; a dot for the argument itself.
    pub relative: String,
    /// The files directly in it, with their places in the scan, in order.
    pub files: Vec<(usize, &'a FileRecord)>,
}

impl<'a> View<'a> {
    /// The directories that hold candidates, or, as far as is known, neither candidates nor folders.
    pub fn all(scan: &'a Scan) -> Vec<Self> {
        scan.folders
            .iter()
            .filter(|folder| {
                !folder.files.is_empty() || (folder.n_folders == 0 && folder.unreadable.is_none())
            })
            .map(|folder| Self::new(folder, scan))
            .collect()
    }

    fn new(folder: &'a Folder, scan: &'a Scan) -> Self {
        let below = folder.path.strip_prefix(&folder.root).unwrap_or(&folder.path);
        let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
        let relative = if parts.is_empty() { ".".into() } else { parts.join("/") };
        let name = folder.path.file_name().map_or_else(|| ".".into(), |name| name.to_string_lossy());
        let files = folder.files.iter().filter_map(|&at| Some((at, scan.files.get(at)?))).collect();
        Self { folder, name: name.into_owned(), relative, files }
    }

    /// Whether the file at a place of the scan is directly in it.
    pub fn has(&self, file: usize) -> bool {
        self.files.binary_search_by_key(&file, |(at, _)| *at).is_ok()
    }
}

/// Whether nobody should load it: it is dangerous, or could not be followed.
pub(super) fn is_unsafe(safety: Safety) -> bool {
    matches!(safety, Safety::Dangerous | Safety::Unparsed)
}

/// The last component of a file's path.
pub(super) fn file_name(record: &FileRecord) -> Cow<'_, str> {
    let path = record.path.as_os_str().as_bytes();
    let start = memchr::memrchr(b'/', path).map_or(0, |slash| slash + 1);
    String::from_utf8_lossy(&path[start..])
}
