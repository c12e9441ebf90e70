//! What a file is, by its first bytes; its name says nothing.

use crate::safetensors;

/// Bytes that [`detect`] wants to see.
pub(crate) const HEAD: u64 = 512;

/// What the first bytes look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Zip, of whatever content.
    Zip,
    /// torch before 1.6: the magic number as a pickle.
    Legacy,
    /// tar, of whatever content.
    Tar,
    /// safetensors.
    Safetensors,
    /// Perhaps a pickle; only its opcodes can tell.
    Pickle,
    /// Something else, by name.
    Other(&'static str),
}

/// The pickled magic number of `torch.save` before 1.6, which every such file begins with.
const LEGACY_MAGIC: [u8; 15] =
    [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, b'.'];

const NAMES: [(&[u8], &str); 15] = [
    (b"version https://git-lfs", "a Git LFS pointer, not the file"),
    (b"\x1f\x8b", "gzip"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"Rar!", "rar"),
    (b"\x93NUMPY", "a numpy array"),
    (b"\x89HDF\r\n", "HDF5"),
    (b"\x7fELF", "a program (ELF)"),
    (b"MZ", "a program (PE)"),
    (b"GGUF", "GGUF"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"%PDF", "PDF"),
    (b"SQLite format 3", "SQLite"),
];

/// What `head`, the first bytes of a file, looks like.
pub(crate) fn detect(head: &[u8]) -> Look {
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Look::Zip;
    }
    if head.starts_with(&LEGACY_MAGIC) {
        return Look::Legacy;
    }
    if head.len() >= 262 && &head[257..262] == b"ustar" || is_old_tar(head) {
        return Look::Tar;
    }
    if safetensors::is_like(head) {
        return Look::Safetensors;
    }
    if head.iter().all(|&byte| byte == 0) {
        return Look::Other("only zeros");
    }
    if let Some((_, name)) = NAMES.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Look::Other(name);
    }
    let text = head.trim_ascii_start();
    if text.starts_with(b"<!") || text.starts_with(b"<html") || text.starts_with(b"<?xml") {
        return Look::Other("a page (HTML or XML)");
    }
    // `{` is no opcode, so no pickle begins with it.
    if text.starts_with(b"{") {
        return Look::Other("JSON");
    }
    Look::Pickle
}

/// A tar header without the word `ustar`: its checksum is right.
fn is_old_tar(head: &[u8]) -> bool {
    head.len() == 512 && head[0] != 0 && {
        let sum: u64 = head
            .iter()
            .enumerate()
            .map(|(place, &byte)| u64::from(if (148..156).contains(&place) { b' ' } else { byte }))
            .sum();
        octal(&head[148..156]) == Some(sum)
    }
}

/// A number as tar writes it: octal digits, ended by a space or a null byte.
pub(crate) fn octal(field: &[u8]) -> Option<u64> {
    let digits = field.trim_ascii_start();
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    let text = std::str::from_utf8(&digits[..end]).ok()?;
    if digits[end..].iter().any(|byte| !matches!(byte, 0 | b' ')) {
        None
    } else {
        u64::from_str_radix(text, 8).ok()
    }
}
