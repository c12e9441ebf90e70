"""The quickest reader of a torch checkpoint that pure Python allows: what a scan has to be measured against.

Two preads and the unpickler written in C; every name that a file imports becomes one of the stand-ins below,
so that nothing of it runs. It reads what torch writes and checks nothing; a hostile file could make it slow.
"""

from __future__ import annotations

import codecs
import io
import os
import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

TAIL = 16 << 10
END, WIDE_END, ENTRY, LOCAL = b"PK\x05\x06", b"PK\x06\x06", b"PK\x01\x02", b"PK\x03\x04"


class Opaque:
    """Takes the place of anything unknown."""

    def __init__(self, *_: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...


class DType:
    """A numpy.dtype as far as a scalar needs it."""

    def __init__(self, name: str, *_: object) -> None:
        self.format = {"f8": "d", "f4": "f", "i8": "q", "i4": "i", "b1": "?"}[name]

    def __setstate__(self, state: tuple[object, ...]) -> None:
        self.format = f"{state[1]}{self.format}".replace("|", "<")


def scalar(dtype: DType, data: bytes) -> object:
    return struct.unpack(dtype.format, data)[0]


def tensor(storage: object, offset: int, size: tuple[int, ...], *_: object) -> tuple[int, ...]:
    return size


NAMES: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): tensor,
    ("numpy._core.multiarray", "scalar"): scalar,
    ("numpy.core.multiarray", "scalar"): scalar,
    ("numpy", "dtype"): DType,
    ("_codecs", "encode"): codecs.encode,
}


class Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return NAMES.get((module, name), Opaque)

    def persistent_load(self, identity: object) -> None:
        return None


def read(path: str | Path) -> dict[str, Any]:
    """The content of a checkpoint; of a tensor its shape, of a numpy scalar its value."""
    file = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(file).st_size
        start = max(0, size - TAIL)
        tail = os.pread(file, TAIL, start)
        end = tail.rfind(END)
        if end < 0:
            return legacy(path)
        (directory,) = struct.unpack_from("<I", tail, end + 16)
        if directory == 0xFFFFFFFF:
            (directory,) = struct.unpack_from("<Q", tail, tail.rfind(WIDE_END) + 48)
        # torch writes data.pkl first, so that the first entry of the directory is the one.
        entry = tail[directory - start :] if directory >= start else os.pread(file, TAIL, directory)
        length, name, local = *struct.unpack_from("<IH", entry, 24), *struct.unpack_from("<I", entry, 42)
        assert entry.startswith(ENTRY)
        assert entry[46 : 46 + name].endswith(b"/data.pkl")
        head = os.pread(file, 512 + length, local)
        assert head.startswith(LOCAL)
        name, extra = struct.unpack_from("<HH", head, 26)
        found: dict[str, Any] = Reader(io.BytesIO(head[30 + name + extra :])).load()
        return found
    finally:
        os.close(file)


def legacy(path: str | Path) -> dict[str, Any]:
    """The fourth of the pickles that torch wrote before 1.6."""
    with open(path, "rb") as file:
        for _ in range(3):
            Reader(file).load()
        found: dict[str, Any] = Reader(file).load()
        return found
