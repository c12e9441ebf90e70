"""Moving one file so that at every moment one whole copy of it exists."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat

from tvae.errors import StorageError

#: The ending of a copy that is not complete.
PART = ".tvae-part"
_CHUNK = 1 << 20


def move(source: str, target: str) -> None:
    """Rename, or across file systems: copy, sync, compare what both sides hold, and only then remove.

    Raises:
        FileExistsError: if the target is there already.
        StorageError: if the copy does not hold what the source holds.
        OSError: if the disk refuses.
    """
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(source, target)
        os.unlink(source)


def sha256(path: str) -> str:
    """The digest of a file's bytes; a link is not followed."""
    digest = hashlib.sha256()
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _copy(source: str, target: str) -> None:
    part = target + PART
    digest = hashlib.sha256()
    with open(os.open(source, os.O_RDONLY | os.O_NOFOLLOW), "rb") as read:
        before = os.fstat(read.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise StorageError(f"{source} is not a regular file any more", path=source)
        written = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(written, "wb") as out:
                while chunk := read.read(_CHUNK):
                    digest.update(chunk)
                    out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
            shutil.copystat(source, part, follow_symlinks=False)
            after = os.fstat(read.fileno())
            changed = (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)
            if changed or sha256(part) != digest.hexdigest():
                raise StorageError(f"the copy of {source} differs from it; nothing was removed", path=source)
            os.rename(part, target)
        except BaseException:
            if os.path.lexists(part):
                os.unlink(part)
            raise
    sync_folder(os.path.dirname(target))


def sync_folder(folder: str) -> None:
    """Bring the names in a folder to the disk, where the file system knows how."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
