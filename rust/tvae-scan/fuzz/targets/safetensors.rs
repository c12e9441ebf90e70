//! safetensors: the bytes are the header and, behind a newline, the data; the length is set right.
#![no_main]

use harness::look;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let bytes = match bytes {
        [a, b, c, d, 0, 0, 0, 0, rest @ ..] if [*a, *b, *c, *d] != [0; 4] => rest,
        _ => bytes,
    };
    let end = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
    look(&[&(end as u64).to_le_bytes(), bytes].concat());
});
