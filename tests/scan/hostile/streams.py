"""Pickle streams that are broken or odd: classes 49 to 58 and 63 to 74."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scan.hostile.case import NOT_CLEAN, Case
from scan.hostile.opcodes import EPOCH, EVIL, PLAIN, integer, mapping, name, short, stream, text, tuple_of
from scan.hostile.zips import torch_file

MANY = 1_000_000
UNPARSED = "unparsed"


def case(
    number: int,
    label: str,
    pickled: bytes | Callable[[], bytes],
    status: str = "corrupt",
    safety: str | frozenset[str] = UNPARSED,
    *codes: str,
    epoch: int | None = None,
    **facts: Any,
) -> Case:
    """The stream as data.pkl; one that takes memory is made when it is needed."""
    if isinstance(pickled, bytes):
        make: bytes | Callable[[Path], object] = torch_file(pickled, weights=None)
    else:
        later = pickled

        def make(path: Path) -> object:
            return path.write_bytes(torch_file(later(), weights=None))

    return Case(number, label, make, status, safety, codes, epoch=epoch, facts=dict(facts))


def with_epoch(body: bytes) -> bytes:
    """A stream that holds the epoch and then something else."""
    return stream(b"}(" + text("epoch") + integer(EPOCH) + text("x") + body + b"u")


SURROGATES = b"X\x03\0\0\0\xed\xa0\x80"
PROTOCOLS = {"epoch": EPOCH, "metrics": {"coverage": 0.5}, "text": "Ж", "data": b"\xff", "long": 1 << 70}


CASES = [
    case(49, "nothing", b"", "corrupt", UNPARSED, "P001"),
    *(
        case(50, f"cut at byte {at}", PLAIN[:at], "corrupt", UNPARSED, "P001")
        for at in (1, 3, 9, len(PLAIN) - 4)
    ),
    case(50, "cut behind the epoch", with_epoch(b"N")[:24], "corrupt", UNPARSED, "P001", epoch=EPOCH),
    case(51, "without STOP", PLAIN[:-1], "corrupt", UNPARSED, "P001", epoch=EPOCH),
    case(52, "an unknown opcode", with_epoch(b"\xff"), "corrupt", UNPARSED, "P002", epoch=EPOCH),
    case(53, "STOP finds nothing", b"\x80\x02.", "corrupt", UNPARSED, "P003"),
    case(53, "POP finds nothing", b"\x80\x020" + PLAIN[2:], "corrupt", UNPARSED, "P003", epoch=EPOCH),
    case(53, "a mark is left open", stream(b"(" + PLAIN[2:-1]), "ok", "data_only", "P003", epoch=EPOCH),
    case(53, "values are left over", stream(b"N" + PLAIN[2:-1]), "ok", "data_only", "P003", epoch=EPOCH),
    case(
        54,
        "a key without a value",
        stream(b"}(" + text("epoch") + integer(EPOCH) + text("x") + b"u"),
        "corrupt",
        UNPARSED,
        "P004",
        epoch=EPOCH,
    ),
    case(54, "APPEND to a dictionary", stream(PLAIN[2:-1] + b"Na"), "corrupt", UNPARSED, "P004", epoch=EPOCH),
    case(54, "a list as key", stream(PLAIN[2:-1] + b"]Ns"), "corrupt", UNPARSED, "P004", epoch=EPOCH),
    case(
        55, "a memo entry that is not there", with_epoch(b"h\x09"), "corrupt", UNPARSED, "P005", epoch=EPOCH
    ),
    case(
        55,
        "GHSA-9gvj-pp9x-gcfr a missing memo entry before malice",
        stream(b"h\x090" + EVIL[2:-1]),
        "corrupt",
        "dangerous",
        "P005",
        epoch=EPOCH,
    ),
    case(
        56,
        "memo entry 2^32 - 1",
        stream(b"Nr\xff\xff\xff\xff0" + PLAIN[2:-1]),
        "ok",
        "data_only",
        epoch=EPOCH,
    ),
    case(
        56,
        "memo entry of a line of digits",
        with_epoch(b"Np99999999999999999\n"),
        "ok",
        "data_only",
        epoch=EPOCH,
    ),
    case(57, "a text of 4 GB", with_epoch(b"X\xff\xff\xff\xff"), "corrupt", UNPARSED, "P001", epoch=EPOCH),
    case(
        57,
        "a text of 2^63 bytes",
        with_epoch(b"\x8d" + struct.pack("<Q", 1 << 63)),
        "corrupt",
        UNPARSED,
        "P001",
    ),
    case(
        57,
        "bytes of a terabyte",
        with_epoch(b"\x8e" + struct.pack("<Q", 1 << 40)),
        "corrupt",
        UNPARSED,
        "P001",
    ),
    case(
        57, "an integer of negative length", with_epoch(b"\x8b\xff\xff\xff\xff"), "corrupt", UNPARSED, "P002"
    ),
    case(57, "an integer of 1 GB", with_epoch(b"\x8b\0\0\0\x40"), "corrupt", UNPARSED, "P001"),
    case(
        58, "an integer of 255 bytes", with_epoch(b"\x8a\xff" + b"\x01" * 255), "ok", "data_only", epoch=EPOCH
    ),
    case(
        58,
        "an integer of a million digits",
        lambda: with_epoch(b"I" + b"9" * MANY + b"\n"),
        "ok",
        "data_only",
        epoch=EPOCH,
    ),
    case(
        58,
        "a long of a million digits",
        lambda: with_epoch(b"L" + b"9" * MANY + b"L\n"),
        "ok",
        "data_only",
        epoch=EPOCH,
    ),
    case(
        63,
        "fickling 317: a frame of 2^63 bytes",
        b"\x80\x04\x95" + struct.pack("<Q", 1 << 63) + PLAIN[2:],
        "corrupt",
        UNPARSED,
        "P011",
        epoch=EPOCH,
    ),
    case(63, "a frame of nothing", b"\x80\x04\x95" + bytes(8) + PLAIN[2:], "ok", "data_only", epoch=EPOCH),
    case(
        63,
        "an opcode across the end of a frame",
        b"\x80\x04\x95\x03" + bytes(7) + PLAIN[2:],
        "corrupt",
        UNPARSED,
        "P011",
        epoch=EPOCH,
    ),
    case(
        63,
        "a frame in a frame",
        b"\x80\x04\x95\x14" + bytes(7) + b"\x95\x04" + bytes(7) + b"N0N0" + PLAIN[2:],
        "ok",
        "data_only",
        "P011",
        epoch=EPOCH,
    ),
    case(64, "protocol 255", b"\x80\xff" + PLAIN[2:], "corrupt", UNPARSED, "P008", epoch=EPOCH),
    *(
        case(
            65,
            f"protocol {protocol}",
            pickle.dumps(PROTOCOLS, protocol),
            "ok",
            "known_types" if protocol < 3 else "data_only",
            epoch=EPOCH,
        )
        for protocol in range(6)
    ),
    case(
        65,
        "strings of Python 2",
        stream(b"}(S'epoch'\nK\x07S'\\x61\\'\\n\\101'\nU\x02abT\x02\0\0\0cdNu"),
        "ok",
        "data_only",
        epoch=EPOCH,
    ),
    case(65, "a quote that is not closed", with_epoch(b"S'a\n"), "corrupt", UNPARSED, "P002"),
    case(66, "text that is not UTF-8", with_epoch(b"X\x01\0\0\0\xff"), "corrupt", UNPARSED, "P006"),
    case(
        66,
        "a lone surrogate as key",
        stream(b"}(" + text("epoch") + integer(EPOCH) + SURROGATES + b"Nu"),
        "ok",
        "data_only",
        "P006",
        epoch=EPOCH,
        top_keys=["epoch", "\\ud800"],
    ),
    case(
        67,
        "a key twice",
        stream(b"}(" + text("epoch") + integer(1) + text("epoch") + integer(EPOCH) + b"u"),
        "ok",
        "data_only",
        "P012",
        epoch=EPOCH,
    ),
    case(
        68,
        "keys of every type",
        stream(
            b"}("
            + text("epoch")
            + integer(EPOCH)
            + b"K\x01NNNG"
            + bytes(8)
            + b"N"
            + short(b"k")
            + b"N"
            + tuple_of(integer(1), text("a"))
            + b"N\x88Nu",
            3,
        ),
        "ok",
        "data_only",
        epoch=EPOCH,
        top_keys=["epoch", "1", "None", "0", "<key>", "(1, a)"],
    ),
    *(
        case(69, f"{label} at the top", stream(body), "ok", "data_only")
        for label, body in {
            "a list": b"](NNe",
            "an integer": b"K\x07",
            "None": b"N",
            "text": text("a"),
        }.items()
    ),
    case(
        70,
        "a bytearray",
        stream(mapping(epoch=integer(EPOCH), x=b"\x96" + struct.pack("<Q", 3) + b"abc"), 5),
        "ok",
        "data_only",
        epoch=EPOCH,
    ),
    case(
        70,
        "a buffer outside the stream",
        stream(mapping(epoch=integer(EPOCH), x=b"\x97\x98"), 5),
        "corrupt",
        UNPARSED,
        "P009",
        epoch=EPOCH,
    ),
    *(
        case(
            71,
            f"extension registry, opcode {code[0]:#x}",
            with_epoch(code),
            "ok",
            "dangerous",
            "S005",
            epoch=EPOCH,
        )
        for code in (b"\x82\x05", b"\x83\x05\0", b"\x84\x05\0\0\0")
    ),
    case(
        72,
        "a persistent id that is no tuple",
        with_epoch(b"NQ"),
        "ok",
        NOT_CLEAN | {"data_only"},
        "P013",
        epoch=EPOCH,
    ),
    case(
        72,
        "a module as persistent id",
        with_epoch(tuple_of(text("module"), name("os", "system"), text("f.py"), text("x = 1")) + b"Q"),
        "ok",
        "dangerous",
        "P013",
        epoch=EPOCH,
    ),
    case(
        72,
        "a line as persistent id",
        with_epoch(b"Pmodule\n"),
        "ok",
        NOT_CLEAN | {"data_only"},
        "P013",
        epoch=EPOCH,
    ),
    case(
        73,
        "a dictionary that is filled after it was stored",
        stream(b"]q\0}q\x01ah\x01" + text("epoch") + integer(EPOCH) + b"s0h\x01"),
        "ok",
        "data_only",
        epoch=EPOCH,
    ),
    case(
        74,
        "modelscan 85: malice from the memo",
        stream(
            text("os")
            + b"q\0"
            + text("json")
            + b"0h\0"
            + text("system")
            + b"\x93"
            + tuple_of(text("true"))
            + b"R0"
            + PLAIN[2:-1],
            4,
        ),
        "ok",
        "dangerous",
        epoch=EPOCH,
    ),
    case(
        74,
        "DUP and MEMOIZE",
        stream(
            text("os")
            + b"2\x940"
            + text("x")
            + b"\x9400h\0"
            + text("system")
            + b"\x93"
            + tuple_of(text("true"))
            + b"R0"
            + PLAIN[2:-1],
            4,
        ),
        "ok",
        "dangerous",
        epoch=EPOCH,
    ),
]
