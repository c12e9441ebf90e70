//! What becomes of a file that cannot be read to its end, or changes under the reader.

use std::cell::Cell;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use tvae_scan::pickle::Safety;
use tvae_scan::record::{Identity, Status};
use tvae_scan::{Error, Facts, Inspector, ReadAt, inspect, inspect_reader};

/// `{"epoch": 7}`, with room behind it.
fn pickle() -> Vec<u8> {
    b"\x80\x02}X\x05\x00\x00\x00epochK\x07s.".to_vec()
}

/// A file in memory that fails when it is told to.
struct Fake {
    bytes: Vec<u8>,
    reads: Cell<usize>,
    /// Which read fails, and how: an error of the system, or none for too few bytes.
    fails: Option<(usize, Option<i32>)>,
    /// How often the facts were asked for, and how many of those answers differ.
    asked: Cell<i64>,
    changes: i64,
}

impl Fake {
    fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, reads: Cell::new(0), fails: None, asked: Cell::new(0), changes: 0 }
    }
}

impl ReadAt for Fake {
    fn facts(&self) -> io::Result<Facts> {
        self.asked.set(self.asked.get() + 1);
        let identity = Identity {
            inode: 1,
            size: self.bytes.len() as u64,
            mtime_ns: self.asked.get().min(self.changes),
            ..Identity::default()
        };
        Ok(Facts { identity, allocated: 4096 })
    }

    fn read_exact_at(&self, room: &mut [u8], offset: u64) -> io::Result<()> {
        let read = self.reads.replace(self.reads.get() + 1);
        match self.fails {
            Some((number, code)) if number == read => {
                Err(code.map_or(io::ErrorKind::UnexpectedEof.into(), io::Error::from_raw_os_error))
            }
            _ => {
                let start = usize::try_from(offset).expect("small");
                room.copy_from_slice(&self.bytes[start..start + room.len()]);
                Ok(())
            }
        }
    }
}

/// A zip file that is longer than what is kept of its end, so that it takes several reads.
fn archive() -> Vec<u8> {
    archive_of(0)
}

/// One whose directory has a comment of so many bytes.
fn archive_of(comment: u16) -> Vec<u8> {
    let data = pickle();
    let mut file = b"PK\x03\x04".to_vec();
    file.extend([0; 22]);
    file.extend([10, 0, 0, 0]);
    file.extend(b"a/data.pkl");
    file.extend(&data);
    let padding = vec![1; 40_000];
    file.extend(&padding);
    let at = u32::try_from(file.len()).expect("small");
    let len = u32::try_from(data.len()).expect("small").to_le_bytes();
    let mut directory = b"PK\x01\x02\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    directory.extend(crc32fast::hash(&data).to_le_bytes());
    directory.extend([len, len].concat());
    directory.extend([10, 0, 0, 0]);
    directory.extend(comment.to_le_bytes());
    directory.extend([0; 12]);
    directory.extend(b"a/data.pkl");
    directory.resize(directory.len() + usize::from(comment), b'.');
    file.extend(&directory);
    file.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    file.extend(u32::try_from(directory.len()).expect("small").to_le_bytes());
    file.extend(at.to_le_bytes());
    file.extend([0, 0]);
    file
}

fn path() -> PathBuf {
    PathBuf::from("best.pt")
}

#[test]
fn a_reader_takes_the_place_of_a_file() {
    for bytes in [pickle(), archive()] {
        let fake = Fake::new(bytes);
        let record = inspect_reader(&path(), &fake).unwrap();
        assert_eq!((record.status, record.epoch, record.path), (Status::Ok, Some(7), path()));
    }
}

#[test]
fn as_much_of_the_end_is_read_as_the_files_before_needed() {
    let mut inspector = Inspector::new();
    let mut reads = |comment| {
        let fake = Fake::new(archive_of(comment));
        assert_eq!(inspector.inspect_reader(&path(), &fake).unwrap().epoch, Some(7));
        fake.reads.get()
    };
    // The end and the beginning; once more the end if that was too little of it.
    assert_eq!(reads(100), 2);
    assert_eq!([30_000, 30_000, 31_000, 32_000].map(&mut reads), [3, 2, 2, 2]);
    assert_eq!([100, 29_000, 34_000].map(&mut reads), [2, 2, 3]);
}

#[test]
fn of_a_file_that_cannot_be_read_nothing_is_told() {
    // EIO and ESTALE, and a file that ends before its end.
    for code in [Some(5), Some(116), None] {
        for bytes in [pickle(), archive()] {
            let all = Fake::new(bytes.clone());
            inspect_reader(&path(), &all).unwrap();
            for number in 0..all.reads.get() {
                let fake = Fake { fails: Some((number, code)), ..Fake::new(bytes.clone()) };
                let record = inspect_reader(&path(), &fake).unwrap();
                assert_eq!((record.status, record.safety), (Status::Unreadable, Safety::Unparsed));
                assert_eq!((record.epoch, record.top_keys.len(), record.n_records), (None, 0, None));
                let codes: Vec<&str> = record.issues.iter().map(|issue| &*issue.code).collect();
                assert_eq!(codes, ["F005"], "{record:?}");
            }
        }
    }
}

#[test]
fn a_file_that_changes_is_read_again_once() {
    let changing = |changes| Fake { changes, ..Fake::new(archive()) };
    let calm = inspect_reader(&path(), &changing(1)).unwrap();
    assert!(calm.issues.iter().all(|issue| issue.code != "F007"));
    let once = inspect_reader(&path(), &changing(2)).unwrap();
    assert!(once.issues.iter().all(|issue| issue.code != "F007"));
    assert_eq!((once.epoch, once.identity.mtime_ns), (Some(7), 2));
    let always = inspect_reader(&path(), &changing(1000)).unwrap();
    assert!(always.issues.iter().any(|issue| issue.code == "F007"));
    assert_eq!((always.epoch, always.status), (Some(7), Status::Ok));
}

#[test]
fn what_is_no_file_is_never_read() {
    let folder = TempDir::new().unwrap();
    let pipe = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success());
    let socket = folder.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    let kind = |path: &Path| match inspect(path) {
        Err(Error::Irregular { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    assert!(!made || kind(&pipe) == "a pipe");
    assert_eq!(kind(&socket), "a socket");
    assert_eq!(kind(Path::new("/dev/zero")), "a device");
}

#[test]
fn a_link_is_followed_unless_it_is_not_to_be() {
    let folder = TempDir::new().unwrap();
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    fs::write(&file, pickle()).unwrap();
    symlink(&file, &link).unwrap();
    assert_eq!(Inspector::new().inspect(&link).unwrap().epoch, Some(7));
    let refused = Inspector::new().follow(false).inspect(&link);
    assert!(matches!(refused, Err(Error::Irregular { what: "a link", .. })), "{refused:?}");
}

#[test]
fn one_inspector_says_of_many_files_what_many_say() {
    let folder = TempDir::new().unwrap();
    let mut one = Inspector::new();
    let cut = archive();
    for (number, bytes) in
        [archive(), pickle(), cut[..300].to_vec(), Vec::new(), archive()].into_iter().enumerate()
    {
        let file = folder.path().join(number.to_string());
        fs::write(&file, bytes).unwrap();
        let (mut shared, mut alone) = (one.inspect(&file).unwrap(), inspect(&file).unwrap());
        (shared.elapsed_us, alone.elapsed_us) = (0, 0);
        assert_eq!(shared, alone);
    }
}
