//! Scans that no disk has seen.

use std::path::{Path, PathBuf};

use tvae_scan::issue::{Issue, Severity};
use tvae_scan::judge::{DirRecord, Judgement, judge};
use tvae_scan::metrics::{Metric, Reading};
use tvae_scan::record::{FileRecord, Identity, Salvage, StateDict, Status};
use tvae_scan::rules::Rules;
use tvae_scan::scan::{Folder, Scan};
use tvae_scan::value::Value;

pub const ROOT: &str = "tree";

/// A file that was decoded, with metrics of one family.
pub fn file(name: &str, metrics: &[(&str, f64)]) -> FileRecord {
    family(name, metrics, "f1")
}

pub fn family(name: &str, metrics: &[(&str, f64)], family: &'static str) -> FileRecord {
    let metrics = metrics.iter().map(|(name, value)| Metric {
        name: (*name).to_owned().into(),
        reading: Reading {
            value: Value::Float(*value),
            raw_key: (*name).to_owned().into(),
            source: "metrics".into(),
            dtype: "float".into(),
            family: family.into(),
        },
        others: Vec::new(),
    });
    FileRecord {
        path: name.into(),
        size: 1000,
        allocated: 4096,
        kind: "torch_zip".into(),
        metrics: metrics.collect(),
        ..FileRecord::default()
    }
}

pub fn broken(name: &str, status: Status) -> FileRecord {
    FileRecord { status, ..file(name, &[]) }
}

/// The same file after a cut behind the first of two storages.
pub fn cut(file: FileRecord) -> FileRecord {
    let salvaged = Some(Salvage { present: 1, storages: 2 });
    FileRecord { status: Status::Salvaged, salvaged, ..file }
}

/// The same file with a directory that does not list one of its storages.
pub fn holed(file: FileRecord) -> FileRecord {
    let issue = Issue {
        code: "T001".into(),
        severity: Severity::Error,
        message: "storage 1 is not in the file".into(),
        offset: None,
        hint: None,
    };
    FileRecord { issues: vec![issue], ..file }
}

/// The same file as a save of its own.
pub fn saved(file: FileRecord, id: &str, weights: u64) -> FileRecord {
    let state = StateDict {
        key: "model".into(),
        n_tensors: 2,
        n_params: 10,
        bytes: 40,
        dtypes: Vec::new(),
        layout: None,
        fingerprint: Some(weights),
    };
    FileRecord { serialization_id: Some(id.into()), state_dicts: vec![state], ..file }
}

/// The same file under an inode.
pub fn linked(file: FileRecord, inode: u64) -> FileRecord {
    FileRecord { identity: Identity { device: 1, inode, ..Identity::default() }, ..file }
}

/// A tree that grows in order of its paths.
#[derive(Default)]
pub struct Tree(pub Scan);

impl Tree {
    pub fn dir(mut self, name: &str, files: Vec<FileRecord>) -> Self {
        let mut folder =
            Folder { path: Path::new(ROOT).join(name), root: PathBuf::from(ROOT), ..Folder::default() };
        for file in files {
            folder.files.push(self.0.files.len());
            self.0.files.push(FileRecord { path: folder.path.join(&file.path), ..file });
        }
        self.0.folders.push(folder);
        self
    }

    /// Changes the folder that came last.
    pub fn with(mut self, change: impl Fn(&mut Folder)) -> Self {
        if let Some(folder) = self.0.folders.last_mut() {
            change(folder);
        }
        self
    }

    pub fn judge(&self) -> Judgement {
        judge(&self.0, &Rules::default())
    }

    pub fn by(&self, rules: &str) -> Judgement {
        judge(&self.0, &Rules::parse(rules, "rules.toml").unwrap_or_else(|error| panic!("{error}")))
    }
}

pub fn dir<'j>(judgement: &'j Judgement, name: &str) -> &'j DirRecord {
    let path = Path::new(ROOT).join(name);
    judgement.dirs.iter().find(|dir| dir.path == path).unwrap_or_else(|| panic!("no record of {name}"))
}

/// Recommendation and reason.
pub fn advice(judgement: &Judgement, name: &str) -> String {
    let dir = dir(judgement, name);
    format!("{}: {}", dir.recommendation.as_str(), dir.reason)
}
