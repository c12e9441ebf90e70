//! A thread that has read other files says of a file what one says that has read none: of whole, changed and cut streams,
//! after other streams, after the same one, and after what became of it when bytes changed.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use proptest::prelude::*;
use tvae_scan::pickle::{Budget, DType, Value, load};
use tvae_scan::record::{FileRecord, Identity};
use tvae_scan::{Facts, Inspector, ReadAt};

const STREAMS: [&str; 4] = ["run.pkl", "training.pkl", "checkpoint.pkl", "python2.pkl"];

fn stream(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    std::fs::read(folder.join(name)).expect(name)
}

struct Bytes(Vec<u8>);

impl ReadAt for Bytes {
    fn facts(&self) -> io::Result<Facts> {
        let identity = Identity { size: self.0.len() as u64, ..Identity::default() };
        Ok(Facts { identity, allocated: 0 })
    }

    fn read_exact_at(&self, room: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).expect("small");
        let bytes = self.0.get(start..start + room.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        room.copy_from_slice(bytes);
        Ok(())
    }
}

/// The storages that a stream asks for, and their bytes.
fn storages(pickle: &[u8]) -> BTreeMap<String, usize> {
    let found = load(pickle, &Budget::default());
    let Some(document) = found.document else { return BTreeMap::new() };
    let ids = document.walk(document.root(), usize::MAX);
    let sizes = ids.filter_map(|visit| match document.value(visit.id) {
        Value::Tensor(tensor) => tensor.storage,
        Value::Storage(storage) => Some(storage),
        _ => None,
    });
    let sizes = sizes.filter_map(|storage| {
        let each = storage.dtype.map_or(1, DType::itemsize);
        let bytes = u64::try_from(storage.numel).ok()?.checked_mul(each).filter(|&bytes| bytes < 1 << 20)?;
        Some((storage.key.to_owned(), usize::try_from(bytes).ok()?))
    });
    sizes.collect()
}

/// The stream and its storages in a zip file, with checksums that are made up but for the first.
fn archive(pickle: &[u8], storages: &BTreeMap<String, usize>) -> Vec<u8> {
    let mut records = vec![("a/data.pkl".to_owned(), pickle.to_vec())];
    records.extend(storages.iter().map(|(key, &size)| (format!("a/data/{key}"), vec![0; size])));
    records.push(("a/version".into(), b"3\n".to_vec()));
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (number, (name, content)) in records.iter().enumerate() {
        let crc = if number == 0 { crc32fast::hash(content) } else { u32::try_from(number).expect("few") };
        let [size, offset, len] =
            [content.len(), file.len(), name.len()].map(|one| u32::try_from(one).expect("small"));
        let mut fields = vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        fields.extend([crc, size, size].iter().flat_map(|field| field.to_le_bytes()));
        fields.extend([len.to_le_bytes()[0], 0, 0, 0]);
        file.extend([b"PK\x03\x04", &fields[..], name.as_bytes(), content].concat());
        let rest = [0; 10];
        directory
            .extend([b"PK\x01\x02\0\0", &fields[..], &rest, &offset.to_le_bytes(), name.as_bytes()].concat());
    }
    let [offset, length] = [file.len(), directory.len()].map(|one| u32::try_from(one).expect("small"));
    let count = u16::try_from(records.len()).expect("few").to_le_bytes();
    file.extend(&directory);
    file.extend(
        [b"PK\x05\x06\0\0\0\0", &count[..], &count, &length.to_le_bytes(), &offset.to_le_bytes(), &[0, 0]]
            .concat(),
    );
    file
}

fn record(inspector: &mut Inspector, file: &Bytes) -> (FileRecord, u64) {
    let record = inspector.inspect_reader(Path::new("a.pt"), file).expect("a file");
    (FileRecord { elapsed_us: 0, ..record }, inspector.opcodes())
}

/// What an inspector says that has read other files, and one that has read none.
fn compare(warm: &mut Inspector, pickle: &[u8], storages: &BTreeMap<String, usize>) {
    let file = Bytes(archive(pickle, storages));
    let cold = record(&mut Inspector::new(), &file);
    // The first time it may be kept, the second time it may come again.
    assert_eq!(record(warm, &file), cold);
    assert_eq!(record(warm, &file), cold);
}

#[test]
fn the_records_of_whole_files_are_those_of_a_first_look() {
    let mut warm = Inspector::new();
    for name in STREAMS.iter().chain(&STREAMS) {
        let pickle = stream(name);
        let storages = storages(&pickle);
        assert!(storages.len() > 3, "{name}");
        compare(&mut warm, &pickle, &storages);
        // One storage is missing, or has another size.
        for key in storages.keys().take(3) {
            let mut fewer = storages.clone();
            fewer.remove(key);
            compare(&mut warm, &pickle, &fewer);
            fewer.insert(key.clone(), 1);
            compare(&mut warm, &pickle, &fewer);
        }
    }
}

#[test]
fn cut_files_are_those_of_a_first_look() {
    for name in STREAMS {
        let pickle = stream(name);
        let (mut warm, storages) = (Inspector::new(), storages(&pickle));
        compare(&mut warm, &pickle, &storages);
        for end in (0..pickle.len()).step_by(7) {
            compare(&mut warm, &pickle[..end], &storages);
        }
    }
}

#[test]
fn every_byte_counts() {
    let pickle = stream(STREAMS[0]);
    let (mut warm, storages) = (Inspector::new(), storages(&pickle));
    compare(&mut warm, &pickle, &storages);
    for at in 0..pickle.len() {
        let mut changed = pickle.clone();
        changed[at] = changed[at].wrapping_add(1 + u8::try_from(at % 3).expect("small"));
        compare(&mut warm, &changed, &storages);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_files_do_not_change_what_is_said_of_others(
        changes in prop::collection::vec((0..STREAMS.len(), any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..8),
    ) {
        let mut warm = Inspector::new();
        for (which, at, byte, how) in changes {
            let whole = stream(STREAMS[which]);
            let mut changed = whole.clone();
            let at = at.index(whole.len());
            match how {
                0 => changed[at] = byte,
                1 => changed.insert(at, byte),
                2 => drop(changed.remove(at)),
                // Another PUT or GET of a low entry.
                _ => drop(changed.splice(at..at, [if byte % 2 == 0 { b'h' } else { b'q' }, byte / 4])),
            }
            let storages = storages(&whole);
            compare(&mut warm, &changed, &storages);
            compare(&mut warm, &whole, &storages);
        }
    }
}
