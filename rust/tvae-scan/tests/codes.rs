//! The table of codes against the sources: every code that is used is explained, and none is explained in vain.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tvae_scan::codes::{all, explain};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() && path.file_name() != Some("codes".as_ref()) {
            sources(&path, found);
        } else if path.extension() == Some("rs".as_ref()) {
            found.push(path);
        }
    }
}

/// Literals such as `"Z030"`.
fn codes(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').filter(|word| {
        let (letter, digits) = word.split_at_checked(1).unwrap_or_default();
        matches!(letter, "F" | "M" | "P" | "S" | "T" | "Z")
            && digits.len() == 3
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[test]
fn every_code_is_explained_and_every_explanation_is_of_a_code() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let texts: Vec<String> = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let used: BTreeSet<&str> = texts.iter().flat_map(|text| codes(text)).collect();
    let explained: BTreeSet<&str> = all().map(|one| one.code).collect();
    assert_eq!(used, explained);
}

#[test]
fn explanations_are_sentences() {
    let codes: Vec<&str> = all().map(|one| one.code).collect();
    assert!(codes.is_sorted() && codes.windows(2).all(|pair| pair[0] != pair[1]));
    for one in all() {
        assert!(!one.title.ends_with('.') && one.title.len() < 60, "{}", one.code);
        assert!(one.meaning.ends_with('.') && one.remedy.ends_with('.'), "{}", one.code);
        assert_eq!(explain(one.code), Some(one));
    }
    assert_eq!(explain("z030").map(|one| one.code), Some("Z030"));
    assert_eq!(explain("X000"), None);
}
