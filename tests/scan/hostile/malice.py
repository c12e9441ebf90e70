"""Streams that would run something, and streams that only look as if: classes 75 to 92."""

from __future__ import annotations

import argparse
import enum
from pathlib import Path

import torch

from scan.hostile.case import Case
from scan.hostile.opcodes import (
    COMMAND,
    EPOCH,
    EVIL,
    PLAIN,
    call,
    integer,
    mapping,
    name,
    short,
    stack_name,
    storage,
    stream,
    tensor,
    text,
    tuple_of,
)
from scan.hostile.zips import torch_file

UNKNOWN, DANGEROUS = "unknown_code", "dangerous"
ORDERED = name("collections", "OrderedDict")


class Shade(enum.Enum):
    """A class of a project."""

    DARK = 1


def case(
    number: int, label: str, body: bytes, safety: str, *codes: str, protocol: int = 2, status: str = "ok"
) -> Case:
    """A checkpoint with the epoch and, before its end, `body`, which leaves one value."""
    pickled = stream(b"}(" + text("epoch") + integer(EPOCH) + text("x") + body + b"u", protocol)
    return Case(number, label, torch_file(pickled, weights=None), status, safety, codes, epoch=EPOCH)


def called(number: int, module: str, attribute: str, advisory: str = "", protocol: int = 2) -> Case:
    label = f"{advisory} {module}.{attribute}".strip()
    spell = name if protocol < 4 else stack_name
    return case(
        number, label, call(spell(module, attribute), text("true")), DANGEROUS, "S001", protocol=protocol
    )


def project(path: Path) -> None:
    """Values of classes that only the project that saved them has."""
    torch.save({"epoch": EPOCH, "config": argparse.Namespace(lr=0.1), "shade": Shade.DARK}, path)


def nested(payload: bytes) -> bytes:
    return call(name("torch.storage", "_load_from_bytes"), short(payload))


# Each has its advisory; those without one were found when the rules were written.
NAMES = [
    ("posix", "system", ""),
    ("os", "system", ""),
    ("nt", "system", ""),
    ("subprocess", "Popen", ""),
    ("builtins", "eval", ""),
    ("builtins", "exec", ""),
    ("builtins", "getattr", ""),
    ("builtins", "__import__", ""),
    ("__builtin__", "compile", ""),
]
LISTED = [
    ("pip", "main", "CVE-2025-1716"),
    ("asyncio.unix_events", "_UnixSubprocessTransport._start", "CVE-2025-10157"),
    ("pkgutil", "resolve_name", "GHSA-vvpj-8cmc-gx39"),
    ("uuid", "_get_command_stdout", "CVE-2026-56315"),
    ("imaplib", "IMAP4_stream", "CVE-2026-56315"),
    ("_pyrepl.pager", "pipe_pager", "CVE-2026-56315"),
    ("_osx_support", "_read_output", "CVE-2026-56315 GHSA-5hwf"),
    ("_aix_support", "_read_cmd_output", "CVE-2026-56315 GHSA-5hwf"),
    ("test.support.script_helper", "assert_python_ok", "CVE-2026-56315"),
    ("torch.utils.collect_env", "run", "GHSA picklescan"),
    ("torch.jit.unsupported_tensor_ops", "execWrapper", "GHSA picklescan"),
    ("torch.utils._config_module", "ConfigModule.load_config", "GHSA picklescan"),
    ("torch.fx.experimental.symbolic_shapes", "ShapeEnv.evaluate_guards_expression", "GHSA picklescan"),
    ("idlelib.run", "Executive.runcode", "GHSA picklescan"),
    ("lib2to3.pgen2.grammar", "Grammar.loads", "GHSA picklescan"),
    ("doctest", "debug_script", "GHSA picklescan"),
    ("ensurepip", "_run_pip", "GHSA picklescan"),
    ("trace", "Trace.run", "GHSA picklescan"),
    ("timeit", "timeit", "GHSA picklescan"),
    ("profile", "Profile.run", "GHSA picklescan"),
    ("numpy.f2py.crackfortran", "getlincoef", "GHSA picklescan"),
    ("numpy", "load", ""),
    ("functools", "partial", ""),
    ("operator", "attrgetter", ""),
    ("_io", "FileIO", ""),
    ("logging", "FileHandler", ""),
    ("types", "CodeType", "GHSA-565g"),
    ("marshal", "loads", "GHSA-565g"),
    ("pty", "spawn", "GHSA-r7v6"),
    ("runpy", "run_path", "GHSA-wfq2"),
    ("importlib", "import_module", "GHSA-q5qq"),
    ("code", "InteractiveInterpreter", "GHSA-q5qq"),
    ("multiprocessing.util", "spawnv_passfds", "GHSA-q5qq"),
    ("ctypes", "CDLL", "GHSA-q5qq"),
    ("cProfile", "runctx", "GHSA-p523"),
    ("pydoc", "pipepager", "GHSA-5hvc"),
    ("builtins", "vars", "GHSA-h4rm"),
    ("_interpreters", "run_string", "GHSA-6ggj"),
    ("cloudpickle.cloudpickle", "_make_function", ""),
]
SYSTEM = name("os", "system")
TRUE = tuple_of(text("true"))

CASES = [
    *(called(75, *one) for one in NAMES),
    *(called(76, *one, protocol=4) for one in NAMES if one[0] != "__builtin__"),
    case(
        76,
        "the names come from the memo",
        text("os") + b"q\0" + text("system") + b"q\x0100h\0h\x01\x93" + TRUE + b"R",
        DANGEROUS,
        "S001",
        protocol=4,
    ),
    case(77, "INST", b"(" + text("true") + b"ios\nsystem\n", DANGEROUS, "S001"),
    case(78, "OBJ", b"(" + SYSTEM + text("true") + b"o", DANGEROUS, "S001"),
    case(78, "GHSA-mxhj OBJ, then POP", b"(" + SYSTEM + text("true") + b"o0N", DANGEROUS, "S001"),
    case(79, "NEWOBJ", SYSTEM + TRUE + b"\x81", DANGEROUS, "S001"),
    case(79, "NEWOBJ_EX", SYSTEM + TRUE + b"}\x92", DANGEROUS, "S001", protocol=4),
    case(80, "REDUCE, then POP", COMMAND + b"0N", DANGEROUS, "S001"),
    case(80, "REDUCE, then POP_MARK", b"(" + COMMAND + b"1N", DANGEROUS, "S001"),
    case(
        81,
        "nullifAI: the payload, then garbage",
        COMMAND + b"\xff\xff",
        DANGEROUS,
        "S001",
        "P002",
        status="corrupt",
    ),
    Case(
        81,
        "the payload, then nothing",
        torch_file(EVIL[:-1]),
        "corrupt",
        DANGEROUS,
        ("S001", "P001"),
        epoch=EPOCH,
    ),
    Case(
        82,
        "a second pickle behind the first",
        torch_file(PLAIN + EVIL),
        "ok",
        DANGEROUS,
        ("S010",),
        epoch=EPOCH,
    ),
    Case(
        82, "bytes behind the pickle", torch_file(PLAIN + b"hello"), "ok", "data_only", ("S010",), epoch=EPOCH
    ),
    case(83, "STACK_GLOBAL of numbers", b"K\x01K\x02\x93", "unparsed", "P004", protocol=4, status="corrupt"),
    case(
        83,
        "STACK_GLOBAL of bytes, then malice",
        short(b"os") + text("system") + b"\x930" + COMMAND,
        DANGEROUS,
        "P004",
        protocol=4,
        status="corrupt",
    ),
    case(84, "a dotted name", name("torch", "serialization.os.system") + TRUE + b"R", DANGEROUS, "S001"),
    case(
        84,
        "GHSA-5j3x a dotted name by STACK_GLOBAL",
        stack_name("torch", "serialization.os.system") + TRUE + b"R",
        DANGEROUS,
        "S001",
        protocol=4,
    ),
    case(
        84,
        "a dotted name of a listed class",
        stack_name("collections", "OrderedDict.fromkeys") + TRUE + b"R",
        DANGEROUS,
        "S001",
        protocol=4,
    ),
    *(
        case(85, label, call(stack_name(module, "OrderedDict")), UNKNOWN, "S002", protocol=4)
        for label, module in {
            "a carriage return in a module": "collections\r",
            "a space in a module": " collections",
            "a homoglyph in a module": "colle\u0441tions",
            "capitals in a module": "Collections",
            "a null byte in a module": "collections\0",
        }.items()
    ),
    case(
        85,
        "GHSA-cffv a module of the same end",
        call(name("evil.collections", "OrderedDict")),
        UNKNOWN,
        "S002",
    ),
    case(85, "a module that is not UTF-8", b"c\xff\nsystem\n", "unparsed", "P006", status="corrupt"),
    case(
        86,
        "names of Python 2",
        call(name("__builtin__", "set"), b"]")
        + b"0"
        + call(name("__builtin__", "xrange"), integer(1), integer(2), integer(1))
        + b"0"
        + call(
            name("copy_reg", "_reconstructor"),
            name("__builtin__", "object"),
            name("__builtin__", "object"),
            b"N",
        ),
        UNKNOWN,
    ),
    case(86, "a set of Python 2", call(name("__builtin__", "set"), b"]"), "known_types"),
    case(
        86,
        "malice by a name of Python 2",
        call(name("__builtin__", "execfile"), text("x")),
        DANGEROUS,
        "S001",
    ),
    case(
        86,
        "a name of Python 2 in protocol 4",
        call(stack_name("__builtin__", "set"), b"]"),
        UNKNOWN,
        "S002",
        protocol=4,
    ),
    case(87, "malice in a pickle of a storage", nested(EVIL), DANGEROUS, "S001", protocol=3),
    case(87, "an archive in a pickle", nested(torch_file(EVIL)), UNKNOWN, "S020", protocol=3),
    case(87, "three pickles inside each other", nested(stream(nested(EVIL), 3)), UNKNOWN, "S020", protocol=3),
    case(87, "pickle.loads", call(name("pickle", "loads"), short(EVIL)), DANGEROUS, "S001", protocol=3),
    case(
        87,
        "a pickle in base64",
        call(name("pickle", "loads"), call(name("base64", "b64decode"), text("gASVAA=="))),
        DANGEROUS,
        "S001",
    ),
    *(called(88, *one) for one in LISTED),
    case(89, "an import alone", name("evil_package", "x"), UNKNOWN, "S002"),
    case(89, "GHSA picklescan an import of malice alone", SYSTEM, DANGEROUS, "S001"),
    case(
        90,
        "attributes on a dictionary",
        call(ORDERED) + mapping(_metadata=b"N", other=b"N") + b"b",
        "known_types",
        "S030",
    ),
    case(90, "a state that is no dictionary", call(ORDERED) + b"]b", UNKNOWN, "S003"),
    case(90, "slots on a dictionary", call(ORDERED) + b"N" + mapping(x=b"N") + b"\x86b", UNKNOWN, "S003"),
    case(
        90,
        "GHSA-6ggj a state on a name",
        name("argparse", "Namespace") + mapping(__setstate__=SYSTEM) + b"b",
        DANGEROUS,
        "S001",
    ),
    case(
        91,
        "_rebuild_from_type_v2 of another function",
        call(
            name("torch._tensor", "_rebuild_from_type_v2"),
            name("evil", "f"),
            name("torch", "Tensor"),
            b")",
            b"}",
        ),
        UNKNOWN,
    ),
    case(
        91,
        "_rebuild_wrapper_subclass",
        call(name("torch._utils", "_rebuild_wrapper_subclass"), text("x")),
        UNKNOWN,
        "S002",
    ),
    Case(
        91,
        "hooks on a tensor",
        torch_file(
            stream(
                mapping(
                    epoch=integer(EPOCH),
                    w=tensor(hooks=call(ORDERED) + integer(1) + name("evil", "hook") + b"s"),
                )
            )
        ),
        "ok",
        UNKNOWN,
        epoch=EPOCH,
    ),
    case(
        91,
        "_codecs.encode by another codec",
        call(name("_codecs", "encode"), text("x"), text("rot13")),
        UNKNOWN,
        "S003",
    ),
    case(
        91,
        "a bytearray of 2 GB",
        call(name("__builtin__", "bytearray"), integer((1 << 31) - 1)),
        UNKNOWN,
        "S003",
    ),
    case(91, "a counter of a text", call(name("collections", "Counter"), text("x" * 1000)), UNKNOWN, "S003"),
    case(
        91,
        "CVE-2026-24747 a storage for a tensor's shape",
        call(
            name("torch._utils", "_rebuild_tensor_v2"),
            storage(),
            integer(0),
            storage(),
            tuple_of(),
            b"\x89",
            call(ORDERED),
        ),
        UNKNOWN,
        "S003",
    ),
    Case(
        92,
        "classes of a project",
        project,
        "ok",
        UNKNOWN,
        ("S002",),
        ("S001",),
        epoch=EPOCH,
        facts={"config": {"lr": 0.1}},
    ),
]
