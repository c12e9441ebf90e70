//! safetensors: eight bytes of length, a JSON header, and tensors that fill the rest exactly.

mod header;

use std::collections::HashSet;

use crate::issue::{Issues, Severity};
use crate::source::Source;
use crate::tensors::{Tensor, contiguous};
use crate::value::Value;
use header::Entry;

/// The largest header that the library itself reads.
const MOST_HEADER: u64 = 100_000_000;
/// The largest header that is read here: of more than a hundred thousand tensors.
const MOST_READ: u64 = 16 << 20;
/// Tensors that are kept.
const MOST_TENSORS: usize = 1 << 16;
/// Dimensions that are kept, of all of them together.
const MOST_DIMENSIONS: usize = 1 << 20;

/// What a header says.
#[derive(Debug, Default)]
pub(crate) struct Header {
    /// Every tensor, in the order of the header.
    pub tensors: Vec<Tensor>,
    /// `__metadata__`, decoded where a value is itself JSON of a kind that we know.
    pub metadata: Vec<(String, String)>,
    /// Tensors that are not kept.
    pub more: u64,
    /// Their bytes.
    pub more_bytes: u64,
    /// Their elements.
    pub more_elements: u64,
}

/// Whether the first bytes are those of a safetensors file: a length below 2^32, then a JSON object.
pub(crate) fn is_like(head: &[u8]) -> bool {
    head.len() > 8 && head[8] == b'{' && head[4..8] == [0; 4]
}

/// The header, or `None` if the file is damaged; what is wrong goes to `issues`.
pub(crate) fn read(source: &Source, issues: &mut Issues) -> Option<Header> {
    let mut corrupt = |code, message: String| {
        issues.add(code, Severity::Error, message);
        None
    };
    let length = source.read(0, 8).ok()?;
    let length = u64::from_le_bytes(length.try_into().ok()?);
    if length > MOST_HEADER {
        return corrupt("T020", format!("the header claims {length} bytes"));
    }
    if length > source.size() - 8 {
        return corrupt("T021", format!("truncated: the header claims {length} bytes"));
    }
    if length > MOST_READ {
        return corrupt("T028", format!("a header of {length} bytes, more than is looked at"));
    }
    let text = match source.read(8, length) {
        Ok(text) => text,
        Err(error) => return corrupt("F005", format!("the header cannot be read: {error}")),
    };
    let data = 8 + length;
    let have = source.size() - data;
    let mut header = Header::default();
    let mut seen: Vec<String> = Vec::new();
    let mut wrong: Vec<String> = Vec::new();
    let mut rest: Vec<(u64, u64)> = Vec::new();
    let mut room = MOST_DIMENSIONS;
    let mut metadata: Option<Value> = None;
    let mut stated = 0;
    let parsed = header::read(
        &text,
        &mut |found| {
            stated += 1;
            metadata = Some(found);
        },
        &mut |name, entry| match tensor(&name, &entry, data, have) {
            Ok(tensor) if header.tensors.len() < MOST_TENSORS && tensor.shape.len() <= room => {
                room -= tensor.shape.len();
                header.tensors.push(tensor);
            }
            Ok(tensor) => {
                header.more += 1;
                header.more_bytes = header.more_bytes.saturating_add(tensor.nbytes);
                header.more_elements = header.more_elements.saturating_add(tensor.elements());
                rest.extend(tensor.file_offset.map(|start| (start, tensor.nbytes)));
            }
            Err(message) if wrong.len() < 16 => wrong.push(format!("tensor {name:?}: {message}")),
            Err(_) => {}
        },
    );
    if let Err(error) = parsed {
        return corrupt("T022", format!("the header is no JSON object: {error}"));
    }
    drop(text);
    if let Some(metadata) = metadata {
        header.metadata = texts(metadata, &mut wrong);
    }
    seen.extend((stated > 1).then(|| "__metadata__".to_owned()));
    if header.more > 0 {
        let message = format!("too many tensors: {} of them are not listed", header.more);
        issues.add("T006", Severity::Warning, message);
    }
    keep_last(&mut header.tensors, &mut seen);
    for name in seen {
        let message = format!("the header has {name:?} twice; the last one counts");
        issues.add("T023", Severity::Warning, message);
    }
    let damaged = !wrong.is_empty();
    for message in wrong {
        issues.add("T024", Severity::Error, message);
    }
    fills(&header.tensors, &rest, data, source.size(), damaged, issues);
    Some(header)
}

/// Drops tensors whose name comes again, and keeps those names.
fn keep_last(tensors: &mut Vec<Tensor>, again: &mut Vec<String>) {
    let mut names = HashSet::new();
    let last: Vec<bool> = tensors.iter().rev().map(|tensor| names.insert(tensor.name.as_str())).collect();
    let mut last = last.into_iter().rev();
    tensors.retain(|tensor| {
        let keep = last.next().unwrap_or(true);
        again.extend((!keep && again.len() < 16).then(|| tensor.name.clone()));
        keep
    });
}

/// Reports tensors that share bytes, holes between them, and bytes behind the last one.
fn fills(tensors: &[Tensor], rest: &[(u64, u64)], data: u64, size: u64, damaged: bool, issues: &mut Issues) {
    let mut regions: Vec<(u64, u64, &str)> = tensors
        .iter()
        .filter(|tensor| tensor.nbytes > 0)
        .filter_map(|tensor| Some((tensor.file_offset?, tensor.nbytes, tensor.name.as_str())))
        .chain(rest.iter().filter(|one| one.1 > 0).map(|one| (one.0, one.1, "a tensor that is not listed")))
        .collect();
    regions.sort_unstable();
    let mut end = data;
    for (start, length, name) in regions {
        if start < end {
            issues.add_at(
                "T025",
                Severity::High,
                format!("{name:?} shares bytes with another tensor"),
                start,
            );
        } else if start > end && !damaged {
            issues.add_at("T027", Severity::Error, format!("a hole before {name:?}"), end);
        }
        end = end.max(start + length);
    }
    if end < size && !damaged {
        issues.add_at("T026", Severity::Error, format!("{} bytes behind the last tensor", size - end), end);
    }
}

/// Codes that mean that the library refuses the file.
pub(crate) const REFUSED: [&str; 4] = ["T024", "T025", "T026", "T027"];

fn texts(entry: Value, wrong: &mut Vec<String>) -> Vec<(String, String)> {
    let Value::Map(items) = entry else {
        wrong.push("__metadata__ is no object".into());
        return Vec::new();
    };
    let mut texts = Vec::new();
    for (key, item) in items {
        match item {
            Value::Text(text) => texts.push((key.into_owned(), text)),
            _ if wrong.len() < 16 => wrong.push(format!("__metadata__ has {key:?}, which is no text")),
            _ => {}
        }
    }
    texts
}

fn tensor(name: &str, entry: &Entry<'_>, data: u64, have: u64) -> Result<Tensor, String> {
    let code = entry.dtype.as_deref().ok_or("no dtype")?;
    let (dtype, bits) = dtype(code).ok_or_else(|| format!("dtype {code:?} is not known"))?;
    let shape = numbers(entry.shape.as_deref()).ok_or("no shape of natural numbers")?;
    let offsets = numbers(entry.data_offsets.as_deref()).ok_or("no data_offsets")?;
    let &[start, end] = offsets.as_slice() else { return Err("data_offsets are not two numbers".into()) };
    if start > end || end > have {
        return Err(format!("bytes {start} to {end} of {have} are not in the file"));
    }
    let nbytes = shape
        .iter()
        .try_fold(bits, |product, &extent| product.checked_mul(extent))
        .filter(|bits| bits % 8 == 0)
        .map(|bits| bits / 8);
    if nbytes != Some(end - start) {
        return Err(format!("its shape {shape:?} does not take {} bytes", end - start));
    }
    Ok(Tensor {
        name: name.into(),
        dtype,
        stride: contiguous(&shape),
        shape,
        file_offset: Some(data + start),
        nbytes: end - start,
    })
}

fn numbers(items: Option<&[i64]>) -> Option<Vec<u64>> {
    items?.iter().map(|&number| u64::try_from(number).ok()).collect()
}

/// The torch name and the bits of an element.
fn dtype(code: &str) -> Option<(&'static str, u64)> {
    Some(match code {
        "BOOL" => ("bool", 8),
        "U8" => ("uint8", 8),
        "I8" => ("int8", 8),
        "U16" => ("uint16", 16),
        "I16" => ("int16", 16),
        "U32" => ("uint32", 32),
        "I32" => ("int32", 32),
        "U64" => ("uint64", 64),
        "I64" => ("int64", 64),
        "F16" => ("float16", 16),
        "BF16" => ("bfloat16", 16),
        "F32" => ("float32", 32),
        "F64" => ("float64", 64),
        "C64" => ("complex64", 64),
        "F8_E4M3" => ("float8_e4m3fn", 8),
        "F8_E5M2" => ("float8_e5m2", 8),
        "F8_E4M3FNUZ" => ("float8_e4m3fnuz", 8),
        "F8_E5M2FNUZ" => ("float8_e5m2fnuz", 8),
        "F8_E8M0" => ("float8_e8m0fnu", 8),
        "F6_E2M3" => ("float6_e2m3fn", 6),
        "F6_E3M2" => ("float6_e3m2fn", 6),
        "F4" => ("float4_e2m1fn", 4),
        _ => return None,
    })
}
