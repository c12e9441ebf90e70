//! Whole trees: which files are looked at, and what was found in them.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::archive::verify;
use crate::cache::{Cache, Fresh};
use crate::detect::{self, Look};
use crate::error::Error;
use crate::inspector::Inspector;
use crate::issue::{Issue, Severity};
use crate::pickle::Safety;
use crate::record::{FileRecord, Status};
use crate::source::Source;
use crate::walk::{self, Task};

/// How often the caller hears of the progress.
pub(crate) const TICK: Duration = Duration::from_millis(50);
/// Files for which a further thread pays.
const FILES_A_THREAD: usize = 32;
/// Threads for one processor: on a cold disk they wait most of the time.
const THREADS_A_CORE: usize = 8;
/// The most threads that are started unasked.
const MOST_THREADS: usize = 32;

/// A folder that was walked, with what is needed to judge it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Folder {
    /// The argument joined with the relative path.
    pub path: PathBuf,
    /// The argument below which it was found.
    pub root: PathBuf,
    /// The records of the candidates directly in it, as places in [`Scan::files`].
    pub files: Vec<usize>,
    /// Folders directly in it.
    pub n_folders: u64,
    /// Whatever else is directly in it and no candidate.
    pub n_others: u64,
    /// Text of the README beside the files, if there is one; at most 64 KB.
    pub readme: Option<String>,
    /// Why it, or part of it, could not be listed.
    pub unreadable: Option<String>,
}

/// Something in the tree that is neither a regular file nor a folder that could be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Where it is.
    pub path: PathBuf,
    /// The code of the reason, such as `F003`.
    pub code: &'static str,
    /// The reason.
    pub message: String,
}

/// What a scan found: facts, and no judgement of any of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scan {
    /// A record for each candidate, in order of the path.
    pub files: Vec<FileRecord>,
    /// Every folder that was walked, in order of the path.
    pub folders: Vec<Folder>,
    /// What was not looked at, in order of the path.
    pub skipped: Vec<Skipped>,
    /// Records that came from the cache.
    pub n_cached: usize,
    /// Why the cache could not be read or written, if so.
    pub cache_trouble: Option<String>,
}

/// How to scan.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Threads; none: by the number of files and processors.
    pub threads: Option<NonZeroUsize>,
    /// Follow links.
    pub follow: bool,
    /// Read every record of an archive and compare its checksum.
    pub verify_crc: bool,
    /// The file that keeps facts between scans.
    pub cache: Option<PathBuf>,
    /// Look at every file, and renew the cache.
    pub refresh: bool,
}

/// Looks at every checkpoint below `paths`.
///
/// `watch` hears how many of how many files are done, on the calling thread, every 50 ms; false stops the scan. While
/// folders are listed none is done, and the number of files grows.
///
/// # Errors
/// [`Error`] if one of the paths does not exist or cannot be listed, if the cache would replace what is none, or if
/// `watch` stopped it. Whatever is wrong below the paths stands in the records.
pub fn scan(
    paths: &[PathBuf],
    options: &Options,
    watch: &mut dyn FnMut(usize, usize) -> bool,
) -> Result<Scan, Error> {
    let open = |path: &PathBuf| Cache::open(path, options.verify_crc, options.refresh);
    let cache = options.cache.as_ref().map(open).transpose()?;
    let mut found = walk::walk(paths, options.follow, watch)?;
    found.tasks.sort_unstable_by(|one, other| bytes(&one.path).cmp(bytes(&other.path)));
    let work = Work {
        tasks: &found.tasks,
        options,
        cache: cache.as_ref(),
        next: AtomicUsize::new(0),
        stop: AtomicBool::new(false),
        done: Mutex::default(),
    };
    work.run(threads(options.threads, found.tasks.len()), watch)?;
    let mut done = work.done.into_inner().unwrap_or_default();
    // The tasks are in order of the path.
    done.sort_unstable_by_key(|one| one.task);
    let mut folders = found.folders;
    let mut scan = Scan { skipped: found.skipped, ..Scan::default() };
    for (place, Done { task, .. }) in done.iter().enumerate() {
        if let Some(folder) = found.tasks[*task].folder {
            folders[folder].files.push(place);
            folders[folder].n_others -= 1;
        }
    }
    folders.sort_unstable_by(|one, other| bytes(&one.path).cmp(bytes(&other.path)));
    scan.skipped.sort_unstable_by(|one, other| bytes(&one.path).cmp(bytes(&other.path)));
    scan.folders = folders;
    scan.n_cached = done.iter().filter(|one| one.cached).count();
    if let Some(cache) = cache {
        let fresh = done.iter().filter(|one| !one.cached).map(|one| &one.record);
        scan.cache_trouble = cache.save(fresh).err();
    }
    scan.files = done.into_iter().map(|one| one.record).collect();
    Ok(scan)
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

fn threads(wanted: Option<NonZeroUsize>, files: usize) -> usize {
    let most = wanted.map_or_else(|| (THREADS_A_CORE * cores()).min(MOST_THREADS), NonZeroUsize::get);
    most.min(files.div_ceil(FILES_A_THREAD)).max(1)
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// A task that led to a record.
struct Done {
    task: usize,
    record: FileRecord,
    cached: bool,
}

struct Work<'a> {
    tasks: &'a [Task],
    options: &'a Options,
    cache: Option<&'a Cache>,
    next: AtomicUsize,
    stop: AtomicBool,
    done: Mutex<Vec<Done>>,
}

impl Work<'_> {
    fn run(&self, threads: usize, watch: &mut dyn FnMut(usize, usize) -> bool) -> Result<(), Error> {
        let total = self.tasks.len();
        let first = self.options.threads.map_or_else(|| threads.min(cores()), |_| threads);
        thread::scope(|scope| {
            // Nothing is sent: a channel closes when the last worker of its wave has dropped its end.
            let wave = |workers: usize| {
                let (working, closed) = mpsc::channel::<()>();
                for _ in 0..workers {
                    let working = working.clone();
                    scope.spawn(move || {
                        self.work();
                        drop(working);
                    });
                }
                closed
            };
            let mut waves = vec![wave(first)];
            let mut later = threads - first;
            while let Some(closed) = waves.last() {
                if closed.recv_timeout(TICK) != Err(RecvTimeoutError::Timeout) {
                    waves.pop();
                    continue;
                }
                if !watch(self.next.load(Ordering::Relaxed).min(total), total) {
                    self.stop.store(true, Ordering::Relaxed);
                }
                // What takes longer than that waits for a disk, and then many threads wait better than few.
                if later > 0 {
                    waves.push(wave(std::mem::take(&mut later)));
                }
            }
        });
        if self.stop.load(Ordering::Relaxed) { Err(Error::Stopped) } else { Ok(()) }
    }

    fn work(&self) {
        let mut mine = Vec::new();
        let mut inspector = Inspector::new();
        while !self.stop.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(task) = self.tasks.get(number) else { break };
            let found = catch_unwind(AssertUnwindSafe(|| self.look(task, &mut inspector)));
            let found = found.unwrap_or_else(|_| {
                let message = "an error of the scanner itself: please report it with the file";
                Some((failed(&task.path, Status::Unreadable, "F010", message), false))
            });
            mine.extend(found.map(|(record, cached)| Done { task: number, record, cached }));
        }
        if let Ok(mut done) = self.done.lock() {
            // They are large: those of the only worker, or of the first one, stay where they are.
            if done.is_empty() {
                *done = mine;
            } else {
                done.append(&mut mine);
            }
        }
    }

    /// The record of a task; none if it is no checkpoint after all.
    fn look(&self, task: &Task, inspector: &mut Inspector) -> Option<(FileRecord, bool)> {
        let fresh = self.cache.map(|cache| cache.look(&task.path));
        if let Some(Fresh::Known(known)) = fresh {
            let mut record = known;
            record.path.clone_from(&task.path);
            return Some((record, true));
        }
        if !task.certain && !is_promising(&task.path) {
            return None;
        }
        let mut record = match inspector.inspect(&task.path) {
            Ok(record) => record,
            Err(Error::Missing { .. }) => {
                failed(&task.path, Status::Unreadable, "F006", "it was gone before it was opened")
            }
            Err(Error::Irregular { what, .. }) => {
                failed(&task.path, Status::Skipped, "F001", &format!("{what}, not a regular file"))
            }
            Err(error) => {
                let reason = match &error {
                    Error::Io { source, .. } => source.to_string(),
                    _ => error.to_string(),
                };
                failed(&task.path, Status::Unreadable, "F005", &format!("cannot be read: {reason}"))
            }
        };
        if !task.certain && matches!(&*record.kind, "zip" | "tar" | "unknown" | "other") {
            return None;
        }
        if task.outside {
            record.issues.push(issue(
                "F004",
                Severity::Warning,
                "reached through a link that leaves the tree",
            ));
        }
        if self.options.verify_crc {
            verify::checksums(&task.path, &mut record);
        }
        Some((record, false))
    }
}

/// Whether a scan of its folder would look at a file: by its name, or by how it begins.
#[must_use]
pub fn is_candidate(path: &Path) -> bool {
    walk::has_suffix(path) || is_promising(path)
}

/// Whether a file without a checkpoint's name begins like one.
fn is_promising(path: &Path) -> bool {
    let head = Source::open(path).ok().and_then(|source| source.read_up_to(0, detect::HEAD).ok());
    head.is_some_and(|head| match detect::detect(&head) {
        Look::Zip | Look::Legacy | Look::Tar | Look::Safetensors => true,
        Look::Pickle => matches!(head.as_slice(), [0x80, 2..=5, ..]),
        Look::Other(_) => false,
    })
}

/// The record of a file of which nothing is known.
fn failed(path: &Path, status: Status, code: &'static str, message: &str) -> FileRecord {
    FileRecord {
        path: path.into(),
        kind: "unknown".into(),
        status,
        safety: Safety::Unparsed,
        issues: vec![issue(code, Severity::Error, message)],
        ..FileRecord::default()
    }
}

fn issue(code: &'static str, severity: Severity, message: &str) -> Issue {
    Issue { code: code.into(), severity, message: message.into(), offset: None, hint: None }
}
