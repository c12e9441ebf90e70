"""Writing a file whole or not at all.

The bytes go to a temporary file in the same folder, reach the disk, and take the name in one
rename. The writer holds a lock on its temporary file, which the kernel drops with the process:
one that can be locked belongs to a dead run, and the next write of that path removes it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import msgspec

from tvae.errors import StorageError

_HINTS = {
    errno.ENOSPC: "free some space or write to another disk",
    errno.EDQUOT: "free some of your quota or write to another disk",
    errno.EFBIG: "raise the file size limit (ulimit -f) or write to another file system",
    errno.EROFS: "choose a folder that can be written",
    errno.EACCES: "check the permissions of the folder or choose another",
    errno.EPERM: "check the permissions of the folder or choose another",
    errno.ENOTDIR: "a part of the path is a file; choose another folder",
    errno.EEXIST: "a part of the path is a file; choose another folder",
    errno.EISDIR: "the path is a folder; name a file",
    errno.ENAMETOOLONG: "choose a shorter name",
}


def storage_error(error: OSError, path: str | os.PathLike[str], what: str) -> StorageError:
    """The `StorageError` for an `OSError`: one line and what to do."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    mapped = StorageError(
        f"cannot {what} {os.fspath(path)}: {reason}",
        path=os.fspath(path),
        hint=_HINTS.get(error.errno or 0),
    )
    mapped.errno = error.errno
    return mapped


def plain(value: object) -> object:
    """The JSON-able form of what msgspec does not know: paths, numpy and torch scalars and arrays."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def write_chunks(path: str | os.PathLike[str], chunks: Iterable[bytes | memoryview]) -> Path:
    """Write `chunks` to `path` atomically, making its folder where needed; returns the path.

    Raises:
        StorageError: if the disk, a limit or a permission forbids it; the earlier file is untouched.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        _remove_stale(target)
        temporary, stream = _open_temporary(target)
        try:
            with stream:
                for chunk in chunks:
                    stream.write(chunk)
                stream.flush()
                os.fsync(stream.fileno())
                # Renamed under the lock: a cleaner that comes now finds it held, or gone.
                os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)
    except OSError as error:
        raise storage_error(error, target, "write") from error
    return target


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    r"""Write `text` as UTF-8 to `path`, whole or not at all; returns the path.

    Raises:
        StorageError: as for any write here; the earlier file is untouched.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     write_text(f"{folder}/a/config.yaml", "seed: 0\n").read_text()
        'seed: 0\n'
    """
    return write_chunks(path, [text.encode()])


def write_json(path: str | os.PathLike[str], value: object) -> Path:
    r"""Write `value` as indented JSON, whole or not at all; NaN and infinity become null.

    Args:
        path: the file.
        value: builtins, msgspec structs, paths, numpy or torch scalars and arrays.

    Raises:
        StorageError: as for any write here; the earlier file is untouched.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     write_json(f"{folder}/summary.json", {"kl": float("nan")}).read_text()
        '{\n  "kl": null\n}\n'
    """
    encoded = msgspec.json.encode(value, enc_hook=plain)
    return write_chunks(path, [msgspec.json.format(encoded, indent=2), b"\n"])


def _temporary_prefix(target: Path) -> str:
    return f".{target.name}.tmp-"


def _open_temporary(target: Path) -> tuple[Path, BinaryIO]:
    while True:
        path = target.with_name(_temporary_prefix(target) + secrets.token_hex(6))
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            continue
        # Between creation and lock a cleaner may have taken the file for a stale one.
        if _try_lock(descriptor) is not False and os.fstat(descriptor).st_nlink:
            return path, os.fdopen(descriptor, "wb")
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool | None:
    """True: locked; False: another process holds it; None: this file system knows no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _remove_stale(target: Path) -> None:
    prefix = _temporary_prefix(target)
    for name in os.listdir(target.parent):
        if not name.startswith(prefix):
            continue
        path = target.with_name(name)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            if _try_lock(descriptor):
                path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems do not sync folders; the file itself is on disk.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
