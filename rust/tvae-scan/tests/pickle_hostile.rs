//! Streams that are broken, or made to exhaust whoever reads them.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tvae_scan::pickle::{Budget, Safety, Unpickled, Value, load};

fn run(bytes: &[u8]) -> Unpickled<'_> {
    load(bytes, &Budget::default())
}

/// Loads, walks and asks for every value: nothing may panic, whatever came out.
fn exhaust(bytes: &[u8]) -> bool {
    let found = run(bytes);
    assert!(found.end <= bytes.len());
    assert!(found.complete || found.safety >= Safety::Unparsed);
    assert_eq!(found.complete, found.complete && found.document.is_some());
    if let Some(document) = &found.document {
        let visits =
            document.walk(document.root(), 1000).map(|visit| format!("{:?}", document.value(visit.id)).len());
        assert!(visits.take(100_000).all(|len| len > 0));
        let _ = document.get(&["epoch"]);
    }
    found.complete
}

fn fixtures() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let entries = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path());
    let pickles = entries.filter(|path| path.extension().is_some_and(|suffix| suffix == "pkl"));
    pickles.map(|path| fs::read(path).expect("a file")).collect()
}

fn has(found: &Unpickled, code: &str) -> bool {
    found.issues.iter().any(|issue| issue.code == code)
}

#[test]
fn every_truncation_is_reported() {
    for bytes in fixtures().into_iter().filter(|bytes| bytes.len() < 2500) {
        let whole = run(&bytes).end;
        for end in 0..whole {
            assert!(!exhaust(&bytes[..end]), "{end} of {whole}");
            assert!(has(&run(&bytes[..end]), "P001"));
        }
    }
}

#[test]
fn every_byte_may_be_any_other() {
    for mut bytes in fixtures() {
        // The values of bytes that matter most: other opcodes, lengths, the end.
        let step = 1 + bytes.len() / 100;
        for at in (0..bytes.len()).step_by(step) {
            let old = bytes[at];
            for new in [0, old ^ 1, old ^ 0x80, b'.', b'(', b't', b'R', b'b', b'u', 0x93, 0xFF] {
                bytes[at] = new;
                exhaust(&bytes);
            }
            bytes[at] = old;
        }
    }
}

#[test]
fn truncated_checkpoints_keep_what_came_first() {
    let bytes =
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/checkpoint.pkl")).expect("a file");
    for end in bytes.len() / 2..bytes.len() - 1 {
        let found = run(&bytes[..end]);
        let document = found.document.expect("a salvaged value");
        let epoch = document.get(&["epoch"]).expect("the first key");
        assert_eq!(document.value(epoch), Value::Int(12), "{end}");
        let weight = document.get(&["model_state_dict", "0.weight"]).expect("a tensor");
        assert!(matches!(document.value(weight), Value::Tensor(tensor) if tensor.shape == [4, 3]));
    }
}

#[test]
fn lengths_are_checked_before_they_are_believed() {
    let streams: &[&[u8]] = &[
        b"X\xff\xff\xff\xff",
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7fab.",
        b"\x8e\0\0\0\0\0\x01\0\0.",
        b"\x96\xff\xff\xff\xff\xff\xff\xff\xff.",
        b"B\xff\xff\xff\xff.",
        b"T\xff\xff\xff\xff.",
        b"\x8b\xff\xff\xff\xff.",
        b"\x8b\xff\xff\xff\x3f.",
        b"\x8c",
        b"G\0",
        b"cos",
        b"I12",
        b"\x80",
        b"",
    ];
    for bytes in streams {
        let found = run(bytes);
        assert!(!found.complete && found.safety >= Safety::Unparsed, "{bytes:?}");
    }
}

#[test]
fn numbers_of_every_spelling() {
    let value = |bytes: &[u8]| {
        let found = run(bytes);
        assert!(found.complete, "{:?}", found.issues);
        let document = found.document.expect("a value");
        format!("{:?}", document.value(document.root()))
    };
    assert_eq!(value(b"I01\n."), "Bool(true)");
    assert_eq!(value(b"I-12\n."), "Int(-12)");
    assert_eq!(value(b"L12L\n."), "Int(12)");
    assert_eq!(value(b"L12\n."), "Int(12)");
    assert_eq!(value(b"F1e3\n."), "Float(1000.0)");
    assert_eq!(value(b"\x8a\x00."), "Int(0)");
    assert_eq!(value(b"\x8a\x01\xff."), "Int(-1)");
    assert_eq!(value(b"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00."), "BigInt(\"9223372036854775808\")");
    let long = [&b"\x8a\x12"[..], &[0; 17], b"\x80."].concat();
    assert_eq!(value(&long), format!("BigInt(\"-0x80{}\")", "00".repeat(17)));
    let huge = [&b"\x8a\xff"[..], &[1; 255], b"."].concat();
    assert!(value(&huge).contains('…'));
    let digits = [&b"L"[..], &b"9".repeat(100_000), b"L\n."].concat();
    assert!(value(&digits).len() < 100);
    for bad in [
        &b"I1x\n."[..],
        b"Lx\n.",
        b"F--\n.",
        b"I\n.",
        b"S'a\n.",
        b"Sa\n.",
        b"V\\u12\n.",
        b"p-1\n.",
        b"g\xff\n.",
    ] {
        assert!(!run(bad).complete, "{bad:?}");
    }
}

#[test]
fn text_of_every_spelling() {
    let text = |bytes: &[u8]| {
        let found = run(bytes);
        assert!(found.complete, "{:?}", found.issues);
        let document = found.document.expect("a value");
        document.as_text(document.root()).expect("text").to_owned()
    };
    assert_eq!(text(b"S'a\\x41\\n\\'\\\\\\101'\n."), "aA\n'\\A");
    assert_eq!(text(b"V\\u0416\\\\u\xe9\n."), "Ж\\\\u\u{e9}");
    assert_eq!(text(b"U\x02ab."), "ab");
    assert_eq!(text(b"\x8c\x03\xed\xa0\x80."), "\\ud800");
    assert!(!run(b"\x8c\x01\xff.").complete);
    assert!(run(b"U\x01\xff.").complete);
}

#[test]
fn stacks_and_memos_that_do_not_fit() {
    let broken: &[(&[u8], &str)] = &[
        (b".", "P003"),
        (b"0N.", "P003"),
        (b"(.", "P003"),
        (b"N(.", "P003"),
        (b"t.", "P003"),
        (b"K\x01\x86.", "P003"),
        (b"o.", "P003"),
        (b"(o.", "P003"),
        (b"]e.", "P003"),
        (b"(e.", "P003"),
        (b"a.", "P003"),
        (b"}s.", "P003"),
        (b"}(K\x01u.", "P004"),
        (b"}]Ns.", "P004"),
        (b"}Na.", "P004"),
        (b"]NNs.", "P004"),
        (b"](N\x90.", "P004"),
        (b"NNR.", "P004"),
        (b"h\x01.", "P005"),
        (b"j\xff\xff\xff\xff.", "P005"),
        (b"g7\n.", "P005"),
        (b"\x80\xff.", "P008"),
        (b"\x97.", "P009"),
        (b"\xff.", "P002"),
        (b"\x95\xff\xff\xff\xff\xff\xff\xff\x7fN.", "P011"),
        (b"\x95\x01\0\0\0\0\0\0\0K\x01.", "P011"),
    ];
    for (bytes, code) in broken {
        let found = run(bytes);
        assert!(!found.complete && has(&found, code), "{bytes:?}: {:?}", found.issues);
    }
    let odd: &[(&[u8], &str)] = &[
        (b"NN.", "P003"),
        (b"(N.", "P003"),
        (b"}(K\x01NK\x01K\x02u.", "P012"),
        (b"NQ.", "P013"),
        (b"Pmodule\n.", "P013"),
        (b"\x95\x0b\0\0\0\0\0\0\0\x95\x02\0\0\0\0\0\0\0N.", "P011"),
    ];
    for (bytes, code) in odd {
        let found = run(bytes);
        assert!(found.complete && has(&found, code), "{bytes:?}: {:?}", found.issues);
    }
    for fine in [
        &b"Nr\xff\xff\xff\xff0j\xff\xff\xff\xff."[..],
        b"N20.",
        b"N(0.",
        b"N(NN1.",
        b"](e.",
        b"\x80\x01\x80\x02N.",
    ] {
        let found = run(fine);
        assert!(found.complete && found.issues.is_empty(), "{fine:?}: {:?}", found.issues);
    }
}

#[test]
fn the_last_value_of_a_key_counts() {
    let found = run(b"}(U\x01aK\x01U\x01bK\x02U\x01aK\x03K\x01NG\x3f\xf0\0\0\0\0\0\0\x88u.");
    let document = found.document.expect("a dict");
    let Value::Dict(dict) = document.value(document.root()) else { panic!() };
    assert_eq!(dict.pairs.len(), 3);
    assert_eq!(document.as_text(dict.pairs[0].0), Some("a"));
    assert_eq!(document.value(dict.pairs[0].1), Value::Int(3));
    assert_eq!(document.value(dict.pairs[2].1), Value::Bool(true));
}

#[test]
fn containers_change_after_they_were_stored() {
    // The list is put in the memo empty, used twice and filled last.
    let found = run(b"(]q\x00h\x00t0h\x00K\x01a0h\x00.");
    let document = found.document.expect("a list");
    assert!(matches!(document.value(document.root()), Value::List([_])));
}

#[test]
fn cycles_are_walked_once() {
    let found = run(b"]q\x00h\x00a}q\x01U\x01ah\x01s\x86.");
    let document = found.document.as_ref().expect("a tuple");
    let visits: Vec<_> = document.walk(document.root(), 100).collect();
    assert_eq!(visits.iter().filter(|visit| visit.again).count(), 2);
    assert_eq!(visits.len(), 6);
}

#[test]
fn a_billion_laughs_are_a_hundred_values() {
    let mut bytes = b"]".to_vec();
    for _ in 0..100 {
        bytes.extend(b"2\x86");
    }
    bytes.push(b'.');
    let found = run(&bytes);
    let document = found.document.as_ref().expect("a tuple");
    assert!(document.walk(document.root(), 1000).count() <= 201);
}

#[test]
fn depth_is_no_matter() {
    for (open, close) in [(&b"]"[..], &b"a"[..]), (b"(", b"t"), (b"(", b"l"), (b"}N", b"s")] {
        let (open, close) = (open.repeat(90_000), close.repeat(89_999));
        let close =
            if close[0] == b't' || close[0] == b'l' { [&close[..], &close[..1]].concat() } else { close };
        let bytes = [&open[..], if open[0] == b'}' { b"N" } else { b"" }, &close[..], b"."].concat();
        exhaust(&bytes);
    }
    let nested = [&b"N"[..], &b"\x85".repeat(200_000), b"."].concat();
    assert!(exhaust(&nested));
}

#[test]
fn bombs_stop_at_the_budget() {
    let many = 100_000;
    let budget = Budget { opcodes: 80_000, nodes: 40_000, depth: 10_000, ..Budget::default() };
    let bombs = [
        b"(".repeat(many),
        b"]".repeat(many),
        b"}".repeat(many),
        [&b"N"[..], &b"2".repeat(many)].concat(),
        [&b"]q\x00"[..], &b"h\x00a".repeat(many / 2)].concat(),
        [&b"\x80\x04]q\x00"[..], &b"]h\x00a0".repeat(many / 4)].concat(),
        (0..80_000u32).flat_map(|at| [&b"r"[..], &(at * 10_007).to_le_bytes()].concat()).collect(),
        (0..many / 10).flat_map(|at| format!("ca\n{at}\n0").into_bytes()).collect(),
        b"\x80\x04N".iter().copied().chain(b"\x94".repeat(many)).collect(),
    ];
    for (at, bytes) in bombs.iter().enumerate() {
        let found = load(bytes, &budget);
        assert!(has(&found, "P010") && found.safety >= Safety::Unparsed, "{at}");
        assert!(found.issues.len() < 100);
    }
    let small = Budget { opcodes: 10, nodes: 10, bytes: 10, depth: 3, text: 8, hurry: true };
    for bytes in [&b"((((N."[..], b"NNNNNNNNNNNN.", b"]0]0]0]0]0]0."] {
        let found = load(bytes, &small);
        assert!(has(&found, "P010"), "{:?}", found.issues);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        exhaust(&bytes);
    }

    /// Opcodes and small arguments, so that most streams get somewhere.
    #[test]
    fn any_opcodes(bytes in proptest::collection::vec(proptest::sample::select(
        b"()]}.0012NRbaeuslditoqhKQ\x85\x86\x87\x88\x8f\x90\x91\x93\x94\x81\x92\x98\x00\x01\x02".to_vec()), 0..120)) {
        exhaust(&bytes);
        let calls = [b"\x80\x02ccollections\nOrderedDict\nq\x00cnumpy\ndtype\nq\x01ca\nb\nq\x02", &bytes[..], b"."].concat();
        exhaust(&calls);
    }
}
