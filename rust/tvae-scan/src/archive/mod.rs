//! What `torch.save` has written since 1.6: a zip file with `data.pkl` and one record per storage.

pub(crate) mod beside;
pub(crate) mod contents;
pub(crate) mod directory;
mod names;
pub(crate) mod outlines;
pub(crate) mod patterns;
mod salvage;
pub(crate) mod verify;
pub(crate) mod zip;

use crate::file::{File, Want};
use crate::issue::{Issues, Severity};
use crate::pickle::Safety;
use crate::record::Status;
use crate::source::Source;
use crate::tensors::census::Tensors;
use crate::tensors::places;
use crate::tensors::storages::{Place, StorageUse};
use contents::Content;
use directory::{Directory, Entry};
use names::{Names, is_odd};
use patterns::Known;
use zip::Failure;

/// Reads a file that begins as a zip file.
pub(crate) fn read(source: &Source, file: &mut File<'_>) {
    file.record.kind = "torch_zip".into();
    let directory = match zip::directory(source, false, &mut file.room.outlines, &mut file.streams.issues) {
        Ok(directory) => directory,
        Err(Failure::NoEnd) => {
            let message = "cut: the directory at the end of the archive is missing";
            return salvage::read(source, "Z010", message, file);
        }
        Err(Failure::Corrupt(message)) => {
            salvage::read(source, "Z040", &message, file);
            file.record.status = Status::Corrupt;
            // A more forgiving reader may find records in it that were not found here.
            return file.streams.worsen(Safety::Unparsed);
        }
        Err(Failure::TooMany(message)) => {
            salvage::read(source, "Z044", &message, file);
            return file.streams.worsen(Safety::Unparsed);
        }
        Err(Failure::Unsupported(what)) => return file.unsupported("Z046", what),
    };
    file.record.n_records = Some(directory.len() as u64);
    if file.streams.issues.has("Z041") {
        // The other archive was not looked at.
        file.streams.worsen(Safety::Unparsed);
    }
    if directory.len() == 0 {
        file.record.kind = "zip".into();
        return file.corrupt("Z002", "an archive without records");
    }
    let names = Names::of(&directory);
    records(source, &directory, &names, file);
    if directory.sorted.is_none()
        && directory.apart
        && names.sorted.is_usual()
        && names.roles().main == Some(0)
    {
        file.room.outlines.keep(&directory, names.sorted);
    }
}

/// Reads the records of an archive.
fn records(source: &Source, directory: &Directory, names: &Names, file: &mut File<'_>) {
    check(names, directory, file);
    overlaps(directory, file);
    let main = names.roles().main;
    if main.is_some_and(|at| !directory.name_at(at).ends_with(b"data.pkl")) {
        file.streams.issues.add("Z031", Severity::Warning, "data.pkl is spelled in capitals");
    }
    kind(names, file);
    let Some(main) = main else {
        beside::pickles(source, directory, names.others(), file);
        if file.record.kind == "zip" {
            return file.unsupported("Z005", "a zip archive without data.pkl, which torch did not write");
        }
        let message = format!("{}, without data.pkl", file.record.kind);
        file.streams.issues.add("Z006", Severity::Error, message);
        file.record.status = Status::Unsupported;
        return;
    };
    file.record.torch_prefix = Some(String::from_utf8_lossy(names.prefix()).into_owned());
    id(source, directory, names, file);
    values(source, directory, names, main, file);
    // What torch does not read comes second: it may use up what may be spent on a file.
    beside::pickles(source, directory, names.others().filter(|&at| at != main), file);
    if !is_only(names, file) {
        beside::unused(source, directory, names, file);
    }
}

/// Reads `data.pkl`, the record at `main`.
fn values(source: &Source, directory: &Directory, names: &Names, main: usize, file: &mut File<'_>) {
    let entry = directory.entry(main);
    let Some(read) = contents::read(source, directory, &entry, file) else {
        let readable = entry.flags & 1 == 0 && matches!(entry.method, 0 | 8);
        file.record.status = if readable { Status::Corrupt } else { Status::Unsupported };
        return file.streams.worsen(Safety::Unparsed);
    };
    let plain = file.want == Want::default();
    if plain && alike(directory, names, &read, file) {
        return;
    }
    decode(source, directory, names, &read, plain, file);
}

/// Takes over what a stream says that differs from an earlier one in numbers and texts only; false, with nothing changed,
/// if there is none or if the records do not fit it.
fn alike(directory: &Directory, names: &Names, read: &Content<'_>, file: &mut File<'_>) -> bool {
    if !file.streams.is_first() {
        return false;
    }
    let mut patterns = std::mem::take(&mut file.room.patterns);
    let found = patterns.find(&read.bytes).and_then(|(known, mut found)| {
        names.are_only([].into_iter(), known.storages).then_some(())?;
        let dicts = known.state_dicts(names, directory)?;
        file.summary(known.summary(&read.bytes));
        file.streams.absorb(&mut found, read.base);
        file.room.tensors.clear();
        file.room.tensors.taken = known.storages;
        file.record.state_dicts = dicts;
        Some(())
    });
    file.room.patterns = patterns;
    found.is_some()
}

/// Follows `data.pkl` and takes over what it says; if it is `plain`, others are told by it from now on.
fn decode(
    source: &Source,
    directory: &Directory,
    names: &Names,
    read: &Content<'_>,
    plain: bool,
    file: &mut File<'_>,
) {
    let first = file.streams.is_first();
    let quiet = file.streams.issues_of_form();
    let found = file.streams.load_traced(&read.bytes, read.base, plain);
    let (whole, told) = (found.complete && found.end == read.bytes.len(), (found.safety, found.opcodes));
    if let Some(rest) = read.bytes.get(found.end..).filter(|rest| !rest.is_empty() && found.complete) {
        let at = read.base + found.end as u64;
        let message = format!("{} bytes behind the end of data.pkl", rest.len());
        file.streams.issues.add_at("S010", Severity::Warning, message, at);
        file.streams.behind(rest, at);
    }
    if !found.complete {
        file.record.status = Status::Corrupt;
    }
    let Some(document) = found.document else { return };
    file.values(&document);
    storages(source, directory, names, file);
    if plain && first && whole && file.streams.issues_of_form() == quiet && is_only(names, file) {
        let pattern = file.streams.pattern(&read.bytes, read.base, &document, told);
        let known = pattern
            .and_then(|pattern| Known::of(pattern, &document, &file.room.tensors, &file.record.state_dicts));
        if let Some(known) = known {
            file.room.patterns.keep(known);
        }
    }
    file.streams.recycle(document);
}

/// Whether it is easily told that all records of raw bytes are storages of tensors.
fn is_only(names: &Names, file: &File<'_>) -> bool {
    let storages = &file.room.tensors.storages;
    let numbers = storages.list.iter().filter_map(|storage| storage.number);
    names.are_only(numbers, file.room.tensors.taken)
}

/// Says what is wrong with the names.
fn check(names: &Names, directory: &Directory, file: &mut File<'_>) {
    let issues = &mut file.streams.issues;
    let shown = |at: usize| String::from_utf8_lossy(directory.name_at(at)).into_owned();
    for &at in &names.sorted.again {
        let (name, entry) = (shown(at as usize), directory.entry(at as usize));
        if name.to_ascii_lowercase().ends_with("data.pkl") {
            let message = format!("{name:?} is there twice: torch reads the first, others the last");
            issues.add_at("Z030", Severity::High, message, entry.header);
        } else {
            issues.add("Z037", Severity::Warning, format!("{name:?} is there twice"));
        }
    }
    if let Some(at) = names.sorted.outside {
        let (name, prefix) = (shown(at), String::from_utf8_lossy(names.prefix()));
        let (code, message) = if prefix.is_empty() {
            ("Z033", format!("{name:?} is in no folder: torch refuses the file"))
        } else {
            ("Z032", format!("{name:?} is not below {prefix:?}: torch refuses the file"))
        };
        issues.add(code, Severity::Warning, message);
    }
    let odd = |at: usize| {
        issues.add("Z034", Severity::High, format!("{:?} is no name for a record", shown(at)));
    };
    // A number adds nothing odd to the prefix.
    if is_odd(names.prefix()) {
        (0..directory.len()).filter(|&at| is_odd(directory.name_at(at))).for_each(odd);
    } else {
        names.roles().odd.iter().copied().for_each(odd);
    }
}

fn kind(names: &Names, file: &mut File<'_>) {
    let roles = names.roles();
    if let Some(kind) = roles.kind {
        file.record.kind = kind.into();
        file.streams.worsen(Safety::UnknownCode);
    } else if roles.main.is_none() {
        file.record.kind = "zip".into();
    }
    if roles.kind == Some("torchscript") {
        let message = "TorchScript: it holds a program for torch.jit.load, which was not looked at";
        file.streams.issues.add("Z048", Severity::Info, message);
    }
}

fn id(source: &Source, directory: &Directory, names: &Names, file: &mut File<'_>) {
    let mut short = |at: Option<usize>| {
        let entry = directory.entry(at?);
        if entry.size > 64 {
            return None;
        }
        let read = contents::read(source, directory, &entry, file)?;
        String::from_utf8(read.bytes.into_owned()).ok()
    };
    // Torch makes it of checksums: where it was told to compute none, files with the same names have the same.
    let id = short(names.roles().id.filter(|&at| directory.entry(at).crc != 0));
    let order = short(names.roles().order);
    if names.roles().version.is_none() {
        file.streams.issues.add("Z007", Severity::Warning, "no record `version`: torch refuses the file");
    }
    file.record.serialization_id = id.filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()));
    if order.as_deref() == Some("big") {
        file.streams.issues.add("Z047", Severity::Info, "tensors are stored most significant byte first");
    }
}

/// Looks up where the storages are, and sums up the tensors.
fn storages(source: &Source, directory: &Directory, names: &Names, file: &mut File<'_>) {
    let listed = file.want.tensors;
    let mut packed = Issues::default();
    let find = |tensors: &Tensors, storage: &StorageUse| {
        let at = match storage.number {
            Some(number) => names.storage(number),
            None => None,
        };
        let at = at.or_else(|| names.get(&format!("data/{}", tensors.key(storage))))?;
        let entry = directory.entry(at);
        if entry.method != 0 {
            let message = format!("storage {} is compressed", tensors.key(storage));
            packed.add("Z026", Severity::Info, message);
        }
        let wanted = listed && entry.method == 0;
        let offset = if wanted { zip::local(source, entry.header).map(|local| local.data) } else { None };
        let end = offset.unwrap_or(entry.header).checked_add(entry.packed);
        let inside = end.is_some_and(|end| end <= source.size());
        inside.then_some(Place { offset, length: entry.size, crc: Some(entry.crc) })
    };
    let cut = file.record.salvaged.is_some();
    let mut found = Issues::default();
    places::place(&mut file.room.tensors, find, cut, &mut found);
    packed.into_vec().into_iter().chain(found.into_vec()).for_each(|issue| file.streams.issues.push(issue));
    file.placed();
}

/// Records that share bytes of the file, by what the directory says.
fn overlaps(directory: &Directory, file: &mut File<'_>) {
    if directory.apart {
        return;
    }
    let span = |entry: Entry| {
        let head = 30 + directory.name(&entry).len() as u64;
        (entry.header, entry.header.saturating_add(head).saturating_add(entry.packed))
    };
    let mut spans: Vec<(u64, u64)> = directory.entries().map(span).collect();
    spans.sort_unstable();
    for pair in spans.windows(2) {
        if pair[0].1 > pair[1].0 {
            file.streams.issues.add_at(
                "Z035",
                Severity::High,
                "two records share bytes of the file",
                pair[1].0,
            );
        }
    }
}
