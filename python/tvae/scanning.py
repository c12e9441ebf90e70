"""What a checkpoint file holds and whether loading it would be safe, found without loading it.

The module is not called `scan` or `inspect`, because a submodule would shadow the function of its name.
"""

from __future__ import annotations

import os

import msgspec
from msgspec import Struct, field

from tvae import _core


class Import(Struct, frozen=True):
    """A name that a pickle in the file imports.

    Attributes:
        module, name: what it imports.
        class_: `known_types`, `unknown_code`, `unparsed` or `dangerous`; `class` in JSON.
        offset: where in the file.
    """

    module: str
    name: str
    class_: str = field(name="class")
    offset: int


class Reading(Struct, frozen=True):
    """What one place of the file says about a metric.

    Attributes:
        value: a number, or a table by level; None if it is stored in a tensor.
        raw_key: the key that it was stored under.
        source: where that key is, such as `metrics` or `top level`.
        dtype: the type that it was stored as, such as `float` or `numpy.float32`.
        family: which definition it was computed by, such as `tvae 1`; values of different families do not
            compare. `unknown` if nothing tells.
    """

    value: int | float | list[int | float] | dict[str, int | float] | None
    raw_key: str
    source: str
    dtype: str
    family: str


class Metric(Reading, frozen=True):
    """A metric: the reading that counts, and what other places say.

    Attributes:
        others: the other readings, by falling precedence.
    """

    others: list[Reading]


class StateDict(Struct, frozen=True):
    """The tensors below one key; the key is empty if they are at the top.

    Attributes:
        key: the key.
        n_tensors, n_params: tensors, and their elements; a tensor under two names counts once.
        bytes: size of the storages behind them, each counted once.
        dtypes: their types.
        layout: the model that they belong to, if names and shapes tell.
        fingerprint: equal for equal weights; None where the container has no checksums.
    """

    key: str
    n_tensors: int
    n_params: int
    bytes: int
    dtypes: list[str]
    layout: str | None
    fingerprint: str | None


class Optimizer(Struct, frozen=True):
    """What is kept of an optimizer.

    Attributes:
        key: the key that it was stored under.
        kind: such as `Adam`, as far as its state tells.
        n_params: parameters that it has a state for.
        lr: the learning rate of every group.
    """

    key: str
    kind: str | None
    n_params: int
    lr: list[float]


class Issue(Struct, frozen=True):
    """Something wrong or odd.

    Attributes:
        code: its name, such as `Z030`.
        severity: `info`, `warning`, `error` or `high`.
        message: one line.
        offset: where in the file, if in one place.
        hint: what to do, if there is something to do.
    """

    code: str
    severity: str
    message: str
    offset: int | None
    hint: str | None


class Salvage(Struct, frozen=True):
    """What a cut file still holds: so many storages of so many."""

    present: int
    storages: int


class FileRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that is known about a file.

    Attributes:
        path: the path as it was given; `path_b64` has its bytes if they are not UTF-8.
        size, allocated, mtime: bytes, bytes on the disk, seconds since 1970.
        kind: such as `torch_zip`, `torch_legacy`, `safetensors`, `pickle`.
        status: `ok`, `salvaged`, `corrupt` or `unsupported`.
        safety: the worst of every pickle in the file: `data_only`, `known_types`, `unknown_code`, `unparsed`,
            `dangerous`.
        config_hash: SHA-256 of the config as canonical JSON, or what our own record says.
        lineage: where it comes from: what is stored under names such as `base_checkpoint` or `run_id`.
        serialization_id: equal for copies of the same save.
    """

    path: str
    path_b64: str | None = None
    size: int
    allocated: int
    mtime: float
    kind: str
    torch_prefix: str | None
    status: str
    safety: str
    imports: list[Import]
    epoch: int | None
    metrics: dict[str, Metric]
    config: dict[str, object] | None
    config_hash: str | None
    top_keys: list[str]
    state_dicts: list[StateDict]
    optimizers: list[Optimizer]
    lineage: dict[str, object]
    n_records: int | None
    serialization_id: str | None
    issues: list[Issue]
    salvaged: Salvage | None
    elapsed_us: int


def inspect(path: str | os.PathLike[str]) -> FileRecord:
    """What a file is and holds. Nothing in it is executed, and no tensor is read.

    Raises:
        MissingError: if there is no such file.
        CheckpointError: if it is a folder, a pipe or a device.
        StorageError: if it may not be read. What is wrong inside the file stands in the record instead.

    Example:
        >>> from importlib.resources import files
        >>> record = inspect(files("tvae.presets") / "default.safetensors")
        >>> record.kind, record.status, record.safety
        ('safetensors', 'ok', 'data_only')
    """
    return msgspec.convert(_core.inspect_file(path), FileRecord)


def find(path: str | os.PathLike[str], key: str) -> list[object]:
    """The value under a key path such as `config.lr` in a list, or an empty list; tensors are described.

    Raises:
        MissingError, StorageError: as `inspect`.
        CheckpointError: if the file is no checkpoint that could be decoded.
    """
    return _core.checkpoint_value(path, key)


class Tensor(Struct, frozen=True):
    """A tensor of a checkpoint and where it is in the file; `file_offset` is None if it is not in it."""

    name: str
    dtype: str
    shape: list[int]
    stride: list[int]
    file_offset: int | None
    nbytes: int


def tensors(path: str | os.PathLike[str]) -> list[Tensor]:
    """Every tensor of a checkpoint.

    Raises:
        MissingError, StorageError: as `inspect`.
        CheckpointError: if the file is no checkpoint that could be decoded.
    """
    return [Tensor(*entry) for entry in _core.open_checkpoint(path)[1]]
