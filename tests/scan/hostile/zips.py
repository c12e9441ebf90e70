"""Zip files put together field by field, so that every field can lie."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from scan.hostile.opcodes import CHECKPOINT

STORED, DEFLATED = 0, 8
WEIGHTS = bytes(range(24))


@dataclass(frozen=True)
class Record:
    """A record; None is the truth.

    Attributes:
        name, data: what it is.
        method, flags, crc, size, at: what the directory says; `packed` is what the file holds.
        local_name, local_flags, local_crc, local_size: what the header in place says.
    """

    name: bytes
    data: bytes = b""
    method: int = STORED
    flags: int = 0
    crc: int | None = None
    size: int | None = None
    packed: int | None = None
    at: int | None = None
    extra: bytes = b""
    local_name: bytes | None = None
    local_flags: int | None = None
    local_crc: int | None = None
    local_size: int | None = None


def deflate(data: bytes) -> bytes:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    return squeeze.compress(data) + squeeze.flush()


def archive(
    records: Sequence[Record],
    *,
    comment: bytes = b"",
    behind: bytes = b"",
    count: int | None = None,
    disk: int = 0,
    length: int | None = None,
    offset: int | None = None,
    locator: bytes = b"",
) -> bytes:
    """A zip file of these records; the rest are fields of the end record and what stands around it."""
    file, directory = bytearray(), bytearray()
    for record in records:
        held = deflate(record.data) if record.method == DEFLATED else record.data
        crc = zlib.crc32(record.data) if record.crc is None else record.crc
        size = len(record.data) if record.size is None else record.size
        packed = len(held) if record.packed is None else record.packed
        at = len(file) if record.at is None else record.at
        local = record.name if record.local_name is None else record.local_name
        file += b"PK\x03\x04" + struct.pack(
            "<HHHHHIIIHH",
            20,
            record.flags if record.local_flags is None else record.local_flags,
            record.method,
            0,
            0,
            crc if record.local_crc is None else record.local_crc,
            len(held),
            len(record.data) if record.local_size is None else record.local_size,
            len(local),
            0,
        )
        file += local + held
        directory += b"PK\x01\x02" + struct.pack(
            "<HHHHHHIIIHHHHHII",
            20,
            20,
            record.flags,
            record.method,
            0,
            0,
            crc,
            packed,
            size,
            len(record.name),
            len(record.extra),
            0,
            0,
            0,
            0,
            at,
        )
        directory += record.name + record.extra
    found = min(len(records), 0xFFFF) if count is None else count
    end = b"PK\x05\x06" + struct.pack(
        "<HHHHIIH",
        disk,
        disk,
        found,
        found,
        len(directory) if length is None else length,
        len(file) if offset is None else offset,
        len(comment),
    )
    return bytes(file + directory + locator + end + comment + behind)


def zip64(*, count: int, length: int, offset: int, at: int) -> bytes:
    """A zip64 end record and the locator that says that it stands at `at`."""
    record = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, length, offset)
    return record + b"PK\x06\x07" + struct.pack("<IQI", 0, at, 1)


def torch_file(
    pickle: bytes = CHECKPOINT,
    *more: Record,
    prefix: bytes = b"a",
    weights: bytes | None = WEIGHTS,
    **fields: object,
) -> bytes:
    """What torch would have written, around any pickle; `fields` are those of the record of the pickle."""
    records = [Record(prefix + b"/data.pkl", pickle, **fields)]  # type: ignore[arg-type]
    if weights is not None:
        records.append(Record(prefix + b"/data/0", weights))
    return archive([*records, *more, Record(prefix + b"/version", b"3\n")])
