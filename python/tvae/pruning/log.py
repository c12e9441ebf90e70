"""The log of a prune: a line before each move, on the disk before anything moves."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from msgspec import Struct

from tvae.errors import MissingError, PlanError, StorageError
from tvae.pruning.move import sync_folder

SCHEMA = 1
_HINT = "name the file that tvae prune --apply printed, or its archive"


class Step(Struct, frozen=True):
    """Something that was about to be done.

    Attributes:
        do: `move` for a file, `rmdir` for a folder that had become empty or was.
        source: the file or folder.
        target: where a file goes.
        size, mtime_ns: of the file.
        mode: permissions of the folder.
    """

    do: str
    source: str
    target: str = ""
    size: int = 0
    mtime_ns: int = 0
    mode: int = 0o777


class Log(Struct, frozen=True):
    """What a log says: the tree, the archive, and the steps in their order."""

    root: str
    archive: str
    steps: list[Step]


class Writer:
    """Writes a new log into the archive."""

    def __init__(self, root: str, archive: str) -> None:
        os.makedirs(archive, exist_ok=True)
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
        self.path = os.path.join(archive, f"prune-{stamp}.jsonl")
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._line({"schema": SCHEMA, "log": "tvae prune", "root": root, "archive": archive})
        sync_folder(archive)

    def step(self, step: Step) -> None:
        """Write a step; it is on the disk when this returns."""
        self._line({name: getattr(step, name) for name in step.__struct_fields__})

    def _line(self, value: dict[str, Any]) -> None:
        # Names that are not UTF-8 have lone surrogates, which JSON escapes and gives back.
        data = json.dumps(value).encode() + b"\n"
        while data:
            data = data[os.write(self._file, data) :]
        os.fsync(self._file)

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)


def read(path: str | os.PathLike[str]) -> Log:
    """A log from its file; a last line that was cut short was never acted on.

    Raises:
        MissingError: if there is none.
        PlanError: if it is no log.
    """
    import msgspec

    name = os.fspath(path)
    try:
        with open(path, "rb") as file:
            lines = file.read().split(b"\n")
    except FileNotFoundError as error:
        raise MissingError(f"{name}: no such log", path=name, hint=_HINT) from error
    except OSError as error:
        raise StorageError(f"{name}: {error.strerror or error}", path=name) from error
    # Everything after the last line break was not complete.
    whole = lines[:-1]
    try:
        try:
            head, *rest = (json.loads(line) for line in whole)
        except (ValueError, RecursionError):
            raise ValueError("it is no JSON") from None
        if head.get("log") != "tvae prune" or head.get("schema") != SCHEMA:
            raise ValueError("its first line is not that of a log")
        root, archive = str(head["root"]), str(head["archive"])
        steps = msgspec.convert(rest, list[Step])
    except (ValueError, KeyError, AttributeError, RecursionError) as error:
        raise PlanError(f"{name} is no log of tvae prune: {error}", path=name, hint=_HINT) from error
    return Log(root, archive, steps)
