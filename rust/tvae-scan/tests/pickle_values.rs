//! What the machine builds from pickles that Python and torch wrote, against what Python had.
//!
//! `data/make.py` writes the pickles, and the values in the notation of `spell` below.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use tvae_scan::pickle::{
    Array, Budget, DictKind, Document, NodeId, Object, ObjectKind, Safety, ScalarValue, Tensor, TensorKind,
    Unpickled, Value, load,
};

fn read(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).expect(name)
}

fn whole<'a>(bytes: &'a [u8], name: &str) -> Unpickled<'a> {
    let found = load(bytes, &Budget::default());
    assert!(found.complete, "{name}: {:?}", found.issues);
    assert_eq!(found.end, bytes.len(), "{name}");
    found
}

fn joined(document: &Document, ids: &[NodeId]) -> String {
    ids.iter().map(|&id| spell(document, id)).collect::<Vec<_>>().join(", ")
}

fn sizes(sizes: &[i64]) -> String {
    format!("{sizes:?}")
}

fn float(value: f64) -> String {
    format!("f{:016x}", value.to_bits())
}

fn truth(value: bool) -> String {
    if value { "True" } else { "False" }.to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}

fn scalar(value: Option<ScalarValue>) -> String {
    match value.expect("a type that is decoded") {
        ScalarValue::Bool(value) => truth(value),
        ScalarValue::Int(value) => value.to_string(),
        ScalarValue::UInt(value) => value.to_string(),
        ScalarValue::Float(value) => float(value),
        ScalarValue::Complex(re, im) => format!("complex({}, {})", float(re), float(im)),
        ScalarValue::Text(value) => format!("\"{value}\""),
        ScalarValue::Bytes(value) => format!("b:{}", hex(&value)),
    }
}

fn array(document: &Document, array: &Array) -> String {
    let dtype = array.dtype.expect("a filled array");
    let count = usize::try_from(array.shape.iter().product::<i64>()).expect("small");
    let items: Vec<String> = if dtype.name() == "object" {
        array.objects.iter().map(|&id| spell(document, id)).collect()
    } else {
        (0..count).map(|at| scalar(array.element(at))).collect()
    };
    format!("array.{}{}[{}]", dtype.name(), sizes(array.shape), items.join(", "))
}

fn tensor(tensor: &Tensor) -> String {
    let dtype = tensor.dtype.name();
    let flags =
        [if tensor.is_parameter { "P" } else { "" }, if tensor.requires_grad { "G" } else { "" }].concat();
    let (shape, stride) = (sizes(tensor.shape), sizes(tensor.stride));
    let kind = match tensor.kind {
        TensorKind::Dense => "dense",
        TensorKind::Quantized => "quantized",
        TensorKind::Meta => "meta",
        TensorKind::Sparse => return format!("tensor.sparse.{dtype}{shape}{flags}"),
        TensorKind::Nested => return format!("tensor.nested.{dtype}"),
        TensorKind::Numpy => "numpy",
    };
    format!("tensor.{kind}.{dtype}{shape}{stride}+{}{flags}", tensor.offset)
}

fn object(document: &Document, object: &Object) -> String {
    if let Some(text) = object.text {
        // Python spells differences and zones in ways that nobody reads here.
        return format!("<{text}>");
    }
    let args = joined(document, object.args);
    let state = object.state.map(|id| spell(document, id)).unwrap_or_default();
    match object.kind {
        ObjectKind::Range => format!("range({args})"),
        ObjectKind::Slice => format!("slice({args})"),
        ObjectKind::Deque => format!("deque[{}]", joined(document, object.items)),
        ObjectKind::Namespace => format!("namespace{state}"),
        _ => match document.value(object.class) {
            Value::Global { module, name } => format!("object {module}.{name}({args}){state}"),
            other => panic!("{other:?}"),
        },
    }
}

fn spell(document: &Document, id: NodeId) -> String {
    let sorted = |ids: &[NodeId]| {
        let mut items: Vec<String> = ids.iter().map(|&id| spell(document, id)).collect();
        items.sort();
        items.join(", ")
    };
    match document.value(id) {
        Value::None => "None".to_owned(),
        Value::Bool(value) => truth(value),
        Value::Int(value) => value.to_string(),
        Value::BigInt(value) => value.to_owned(),
        Value::Float(value) => float(value),
        Value::Complex(re, im) => format!("complex({}, {})", float(re), float(im)),
        Value::Text(value) => format!("\"{value}\""),
        Value::Bytes(value) => format!("b:{}", hex(value)),
        Value::ByteArray(value) => format!("ba:{}", hex(value)),
        Value::List(ids) => format!("[{}]", joined(document, ids)),
        Value::Tuple(ids) => format!("({})", joined(document, ids)),
        Value::Size(ids) => format!("Size({})", joined(document, ids)),
        Value::Set(ids) => format!("set({})", sorted(ids)),
        Value::FrozenSet(ids) => format!("frozenset({})", sorted(ids)),
        Value::Dict(dict) => {
            let kind = match dict.kind {
                DictKind::Plain => "dict",
                DictKind::Ordered => "OrderedDict",
                DictKind::Default => "defaultdict",
                DictKind::Counter => "Counter",
            };
            let pair = |&(key, value): &(NodeId, NodeId)| {
                format!("{}: {}", spell(document, key), spell(document, value))
            };
            format!("{kind}{{{}}}", dict.pairs.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
        Value::Tensor(value) => tensor(&value),
        Value::Scalar(value) => format!("np.{}:{}", value.dtype.name(), scalar(value.value())),
        Value::Array(value) => array(document, &value),
        Value::Global { module, name } => format!("global {module}.{name}"),
        Value::Object(value) => object(document, &value),
        other => panic!("{other:?}"),
    }
}

fn check(group: &str, stream: &str, safety: Safety) {
    let bytes = read(&format!("{stream}.pkl"));
    let found = whole(&bytes, stream);
    assert_eq!(found.safety, safety, "{stream}: {:?} {:?}", found.imports, found.issues);
    let document = found.document.expect(stream);
    let expected = String::from_utf8(read(&format!("{group}.txt"))).expect("text");
    assert_eq!(spell(&document, document.root()), expected.trim_end(), "{stream}");
}

#[test]
fn every_protocol_gives_the_same_values() {
    for protocol in 0..6 {
        for group in ["plain", "library", "arrays"] {
            check(group, &format!("{group}_{protocol}"), Safety::KnownTypes);
        }
    }
}

#[test]
fn torch_values() {
    check("checkpoint", "checkpoint", Safety::KnownTypes);
    check("tensors", "tensors", Safety::KnownTypes);
}

#[test]
fn own_classes_need_code_and_stay_readable() {
    for stream in ["own_2", "own_4"] {
        check("own", stream, Safety::UnknownCode);
        let bytes = read(&format!("{stream}.pkl"));
        let document = whole(&bytes, stream).document.expect("values");
        let depth = document.get(&["settings", "depth"]).expect("an attribute");
        assert_eq!(document.value(depth), Value::Int(9));
    }
}

#[test]
fn shared_values_are_one() {
    let bytes = read("plain_2.pkl");
    let document = whole(&bytes, "plain_2").document.expect("values");
    let Value::List(ids) = document.value(document.get(&["shared"]).expect("a key")) else { panic!() };
    assert_eq!(ids[0], ids[1]);

    let bytes = read("tensors.pkl");
    let document = whole(&bytes, "tensors").document.expect("values");
    let key = |name| match document.value(document.get(&[name]).expect(name)) {
        Value::Tensor(tensor) => tensor.storage.expect("a storage").key.to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(key("view"), key("transposed"));
    assert_eq!(key("view"), key("parameter"));
    assert_ne!(key("view"), key("scalar"));
}

#[test]
fn tensors_keep_their_parts_and_attributes() {
    let bytes = read("tensors.pkl");
    let document = whole(&bytes, "tensors").document.expect("values");
    let tensor = |name| match document.value(document.get(&[name]).expect(name)) {
        Value::Tensor(tensor) => tensor,
        other => panic!("{other:?}"),
    };
    for (name, parts) in
        [("coo", 2), ("csr", 3), ("bsr", 3), ("quantized", 1), ("channels", 1), ("nested", 4)]
    {
        assert_eq!(tensor(name).parts.len(), parts, "{name}");
    }
    for (name, attribute) in [("tagged", "tag"), ("attributed", "tag"), ("conj", "conj")] {
        let attributes = tensor(name).attributes.expect(name);
        assert!(document.lookup(attributes, attribute).is_some(), "{name}");
    }
    let storage = tensor("transposed").storage.expect("a storage");
    assert_eq!((storage.location, storage.numel, storage.untyped), ("cpu", 12, false));
    assert_eq!(tensor("transposed").numel(), Some(12));
}

#[test]
fn state_dicts_keep_their_metadata() {
    let bytes = read("checkpoint.pkl");
    let document = whole(&bytes, "checkpoint").document.expect("values");
    let state = document.get(&["model_state_dict"]).expect("a key");
    let Value::Dict(dict) = document.value(state) else { panic!() };
    assert_eq!(dict.kind, DictKind::Ordered);
    assert!(document.lookup(dict.attributes.expect("attributes"), "_metadata").is_some());
}

#[test]
fn legacy_files_are_pickles_in_a_row() {
    let bytes = read("legacy.pkl");
    let (mut at, mut roots) = (0, Vec::new());
    for _ in 0..5 {
        let found = load(&bytes[at..], &Budget::default());
        assert!(found.complete && found.safety <= Safety::KnownTypes, "{:?}", found.issues);
        let document = found.document.expect("a value");
        roots.push(match document.value(document.root()) {
            Value::BigInt(text) => text.to_owned(),
            Value::Int(number) => number.to_string(),
            Value::Dict(dict) => format!("dict of {}", dict.pairs.len()),
            Value::List(ids) => format!("list of {}", ids.len()),
            other => panic!("{other:?}"),
        });
        at += found.end;
    }
    // What follows is the storage: its number of elements and two floats.
    assert_eq!(bytes.len() - at, 8 + 8);
    assert_eq!(roots, ["119547037146038801333356", "1001", "dict of 3", "dict of 4", "list of 1"]);
}

#[test]
fn a_walk_meets_every_value_once() {
    let bytes = read("checkpoint.pkl");
    let document = whole(&bytes, "checkpoint").document.expect("values");
    let tensors = document.walk(document.root(), 100).filter(|visit| !visit.again);
    let tensors = tensors.filter(|visit| matches!(document.value(visit.id), Value::Tensor(_))).count();
    // 7 of the model, 4 parameters with 3 each in the optimizer, and the generator's state.
    assert_eq!(tensors, 7 + 12 + 1);
    assert_eq!(document.walk(document.root(), 0).count(), 1);
}
