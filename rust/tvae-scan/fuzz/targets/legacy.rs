//! Files of torch before 1.6: bytes behind the magic number.
#![no_main]

use harness::look;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    const MAGIC: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
    look(&[MAGIC, bytes.strip_prefix(MAGIC).unwrap_or(bytes)].concat());
});
