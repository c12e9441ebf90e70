//! What every target does with its bytes: write them to a file, and ask everything of it.

use std::cell::RefCell;
use std::io::{Seek, Write};

use tempfile::NamedTempFile;
use tvae_scan::record::Status;
use tvae_scan::{inspect, open, value};

thread_local! {
    static FILE: RefCell<NamedTempFile> = RefCell::new(NamedTempFile::new().expect("a file"));
}

/// Inspects a file of these bytes.
///
/// # Panics
/// If the record contradicts itself, which is what the fuzzer looks for.
pub fn look(bytes: &[u8]) {
    FILE.with_borrow_mut(|file| {
        file.rewind().and_then(|()| file.write_all(bytes)).expect("to write");
        file.as_file().set_len(bytes.len() as u64).expect("to cut");
        let record = inspect(file.path()).expect("a regular file");
        let clean = matches!(record.safety.as_str(), "data_only" | "known_types");
        assert!(!clean || record.status != Status::Unsupported);
        if record.status.is_decoded() {
            open(file.path()).expect("what was decoded can be opened");
            value(file.path(), "a.0.b").expect("what was decoded can be asked");
        }
    });
}
