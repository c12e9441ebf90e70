"""Files that are called safetensors, or are: class 48."""

from __future__ import annotations

import json
import struct
from typing import Any

from scan.hostile.archives import SAVED
from scan.hostile.case import Case, later
from scan.hostile.opcodes import EPOCH, EVIL
from scan.hostile.zips import torch_file


def tensors(
    entries: dict[str, Any] | str | bytes, data: bytes = bytes(8), length: int | None = None
) -> bytes:
    """A safetensors file of this header."""
    raw = entries if isinstance(entries, bytes) else entries.encode() if isinstance(entries, str) else None
    header = json.dumps(entries).encode() if raw is None else raw
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def entry(
    dtype: str = "F32", shape: tuple[int, ...] = (2,), offsets: tuple[int, int] = (0, 8)
) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def crowd(size: int) -> bytes:
    """A header of so many bytes, of as many tensors of nothing as fit."""
    one = '"%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    count = size // 60
    return tensors("{" + ",".join(one % at for at in range(count)) + "}", b"")


def metadata(size: int) -> bytes:
    """A header that is metadata of a thousand texts."""
    texts = {str(at): "x" * (size // 1000) for at in range(1000)}
    return tensors({"__metadata__": texts, "w": entry()})


DUPLICATE = '{"w":' + json.dumps(entry("I32")) + ',"w":' + json.dumps(entry()) + "}"
ONE = json.dumps(entry())


def st(number_name: str, make: Any, status: str, *codes: str, safety: Any = "data_only") -> Case:
    return Case(48, f"safetensors: {number_name}", make, status, safety, codes, suffix=".safetensors")


CASES = [
    st("whole", tensors({"w": entry()}), "ok"),
    st(
        "a header of 2^63 bytes",
        tensors({"w": entry()}, length=1 << 63),
        "corrupt",
        "T020",
        safety="unparsed",
    ),
    st("a header past the end", tensors({"w": entry()}, length=5000), "corrupt", "T021", safety="unparsed"),
    st(
        "a header over the cap",
        tensors({"w": entry()}, length=200_000_000),
        "corrupt",
        "T020",
        safety="unparsed",
    ),
    st("a name twice", tensors(DUPLICATE), "ok", "T023"),
    st("shared bytes", tensors({"a": entry(), "b": entry()}), "corrupt", "T025"),
    st("a hole", tensors({"a": entry(offsets=(8, 16))}, bytes(16)), "corrupt", "T027"),
    st("bytes left over", tensors({"a": entry()}, bytes(9)), "corrupt", "T026"),
    st("a shape that overflows", tensors({"a": entry(shape=(1 << 40, 1 << 40))}), "corrupt", "T024"),
    st("an unknown dtype", tensors({"a": entry("F99")}), "corrupt", "T024"),
    st(
        "depth in the header",
        tensors('{"a":' + "[" * 100_000 + "]" * 100_000 + "}"),
        "corrupt",
        "T022",
        safety="unparsed",
    ),
    st(
        "depth in the metadata",
        tensors({"__metadata__": {"tvae": "[" * 100_000}, "w": entry()}),
        "ok",
        "T029",
    ),
    st("objects in depth", tensors('{"a":' * 50_000), "corrupt", "T022", safety="unparsed"),
    st("a header of 14 MB", later(lambda: crowd(14 << 20)), "ok"),
    st("metadata of 14 MB", later(lambda: metadata(14 << 20)), "ok"),
    st("no JSON", tensors(b"{" + bytes(100)), "corrupt", "T022", safety="unparsed"),
    st(
        "names that are not UTF-8",
        tensors(b'{"\xff":' + ONE.encode() + b"}"),
        "corrupt",
        "T022",
        safety="unparsed",
    ),
    st("metadata that is no text", tensors({"__metadata__": {"a": 1}, "w": entry()}), "corrupt", "T024"),
    st(
        "negative offsets",
        tensors('{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}'),
        "corrupt",
        "T024",
    ),
    Case(
        48,
        "an archive under its name",
        torch_file(EVIL),
        "ok",
        "dangerous",
        ("Z055",),
        epoch=EPOCH,
        kind="torch_zip",
        suffix=".safetensors",
    ),
    Case(
        48,
        "a pickle under its name",
        EVIL,
        "ok",
        "dangerous",
        ("Z055",),
        epoch=EPOCH,
        kind="pickle",
        suffix=".safetensors",
    ),
    Case(
        48,
        "its content under the name of a checkpoint",
        tensors({"w": entry()}),
        "ok",
        "data_only",
        ("Z055",),
        kind="safetensors",
    ),
    Case(
        48,
        "an archive behind it",
        tensors({"w": entry()}) + torch_file(EVIL),
        "corrupt",
        "dangerous",
        ("Z043",),
        suffix=".safetensors",
    ),
    Case(
        48,
        "what torch saved under its name",
        SAVED,
        "ok",
        "known_types",
        ("Z055",),
        epoch=EPOCH,
        suffix=".safetensors",
    ),
]
