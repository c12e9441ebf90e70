//! Which files of a tree are looked at, and what else is there. Names are never believed to say what a file is, only
//! that it is worth opening.

use std::collections::HashSet;
use std::fs::{self, FileType, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::error::Error;
use crate::scan::{Folder, Skipped, TICK};

/// Bytes of a README that are read.
const MOST_README: u64 = 64 << 10;
/// Endings that checkpoints have.
const SUFFIXES: [&str; 11] =
    ["pt", "pth", "ckpt", "bin", "pkl", "pickle", "safetensors", "pt2", "ptl", "torch", "tar"];

/// A file to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    /// The path of its record.
    pub path: PathBuf,
    /// The place of its folder in [`Found::folders`]; none for a file named as argument.
    pub folder: Option<usize>,
    /// It has a record whatever it holds.
    pub certain: bool,
    /// It was reached through a link that leads out of the tree.
    pub outside: bool,
}

/// What the trees hold.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub tasks: Vec<Task>,
    pub folders: Vec<Folder>,
    pub skipped: Vec<Skipped>,
}

/// Lists everything below `paths`.
///
/// # Errors
/// [`Error`] if one of the paths itself does not exist or cannot be listed, or if `watch` stops it.
pub(crate) fn walk(
    paths: &[PathBuf],
    follow: bool,
    watch: &mut dyn FnMut(usize, usize) -> bool,
) -> Result<Found, Error> {
    let mut walk = Walk {
        follow,
        named: HashSet::new(),
        found: Found::default(),
        seen: HashSet::new(),
        watch,
        asked: Instant::now(),
    };
    let arguments: Vec<Argument> = paths.iter().map(|path| Argument::of(path)).collect::<Result<_, _>>()?;
    let (covered, own): (Vec<_>, Vec<_>) =
        arguments.iter().enumerate().partition(|(place, one)| one.is_covered(*place, &arguments));
    // A file that is named has a record, also where a folder is named that holds it.
    walk.named = covered
        .into_iter()
        .filter(|(_, one)| !one.metadata.is_dir())
        .map(|(_, one)| one.real.clone())
        .collect();
    for (_, Argument { path, metadata, .. }) in own {
        if metadata.is_dir() {
            walk.root(path, metadata)?;
        } else {
            walk.found.tasks.push(Task { path: path.clone(), folder: None, certain: true, outside: false });
        }
    }
    Ok(walk.found)
}

/// A path to scan.
struct Argument {
    /// Without a slash at its end, so that a record has one name.
    path: PathBuf,
    /// Without links and detours, so that nothing is scanned twice.
    real: PathBuf,
    metadata: Metadata,
}

impl Argument {
    fn of(path: &Path) -> Result<Self, Error> {
        let metadata = fs::metadata(path).map_err(|source| failed(path, source))?;
        let real = path.canonicalize().map_err(|source| failed(path, source))?;
        Ok(Self { path: path.components().collect(), real, metadata })
    }

    /// An earlier one is the same, or another one is a folder that it is in.
    fn is_covered(&self, place: usize, all: &[Argument]) -> bool {
        all.iter().enumerate().any(|(other_place, other)| {
            if self.real == other.real {
                other_place < place
            } else {
                other.metadata.is_dir() && self.real.starts_with(&other.real)
            }
        })
    }
}

fn failed(path: &Path, source: io::Error) -> Error {
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidInput => {
            Error::Missing { path: path.into() }
        }
        _ => Error::Io { path: path.into(), source },
    }
}

struct Walk<'w> {
    follow: bool,
    /// Files that are named beside a folder that holds them.
    named: HashSet<PathBuf>,
    found: Found,
    /// Folders that were listed, so that links cannot lead in circles.
    seen: HashSet<(u64, u64)>,
    watch: &'w mut dyn FnMut(usize, usize) -> bool,
    /// When it was asked last whether to go on.
    asked: Instant,
}

/// A folder that is still to be listed.
struct Ahead {
    path: PathBuf,
    outside: bool,
}

impl Walk<'_> {
    fn root(&mut self, root: &Path, metadata: &Metadata) -> Result<(), Error> {
        // A root that cannot be listed is an error, and nothing else is.
        drop(fs::read_dir(root).map_err(|source| failed(root, source))?);
        if self.follow {
            self.seen.insert((metadata.dev(), metadata.ino()));
        }
        let canonical = if self.follow { root.canonicalize().ok() } else { None };
        let mut ahead = vec![Ahead { path: root.into(), outside: false }];
        while let Some(next) = ahead.pop() {
            self.folder(root, canonical.as_deref(), next, &mut ahead)?;
        }
        Ok(())
    }

    /// Asks the caller now and then, as a slow file system may take minutes.
    fn ask(&mut self) -> Result<(), Error> {
        if self.asked.elapsed() < TICK {
            return Ok(());
        }
        self.asked = Instant::now();
        if (self.watch)(0, self.found.tasks.len()) { Ok(()) } else { Err(Error::Stopped) }
    }

    fn folder(
        &mut self,
        root: &Path,
        canonical: Option<&Path>,
        here: Ahead,
        ahead: &mut Vec<Ahead>,
    ) -> Result<(), Error> {
        let place = self.found.folders.len();
        let mut folder = Folder { path: here.path.clone(), root: root.into(), ..Folder::default() };
        let entries = match fs::read_dir(&here.path) {
            Ok(entries) => entries,
            Err(error) => {
                folder.unreadable = Some(error.to_string());
                self.skip(here.path, "F009", format!("the folder cannot be listed: {error}"));
                self.found.folders.push(folder);
                return Ok(());
            }
        };
        for entry in entries {
            self.ask()?;
            // The kind comes with the listing, at no cost, on nearly all file systems.
            let (path, kind) = match entry.and_then(|entry| Ok((entry.path(), entry.file_type()?))) {
                Ok(found) => found,
                Err(error) => {
                    folder.unreadable = Some(error.to_string());
                    self.skip(here.path.clone(), "F009", format!("cannot be listed to its end: {error}"));
                    break;
                }
            };
            if kind.is_dir() {
                folder.n_folders += 1;
                ahead.push(Ahead { path, outside: here.outside });
            } else if kind.is_file() {
                self.file(path, place, here.outside, &mut folder);
            } else if kind.is_symlink() {
                self.link(path, place, canonical, &mut folder, ahead);
            } else {
                folder.n_others += 1;
                self.skip(path, "F001", format!("{}, not a regular file", special(kind)));
            }
        }
        self.found.folders.push(folder);
        Ok(())
    }

    fn file(&mut self, path: PathBuf, place: usize, outside: bool, folder: &mut Folder) {
        if folder.readme.is_none() && is_readme(&path) {
            folder.readme = readme(&path);
        }
        let is_named =
            || !self.named.is_empty() && path.canonicalize().is_ok_and(|real| self.named.contains(&real));
        let certain = has_suffix(&path) || is_named();
        // Counted among the others until it turns out to be a checkpoint.
        folder.n_others += 1;
        self.found.tasks.push(Task { path, folder: Some(place), certain, outside });
    }

    fn link(
        &mut self,
        path: PathBuf,
        place: usize,
        canonical: Option<&Path>,
        folder: &mut Folder,
        ahead: &mut Vec<Ahead>,
    ) {
        let Ok(target) = fs::metadata(&path) else {
            folder.n_others += 1;
            return self.skip(path, "F002", "a link that leads nowhere".into());
        };
        if !self.follow {
            folder.n_others += 1;
            return self.skip(path, "F003", "a link; --follow follows it".into());
        }
        let outside = match (path.canonicalize(), canonical) {
            (Ok(target), Some(root)) => !target.starts_with(root),
            _ => true,
        };
        if target.is_dir() {
            folder.n_folders += 1;
            if self.seen.insert((target.dev(), target.ino())) {
                ahead.push(Ahead { path, outside });
            } else {
                self.skip(path, "F003", "a link to a folder that was listed already".into());
            }
        } else if target.is_file() {
            self.file(path, place, outside, folder);
        } else {
            folder.n_others += 1;
            self.skip(path, "F001", format!("a link to {}, not a regular file", special(target.file_type())));
        }
    }

    fn skip(&mut self, path: PathBuf, code: &'static str, message: String) {
        self.found.skipped.push(Skipped { path, code, message });
    }
}

/// The name ends as those of checkpoints do, in any case.
pub(crate) fn has_suffix(path: &Path) -> bool {
    let Some(suffix) = path.extension().and_then(|suffix| suffix.to_str()) else { return false };
    let known = SUFFIXES.iter().any(|known| suffix.eq_ignore_ascii_case(known));
    // A tar file is one only as `x.pth.tar`.
    known
        && (!suffix.eq_ignore_ascii_case("tar")
            || path.file_stem().is_some_and(|stem| has_suffix(stem.as_ref())))
}

fn is_readme(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    ["README", "README.md", "README.txt", "README.rst"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn readme(path: &Path) -> Option<String> {
    use std::io::Read as _;
    let mut text = Vec::new();
    fs::File::open(path).ok()?.take(MOST_README).read_to_end(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

fn special(kind: FileType) -> &'static str {
    if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_worth_a_look_by_its_ending() {
        for name in ["best.pt", "BEST.PT", "x.pth.tar", "y.safetensors", "a/.hidden.ckpt"] {
            assert!(has_suffix(name.as_ref()), "{name}");
        }
        for name in ["best", "pt", ".pt", "data.tar", "notes.txt", "x.pt.tmp"] {
            assert!(!has_suffix(name.as_ref()), "{name}");
        }
    }
}
