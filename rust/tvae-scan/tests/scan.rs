//! Whole trees through `scan`: what is a candidate, what is not, links, the cache.

use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tvae_scan::scan::{Options, Scan, is_candidate, scan};
use tvae_scan::{Error, record::Status};

/// A pickle of `{"epoch": 7}`.
const EPOCH: &[u8] = b"\x80\x02}X\x05\x00\x00\x00epochK\x07s.";

fn tree(files: &[(&str, &[u8])]) -> TempDir {
    let root = TempDir::new().unwrap();
    for (name, content) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    root
}

fn look(root: &Path, options: &Options) -> Scan {
    scan(&[root.into()], options, &mut |_, _| true).unwrap()
}

fn names(root: &Path, scan: &Scan) -> Vec<String> {
    let name = |path: &PathBuf| path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
    scan.files.iter().map(|file| name(&file.path)).collect()
}

#[test]
fn a_candidate_has_the_name_or_the_content_of_a_checkpoint() {
    let root = tree(&[
        ("b/best.pt", EPOCH),
        ("b/weights", EPOCH),
        ("b/notes.txt", b"hello"),
        ("b/README.md", b"hierarchy -0.8"),
        ("b.a/x.PTH", b"nothing"),
        ("b/table.zip", b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        ("empty/notes.txt", b""),
    ]);
    let found = look(root.path(), &Options::default());
    assert_eq!(names(root.path(), &found), ["b.a/x.PTH", "b/best.pt", "b/weights"]);
    let folder = found.folders.iter().find(|one| one.path.ends_with("b")).unwrap();
    assert_eq!((folder.files.as_slice(), folder.n_others, folder.n_folders), (&[1, 2][..], 3, 0));
    assert_eq!(folder.readme.as_deref(), Some("hierarchy -0.8"));
    assert_eq!(found.folders.len(), 4);
}

#[test]
fn links_are_followed_only_when_asked_and_never_in_circles() {
    let root = tree(&[("a/best.pt", EPOCH)]);
    let outside = tree(&[("far.pt", EPOCH)]);
    symlink("best.pt", root.path().join("a/latest.pt")).unwrap();
    symlink("..", root.path().join("a/up")).unwrap();
    symlink("nowhere", root.path().join("a/lost.pt")).unwrap();
    symlink(outside.path(), root.path().join("out")).unwrap();
    let found = look(root.path(), &Options::default());
    assert_eq!(names(root.path(), &found), ["a/best.pt"]);
    let codes: Vec<_> = found.skipped.iter().map(|one| one.code).collect();
    assert_eq!(codes, ["F003", "F002", "F003", "F003"]);
    let found = look(root.path(), &Options { follow: true, ..Options::default() });
    assert_eq!(names(root.path(), &found), ["a/best.pt", "a/latest.pt", "out/far.pt"]);
    let left: Vec<_> =
        found.files.iter().map(|file| file.issues.iter().any(|issue| issue.code == "F004")).collect();
    assert_eq!(left, [false, false, true]);
}

#[test]
fn what_is_named_has_a_record_or_is_an_error() {
    let root = tree(&[("notes.txt", b"hello")]);
    let named = look(&root.path().join("notes.txt"), &Options::default());
    assert_eq!((named.files.len(), named.files[0].status, named.folders.len()), (1, Status::Unsupported, 0));
    let missing = scan(&[root.path().join("no")], &Options::default(), &mut |_, _| true);
    assert!(matches!(missing, Err(Error::Missing { .. })));
    let device = look(Path::new("/dev/null"), &Options::default());
    assert_eq!((device.files[0].status, &*device.files[0].issues[0].code), (Status::Skipped, "F001"));
}

#[test]
fn nothing_is_scanned_twice() {
    let root = tree(&[("a/best.pt", EPOCH), ("a/notes.txt", b"hello"), ("b/best.pt", EPOCH)]);
    let at = |name: &str| root.path().join(name);
    let detour = at("a/../b");
    for paths in [
        vec![root.path().into(), root.path().into()],
        vec![at("a"), root.path().into(), at("b/best.pt")],
        vec![root.path().into(), detour, at(".")],
    ] {
        let found = scan(&paths, &Options::default(), &mut |_, _| true).unwrap();
        assert_eq!(names(root.path(), &found), ["a/best.pt", "b/best.pt"], "{paths:?}");
        let counts: Vec<usize> = found.folders.iter().map(|folder| folder.files.len()).collect();
        assert_eq!(counts, [0, 1, 1], "{paths:?}");
    }
    let named =
        scan(&[root.path().into(), at("a/notes.txt")], &Options::default(), &mut |_, _| true).unwrap();
    assert_eq!(names(root.path(), &named), ["a/best.pt", "a/notes.txt", "b/best.pt"]);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let files: Vec<(String, Vec<u8>)> = (0..200)
        .map(|number| (format!("d{}/f{number}.pt", number % 7), [EPOCH, &vec![b'x'; number]].concat()))
        .collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, content)| (&**name, &**content)).collect();
    let root = tree(&files);
    let with = |threads| {
        let mut found =
            look(root.path(), &Options { threads: NonZeroUsize::new(threads), ..Options::default() });
        found.files.iter_mut().for_each(|file| file.elapsed_us = 0);
        found
    };
    assert_eq!(with(1), with(8));
}

#[test]
fn a_scan_can_be_stopped() {
    let root = tree(&[("best.pt", EPOCH)]);
    // Enough work for a first tick: a file that is found again and again through links.
    for number in 0..20_000 {
        symlink("best.pt", root.path().join(format!("{number}.pt"))).unwrap();
    }
    let options = Options { follow: true, threads: NonZeroUsize::new(1), ..Options::default() };
    assert!(matches!(scan(&[root.path().into()], &options, &mut |_, _| false), Err(Error::Stopped)));
}

#[test]
fn the_cache_knows_what_has_not_changed() {
    let root = tree(&[("a/best.pt", EPOCH), ("a/latest.pt", EPOCH)]);
    let home = TempDir::new().unwrap();
    let cache = home.path().join("new/facts");
    let options = Options { cache: Some(cache.clone()), ..Options::default() };
    // What changed just now may change again, so it is not kept.
    assert_eq!(look(root.path(), &options).n_cached, 0);
    assert!(!cache.exists());
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let first = look(root.path(), &options);
    assert_eq!((first.n_cached, first.cache_trouble.clone()), (0, None));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&cache), mode(cache.parent().unwrap())), (0o600, 0o700));
    let second = look(root.path(), &options);
    assert_eq!((second.n_cached, &second.files), (2, &first.files));
    fs::write(root.path().join("a/best.pt"), [EPOCH, b"more"].concat()).unwrap();
    let third = look(root.path(), &options);
    assert_eq!((third.n_cached, third.files[0].size), (1, EPOCH.len() as u64 + 4));
    assert_eq!(look(root.path(), &Options { refresh: true, ..options.clone() }).n_cached, 0);
    let known = fs::read(&cache).unwrap();
    let words = b"tvae scan facts ".len();
    for cut in (0..known.len()).filter(|cut| *cut == 0 || *cut >= words) {
        fs::write(&cache, &known[..cut]).unwrap();
        let found = look(root.path(), &options);
        assert_eq!(names(root.path(), &found), ["a/best.pt", "a/latest.pt"]);
    }
    let lost = Options { cache: Some(root.path().join("a/best.pt/x")), refresh: true, ..options };
    assert!(look(root.path(), &lost).cache_trouble.is_some());
    // What is no file stays what it is.
    let socket = home.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    let found = look(root.path(), &Options { cache: Some(socket.clone()), ..lost });
    assert!(found.cache_trouble.is_some_and(|trouble| trouble.contains("is no regular file")));
    assert!(!fs::metadata(&socket).unwrap().is_file());
}

#[test]
fn a_cache_replaces_only_a_cache() {
    let root =
        tree(&[("best.pt", EPOCH), ("short", b"tvae"), ("old", b"tvae scan facts 1 0.0.1\n"), ("none", b"")]);
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let with = |name: &str| {
        let options = Options { cache: Some(root.path().join(name)), ..Options::default() };
        scan(&[root.path().join("best.pt")], &options, &mut |_, _| true)
    };
    symlink("best.pt", root.path().join("link")).unwrap();
    for (name, told) in
        [("best.pt", "no cache"), ("short", "no cache"), ("link", "no cache"), ("", "a folder")]
    {
        let Err(Error::NotCache { what, .. }) = with(name) else { panic!("{name} was accepted") };
        assert!(what.contains(told), "{name}: {what}");
    }
    assert_eq!(fs::read(root.path().join("best.pt")).unwrap(), EPOCH);
    for name in ["old", "none", "new"] {
        assert_eq!(with(name).unwrap().cache_trouble, None);
        let kept = fs::read(root.path().join(name)).unwrap();
        assert!(kept.starts_with(b"tvae scan facts ") && !kept.starts_with(b"tvae scan facts 1"), "{name}");
    }
}

#[test]
fn a_candidate_is_told_by_its_name_or_by_how_it_begins() {
    let root = tree(&[("a.pt", b"x"), ("weights", EPOCH), ("notes.txt", b"hello")]);
    let found = ["a.pt", "weights", "notes.txt"].map(|name| is_candidate(&root.path().join(name)));
    assert_eq!(found, [true, true, false]);
}
