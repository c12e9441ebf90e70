"""The checkpoint file: what is in it, writing it, reading it.

The header is checked against the size of the file before anything is allocated, and both come
from one open file, so a run that renames a newer file into place never mixes two of them.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tvae import _core
from tvae.checkpoint.atomic import storage_error, write_chunks
from tvae.checkpoint.record import AGAIN, decode_record, encode_json, encode_record
from tvae.errors import CheckpointError, DeviceError, MissingError
from tvae.record import Record

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_RECORD_KEY = "tvae"
_STATE_KEY = "tvae_state"
_STATE_PREFIX = "state/"
_METADATA = "__metadata__"
#: The largest header that safetensors itself accepts.
_MAX_HEADER = 100_000_000


@dataclass(frozen=True)
class Checkpoint:
    """The content of a file: a weights file has no `state` and no `state_tensors`.

    Attributes:
        record: where it comes from.
        tensors: the model's tensors by module name.
        state: JSON-able resume state; tuples come back as lists, NaN and infinity as None.
        state_tensors: optimizer moments and generator states; always read to the CPU.
    """

    record: Record
    tensors: Mapping[str, Tensor]
    state: Mapping[str, object] = field(default_factory=dict)
    state_tensors: Mapping[str, Tensor] = field(default_factory=dict)


def save(path: str | os.PathLike[str], checkpoint: Checkpoint) -> Path:
    """Write a checkpoint, whole or not at all; the same content gives the same bytes.

    Tensors that share memory are written each for itself. Returns the path.

    Raises:
        StorageError: if the disk, a limit or a permission forbids it; the earlier file is untouched.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> import torch
        >>> ours = Checkpoint(Record(architecture={}), {"w": torch.ones(2)}, {"step": 7})
        >>> with TemporaryDirectory() as folder:
        ...     read(save(f"{folder}/latest.safetensors", ours)).state
        {'step': 7}
    """
    import safetensors.torch

    for name in checkpoint.tensors:
        assert not name.startswith(_STATE_PREFIX), f"a model tensor may not be called {name}"
    named = {
        **checkpoint.tensors,
        **{_STATE_PREFIX + name: t for name, t in checkpoint.state_tensors.items()},
    }
    assert _METADATA not in named, f"a tensor may not be called {_METADATA}"
    metadata = {"format": "pt", _RECORD_KEY: encode_record(checkpoint.record)}
    if checkpoint.state or checkpoint.state_tensors:
        metadata[_STATE_KEY] = encode_json(checkpoint.state).decode()
    # Cloned, because safetensors refuses shared memory and other layouts than contiguous ones.
    packed = safetensors.torch.save(
        {name: t.detach().cpu().contiguous().clone() for name, t in named.items()}
    )
    # safetensors orders its metadata at random, so the header is put together here.
    end = 8 + int.from_bytes(packed[:8], "little")
    header = _padded_json({_METADATA: metadata, **msgspec.json.decode(packed[8:end])})
    return write_chunks(path, [len(header).to_bytes(8, "little"), header, memoryview(packed)[end:]])


def read_record(path: str | os.PathLike[str]) -> Record:
    """The record of a checkpoint, from its header alone and without torch.

    Raises:
        CheckpointError: if the file is no whole checkpoint of ours.
        MissingError: if there is no such file.
        StorageError: if it may not be read.

    Example:
        >>> read_record("no/such.safetensors")
        Traceback (most recent call last):
        tvae.errors.MissingError: no/such.safetensors: no such file; ...
    """
    with _open(path) as stream:
        return _header(stream, os.fspath(path))[0]


def read(path: str | os.PathLike[str], *, device: str | torch.device = "cpu") -> Checkpoint:
    """A whole checkpoint, the model's tensors on `device`.

    Raises:
        CheckpointError: if the file is no whole checkpoint of ours.
        MissingError: if there is no such file.
        StorageError: if it may not be read.
        DeviceError: if the device is not there.

    Example:
        >>> read("/")
        Traceback (most recent call last):
        tvae.errors.CheckpointError: /: is a folder; name a file in it, such as best.safetensors
    """
    import safetensors
    import safetensors.torch
    import torch

    source = os.fspath(path)
    with _open(path) as stream:
        record, state, size = _header(stream, source)
        stream.seek(0)
        content = stream.read(size)
    try:
        # Sorted, because safetensors gives them in no particular order.
        named = dict(sorted(safetensors.torch.load(content).items()))
    except (safetensors.SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"the tensors cannot be read: {error}", path=source) from None
    try:
        target = torch.device(device)
        # A state's tensors stay: generator states live on the CPU, optimizers move their own.
        tensors = {name: t.to(target) for name, t in named.items() if not name.startswith(_STATE_PREFIX)}
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise DeviceError(f"device {device} cannot be used: {reason}", hint="use cpu") from None
    state_tensors = {
        name.removeprefix(_STATE_PREFIX): t for name, t in named.items() if name.startswith(_STATE_PREFIX)
    }
    return Checkpoint(record, tensors, state, state_tensors)


def sha256(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file, in hexadecimal.

    Raises:
        CheckpointError, MissingError, StorageError: as `read_record`, for a file that cannot be opened.

    Example:
        >>> from tempfile import NamedTemporaryFile
        >>> with NamedTemporaryFile() as file:
        ...     sha256(file.name)[:8]
        'e3b0c442'
    """
    with _open(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _padded_json(value: dict[str, object]) -> bytes:
    """JSON in the order given, padded so that the tensors behind it start at a multiple of 8."""
    encoded = msgspec.json.encode(value)
    return encoded + b" " * (-len(encoded) % 8)


@contextmanager
def _open(path: str | os.PathLike[str]) -> Iterator[BufferedReader]:
    source = os.fspath(path)
    if "\0" in source:
        raise MissingError("no such file: the name has a null byte", path=repr(source))
    try:
        mode = os.stat(source).st_mode
        if stat.S_ISDIR(mode):
            raise CheckpointError(
                "is a folder", path=source, hint="name a file in it, such as best.safetensors"
            )
        if not stat.S_ISREG(mode):
            raise CheckpointError("is not a regular file", path=source, expected="a .safetensors file")
        with open(source, "rb") as stream:
            yield stream
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingError("no such file", path=source, hint="check the path") from error
    except OSError as error:
        raise storage_error(error, source, "read") from error


def _header(stream: BufferedReader, source: str) -> tuple[Record, dict[str, object], int]:
    """The record, the state and the size of the file, all of its header checked."""
    size = os.fstat(stream.fileno()).st_size
    start = stream.read(16)
    length = int.from_bytes(start[:8], "little")
    if start[8:9] != b"{" or len(start) < 9:
        raise _foreign(start, source)
    if length > _MAX_HEADER:
        raise CheckpointError(
            f"damaged: the header claims {length} bytes",
            path=source,
            expected=f"at most {_MAX_HEADER}",
            hint=AGAIN,
        )
    if 8 + length > size:
        raise CheckpointError(
            f"truncated: the header claims {length} bytes and the file has {size}",
            path=source,
            hint=AGAIN,
        )
    stream.seek(8)
    try:
        header = msgspec.json.decode(stream.read(length), type=dict[str, dict[str, object]])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        why = "no UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise CheckpointError(
            f"damaged: the header is not that of a safetensors file: {why}", path=source, hint=AGAIN
        ) from None
    metadata = header.pop(_METADATA, {})
    _check_extent(header, size - 8 - length, source)
    text = metadata.get(_RECORD_KEY)
    if not isinstance(text, str):
        raise CheckpointError(
            "a safetensors file without a tvae record",
            path=source,
            hint="convert a file of another program with `tvae checkpoint convert`",
        )
    return decode_record(text, source=source), _state(metadata.get(_STATE_KEY), source), size


def _check_extent(header: dict[str, dict[str, object]], have: int, source: str) -> None:
    """Refuse a file whose tensors do not fill it exactly."""
    try:
        spans = msgspec.convert(
            [entry.get("data_offsets") for entry in header.values()], list[tuple[int, int]]
        )
    except msgspec.ValidationError as error:
        raise CheckpointError(f"damaged: data_offsets: {error}", path=source, hint=AGAIN) from None
    want = max((end for _, end in spans), default=0)
    if want > have:
        raise CheckpointError(
            f"truncated: its tensors need {want} bytes and {have} are there",
            path=source,
            hint=AGAIN,
        )
    if want < have:
        raise CheckpointError(f"damaged: {have - want} bytes behind the last tensor", path=source, hint=AGAIN)


def _state(text: object, source: str) -> dict[str, object]:
    if text is None:
        return {}
    try:
        return msgspec.json.decode(str(text), type=dict[str, object])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise CheckpointError(f"the resume state cannot be read: {error}", path=source, hint=AGAIN) from None


def _foreign(start: bytes, source: str) -> CheckpointError:
    """What a file that does not start like safetensors is, in one line."""
    convert = "convert it once with `tvae checkpoint convert OLD NEW`"
    if start.startswith(b"PK"):
        return CheckpointError(
            "a torch .pt pickle (zip), which is not loaded here because a pickle can run code",
            path=source,
            hint=convert,
        )
    if start[:1] == b"\x80" and start[1:2] in b"\x00\x01\x02\x03\x04\x05":
        return CheckpointError(
            "a pickle, which is not loaded here because a pickle can run code", path=source, hint=convert
        )
    try:
        _core.open_checkpoint(source)
    except CheckpointError as error:
        # The engine knows pages, pointers and other archives by name.
        return error
    return CheckpointError(
        "a pickle of an old protocol, or a tar file, which is not loaded here",
        path=source,
        hint="`tvae show FILE` says what it holds",
    )
