//! A file that is a pickle and nothing else, or no file of a known kind at all.

use crate::file::File;
use crate::issue::Severity;
use crate::legacy;
use crate::pickle::{Document, Safety, Value as Node};
use crate::record::Status;
use crate::source::Source;
use crate::streams::bytes_of_stream;

/// The magic number of torch as a decimal number.
const MAGIC: &str = "119547037146038801333356";

/// Reads a file that may be a pickle.
pub(crate) fn read(source: &Source, file: &mut File<'_>) {
    file.record.kind = "pickle".into();
    let Ok(bytes) = bytes_of_stream(source, 0) else {
        return file.corrupt("F005", "the file cannot be read");
    };
    let found = crate::pickle::load(&bytes, &crate::pickle::Budget::default());
    if found.document.as_ref().is_some_and(is_magic) {
        return legacy::read(source, file);
    }
    // A pickle of protocol 2 or later says so; the first bytes of anything else may be opcodes by chance.
    if !found.complete && !matches!(bytes.as_slice(), [0x80, 0..=5, ..]) && found.imports.is_empty() {
        file.record.kind = "unknown".into();
        if named_safetensors(file) && bytes.get(8) == Some(&b'{') {
            let length = bytes.first_chunk().map_or(0, |length| u64::from_le_bytes(*length));
            return file.corrupt("T020", format!("the header claims {length} bytes"));
        }
        if bytes.len() < 4 {
            return file.corrupt("Z008", "too short to be anything");
        }
        return file.unsupported("Z004", "no checkpoint of a known kind");
    }
    let found = file.streams.load(&bytes, 0);
    if let Some(document) = &found.document {
        file.values(document);
        file.record.state_dicts = crate::tensors::places::state_dicts(&mut file.room.tensors);
    }
    if !found.complete {
        file.record.status = Status::Corrupt;
        return file.streams.worsen(Safety::Unparsed);
    }
    let rest = &bytes[found.end..];
    if (found.end as u64) < source.size() {
        let message = format!("{} bytes behind the end of the pickle", source.size() - found.end as u64);
        file.streams.issues.add_at("S010", Severity::Warning, message, found.end as u64);
        file.streams.behind(rest, found.end as u64);
        if (bytes.len() as u64) < source.size() {
            // The window ends with the first stream; what follows was not read to its end.
            file.streams.worsen(Safety::Unparsed);
        }
    }
}

fn named_safetensors(file: &File<'_>) -> bool {
    file.record.path.extension().is_some_and(|suffix| suffix.eq_ignore_ascii_case("safetensors"))
}

/// The stream is torch's magic number, by whatever opcodes.
fn is_magic(document: &Document<'_>) -> bool {
    matches!(document.value(document.root()), Node::BigInt(text) if text == MAGIC)
}
