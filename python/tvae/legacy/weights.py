"""The predecessor's `.pt` files: model weights by range, without unpickling.

The Rust reader says where each tensor lies in the file; only those that the model has are read. The
result is a `Checkpoint` like any other: a record, and tensors under today's names.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from tvae import _core
from tvae.checkpoint import Checkpoint, Record, sha256
from tvae.checkpoint.atomic import storage_error
from tvae.checkpoint.record import AGAIN
from tvae.checkpoint.strict import table
from tvae.errors import CheckpointError
from tvae.legacy import notes as notes_
from tvae.legacy.architecture import curvature, in_range, model_spec, number, remarks, settings
from tvae.legacy.layouts import Found, Misfit, bare, is_model, understand
from tvae.nn.spec import architecture

if TYPE_CHECKING:
    import torch

#: Where weights stand in a file, in the order in which the predecessor looked; "" means the file itself.
STATE_DICTS = ("model_state_dict", "model_state", "model", "state_dict", "")
#: The file that stands for a folder.
BEST = "best.pt"
#: The endings of files that are looked at in a folder.
SUFFIXES = (".pt", ".pth", ".ckpt")
#: A view may repeat its numbers, but not to more bytes than this: a file cannot ask for more than it holds.
_MOST_EXPANDED = 1 << 26
#: Rows of a file that was cut.
_MOST_ROWS = 3
_GONE = "its bytes are not in the file"
_BIG_ENDIAN = "Z047"
_PACKED = "Z026"


@dataclass(frozen=True)
class Entry:
    """A tensor in a file; `name` is the predecessor's, within the state dict and without wrappers."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int | None


@dataclass(frozen=True)
class OldFile:
    """What a file holds, before any tensor is read.

    Attributes:
        path: the file.
        facts: the scanner's record of it.
        state_dict: the key of its weights; "" if they are at the top.
        entries: its model tensors.
        found: the layout, and what does not fit.
    """

    path: str
    facts: Mapping[str, Any]
    state_dict: str
    entries: Mapping[str, Entry]
    found: Found

    @property
    def layout(self) -> str:
        """The layout in the scanner's words, which name ball and controller too."""
        told = [one["layout"] for one in self.facts["state_dicts"] if one["key"] == self.state_dict]
        return str(told[0]) if told and told[0] else str(self.found.layout)


def is_foreign(start: bytes) -> bool:
    """Whether a file that starts like this is one that Python pickled, which this room reads.

    Example:
        >>> is_foreign(b"PK\\x03\\x04"), is_foreign(b"\\x08\\0\\0\\0\\0\\0\\0\\0{")
        (True, False)
    """
    return start.startswith(b"PK") or (start[:1] == b"\x80" and start[8:9] != b"{")


def is_old(path: str | os.PathLike[str]) -> bool:
    """Whether a file is one that this room reads; False too for one that is not there."""
    try:
        with open(path, "rb") as stream:
            return is_foreign(stream.read(16))
    except OSError:
        return False


def describe(path: str | os.PathLike[str]) -> OldFile:
    """Which model a file holds and what in it does not fit, from names and shapes alone.

    Raises:
        MissingError, StorageError: if it is not there, or may not be read.
        CheckpointError: if it cannot be decoded, or holds no ternary VAE.
    """
    source = os.fspath(path)
    facts, tensors = _core.open_checkpoint(source)
    for key in STATE_DICTS:
        prefix = f"{key}." if key else ""
        entries = {
            name: Entry(name, dtype, tuple(shape), tuple(stride), offset)
            for full, dtype, shape, stride, offset, _ in tensors
            if full.startswith(prefix) and (name := bare(full.removeprefix(prefix)))
        }
        if is_model(set(entries)):
            if not key:
                entries = {name: entry for name, entry in entries.items() if _at_top(name, facts)}
            shapes = {name: entry.shape for name, entry in entries.items()}
            found = understand(shapes, dropout=bool(number(facts["config"], "projection_dropout")))
            return OldFile(source, facts, key, entries, found)
    held = ", ".join(
        f"{one['key'] or 'the file'}: {one['layout'] or 'unknown'}" for one in facts["state_dicts"]
    )
    raise CheckpointError(
        "holds no ternary VAE",
        path=source,
        expected="encoder_A, encoder_B and decoder_A under model_state_dict, model_state or model",
        got=held or f"no tensors; its keys are {', '.join(facts['top_keys'][:8]) or 'none'}",
    )


def read(path: str | os.PathLike[str], *, keep: bool = False) -> Checkpoint:
    """A file of the predecessor as a checkpoint of today.

    Args:
        path: the file.
        keep: also read what no output depends on, as `state_tensors`, for a way back that is whole.

    Raises:
        CheckpointError: with a table of what is missing, unknown, of another shape or not finite.
        MissingError, StorageError: if it is not there, or may not be read.
    """
    old = describe(path)
    _refuse(old, old.found.misfits)
    wanted = [*old.found.names, *old.found.balls, *old.found.buffers]
    kept = [name for name in old.found.dropped if keep]
    with _open(old.path) as stream:
        values = _tensors(old, wanted, stream)
        beside = _tensors(old, kept, stream, strict=False)
    spec, notes = _spec(old, values)
    tensors = {new: values[name] for name, new in old.found.names.items()}
    beside |= {name: values[name] for name in (*old.found.balls, *old.found.buffers) if keep}
    record = Record(
        created_at=datetime.fromtimestamp(old.facts["mtime"], UTC).isoformat(timespec="seconds")[:19] + "Z",
        base_checkpoint=old.path,
        base_sha256=sha256(old.path),
        epoch=old.facts["epoch"],
        architecture=architecture(spec, old.found.widths["trits"]),
        source=_source(old, notes),
    )
    return Checkpoint(record, tensors, {}, beside)


def _spec(old: OldFile, values: Mapping[str, torch.Tensor]) -> tuple[Any, list[str]]:
    families = {metric["family"] for metric in old.facts["metrics"].values()}
    chosen = settings(old.facts["config"], found=old.found, decodes_ball="v5.12.1" in families)
    numbers = {name: float(values[name]) for name in (*old.found.balls, *old.found.buffers)}
    c, notes = curvature(
        {name: numbers[name] for name in old.found.balls},
        {name: numbers[name] for name in old.found.buffers},
        chosen.curvature,
    )
    if not old.found.layout.projection:
        # Without a ball nothing has a curvature, whatever the config says.
        c, notes = 1.0, []
    if not in_range(c):
        rows = [
            (name, "one c in [0.1, 10]", f"{value:g}", "two curvatures" if math.isnan(c) else f"c = {c:g}")
            for name, value in numbers.items()
        ] or [("config.curvature", "one c in [0.1, 10]", f"{c:g}", "out of range")]
        raise CheckpointError(
            "its curvature cannot be used; nothing was loaded", path=old.path, details=table(rows)
        )
    spec = model_spec(old.found, chosen, c)
    return spec, [*notes, *remarks(old.found, chosen, c)]


def _source(old: OldFile, notes: Sequence[str]) -> dict[str, object]:
    """What the record says about the old file; its metrics keep the definitions that they had."""
    facts = old.facts
    metrics = {
        name: {key: reading[key] for key in ("value", "family", "raw_key", "source")}
        for name, reading in facts["metrics"].items()
    }
    return {
        "layout": old.layout,
        "state_dict": old.state_dict,
        "dropout_shift": old.found.layout.dropout,
        "left_out": sorted(old.found.dropped),
        "notes": [*notes_.of_file(facts), *notes],
        "metrics": metrics,
        "config": facts["config"],
        "config_hash": facts["config_hash"],
        "lineage": facts["lineage"],
        "safety": facts["safety"],
    }


def _refuse(old: OldFile, misfits: Sequence[Misfit]) -> None:
    if not misfits:
        return
    noun = "tensor does" if len(misfits) == 1 else "tensors do"
    raise CheckpointError(
        f"{len(misfits)} {noun} not fit the layout {old.layout}; nothing was loaded",
        path=old.path,
        hint="`tvae show FILE --tensors` lists what is there",
        details=table([msgspec.structs.astuple(one) for one in misfits]),
    )


def _tensors(
    old: OldFile, names: Sequence[str], stream: BinaryIO, *, strict: bool = True
) -> dict[str, torch.Tensor]:
    """These tensors of a file, contiguous and in the precision that they were stored in.

    With `strict` each must be there, finite and a float; without, what cannot be read is left out.
    """
    import torch

    size = os.fstat(stream.fileno()).st_size
    codes = {issue["code"] for issue in old.facts["issues"]}
    found: dict[str, torch.Tensor] = {}
    misfits: list[Misfit] = []
    for name in names:
        entry = old.entries[name]
        shape = str(entry.shape)
        dtype = getattr(torch, entry.dtype, None)
        if not isinstance(dtype, torch.dtype) or dtype.is_complex or (strict and not dtype.is_floating_point):
            misfits.append(Misfit(name, "a float", entry.dtype, "another kind of number"))
            continue
        data = _bytes(entry, dtype.itemsize, stream, size)
        if data is None:
            why = "its storage is compressed" if _PACKED in codes else _GONE
            misfits.append(Misfit(name, shape, "-", why))
            continue
        if _BIG_ENDIAN in codes:
            data = _swapped(data, dtype.itemsize)
        tensor = torch.empty(0, dtype=dtype)
        if data:
            # A copy of its own: several tensors may be views of one storage.
            flat = torch.frombuffer(data, dtype=dtype)
            tensor = flat.as_strided(entry.shape, entry.stride).clone(memory_format=torch.contiguous_format)
        if not bool(torch.isfinite(tensor).all()):
            misfits.append(Misfit(name, "finite numbers", "NaN or infinity", "not finite"))
        found[name] = tensor
    if strict:
        _refuse_cut(old, misfits, len(names), size)
        _refuse(old, misfits)
    return found


def _refuse_cut(old: OldFile, misfits: Sequence[Misfit], total: int, size: int) -> None:
    """One line for a file that ends too early, and not a row for each tensor behind its end."""
    gone = sum(one.why == _GONE for one in misfits)
    if gone <= _MOST_ROWS:
        return
    rows = [msgspec.structs.astuple(one) for one in misfits[:_MOST_ROWS]]
    raise CheckpointError(
        f"the file ends at {size} bytes, before its tensors do; {total - gone} of {total} are whole, "
        "and nothing was loaded",
        path=old.path,
        hint=AGAIN,
        details=f"{table(rows)}\n... and {len(misfits) - _MOST_ROWS} more",
    )


def _bytes(entry: Entry, itemsize: int, stream: BinaryIO, size: int) -> bytearray | None:
    """The bytes from the first to the last element of a tensor; None if the file does not hold them."""
    if 0 in entry.shape:
        return bytearray()
    if entry.offset is None or min(entry.stride, default=0) < 0:
        return None
    span = itemsize * (1 + sum((n - 1) * step for n, step in zip(entry.shape, entry.stride, strict=True)))
    elements = 1
    for length in entry.shape:
        elements *= length
    if entry.offset + span > size or elements * itemsize > max(_MOST_EXPANDED, span):
        return None
    stream.seek(entry.offset)
    data = bytearray(stream.read(span))
    return data if len(data) == span else None


def _swapped(data: bytearray, itemsize: int) -> bytearray:
    import numpy as np

    return bytearray(np.frombuffer(data, dtype=f"u{itemsize}").byteswap().tobytes())


def _at_top(name: str, facts: Mapping[str, Any]) -> bool:
    """Whether a tensor of a file without a key for its weights belongs to them: not one in a dict beside."""
    head, dot, _ = name.partition(".")
    return not dot or head not in facts["top_keys"]


@contextmanager
def _open(path: str) -> Iterator[BinaryIO]:
    try:
        with open(path, "rb") as stream:
            yield stream
    except OSError as error:
        raise storage_error(error, path, "read") from error
