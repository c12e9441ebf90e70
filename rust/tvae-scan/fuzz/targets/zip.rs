//! Zip archives: bytes as they are, and behind the sign of a local header.
#![no_main]

use harness::look;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| look(&[b"PK\x03\x04", bytes.strip_prefix(b"PK\x03\x04").unwrap_or(bytes)].concat()));
