//! Whole files through `inspect` and `open`: what is read, and that nothing at all panics.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;
use tvae_scan::pickle::Safety;
use tvae_scan::record::{FileRecord, Status};
use tvae_scan::tensors::Tensor;
use tvae_scan::{Error, inspect, open, value};

/// `{"epoch": 7, "w": tensor of 2 x 3 float32 in storage 0}` as torch pickles it.
const VALUES: &[u8] = b"\x80\x02}(X\x05\x00\x00\x00epochK\x07X\x01\x00\x00\x00w\
ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000\
X\x03\x00\x00\x00cpuK\x06tQK\x00K\x02K\x03\x86K\x03K\x01\x86\x89ccollections\nOrderedDict\n)RtRu.";

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join("x.pt");
        fs::write(&path, bytes).unwrap();
        path
    }

    fn inspect(&self, bytes: &[u8]) -> FileRecord {
        inspect(&self.file(bytes)).unwrap()
    }
}

/// A zip file of stored records.
fn zip(records: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in records {
        let at = u32::try_from(file.len()).unwrap();
        let length = u32::try_from(data.len()).unwrap().to_le_bytes();
        let name_length = u16::try_from(name.len()).unwrap().to_le_bytes();
        let mut fields = vec![0; 10];
        fields.extend(crc32fast::hash(data).to_le_bytes());
        fields.extend([length, length].concat());
        fields.extend(name_length);
        fields.extend([0, 0]);
        file.extend([b"PK\x03\x04", &fields[..], name.as_bytes(), data].concat());
        directory
            .extend([b"PK\x01\x02\0\0", &fields[..], &[0; 10], &at.to_le_bytes(), name.as_bytes()].concat());
    }
    let count = u16::try_from(records.len()).unwrap().to_le_bytes();
    let place = [directory.len(), file.len()].map(|number| u32::try_from(number).unwrap().to_le_bytes());
    file.extend(directory);
    file.extend([b"PK\x05\x06\0\0\0\0", &count[..], &count, &place.concat(), &[0, 0]].concat());
    file
}

fn checkpoint() -> Vec<u8> {
    zip(&[("a/data.pkl", VALUES), ("a/data/0", &[1; 24]), ("a/version", b"3\n")])
}

#[test]
fn an_archive_is_read() {
    let folder = Folder::new();
    let path = folder.file(&checkpoint());
    let (record, tensors) = open(&path).unwrap();
    assert_eq!((&*record.kind, record.status, record.safety), ("torch_zip", Status::Ok, Safety::KnownTypes));
    assert_eq!((record.epoch, record.torch_prefix.as_deref()), (Some(7), Some("a")));
    assert_eq!(record.issues, []);
    let [Tensor { name, dtype, shape, stride, file_offset, nbytes }] = &tensors[..] else {
        panic!("{tensors:?}")
    };
    assert_eq!((name.as_str(), *dtype, &shape[..], &stride[..]), ("w", "float32", &[2, 3][..], &[3, 1][..]));
    let start = usize::try_from(file_offset.unwrap()).unwrap();
    assert_eq!((&fs::read(&path).unwrap()[start..start + 24], *nbytes), (&[1; 24][..], 24));
    assert_eq!(value(&path, "epoch").unwrap().and_then(|epoch| epoch.number()), Some(7.0));
    assert_eq!(value(&path, "w.x").unwrap(), None);
}

#[test]
fn a_storage_must_be_there_and_long_enough() {
    let folder = Folder::new();
    let codes = |bytes: &[u8]| {
        folder.inspect(bytes).issues.iter().map(|issue| issue.code.clone()).collect::<Vec<_>>()
    };
    assert_eq!(codes(&zip(&[("a/data.pkl", VALUES), ("a/version", b"3")])), ["T001"]);
    let short = zip(&[("a/data.pkl", VALUES), ("a/data/0", &[1; 20]), ("a/version", b"3")]);
    assert_eq!(codes(&short), ["T002", "T004"]);
}

#[test]
fn names_are_looked_up_as_torch_does() {
    let folder = Folder::new();
    let capital =
        folder.inspect(&zip(&[("a/DATA.PKL", VALUES), ("a/data/0", &[1; 24]), ("a/version", b"3")]));
    assert_eq!((capital.epoch, &*capital.issues[0].code), (Some(7), "Z031"));
    let other = folder.inspect(&zip(&[("b/version", b"3"), ("a/data.pkl", VALUES)]));
    assert_eq!(other.status, Status::Unsupported);
    assert!(other.issues.iter().any(|issue| issue.code == "Z032"));
}

#[test]
fn a_cut_archive_is_salvaged() {
    let folder = Folder::new();
    let whole = checkpoint();
    let record = folder.inspect(&whole[..whole.len() - 30]);
    assert_eq!((record.status, record.epoch), (Status::Salvaged, Some(7)));
    assert_eq!(record.salvaged.map(|salvage| (salvage.present, salvage.storages)), Some((1, 1)));
}

#[test]
fn what_cannot_be_looked_at_is_an_error() {
    let folder = Folder::new();
    assert!(matches!(inspect(folder.0.path()), Err(Error::Irregular { .. })));
    assert!(matches!(inspect(&folder.0.path().join("none")), Err(Error::Missing { .. })));
    assert!(matches!(open(&folder.file(b"text")), Err(Error::NotCheckpoint { .. })));
}

/// Every function on the bytes; "could not be looked at" must never be "clean".
fn survive(folder: &Folder, bytes: &[u8]) {
    let path = folder.file(bytes);
    let record = inspect(&path).unwrap();
    if record.status == Status::Unsupported {
        assert!(record.safety >= Safety::UnknownCode, "{record:?}");
    }
    let _ = (open(&path), value(&path, "a.0.b"));
}

#[test]
fn every_cut_and_every_flip_is_survived() {
    let folder = Folder::new();
    let header = br#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    let safetensors = [&(header.len() as u64).to_le_bytes()[..], header, &[0; 8]].concat();
    for whole in [checkpoint(), safetensors] {
        for place in 0..whole.len() {
            survive(&folder, &whole[..place]);
            for flip in [0x01, 0x80, 0xff] {
                let mut changed = whole.clone();
                changed[place] ^= flip;
                survive(&folder, &changed);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anything_is_survived(
        start in prop::sample::select(vec![
            &b""[..], b"PK\x03\x04", b"\x80\x02", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..700),
    ) {
        survive(&Folder::new(), &[start, &rest].concat());
    }
}
