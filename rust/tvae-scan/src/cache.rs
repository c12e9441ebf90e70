//! Facts about files kept between scans, by the identity of the file; judgements are never kept.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{Access, AtFlags, CWD, accessat};

use crate::error::Error;
use crate::record::{FileRecord, Identity, Status};
use crate::source;

/// Begins every cache, of whatever version.
const WORDS: &[u8] = b"tvae scan facts ";
/// Begins those of this version; the number changes whenever facts are found or stored in another way.
const MAGIC: &[u8] = b"tvae scan facts 6 ";
/// A file that changed so shortly before it was looked at may change again without another time: its facts are
/// not kept.
const RACY: Duration = Duration::from_secs(2);
/// A cache larger than this begins anew with the files of the scan at hand.
const MOST_BYTES: usize = 256 << 20;

/// What is at the path of a cache.
enum There {
    /// Nothing, nothing in it, or a cache of any version.
    Free,
    /// A pipe, a socket or a device.
    Special,
    /// A folder or a file that is none of ours: what it is.
    Foreign(&'static str),
}

impl There {
    fn at(path: &Path) -> io::Result<Self> {
        let Ok(found) = fs::metadata(path) else { return Ok(Self::Free) };
        if found.is_dir() {
            return Ok(Self::Foreign("is a folder"));
        }
        if !found.is_file() {
            return Ok(Self::Special);
        }
        let mut head = Vec::new();
        fs::File::open(path)?.take(WORDS.len() as u64).read_to_end(&mut head)?;
        let ours = head.is_empty() || head == WORDS;
        Ok(if ours { Self::Free } else { Self::Foreign("is no cache of tvae") })
    }
}

/// What the cache says about a file.
#[allow(clippy::large_enum_variant)] // most are known, and go where they are kept
pub(crate) enum Fresh {
    /// Its facts; the path is that of the earlier scan.
    Known(FileRecord),
    /// Nothing that still holds.
    Unknown,
}

/// Where the facts of a file are.
#[derive(Debug)]
struct Place {
    identity: Identity,
    start: usize,
    length: usize,
}

impl Place {
    fn order(&self) -> (u64, u64) {
        order(self.identity)
    }
}

fn order(identity: Identity) -> (u64, u64) {
    (identity.device, identity.inode)
}

/// The facts of earlier scans.
#[derive(Debug)]
pub(crate) struct Cache {
    path: PathBuf,
    head: Vec<u8>,
    bytes: Vec<u8>,
    /// Where the facts of each file are, in order of its number on the device.
    places: Vec<Place>,
    refresh: bool,
    opened: SystemTime,
}

impl Cache {
    /// Reads what there is; a cache that is missing, damaged or of another version is an empty one.
    ///
    /// # Errors
    /// [`Error::NotCache`] for a folder, and for a file that no version of ours wrote: a cache would replace it.
    pub(crate) fn open(path: &Path, verified: bool, refresh: bool) -> Result<Self, Error> {
        if let Ok(There::Foreign(what)) = There::at(path) {
            return Err(Error::NotCache { path: path.into(), what });
        }
        let head =
            [MAGIC, env!("CARGO_PKG_VERSION").as_bytes(), if verified { b" crc\n" } else { b"\n" }].concat();
        let mut cache = Self {
            path: path.into(),
            head,
            bytes: Vec::new(),
            places: Vec::new(),
            refresh,
            opened: SystemTime::now(),
        };
        // To read a pipe is to wait for whoever writes into it.
        if fs::metadata(path).is_ok_and(|found| found.is_file())
            && let Ok(bytes) = fs::read(path)
            && bytes.starts_with(&cache.head)
        {
            cache.bytes = bytes;
            cache.index();
        }
        Ok(cache)
    }

    fn index(&mut self) {
        let mut rest = self.bytes.len() - self.head.len();
        while rest > 0 {
            let at = self.bytes.len() - rest;
            let Ok((entry, after)) = postcard::take_from_bytes::<(Identity, u32)>(&self.bytes[at..]) else {
                break;
            };
            let (identity, length) = (entry.0, entry.1 as usize);
            let start = self.bytes.len() - after.len();
            if length > after.len() {
                break;
            }
            self.places.push(Place { identity, start, length });
            rest = after.len() - length;
        }
        // They were mostly written in this order.
        self.places.sort_by_key(Place::order);
    }

    /// The facts of a file, if it is still the same one.
    pub(crate) fn look(&self, path: &Path) -> Fresh {
        if self.refresh {
            return Fresh::Unknown;
        }
        let identity = fs::metadata(path).ok().map(|metadata| source::identity(&metadata));
        let place = identity.and_then(|identity| self.find(identity));
        let known = place.and_then(|place| postcard::from_bytes(self.facts(place)).ok());
        // What may not be read any more is not told either.
        let readable = || accessat(CWD, path, Access::READ_OK, AtFlags::EACCESS).is_ok();
        known.filter(|_| readable()).map_or(Fresh::Unknown, Fresh::Known)
    }

    fn find(&self, identity: Identity) -> Option<&Place> {
        let start = self.places.partition_point(|place| place.order() < order(identity));
        let same = self.places[start..].iter().take_while(|place| place.order() == order(identity));
        same.filter(|place| place.identity == identity).last()
    }

    fn facts(&self, place: &Place) -> &[u8] {
        &self.bytes[place.start..place.start + place.length]
    }

    /// Adds new facts and replaces the file at once; nobody else may read it.
    ///
    /// # Errors
    /// Why the file could not be written, in one line.
    pub(crate) fn save<'r>(&self, fresh: impl Iterator<Item = &'r FileRecord>) -> Result<(), String> {
        let mut records: Vec<&FileRecord> = fresh.filter(|record| self.is_lasting(record)).collect();
        records.sort_by_key(|record| order(record.identity));
        records.dedup_by_key(|record| record.identity);
        let mut added = Vec::new();
        let mut replaced = HashSet::new();
        for record in records {
            let Ok(facts) = postcard::to_stdvec(record) else { continue };
            let Ok(length) = u32::try_from(facts.len()) else { continue };
            if postcard::to_io(&(record.identity, length), &mut added).is_ok() {
                added.extend_from_slice(&facts);
                replaced.insert((record.identity.device, record.identity.inode));
            }
        }
        if added.is_empty() {
            return Ok(());
        }
        let mut all = self.head.clone();
        if self.bytes.len() + added.len() <= MOST_BYTES {
            for place in &self.places {
                let identity = place.identity;
                // A file that changed has another identity, and its old facts go.
                let stale = replaced.contains(&(identity.device, identity.inode));
                if !stale && let Ok(size) = u32::try_from(place.length) {
                    let _ = postcard::to_io(&(identity, size), &mut all);
                    all.extend_from_slice(self.facts(place));
                }
            }
        }
        all.append(&mut added);
        self.replace(&all).map_err(|error| format!("{}: {error}", self.path.display()))
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let stays = match There::at(&self.path)? {
            There::Free => None,
            // A device such as /dev/null is for all programs.
            There::Special => Some("is no regular file"),
            There::Foreign(what) => Some(what),
        };
        if let Some(what) = stays {
            return Err(io::Error::other(format!("{what} and stays what it is; --no-cache keeps no facts")));
        }
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let new = self.path.with_file_name(name);
        // Not through a link that somebody put there, and not with anybody else's rights.
        let _ = fs::remove_file(&new);
        let written = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)
            .and_then(|mut file| file.write_all(bytes))
            .and_then(|()| fs::rename(&new, &self.path));
        if written.is_err() {
            let _ = fs::remove_file(&new);
        }
        written
    }

    /// Facts that will hold as long as the identity does.
    fn is_lasting(&self, record: &FileRecord) -> bool {
        let Ok(now) = self.opened.duration_since(SystemTime::UNIX_EPOCH) else { return false };
        let limit = i64::try_from(now.saturating_sub(RACY).as_nanos()).unwrap_or(0);
        let Identity { mtime_ns, ctime_ns, inode, .. } = record.identity;
        inode != 0
            && mtime_ns < limit
            && ctime_ns < limit
            && !matches!(record.status, Status::Unreadable | Status::Skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_during_the_scan_stays() {
        let home = tempfile::TempDir::new().unwrap();
        let path = home.path().join("facts");
        let cache = Cache::open(&path, false, false).unwrap();
        fs::write(&path, b"notes").unwrap();
        let trouble = cache.replace(b"facts").unwrap_err().to_string();
        assert!(trouble.starts_with("is no cache of tvae and stays what it is"), "{trouble}");
        assert_eq!(fs::read(&path).unwrap(), b"notes");
    }
}
