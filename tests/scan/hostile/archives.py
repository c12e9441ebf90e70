"""Zip files that are cut, wrong, or read differently by different readers: classes 1 to 29."""

from __future__ import annotations

import struct

import torch

from scan.hostile.case import NOT_CLEAN, Case, later
from scan.hostile.opcodes import CHECKPOINT, EPOCH, EVIL
from scan.hostile.zips import DEFLATED, Record, archive, deflate, torch_file

VERSION = Record(b"a/version", b"3\n")
DATA = Record(b"a/data.pkl", CHECKPOINT)
EVIL_DATA = Record(b"a/data.pkl", EVIL)
WHOLE = torch_file()
EMPTY_END = b"PK\x05\x06" + bytes(18)


def saved() -> bytes:
    """What torch itself writes, with three storages of 4 KB."""
    import io

    out = io.BytesIO()
    model = {name: torch.arange(1024, dtype=torch.float32) + place for place, name in enumerate("abc")}
    torch.save({"epoch": EPOCH, "model": model}, out)
    return out.getvalue()


SAVED = saved()
LFS = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)


def zeros_from(share: float) -> bytes:
    keep = int(len(SAVED) * share)
    return SAVED[:keep] + bytes(len(SAVED) - keep)


def bomb(size: int, stated: int | None = None) -> bytes:
    """A pickle of zeros that is a thousandth of its size."""
    data = bytes(size)
    record = Record(b"a/data.pkl", deflate(data), size=stated or size)
    return (
        archive([record, VERSION])
        .replace(
            # Held as it is, and said to be deflated in both headers.
            struct.pack("<HHHHH", 20, 0, 0, 0, 0),
            struct.pack("<HHHHH", 20, 0, 8, 0, 0),
            1,
        )
        .replace(struct.pack("<HHHHHH", 20, 20, 0, 0, 0, 0), struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 0), 1)
    )


def pair(first: Record, second: Record) -> bytes:
    return archive([first, second, VERSION])


CASES = [
    Case(1, "no bytes at all", b"", "corrupt", "unparsed", ("Z001",)),
    Case(2, "one byte", b"P", "corrupt", "unparsed", ("Z008",)),
    Case(2, "three bytes", b"PK\x03", "corrupt", "unparsed", ("Z008",)),
    Case(3, "only a local header", WHOLE[:40], "corrupt", "unparsed", ("Z010",)),
    Case(
        4,
        "cut in the middle",
        SAVED[: len(SAVED) // 2],
        "salvaged",
        "known_types",
        ("Z010",),
        epoch=EPOCH,
        facts={"salvaged": (1, 3)},
    ),
    Case(4, "cut in the middle with malice", torch_file(EVIL)[:200], "salvaged", "dangerous", epoch=EPOCH),
    Case(
        5,
        "the last ten bytes lost",
        SAVED[:-10],
        "salvaged",
        "known_types",
        ("Z010",),
        epoch=EPOCH,
        facts={"salvaged": (3, 3)},
    ),
    Case(
        6,
        "the tail is zeros",
        zeros_from(0.6),
        "salvaged",
        "known_types",
        ("Z010",),
        epoch=EPOCH,
        facts={"salvaged": (1, 3)},
    ),
    Case(6, "zeros from within data.pkl on", zeros_from(0.02), "corrupt", "unparsed", ("Z010",)),
    Case(7, "zeros, which torch calls a legacy tar", bytes(5000), "corrupt", "unparsed", ("Z003",)),
    Case(8, "random bytes", bytes((at * 167 + 13) % 251 for at in range(3000)), "unsupported", "unparsed"),
    Case(8, "text", b"epoch 7 loss 0.1\n" * 20, "unsupported", "unparsed", ("Z004",)),
    Case(
        8,
        "a page with error 404",
        b"<!DOCTYPE html><title>404</title>",
        "unsupported",
        "unparsed",
        facts={"message": "page"},
    ),
    Case(8, "a Git LFS pointer", LFS, "unsupported", "unparsed", facts={"message": "LFS"}),
    Case(
        8,
        "a numpy array",
        b"\x93NUMPY\x01\x00v\x00{'descr'",
        "unsupported",
        "unparsed",
        facts={"message": "numpy"},
    ),
    Case(8, "JSON", b'{"epoch": 7}', "unsupported", "unparsed", facts={"message": "JSON"}),
    Case(9, "an archive of nothing", EMPTY_END, "corrupt", "unparsed", ("Z002",)),
    Case(10, "a wrong checksum", torch_file(crc=1), "ok", "known_types", ("Z020",), epoch=EPOCH),
    Case(
        10,
        "CVE-2025-10156 malice under a wrong checksum",
        torch_file(EVIL, crc=1),
        "ok",
        "dangerous",
        ("Z020",),
        epoch=EPOCH,
    ),
    Case(
        11,
        "another size and checksum in place",
        torch_file(local_size=3, local_crc=4),
        "ok",
        "known_types",
        ("Z021",),
        epoch=EPOCH,
    ),
    Case(
        12,
        "CVE-2025-1944 another name in place",
        torch_file(EVIL, local_name=b"a/data.pxl"),
        "ok",
        "dangerous",
        ("Z022",),
        epoch=EPOCH,
    ),
    *(
        Case(
            13,
            f"CVE-2025-1945 flag {flag:#x} in place",
            torch_file(EVIL, local_flags=flag),
            "ok",
            "dangerous",
            ("Z023",),
            epoch=EPOCH,
        )
        for flag in (0x1, 0x20, 0x40)
    ),
    Case(14, "encrypted", torch_file(flags=1), "unsupported", "unparsed", ("Z024",)),
    *(
        Case(
            15,
            f"compressed by method {method}",
            torch_file(method=method),
            "unsupported",
            "unparsed",
            ("Z025",),
        )
        for method in (12, 93, 99)
    ),
    Case(16, "compressed", torch_file(method=DEFLATED), "ok", "known_types", ("Z026",), epoch=EPOCH),
    Case(
        16, "malice compressed", torch_file(EVIL, method=DEFLATED), "ok", "dangerous", ("Z026",), epoch=EPOCH
    ),
    Case(17, "a bomb of 200 MB", later(lambda: bomb(200_000_000)), "corrupt", "unparsed", ("Z027",)),
    Case(17, "a bomb below the cap", later(lambda: bomb(15_000_000)), "corrupt", "unparsed", ("Z027",)),
    Case(
        17,
        "a bomb that understates itself",
        later(lambda: bomb(60_000_000, 1000)),
        "corrupt",
        "unparsed",
        ("Z028",),
    ),
    Case(18, "two data.pkl, malice first", pair(EVIL_DATA, DATA), "ok", "dangerous", ("Z030",), epoch=EPOCH),
    Case(19, "two data.pkl, malice last", pair(DATA, EVIL_DATA), "ok", "dangerous", ("Z030",), epoch=EPOCH),
    Case(
        20,
        "only DATA.PKL",
        archive([Record(b"a/DATA.PKL", EVIL), VERSION]),
        "ok",
        "dangerous",
        ("Z031",),
        epoch=EPOCH,
    ),
    Case(
        21,
        "both spellings",
        pair(Record(b"a/DATA.PKL", EVIL), DATA),
        "ok",
        "dangerous",
        ("Z030", "Z031"),
        epoch=EPOCH,
    ),
    Case(
        21,
        "both spellings, the small first",
        pair(DATA, Record(b"a/Data.PKL", EVIL)),
        "ok",
        "dangerous",
        ("Z030",),
        ("Z031",),
        epoch=EPOCH,
    ),
    Case(
        22, "two prefixes", pair(DATA, Record(b"b/data.pkl", EVIL)), "ok", "dangerous", ("Z032",), epoch=EPOCH
    ),
    Case(
        22,
        "the pickle under the second prefix",
        pair(Record(b"b/x"), EVIL_DATA),
        "unsupported",
        "dangerous",
        ("Z032",),
    ),
    Case(
        23,
        "no prefix",
        archive([Record(b"data.pkl", EVIL), Record(b"version", b"3\n")]),
        "ok",
        "dangerous",
        ("Z033",),
        epoch=EPOCH,
    ),
    Case(
        24,
        "a name that climbs out",
        torch_file(CHECKPOINT, Record(b"a/../../x")),
        "ok",
        "known_types",
        ("Z034",),
        epoch=EPOCH,
    ),
    Case(
        24,
        "an absolute name",
        torch_file(CHECKPOINT, Record(b"/etc/x")),
        "ok",
        "known_types",
        ("Z034",),
        epoch=EPOCH,
    ),
    Case(
        25,
        "backslashes",
        torch_file(CHECKPOINT, Record(b"a\\x")),
        "ok",
        "known_types",
        ("Z034",),
        epoch=EPOCH,
    ),
    Case(
        26,
        "a null byte in a name",
        torch_file(CHECKPOINT, Record(b"a/data.pkl\0.txt", EVIL)),
        "ok",
        "dangerous",
        ("Z034",),
        epoch=EPOCH,
    ),
    Case(
        27,
        "a name that is not UTF-8",
        torch_file(CHECKPOINT, prefix=b"a\xff"),
        "ok",
        "known_types",
        epoch=EPOCH,
    ),
    Case(
        28,
        "records that overlap",
        torch_file(CHECKPOINT, Record(b"a/x", at=8, crc=0)),
        "ok",
        "known_types",
        ("Z035",),
        epoch=EPOCH,
    ),
    Case(
        29,
        "CVE-2025-1889 malice under a foreign name",
        torch_file(CHECKPOINT, Record(b"a/config.p", EVIL)),
        "ok",
        "dangerous",
        ("Z036",),
        epoch=EPOCH,
    ),
    Case(
        29,
        "a program beside the data",
        torch_file(CHECKPOINT, Record(b"a/run", b"\x7fELF" + bytes(60))),
        "ok",
        NOT_CLEAN,
        ("Z036",),
        epoch=EPOCH,
    ),
    Case(
        29,
        "an archive beside the data",
        torch_file(CHECKPOINT, Record(b"a/more", torch_file(EVIL))),
        "ok",
        NOT_CLEAN,
        ("Z036",),
        epoch=EPOCH,
    ),
    Case(
        29,
        "malice in place of a storage",
        torch_file(CHECKPOINT, Record(b"a/data/1", EVIL)),
        "ok",
        "dangerous",
        ("Z036",),
        epoch=EPOCH,
    ),
]
