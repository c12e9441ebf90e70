//! What the scan of one file costs beside the system calls that it cannot do without.
//!
//! `speed REPETITIONS FOLDER...` reads every file below the folders with a warm cache on one thread. Each repetition
//! goes over all files three times: for the floor (open, fstat, 16 KB from the end, 20 KB from the beginning, close), for
//! the full record, and for a stat alone. The inspector is a new one each time: it has seen none of the files, as in a scan.
//! It prints one JSON object, in microseconds. A file's figure is the median over the repetitions, so that neither an
//! interruption nor a slow moment counts; `*_us` is the mean over the files, `*_middle_us` that of the file in the middle.

use std::fs::{self, File, OpenOptions};
use std::hint::black_box;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use tvae_scan::Inspector;

const TAIL: usize = 16 << 10;
const HEAD: usize = 20 << 10;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args_os().skip(1);
    let repetitions = words.next().and_then(|word| word.to_str()?.parse::<usize>().ok());
    let repetitions = repetitions.filter(|&count| count > 0).ok_or("usage: speed REPETITIONS FOLDER...")?;
    let mut files = Vec::new();
    for folder in words {
        list(Path::new(&folder), &mut files)?;
    }
    files.sort();
    if files.is_empty() {
        return Err("no files".into());
    }
    let mut inspector = Inspector::new();
    let mut room = vec![0; TAIL + HEAD];
    // The first pass fills the caches.
    let opcodes: u64 = files.iter().map(|file| opcodes(&mut inspector, file)).sum();
    let (mut floors, mut scans, mut stats) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..repetitions {
        let mut inspector = Inspector::new();
        floors.push(measure(&files, |file| floor(file, &mut room).is_ok()));
        scans.push(measure(&files, |file| inspector.inspect(file).is_ok()));
        stats.push(measure(&files, |file| fs::metadata(file).is_ok()));
    }
    let [stat, floor, scan] = [&stats, &floors, &scans].map(|passes| typical(passes));
    let told = [("stat", stat), ("floor", floor), ("scan", scan)]
        .map(|(name, (mean, middle))| format!("\"{name}_us\": {mean:.3}, \"{name}_middle_us\": {middle:.3}"));
    println!(
        "{{\"files\": {}, \"repetitions\": {repetitions}, \"opcodes\": {opcodes}, {}}}",
        files.len(),
        told.join(", "),
    );
    Ok(())
}

/// Every regular file below a folder.
fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            list(&entry.path(), files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// Microseconds for each file.
fn measure(files: &[PathBuf], mut run: impl FnMut(&Path) -> bool) -> Vec<f64> {
    let one = |file: &PathBuf| {
        let started = Instant::now();
        assert!(black_box(run(file)), "{} cannot be read", file.display());
        started.elapsed().as_secs_f64() * 1e6
    };
    files.iter().map(one).collect()
}

/// The mean over the files, and the file in the middle, of their medians over the repetitions.
fn typical(passes: &[Vec<f64>]) -> (f64, f64) {
    let files = passes[0].len();
    let medians: Vec<f64> =
        (0..files).map(|file| median(passes.iter().map(|pass| pass[file]).collect())).collect();
    #[allow(clippy::cast_precision_loss)] // thousands of files
    let mean = medians.iter().sum::<f64>() / files as f64;
    (mean, median(medians))
}

/// What no reader can do without.
fn floor(path: &Path, room: &mut [u8]) -> io::Result<usize> {
    // O_NONBLOCK, as the scan opens a file.
    let file = OpenOptions::new().read(true).custom_flags(0o4000).open(path)?;
    let size = file.metadata()?.len();
    let (tail, head) = room.split_at_mut(TAIL);
    let start = size.saturating_sub(TAIL as u64);
    Ok(read(&file, tail, start)? + read(&file, head, 0)?)
}

fn read(file: &File, room: &mut [u8], at: u64) -> io::Result<usize> {
    file.read_at(room, at)
}

/// The opcodes of `data.pkl`, which shows that two runs measured the same work.
fn opcodes(inspector: &mut Inspector, path: &Path) -> u64 {
    inspector.inspect(path).map_or(0, |_| inspector.opcodes())
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
