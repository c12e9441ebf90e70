"""The record of a checkpoint: where it comes from, what it is, how good it is."""

from __future__ import annotations

import os
import platform
import subprocess

import msgspec
from msgspec import Struct

from tvae.checkpoint.atomic import plain
from tvae.errors import CheckpointError
from tvae.record import SCHEMA, Record, package_version

#: What to do about a damaged file.
AGAIN = "copy it again or use an earlier checkpoint"


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
        hint = None if isinstance(error, msgspec.ValidationError) else AGAIN
        raise CheckpointError(f"the tvae record cannot be read: {error}", path=source, hint=hint) from None


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
        "tvae": package_version(),
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
