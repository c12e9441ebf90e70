"""Where `-o` and `--plan` write: a file whole or not at all, and pipes and devices as they stand."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Mapping, Sequence

from tvae.errors import ConfigError


def check(path: str, option: str, scanned: Sequence[str]) -> None:
    """Raises `ConfigError` if nothing can or should be written there; asked before anything is scanned."""
    if not path:
        raise ConfigError(f"{option} names no file", path=option)
    if os.path.isdir(path):
        raise ConfigError(f"{option} {path}: is a folder", path=option, hint="name a file")
    folder = os.path.dirname(path if os.path.exists(path) else os.path.realpath(path)) or os.curdir
    if not os.path.isdir(folder):
        raise ConfigError(f"{option} {path}: there is no folder {folder}", path=option, hint="make it first")
    if not os.path.isfile(path):
        return
    if any(os.path.exists(one) and os.path.samefile(one, path) for one in scanned):
        raise ConfigError(
            f"{option} {path}: is one of the paths to scan", path=option, hint="name another file"
        )
    from tvae import _core

    if _core.is_candidate(os.path.realpath(path)):
        raise ConfigError(
            f"{option} {path}: is a checkpoint, and would be replaced", path=option, hint="name another file"
        )


def check_apart(targets: Mapping[str, str]) -> None:
    """Raises `ConfigError` if two options name one file."""
    known: dict[str, str] = {}
    for option, path in targets.items():
        other = known.setdefault(os.path.realpath(path), option)
        if other != option:
            raise ConfigError(
                f"{other} and {option} name the same file {path}", path=option, hint="name two files"
            )


def deliver(path: str, data: bytes) -> None:
    """Write to what the path leads to: a link stays a link, a pipe a pipe.

    Raises:
        StorageError: if the disk, a limit or a permission forbids it; an earlier file is untouched.
        BrokenPipeError: if the reader of a pipe has had enough.
    """
    from tvae.checkpoint.atomic import storage_error, write_chunks

    try:
        facts = os.stat(path)
    except OSError:
        facts = None
    if facts is None or (stat.S_ISREG(facts.st_mode) and not _is_stdout(facts)):
        write_chunks(os.path.realpath(path), [data])
        return
    try:
        if _is_stdout(facts):
            # Opened anew, a file behind it would be cut to nothing.
            sys.stdout.flush()
            descriptor = os.dup(1)
        else:
            descriptor = os.open(path, os.O_WRONLY)
        with open(descriptor, "wb") as stream:
            stream.write(data)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise storage_error(error, path, "write") from error


def _is_stdout(facts: os.stat_result) -> bool:
    try:
        return os.path.samestat(facts, os.fstat(1))
    except OSError as error:
        if error.errno != errno.EBADF:
            raise
        return False
