//! Small files of every format, cut and changed: nothing panics, and malice does not become clean.
//!
//! `TVAE_MUTATIONS` is the number of random changes (2000 if unset), `TVAE_SEED` where they begin.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tvae_scan::pickle::Safety;
use tvae_scan::record::{FileRecord, Status};
use tvae_scan::{inspect, open, value};

/// The import that every evil file begins its pickle with.
const IMPORT: &[u8] = b"\x80\x02cposix\nsystem\n";

struct Sample {
    name: String,
    bytes: Vec<u8>,
}

fn samples() -> Vec<Sample> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/files");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let name = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
    paths.iter().map(|path| Sample { name: name(path), bytes: fs::read(path).unwrap() }).collect()
}

struct Folder(TempDir);

impl Folder {
    fn look(&self, bytes: &[u8]) -> FileRecord {
        let path = self.0.path().join("x.pt");
        fs::write(&path, bytes).unwrap();
        let record = inspect(&path).unwrap();
        assert_eq!(record.size, bytes.len() as u64);
        assert!(!record.status.is_decoded() || open(&path).is_ok());
        if record.status == Status::Unsupported {
            assert!(record.safety >= Safety::UnknownCode, "{record:?}");
        }
        record
    }
}

fn folder() -> Folder {
    // In memory where that is possible: tens of thousands of files are written.
    Folder(TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap())
}

fn is_clean(record: &FileRecord) -> bool {
    record.safety <= Safety::KnownTypes
}

/// The import stands where it stood, so nothing before it can have made it part of a text.
fn is_intact(sample: &Sample, changed: &[u8]) -> bool {
    let place = sample.bytes.windows(IMPORT.len()).position(|bytes| bytes == IMPORT);
    place.is_some_and(|place| changed.get(place..).is_some_and(|rest| rest.starts_with(IMPORT)))
}

fn check(sample: &Sample, changed: &[u8], folder: &Folder, what: &str) {
    let record = folder.look(changed);
    if sample.name.starts_with("evil") && is_intact(sample, changed) {
        assert!(!is_clean(&record), "{} is clean after {what}: {record:?}", sample.name);
    }
}

#[test]
fn the_samples_are_what_they_are_called() {
    let folder = folder();
    for sample in samples() {
        let record = folder.look(&sample.bytes);
        let evil = sample.name.starts_with("evil");
        assert_eq!(record.safety == Safety::Dangerous, evil, "{}", sample.name);
        assert!(record.status.is_decoded(), "{}: {record:?}", sample.name);
        assert!(sample.name == "duplicate" || record.epoch == Some(7), "{}: {record:?}", sample.name);
    }
}

#[test]
fn every_cut_is_survived() {
    let folder = folder();
    for sample in samples() {
        // A tar file is zeros for the most part.
        let step = if sample.bytes.len() > 4096 { 7 } else { 1 };
        for end in (0..sample.bytes.len()).step_by(step) {
            check(&sample, &sample.bytes[..end], &folder, &format!("a cut at {end}"));
        }
    }
}

#[test]
fn every_flip_is_survived() {
    let folder = folder();
    for sample in samples() {
        for place in 0..sample.bytes.len() {
            if sample.bytes.len() > 4096 && sample.bytes[place] == 0 && place % 16 != 0 {
                continue;
            }
            for flip in [0x01, 0x20, 0xff] {
                let mut changed = sample.bytes.clone();
                changed[place] ^= flip;
                check(&sample, &changed, &folder, &format!("a flip of {flip:#x} at {place}"));
            }
        }
    }
}

/// A small generator of numbers that look random.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap()
    }
}

/// Numbers at which readers err.
const EDGES: [[u8; 4]; 6] =
    [[0; 4], [255; 4], [255, 255, 255, 127], [0, 0, 0, 128], [1, 0, 0, 0], *b"PK\x05\x06"];

fn mutate(samples: &[Sample], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = samples[chance.below(samples.len())].bytes.clone();
    for _ in 0..=chance.below(4) {
        let place = chance.below(bytes.len());
        match chance.below(6) {
            0 => bytes[place] = u8::try_from(chance.below(256)).unwrap(),
            1 => {
                let end = (place + 4).min(bytes.len());
                bytes[place..end].copy_from_slice(&EDGES[chance.below(EDGES.len())][..end - place]);
            }
            2 => bytes.truncate(place.max(1)),
            3 => {
                let end = (place + chance.below(40)).min(bytes.len());
                let piece = bytes[place..end].to_vec();
                let to = chance.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            4 => {
                let end = (place + 1 + chance.below(20)).min(bytes.len());
                if end - place < bytes.len() {
                    bytes.drain(place..end);
                }
            }
            _ => {
                let other = &samples[chance.below(samples.len())].bytes;
                let from = chance.below(other.len());
                let to = chance.below(bytes.len());
                bytes.splice(to..to, other[from..].iter().copied().take(200));
            }
        }
    }
    bytes
}

#[test]
fn random_changes_are_survived() {
    let number =
        |name: &str, default: u64| env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let (samples, folder) = (samples(), folder());
    let mut chance = Chance(number("TVAE_SEED", 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for _ in 0..number("TVAE_MUTATIONS", 2000) {
        let bytes = mutate(&samples, &mut chance);
        let record = folder.look(&bytes);
        let path = folder.0.path().join("x.pt");
        assert!(!record.status.is_decoded() || value(&path, "config.a.0").is_ok());
    }
}
