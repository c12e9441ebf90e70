"""Directories of zip files that lie or are too large, and archives of other programs: classes 30 to 43."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import torch

from scan.hostile.archives import DATA, EMPTY_END, EVIL_DATA, VERSION, WHOLE
from scan.hostile.case import NOT_CLEAN, Case, later
from scan.hostile.opcodes import CHECKPOINT, EPOCH, EVIL, PLAIN
from scan.hostile.zips import WEIGHTS, Record, archive, torch_file, zip64


def sparse_zip64(path: Path) -> None:
    """A checkpoint of 5 GB that takes a few kilobytes of the disk."""
    size = 5 << 30
    with torch.serialization.skip_data():
        torch.save({"epoch": EPOCH, "model": {"w": torch.empty(size // 4)}}, path)
    assert os.stat(path).st_size > size


def many(count: int) -> bytes:
    """A checkpoint and so many empty records."""
    return torch_file(CHECKPOINT, *(Record(b"a/x/%d" % at) for at in range(count)))


def million(path: Path) -> None:
    """A directory of a million records, each the same."""
    start = torch_file()
    at = start.index(b"PK\x01\x02")
    entry = b"PK\x01\x02" + bytes(42) + b"a/x"
    entry = entry[:28] + struct.pack("<H", 3) + entry[30:]
    directory = entry * 1_000_000
    record = zip64(count=1_000_000, length=len(directory), offset=at, at=at + len(directory))
    end = b"PK\x05\x06" + b"\0\0\0\0" + b"\xff" * 12 + b"\0\0"
    path.write_bytes(start[:at] + directory + record + end)


def cramped(path: Path) -> None:
    """As many records as a directory of just under 16 MB holds."""
    start = torch_file()
    at = start.index(b"PK\x01\x02")
    entry = b"PK\x01\x02" + bytes(24) + struct.pack("<H", 5) + bytes(16)
    count = (16 << 20) // 51 - 10
    directory = b"".join(entry + b"a" + value.to_bytes(4, "little") for value in range(count))
    record = zip64(count=count, length=len(directory), offset=at, at=at + len(directory))
    end = b"PK\x05\x06" + b"\0\0\0\0" + b"\xff" * 12 + b"\0\0"
    path.write_bytes(start[:at] + directory + record + end)


def export(path: Path) -> None:
    """The layout of `torch.export.save`."""
    path.write_bytes(
        archive(
            [
                Record(b"m/archive_format", b"pt2"),
                Record(b"m/archive_version", b"0"),
                Record(b"m/byteorder", b"little"),
                Record(b"m/models/model.json", b"{}"),
                Record(b"m/data/weights/model_weights_config.json", b"{}"),
            ]
        )
    )


def package(path: Path) -> None:
    from torch.package import PackageExporter

    with PackageExporter(path) as exporter:
        exporter.save_pickle("model", "model.pkl", {"epoch": EPOCH})
        exporter.save_source_string("own", "x = 1\n")


# A whole archive in the comment of another: the last end record is the one in the comment.
FAKE_END = archive([EVIL_DATA, VERSION], comment=EMPTY_END)


def fake_end_elsewhere() -> bytes:
    """The end record in the comment points to a second directory, which names another pickle."""
    body = archive([EVIL_DATA, VERSION])
    other = archive([DATA, VERSION])
    at = len(body)
    moved = archive([Record(b"a/data.pkl", CHECKPOINT, at=at), Record(b"a/version", b"3\n", at=at)])
    start, end = moved.index(b"PK\x01\x02"), moved.rindex(b"PK\x05\x06")
    inner = other[: other.index(b"PK\x01\x02")]
    second = bytearray(moved[start:end])
    place = at + inner.rindex(b"PK\x03\x04")
    second[-len(b"a/version") - 4 : -len(b"a/version")] = struct.pack("<I", place)
    last = moved[end : end + 16] + struct.pack("<I", at + len(inner)) + b"\0\0"
    comment = inner + bytes(second) + last
    return body[:-2] + struct.pack("<H", len(comment)) + comment


CASES = [
    Case(30, "an archive for a pickle", torch_file(torch_file(EVIL)), "corrupt", "unparsed", ("P002",)),
    Case(31, "65535 records", archive([DATA, VERSION], count=65535), "corrupt", "unparsed", ("Z040",)),
    Case(
        31,
        "2^63 records",
        archive(
            [DATA, VERSION],
            count=65535,
            locator=zip64(count=1 << 63, length=100, offset=0, at=WHOLE.index(b"PK\x01\x02")),
        ),
        "corrupt",
        "unparsed",
        ("Z040",),
    ),
    Case(
        32,
        "a directory behind the end",
        archive([DATA, VERSION], offset=1 << 31),
        "corrupt",
        "unparsed",
        ("Z040",),
    ),
    Case(
        32,
        "a directory of 4 GB",
        archive([DATA, VERSION], length=(1 << 32) - 1),
        "corrupt",
        "unparsed",
        ("Z040",),
    ),
    Case(33, "a record behind the end", torch_file(at=(1 << 31) + 7), "corrupt", "unparsed", ("Z012",)),
    Case(
        33,
        "a record at 2^62",
        torch_file(at=0xFFFFFFFF, extra=struct.pack("<HHQ", 1, 8, 1 << 62)),
        "corrupt",
        "unparsed",
        ("Z012",),
    ),
    Case(33, "a record of 2 GB", torch_file(size=1 << 31, packed=1 << 31), "corrupt", "unparsed", ("Z027",)),
    Case(
        33,
        "a record of a terabyte",
        torch_file(size=0xFFFFFFFF, packed=0xFFFFFFFF, extra=struct.pack("<HHQQ", 1, 16, 1 << 40, 1 << 40)),
        "corrupt",
        "unparsed",
        ("Z027",),
    ),
    Case(
        33,
        "a record that passes the end",
        torch_file(size=100_000, packed=100_000),
        "corrupt",
        "unparsed",
        ("Z011",),
    ),
    Case(34, "in several parts", archive([DATA, VERSION], disk=3), "unsupported", "unparsed", ("Z046",)),
    Case(35, "an end record in the comment", FAKE_END, "corrupt", "unparsed", ("Z041",)),
    Case(
        35, "another directory in the comment", fake_end_elsewhere(), "ok", NOT_CLEAN, ("Z041",), epoch=EPOCH
    ),
    Case(36, "junk behind the end", WHOLE + b"x" * 1024, "ok", "known_types", ("Z042",), epoch=EPOCH),
    Case(
        36,
        "too much junk behind the end",
        WHOLE + b"x" * 100_000,
        "corrupt",
        "unparsed",
        ("Z042",),
        epoch=EPOCH,
    ),
    Case(
        37,
        "behind a program",
        b"\x7fELF" + bytes(60) + torch_file(EVIL),
        "unsupported",
        "dangerous",
        ("Z043",),
    ),
    Case(37, "behind MZ", b"MZ" + bytes(70) + torch_file(EVIL), "unsupported", "dangerous", ("Z043",)),
    Case(37, "behind a harmless pickle", PLAIN + torch_file(EVIL), "ok", "dangerous", ("Z043",), epoch=EPOCH),
    Case(38, "60,000 records", later(lambda: many(60_000)), "ok", "known_types", epoch=EPOCH),
    Case(38, "a directory of 16 MB", cramped, "salvaged", "unparsed", ("Z044",), epoch=EPOCH),
    Case(38, "a million records", million, "salvaged", "unparsed", ("Z044",), epoch=EPOCH),
    Case(39, "zip64 of 5 GB", sparse_zip64, "ok", "known_types", epoch=EPOCH),
    Case(
        40,
        "no version",
        archive([DATA, Record(b"a/data/0", WEIGHTS)]),
        "ok",
        "known_types",
        ("Z007",),
        epoch=EPOCH,
    ),
    Case(
        41,
        "the other byte order",
        torch_file(CHECKPOINT, Record(b"a/byteorder", b"big")),
        "ok",
        "known_types",
        ("Z047",),
        epoch=EPOCH,
    ),
    Case(
        42,
        "a document",
        archive([Record(b"word/document.xml", b"<x/>")]),
        "unsupported",
        "unparsed",
        ("Z005",),
    ),
    Case(42, "a jar", archive([Record(b"META-INF/MANIFEST.MF", b"x")]), "unsupported", "unparsed", ("Z005",)),
    Case(
        43,
        "a program of torch.export",
        export,
        "unsupported",
        "unknown_code",
        ("Z006",),
        kind="torch_export",
        suffix=".pt2",
    ),
    Case(
        43,
        "a package of torch.package",
        package,
        "unsupported",
        "unknown_code",
        ("Z006",),
        kind="torch_package",
    ),
]
