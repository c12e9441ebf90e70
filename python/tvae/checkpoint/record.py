"""The record of a checkpoint: where it comes from, what it is, how good it is."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

import msgspec
from msgspec import Struct, field

from tvae.checkpoint.atomic import plain
from tvae.errors import CheckpointError

SCHEMA = 1


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _version() -> str:
    try:
        return version("tvae")
    except PackageNotFoundError:
        return "unknown"


class Record(Struct, frozen=True, kw_only=True):
    """What a checkpoint says about itself; null where it is not known.

    Fields that a later version adds are read over, a later `schema` is refused.

    Example:
        >>> Record(architecture={"depth": 9}, epoch=12, metrics={"coverage": 1.0}).metrics["coverage"]
        1.0
    """

    schema: int = SCHEMA
    version: str = field(default_factory=_version)
    created_at: str = field(default_factory=_now)
    command: str | None = None
    training_script: str | None = None
    config_path: str | None = None
    config: dict[str, object] = {}
    config_hash: str | None = None
    base_checkpoint: str | None = None
    base_sha256: str | None = None
    git_revision: str | None = None
    epoch: int | None = None
    step: int | None = None
    seed: int | None = None
    metric_version: int | None = None
    metrics: dict[str, float | None] = {}
    architecture: dict[str, object]
    training_summary: dict[str, object] = {}
    environment: dict[str, object] = {}


class _SchemaOnly(Struct):
    schema: int


def encode_json(value: object) -> bytes:
    """JSON with sorted keys, so equal content has equal bytes; NaN and infinity become null."""
    return msgspec.json.encode(value, enc_hook=plain, order="deterministic")


def encode_record(record: Record) -> str:
    """The record as JSON.

    Raises:
        TypeError: if a field holds what JSON cannot say, or would not be read back.
    """
    encoded = encode_json(record)
    try:
        msgspec.json.decode(encoded, type=Record)
    except msgspec.ValidationError as error:
        raise TypeError(f"this record could not be read back: {error}") from None
    return encoded.decode()


def decode_record(text: str, *, source: str) -> Record:
    """The record in `text`.

    Raises:
        CheckpointError: if it is no record, or one of a later schema.
    """
    try:
        schema = msgspec.json.decode(text, type=_SchemaOnly).schema
        if schema > SCHEMA:
            raise CheckpointError(
                f"the record has schema {schema}",
                path=source,
                expected=f"at most {SCHEMA}",
                hint="it was written by a later tvae; upgrade with `pip install -U tvae`",
            )
        return msgspec.json.decode(text, type=Record)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise CheckpointError(f"the tvae record cannot be read: {error}", path=source) from None


def record_environment(device: object) -> dict[str, object]:
    """The versions and the machine of a run, for `Record.environment`.

    Args:
        device: a torch device or its name.

    Example:
        >>> sorted(record_environment("cpu"))
        ['device', 'platform', 'python', 'torch', 'tvae']
    """
    import torch

    name = str(device)
    if name.startswith("cuda") and torch.cuda.is_available():
        name = f"{name} ({torch.cuda.get_device_name(torch.device(name))})"
    return {
        "tvae": _version(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "platform": platform.platform(),
        "device": name,
    }


def git_revision(folder: str | os.PathLike[str] = ".") -> str | None:
    """The commit checked out in `folder`, or None where there is no repository or no git.

    Example:
        >>> git_revision("/") is None
        True
    """
    try:
        done = subprocess.run(
            ["git", "rev-parse", "--verify", "HEAD"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=5,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
