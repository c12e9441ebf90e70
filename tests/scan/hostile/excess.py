"""Small files that would take much memory or time to describe: more of classes 38, 45, 46, 61 and 95."""

from __future__ import annotations

import io
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path

from scan.hostile.archives import VERSION
from scan.hostile.case import CLEAN, NOT_CLEAN, Case, later
from scan.hostile.opcodes import (
    CHECKPOINT,
    EPOCH,
    integer,
    mapping,
    name,
    storage,
    stream,
    tensor,
    text,
    tuple_of,
)
from scan.hostile.safetensors import tensors
from scan.hostile.wrappers import HEAD, TAR
from scan.hostile.zips import DEFLATED, Record, archive, torch_file

ANY = CLEAN | NOT_CLEAN


def case(
    number: int,
    label: str,
    body: Callable[[], bytes],
    status: str,
    safety: str | frozenset[str],
    *codes: str,
    epoch: int | None = EPOCH,
) -> Case:
    """A dictionary with the epoch, and with the pairs of `body`."""

    def make() -> bytes:
        return torch_file(stream(b"}(" + text("epoch") + integer(EPOCH) + body() + b"u"))

    return Case(number, label, later(make), status, safety, codes, epoch=epoch)


def repeated(value: bytes, count: int) -> bytes:
    """A list of the same value, so often."""
    return value + b"q\0" + b"0](" + b"h\0" * count + b"e"


def tower(levels: int, key: bytes, bottom: bytes) -> bytes:
    """Dictionaries in each other, below the same long key."""
    return key + b"q\x010" + b"}h\x01" * levels + bottom + b"s" * levels


def by_number(value: bytes, count: int) -> bytes:
    """A dictionary of the same value under so many numbers."""
    return (
        value
        + b"q\0"
        + b"0}("
        + b"".join(b"M" + struct.pack("<H", at) + b"h\0" for at in range(count))
        + b"u"
    )


def wanted(count: int) -> bytes:
    """So many histories, each the same long list."""
    pairs = b"".join(text(f"coverage_{at}_history") + b"h\x05" for at in range(count))
    return text("x") + b"](" + b"K\x01" * 20_000 + b"eq\x05" + pairs


def shared_record(path: Path) -> None:
    """Two hundred names for one pickle of 15 MB."""
    pickled = stream(b"](" + b"N" * 15_000_000 + b"e")
    first = Record(b"a/data.pkl", CHECKPOINT)
    place = 30 + len(first.name) + len(CHECKPOINT)
    big = Record(b"a/0.pkl", pickled)
    more = [
        Record(b"a/%d.pkl" % at, size=len(pickled), packed=len(pickled), at=place) for at in range(1, 200)
    ]
    path.write_bytes(archive([first, big, *more, VERSION]))


def bombs(path: Path) -> None:
    """Two hundred pickles of 15 MB, each a hundredth of that in the file."""
    pickled = stream(b"](" + b"NK\x01" * 5_000_000 + b"e")
    first = Record(b"a/data.pkl", CHECKPOINT)
    big = Record(b"a/0.pkl", pickled, method=DEFLATED)
    place = 30 + len(first.name) + len(CHECKPOINT)
    whole = archive([first, big, VERSION])
    packed = whole.index(b"PK\x03\x04", place + 4) - place - 30 - len(big.name)
    more = [
        Record(b"a/%d.pkl" % at, size=len(pickled), packed=packed, at=place, crc=0) for at in range(1, 200)
    ]
    path.write_bytes(archive([first, big, *more, VERSION]))


def old_of_many(count: int) -> bytes:
    """A tar of torch 0.1 with so many empty storages."""
    one = stream(tuple_of(integer(5), text("cpu"), name("torch", "FloatStorage"))) + bytes(8)
    members = {**TAR, "storages": stream(integer(count)) + one * count + stream(b"]")}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as file:
        for label, data in members.items():
            info = tarfile.TarInfo(label)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return out.getvalue()


def legacy_of_many(count: int) -> bytes:
    """The format before 1.6, with the key of an empty storage so often."""
    held = (
        tuple_of(text("storage"), name("torch", "FloatStorage"), text("0"), text("cpu"), integer(0), b"N")
        + b"Q"
    )
    values = stream(mapping(epoch=integer(EPOCH), model=mapping(w=tensor((0,), (1,), held=held))))
    keys = stream(text("0") + b"q\x000](" + b"h\0" * count + b"e")
    return b"".join([*HEAD, values, keys]) + bytes(8 * count)


def cut_of_many(count: int) -> bytes:
    """An archive without directory, of so many empty records."""
    whole = torch_file(CHECKPOINT, *(Record(b"a/x/%d" % at) for at in range(count)))
    return whole[: whole.index(b"PK\x01\x02")]


LONG = text("k" * 4000)
WIDE = tensor((1,) * 5000, (1,) * 5000)

CASES = [
    case(
        61,
        "a long text, 20,000 times in the config",
        lambda: text("config") + b"}" + text("x") + repeated(text("y" * 4000), 20_000) + b"s",
        "ok",
        "data_only",
    ),
    case(
        61,
        "a long key, 20,000 times in the config",
        lambda: text("config") + LONG + b"q\x010" + b"](" + b"}h\x01Ns" * 20_000 + b"e",
        "ok",
        "data_only",
    ),
    case(
        61,
        "a tensor under 10,000 long names",
        lambda: text("model") + tower(60, LONG, by_number(tensor(), 10_000)),
        "ok",
        "known_types",
        "T006",
    ),
    case(61, "histories without end", lambda: wanted(3000), "ok", "data_only"),
    case(
        95,
        "5,000 dimensions, 10,000 times",
        lambda: text("model") + by_number(WIDE, 10_000),
        "ok",
        "known_types",
        "T006",
    ),
    case(
        95,
        "a tensor under a million names",
        lambda: text("model") + repeated(tensor(), 1_000_000),
        "ok",
        "known_types",
        "T006",
    ),
    case(
        95,
        "60,000 storages that are not there",
        lambda: (
            text("model") + b"](" + b"".join(tensor(held=storage(str(at))) for at in range(60_000)) + b"e"
        ),
        "corrupt",
        "unparsed",
        "P010",
    ),
    case(
        101, "a text of 15 MB", lambda: text("config") + mapping(x=text("z" * 15_000_000)), "ok", "data_only"
    ),
    case(58, "a number of 15 MB", lambda: text("x") + b"I" + b"9" * 15_000_000 + b"\n", "ok", ANY),
    Case(29, "two hundred names for one pickle", shared_record, "ok", "unparsed", ("Z044",), epoch=EPOCH),
    Case(29, "two hundred bombs", bombs, "ok", "unparsed", ("Z044",), epoch=EPOCH),
    Case(
        45,
        "a tar of 50,000 storages",
        later(lambda: old_of_many(50_000)),
        "corrupt",
        "unparsed",
        ("Z053",),
        epoch=EPOCH,
    ),
    Case(
        46,
        "a storage listed a million times",
        later(lambda: legacy_of_many(1_000_000)),
        "salvaged",
        ANY,
        ("T008",),
        epoch=EPOCH,
    ),
    Case(5, "cut, of 100,000 records", later(lambda: cut_of_many(100_000)), "salvaged", ANY, epoch=EPOCH),
    Case(
        48,
        "safetensors: 7 million numbers in an entry",
        later(lambda: tensors('{"a":[' + "0," * 7_000_000 + "0]}", b"")),
        "corrupt",
        "unparsed",
        ("T022",),
        suffix=".safetensors",
    ),
    Case(
        48,
        "safetensors: 7 million dimensions",
        later(
            lambda: tensors(
                '{"a":{"dtype":"F32","shape":[' + "0," * 7_000_000 + '0],"data_offsets":[0,0]}}', b""
            )
        ),
        "corrupt",
        "unparsed",
        ("T022",),
        suffix=".safetensors",
    ),
    Case(
        48,
        "safetensors: 7 million numbers in the record",
        later(lambda: tensors({"__metadata__": {"tvae": "[" + "0," * 7_000_000 + "0]"}}, b"")),
        "ok",
        "data_only",
        ("T029",),
        suffix=".safetensors",
    ),
    Case(
        48,
        "safetensors: a header of 90 MB",
        later(
            lambda: tensors('{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}' + " " * 90_000_000 + "}")
        ),
        "unsupported",
        "unparsed",
        ("T028",),
        suffix=".safetensors",
    ),
]
