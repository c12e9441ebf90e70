//! The forms that are taken in one go against the machine without them: the same values, shared in the same way, and the
//! same imports, verdict, issues, offsets and counts, on real streams and on what becomes of them when bytes change.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tvae_scan::pickle::{Budget, Document, NodeId, Unpickled, Value, load};

/// The streams that torch wrote.
const TORCH: [&str; 6] =
    ["checkpoint.pkl", "tensors.pkl", "legacy.pkl", "training.pkl", "metrics.pkl", "python2.pkl"];

fn data() -> impl Iterator<Item = (String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let files = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let pickles = files.filter(|path| path.extension().is_some_and(|end| end == "pkl"));
    pickles.map(|path| (path.display().to_string(), fs::read(path).expect("a file")))
}

fn stream(name: &str) -> Vec<u8> {
    data().find(|(path, _)| path.ends_with(name)).expect(name).1
}

/// Compares two documents value by value, and which of them are the same object.
struct Compare<'d, 'a> {
    one: &'d Document<'a>,
    other: &'d Document<'a>,
    there: HashMap<NodeId, NodeId>,
    back: HashMap<NodeId, NodeId>,
    todo: Vec<(NodeId, NodeId)>,
}

impl Compare<'_, '_> {
    fn same(mut self) -> bool {
        self.todo.push((self.one.root(), self.other.root()));
        while let Some((one, other)) = self.todo.pop() {
            let (there, back) = (self.there.insert(one, other), self.back.insert(other, one));
            if there.is_some_and(|known| known != other) || back.is_some_and(|known| known != one) {
                return false;
            }
            if there.is_none() && !self.alike(one, other) {
                return false;
            }
        }
        true
    }

    /// The values are the same but for what they hold, which comes next.
    fn alike(&mut self, one: NodeId, other: NodeId) -> bool {
        match (self.one.value(one), self.other.value(other)) {
            (Value::List(one), Value::List(other))
            | (Value::Tuple(one), Value::Tuple(other))
            | (Value::Size(one), Value::Size(other))
            | (Value::Set(one), Value::Set(other))
            | (Value::FrozenSet(one), Value::FrozenSet(other)) => self.all(one, other),
            (Value::Dict(one), Value::Dict(other)) => {
                one.kind == other.kind
                    && self.pairs(one.pairs, other.pairs)
                    && self.maybe(one.attributes, other.attributes)
            }
            (Value::Tensor(one), Value::Tensor(other)) => {
                let storages = one.storage.map(|storage| storage.id);
                (one.kind, one.dtype, one.shape, one.stride, one.offset)
                    == (other.kind, other.dtype, other.shape, other.stride, other.offset)
                    && (one.requires_grad, one.is_parameter) == (other.requires_grad, other.is_parameter)
                    && self.maybe(storages, other.storage.map(|storage| storage.id))
                    && self.all(one.parts, other.parts)
                    && self.maybe(one.attributes, other.attributes)
            }
            (Value::Storage(one), Value::Storage(other)) => {
                (one.key, one.location, one.dtype, one.numel, one.untyped)
                    == (other.key, other.location, other.dtype, other.numel, other.untyped)
                    && self.maybe(one.view, other.view)
            }
            (Value::Array(one), Value::Array(other)) => {
                (one.dtype, one.shape, one.fortran, one.bytes)
                    == (other.dtype, other.shape, other.fortran, other.bytes)
                    && self.all(one.objects, other.objects)
            }
            (Value::Object(one), Value::Object(other)) => {
                (one.kind, one.text) == (other.kind, other.text)
                    && self.all(&[one.class], &[other.class])
                    && self.all(one.args, other.args)
                    && self.all(one.items, other.items)
                    && self.pairs(one.pairs, other.pairs)
                    && self.maybe(one.kwargs, other.kwargs)
                    && self.maybe(one.state, other.state)
                    && self.maybe(one.slots, other.slots)
            }
            (Value::Persistent(one), Value::Persistent(other)) => self.all(&[one], &[other]),
            (Value::Float(one), Value::Float(other)) => one.to_bits() == other.to_bits(),
            (one, other) => format!("{one:?}") == format!("{other:?}"),
        }
    }

    fn all(&mut self, one: &[NodeId], other: &[NodeId]) -> bool {
        self.todo.extend(one.iter().copied().zip(other.iter().copied()));
        one.len() == other.len()
    }

    fn pairs(&mut self, one: &[(NodeId, NodeId)], other: &[(NodeId, NodeId)]) -> bool {
        let keys = one.iter().zip(other).map(|(one, other)| (one.0, other.0));
        let items = one.iter().zip(other).map(|(one, other)| (one.1, other.1));
        self.todo.extend(keys.chain(items));
        one.len() == other.len()
    }

    fn maybe(&mut self, one: Option<NodeId>, other: Option<NodeId>) -> bool {
        self.todo.extend(one.zip(other));
        one.is_some() == other.is_some()
    }
}

fn same_values(one: &Unpickled, other: &Unpickled) -> bool {
    match (&one.document, &other.document) {
        (Some(one), Some(other)) => {
            Compare { one, other, there: HashMap::new(), back: HashMap::new(), todo: Vec::new() }.same()
        }
        (None, None) => true,
        _ => false,
    }
}

/// Follows a stream in both ways.
fn compare_within(bytes: &[u8], budget: Budget) {
    let hurried = load(bytes, &Budget { hurry: true, ..budget });
    let plain = load(bytes, &Budget { hurry: false, ..budget });
    assert_eq!(
        (hurried.complete, hurried.end, hurried.opcodes, hurried.safety),
        (plain.complete, plain.end, plain.opcodes, plain.safety),
        "{}",
        bytes.escape_ascii()
    );
    assert_eq!(hurried.imports, plain.imports, "{}", bytes.escape_ascii());
    assert_eq!(hurried.issues, plain.issues, "{}", bytes.escape_ascii());
    assert!(same_values(&hurried, &plain), "{}", bytes.escape_ascii());
}

fn compare(bytes: &[u8]) {
    compare_within(bytes, Budget::default());
}

#[test]
fn every_stream_is_the_same() {
    data().for_each(|(_, bytes)| compare(&bytes));
}

#[test]
fn every_cut_is_the_same() {
    for name in TORCH {
        let whole = stream(name);
        (0..whole.len()).for_each(|end| compare(&whole[..end]));
    }
}

#[test]
fn every_change_of_a_byte_is_the_same() {
    for name in TORCH {
        let whole = stream(name);
        for at in 0..whole.len() {
            let old = whole[at];
            // The smallest change, another memo entry or size, and the opcodes of which the form is made.
            let turn = b"hjqrKMJX(t)RQ.u0\x85\x86\x88\x89\x94"[at % 21];
            for new in [old ^ 1, old.wrapping_sub(1), old ^ 0x80, turn] {
                let mut changed = whole.clone();
                changed[at] = new;
                compare(&changed);
            }
        }
    }
}

#[test]
fn every_part_of_a_form_can_be_asked_for() {
    for name in ["training.pkl", "metrics.pkl"] {
        ask_for_every_part(&stream(name));
    }
}

fn ask_for_every_part(whole: &[u8]) {
    let body = &whole[..whole.len() - 1];
    let entries = 0..u32::try_from(whole.len() / 8).expect("small");
    for entry in entries.clone() {
        let get = [&b"j"[..], &entry.to_le_bytes()].concat();
        // Two of the same, so that it shows whether they are one object.
        compare(&[body, &get, &get, b"\x87."].concat());
        // Another value in the entry, then a tensor that may depend on it, then both asked for.
        let put = [&b"]r"[..], &entry.to_le_bytes(), b"0"].concat();
        let all: Vec<u8> =
            entries.clone().step_by(7).flat_map(|at| [&b"j"[..], &at.to_le_bytes()].concat()).collect();
        compare(&[body, &put, b"(", &get, &all, b"t\x86."].concat());
    }
    // The same tensors a second time: every PUT replaces an entry.
    compare(&[body, &body[2..], b"\x86."].concat());
}

#[test]
fn every_budget_is_the_same() {
    for name in ["training.pkl", "metrics.pkl"] {
        let whole = stream(name);
        for limit in 0..1500 {
            compare_within(&whole, Budget { opcodes: limit * 3, ..Budget::default() });
            let nodes = usize::try_from(limit).expect("small") * 3;
            compare_within(&whole, Budget { nodes, ..Budget::default() });
        }
        (0..6).for_each(|depth| compare_within(&whole, Budget { depth, ..Budget::default() }));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn many_changes_are_the_same(
        name in prop::sample::select(TORCH.to_vec()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
    ) {
        let mut bytes = stream(name);
        for (at, byte, how) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        compare(&bytes);
    }

    #[test]
    fn moved_pieces_are_the_same(
        name in prop::sample::select(TORCH.to_vec()),
        [from, to, at] in any::<[prop::sample::Index; 3]>(),
    ) {
        let bytes = stream(name);
        let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
        let piece = bytes[from.min(to)..from.max(to)].to_vec();
        let at = at.index(bytes.len());
        compare(&[&bytes[..at], &piece, &bytes[at..]].concat());
    }
}

#[test]
fn the_storage_of_a_tensor_that_was_copied_stays_the_same() {
    let mut bytes = stream("tensors.pkl");
    bytes[780] = 53;
    compare(&bytes);
}
