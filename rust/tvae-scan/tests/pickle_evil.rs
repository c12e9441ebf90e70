//! Streams that run code when loaded: what is called dangerous, what is merely unknown, and what is neither.

use tvae_scan::pickle::{Budget, Document, Safety, Unpickled, Value, load, scan};

fn run(bytes: &[u8]) -> Unpickled<'_> {
    load(bytes, &Budget::default())
}

fn verdict(bytes: &[u8]) -> Safety {
    assert_eq!(scan(bytes, &Budget::default()).safety, run(bytes).safety);
    run(bytes).safety
}

/// `SHORT_BINUNICODE`.
fn text(text: &str) -> Vec<u8> {
    [&[0x8C, u8::try_from(text.len()).expect("short")], text.as_bytes()].concat()
}

fn short(bytes: &[u8]) -> Vec<u8> {
    [&[b'C', u8::try_from(bytes.len()).expect("short")], bytes].concat()
}

fn global(module: &str, name: &str) -> Vec<u8> {
    [&text(module)[..], &text(name)[..], &[0x93]].concat()
}

/// Protocol 4 around pieces.
fn stream(pieces: &[&[u8]]) -> Vec<u8> {
    [b"\x80\x04", &pieces.concat()[..], b"."].concat()
}

/// `module.name('x')`.
fn called(module: &str, name: &str) -> Vec<u8> {
    stream(&[&global(module, name), &text("x"), b"\x85R"])
}

fn has(found: &Unpickled, code: &str) -> bool {
    found.issues.iter().any(|issue| issue.code == code)
}

#[test]
fn every_way_to_call_is_seen() {
    let system = global("os", "system");
    let ways: &[(&str, Vec<u8>)] = &[
        ("GLOBAL", b"cos\nsystem\n(S'x'\ntR.".to_vec()),
        ("STACK_GLOBAL", called("posix", "system")),
        ("INST", b"(S'x'\nios\nsystem\n.".to_vec()),
        ("OBJ", b"(cos\nsystem\nS'x'\no.".to_vec()),
        ("OBJ, then POP", b"(cos\nsystem\nS'x'\no0N.".to_vec()),
        ("REDUCE, then POP", b"cos\nsystem\n(S'x'\ntR0N.".to_vec()),
        ("NEWOBJ", stream(&[&system, &text("x"), b"\x85\x81"])),
        ("NEWOBJ_EX", stream(&[&system, &text("x"), b"\x85}\x92"])),
        ("import alone", stream(&[&system, b"0N"])),
        ("module from the memo", stream(&[&text("os"), b"\x940", b"h\x00", &text("system"), b"\x93"])),
        (
            "PUT of another value",
            stream(&[&text("os"), &text("json"), b"0q\x050h\x05", &text("system"), b"\x93"]),
        ),
        ("after STOP is not ours, before it is", b"cos\nsystem\n.garbage".to_vec()),
        ("renamed module", b"c__builtin__\neval\n(S'1'\ntR.".to_vec()),
        ("renamed name", b"c__builtin__\nreduce\n.".to_vec()),
        ("BUILD on a name", stream(&[&global("argparse", "Namespace"), b"}", &text("a"), b"Nsb"])),
    ];
    for (way, bytes) in ways {
        assert_eq!(verdict(bytes), Safety::Dangerous, "{way}");
    }
}

#[test]
fn dangerous_names() {
    let names = [
        ("builtins", "eval"),
        ("builtins", "exec"),
        ("builtins", "getattr"),
        ("builtins", "__import__"),
        ("nt", "system"),
        ("subprocess", "Popen"),
        ("pip", "main"),
        ("pip._internal.cli.main", "main"),
        ("pkgutil", "resolve_name"),
        ("runpy", "run_path"),
        ("importlib", "import_module"),
        ("operator", "attrgetter"),
        ("functools", "partial"),
        ("types", "CodeType"),
        ("marshal", "loads"),
        ("_io", "FileIO"),
        ("logging", "FileHandler"),
        ("uuid", "_get_command_stdout"),
        ("imaplib", "IMAP4_stream"),
        ("_osx_support", "_read_output"),
        ("_interpreters", "run_string"),
        ("asyncio.unix_events", "_UnixSubprocessTransport"),
        ("cloudpickle.cloudpickle", "subimport"),
        ("numpy", "load"),
        ("numpy.f2py.crackfortran", "getlincoef"),
        ("numpy.testing._private.utils", "runstring"),
        ("torch", "load"),
        ("torch.hub", "load"),
        ("torch.jit", "load"),
        ("torch.utils.collect_env", "run"),
        ("torch.serialization", "load"),
        ("torch.fx.graph_module", "reduce_graph_module"),
        ("torch", "serialization.os.system"),
        ("collections", "OrderedDict.fromkeys"),
    ];
    for (module, name) in names {
        let bytes = called(module, name);
        let found = run(&bytes);
        assert_eq!(found.safety, Safety::Dangerous, "{module}.{name}");
        assert!(found.complete && has(&found, "S001"), "{module}.{name}");
        assert_eq!(found.imports.len(), 1);
        assert_eq!((&*found.imports[0].module, &*found.imports[0].name), (module, name));
        assert_eq!(found.imports[0].offset, (2 + 2 + module.len() + 2 + name.len()) as u64);
    }
}

#[test]
fn unknown_names() {
    let names = [
        ("src.models", "Vae"),
        ("__main__", "Config"),
        ("collections ", "OrderedDict"),
        ("colle\u{441}tions", "OrderedDict"),
        ("collections\r", "OrderedDict"),
        ("Collections", "OrderedDict"),
        ("collections", "namedtuple"),
        ("torch", "nn"),
        ("torch._utils", "_rebuild_wrapper_subclass"),
        ("torch._utils", "_rebuild_anything"),
        ("numpy", "array"),
        ("", ""),
    ];
    for (module, name) in names {
        assert_eq!(verdict(&called(module, name)), Safety::UnknownCode, "{module}.{name}");
        assert_eq!(verdict(&stream(&[&global(module, name)])), Safety::UnknownCode, "{module}.{name}");
    }
}

#[test]
fn what_is_called_is_told() {
    let bytes = stream(&[&global("os", "system"), &text("rm -rf /\u{1b}[2J"), b"\x85R"]);
    let found = run(&bytes);
    let call = found.issues.iter().find(|issue| issue.message.starts_with("calls")).expect("a call");
    assert_eq!(call.message, "calls os.system('rm -rf /\\u{1b}[2J')");
    assert_eq!(call.offset, bytes.len() as u64 - 2);
}

/// Known names with arguments that are not theirs.
#[test]
fn known_names_in_unknown_forms() {
    let reduce = |module: &str, name: &str, args: &[u8]| stream(&[&global(module, name), args, b"R"]);
    let odd = [
        ("_codecs", "encode", [text("x"), text("rot13"), b"\x86".to_vec()].concat()),
        ("_codecs", "encode", [text("\u{416}"), text("latin1"), b"\x86".to_vec()].concat()),
        ("builtins", "bytearray", b"J\xff\xff\xff\x7f\x85".to_vec()),
        ("builtins", "set", [text("x"), b"\x85".to_vec()].concat()),
        ("builtins", "int", [text("9"), b"\x85".to_vec()].concat()),
        ("collections", "OrderedDict", b"K\x01\x85".to_vec()),
        ("collections", "Counter", [text("x"), b"\x85".to_vec()].concat()),
        ("collections", "defaultdict", [global("os.path", "join"), b"\x85".to_vec()].concat()),
        ("torch._utils", "_rebuild_tensor_v2", b")".to_vec()),
        ("torch._utils", "_rebuild_tensor_v2", b"(K\x01K\x02K\x03K\x04K\x05K\x06t".to_vec()),
        ("torch._utils", "_rebuild_parameter", b"(NNNt".to_vec()),
        (
            "torch._tensor",
            "_rebuild_from_type_v2",
            [b"(".to_vec(), global("a", "b"), b"N)Nt".to_vec()].concat(),
        ),
        ("torch", "Size", b"N\x85".to_vec()),
        ("torch", "FloatStorage", b"K\x05\x85".to_vec()),
        ("numpy._core.multiarray", "scalar", b"NN\x86".to_vec()),
        ("numpy", "dtype", [text("f9"), b"\x85".to_vec()].concat()),
        ("numpy", "dtype", [text("O\u{416}"), b"\x85".to_vec()].concat()),
        (
            "numpy._core.multiarray",
            "_reconstruct",
            [global("numpy", "dtype"), b"K\x00\x85C\x01b\x87".to_vec()].concat(),
        ),
        ("datetime", "datetime", [short(b"\0\0\0\0\0\0\0\0\0\0"), b"\x85".to_vec()].concat()),
        ("pathlib", "PosixPath", b"K\x01\x85".to_vec()),
        ("argparse", "Namespace", b"K\x01\x85".to_vec()),
        ("copyreg", "_reconstructor", [global("os", "x"), global("os", "y"), b"N\x87".to_vec()].concat()),
    ];
    for (module, name, args) in odd {
        let bytes = reduce(module, name, &args);
        let found = run(&bytes);
        let import = found.imports.iter().find(|import| import.name == name).expect(name);
        assert_eq!(import.class, Safety::UnknownCode, "{module}.{name} {args:?}");
        assert!(has(&found, "S003"), "{module}.{name}");
        assert!(found.safety >= Safety::UnknownCode);
    }
}

#[test]
fn known_values_with_unknown_states() {
    let ordered = [global("collections", "OrderedDict"), b")R".to_vec()].concat();
    let dtype = [global("numpy", "dtype"), text("f8"), b"\x85R".to_vec()].concat();
    let path = [global("pathlib", "PosixPath"), text("a"), b"\x85R".to_vec()].concat();
    let name = text("x");
    let states: &[(&str, Vec<u8>, Safety)] = &[
        ("metadata", [&ordered[..], b"}", &text("_metadata"), b"Nsb"].concat(), Safety::KnownTypes),
        ("attributes", [&ordered[..], b"}", &name, b"Nsb"].concat(), Safety::KnownTypes),
        ("slots", [&ordered[..], b"N}", &name, b"Ns\x86b"].concat(), Safety::UnknownCode),
        ("list", [&ordered[..], b"]b"].concat(), Safety::UnknownCode),
        ("plain dict", b"}}b".to_vec(), Safety::UnknownCode),
        ("dtype", [&dtype[..], b"}b"].concat(), Safety::UnknownCode),
        ("path", [&path[..], b"}b"].concat(), Safety::UnknownCode),
        ("integer", b"K\x01}b".to_vec(), Safety::UnknownCode),
    ];
    for (what, bytes, safety) in states {
        assert_eq!(verdict(&stream(&[bytes])), *safety, "{what}");
    }
    assert!(has(&run(&stream(&[&states[1].1])), "S030"));
    assert!(!has(&run(&stream(&[&states[0].1])), "S030"));
}

#[test]
fn calls_of_built_values() {
    let unknown = [global("a", "B"), b")R".to_vec()].concat();
    let found_bytes = stream(&[&unknown, b")R"]);
    let found = run(&found_bytes);
    assert!(has(&found, "S004"));
    assert_eq!(found.safety, Safety::UnknownCode);
    assert_eq!(verdict(&stream(&[b"K\x01)R"])), Safety::Unparsed);
}

#[test]
fn the_extension_registry_is_dangerous() {
    for bytes in [&b"\x82\x05."[..], b"\x83\x05\x00.", b"\x84\x05\x00\x00\x00."] {
        let found = run(bytes);
        assert_eq!(found.safety, Safety::Dangerous);
        assert!(has(&found, "S005"));
        assert_eq!(found.imports[0].name, "extension 5");
    }
}

#[test]
fn pickles_inside_are_looked_into() {
    let inner = |payload: &[u8]| {
        let bytes = short(payload);
        stream(&[&global("torch.storage", "_load_from_bytes"), &bytes, b"\x85R"])
    };
    assert_eq!(verdict(&inner(b"\x80\x02}.")), Safety::KnownTypes);
    assert_eq!(verdict(&inner(b"\x80\x02ca\nb\n.")), Safety::UnknownCode);
    assert_eq!(verdict(&inner(b"\x80\x02N.\x80\x02cos\nsystem\n.")), Safety::Dangerous);
    assert_eq!(verdict(&inner(b"PK\x03\x04")), Safety::UnknownCode);
    let twice = inner(&inner(b"\x80\x02N."));
    assert!(has(&run(&twice), "S020"));
    assert_eq!(verdict(&twice), Safety::UnknownCode);

    let bytes = inner(b"\x80\x02cos\nsystem\n.");
    let found = run(&bytes);
    let import = found.imports.iter().find(|import| import.module == "os").expect("the inner import");
    assert!(bytes[usize::try_from(import.offset).expect("small")..].starts_with(b"cos\nsystem\n"));

    let loads = stream(&[&global("pickle", "loads"), &short(b"\x80\x02cnt\nsystem\n."), b"\x85R"]);
    assert!(run(&loads).imports.iter().any(|import| import.module == "nt"));
}

#[test]
fn a_payload_before_garbage_is_both() {
    let found = run(b"cos\nsystem\n(S'x'\ntR\xff\xff");
    assert_eq!(found.safety, Safety::Dangerous);
    assert!(!found.complete && has(&found, "P002"));
    // A missing memo entry stops Python, and so a scanner that asks Python.
    let found = run(b"\x80\x02h\x090cos\nsystem\n)R.");
    assert_eq!(found.safety, Safety::Dangerous);
    assert!(!found.complete && has(&found, "P005"));
}

#[test]
fn operands_of_other_types() {
    for bytes in [
        stream(&[b"K\x01K\x02\x93"]),
        stream(&[&text("os"), b"N\x93"]),
        stream(&[&short(b"os"), &text("system"), b"\x93"]),
    ] {
        assert_eq!(verdict(&bytes), Safety::Unparsed);
        assert!(has(&run(&bytes), "P004"));
    }
}

#[test]
fn tensor_hooks_need_code() {
    let tensor = |hooks: &[u8]| {
        let persistent = [
            &b"("[..],
            &text("storage"),
            &global("torch", "FloatStorage"),
            &text("0"),
            &text("cpu"),
            b"K\x04tQ",
        ]
        .concat();
        stream(&[
            &global("torch._utils", "_rebuild_tensor_v2"),
            b"(",
            &persistent,
            b"K\x00K\x04\x85K\x01\x85\x89",
            hooks,
            b"tR",
        ])
    };
    let bytes = tensor(b"}");
    let found = run(&bytes);
    assert_eq!(found.safety, Safety::KnownTypes);
    let document: Document = found.document.expect("a tensor");
    assert!(matches!(document.value(document.root()), Value::Tensor(tensor) if tensor.shape == [4]));
    assert_eq!(verdict(&tensor(b"}K\x01Ns")), Safety::UnknownCode);
    assert_eq!(verdict(&tensor(b"K\x01")), Safety::UnknownCode);
}

#[test]
fn data_alone_is_data() {
    assert_eq!(verdict(&stream(&[b"}", &text("epoch"), b"K\x03s"])), Safety::DataOnly);
    assert!(Safety::DataOnly < Safety::KnownTypes && Safety::UnknownCode < Safety::Unparsed);
    assert!(Safety::Unparsed < Safety::Dangerous);
}
