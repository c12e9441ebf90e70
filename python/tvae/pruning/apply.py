"""Checking a plan against the disk, and carrying it out."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from shlex import quote

from msgspec import Struct

from tvae.checkpoint.atomic import storage_error
from tvae.errors import PlanError, StorageError
from tvae.pruning.history import refuse_applied
from tvae.pruning.log import Step, Writer
from tvae.pruning.move import move
from tvae.pruning.plan import Item, Plan, fingerprint
from tvae.pruning.tree import archive_beside, relative

#: The folder of the archive for what a plan calls `delete`.
DELETED = "deleted"
_MOST_NAMED = 20


class Prepared(Struct, frozen=True):
    """A plan that holds: everything in it is as it was when the plan was made.

    Attributes:
        root, archive: the tree, and the folder that takes what is moved.
        moves: each item and its target.
    """

    root: str
    archive: str
    moves: list[tuple[Item, str]]

    @property
    def deleted(self) -> str:
        """The folder that can be removed when nothing in it is missed."""
        return os.path.join(self.archive, DELETED)

    def size(self, action: str) -> int:
        """Bytes of the items of an action."""
        return sum(item.size for item, _ in self.moves if item.action == action)


def prepare(plan: Plan, *, archive: str | os.PathLike[str] | None = None) -> Prepared:
    """Compare a plan with the disk.

    Args:
        plan: the plan.
        archive: the folder for what is moved; by default `ROOT-archive` beside the root.

    Raises:
        PlanError: if anything in it changed, is missing, is a link, is outside of the root or would overwrite
            something; the whole plan is refused then.
    """
    if not os.path.isdir(plan.root):
        raise PlanError(f"the tree {plan.root} is not there", path=plan.root)
    folder = archive_beside(plan.root, archive)
    moves: list[tuple[Item, str]] = []
    problems: list[str] = []
    targets: set[str] = set()
    for item in plan.items:
        try:
            inside = relative(item.path, plan.root)
            _look(item)
        except PlanError as error:
            problems.append(error.message)
            continue
        parts = [folder, DELETED, inside] if item.action == "delete" else [folder, inside]
        target = os.path.join(*parts)
        if target in targets or os.path.lexists(target):
            problems.append(f"{target} is there already")
        targets.add(target)
        moves.append((item, target))
    if problems:
        refuse_applied(plan, folder)
    refuse(problems, "the plan does not hold any more", "scan again and write a new plan")
    return Prepared(plan.root, folder, moves)


def apply(prepared: Prepared, *, begun: Callable[[str], None] | None = None) -> str:
    """Carry a plan out; returns the path of the log for `undo`.

    Args:
        prepared: the plan.
        begun: called with the path of the log before anything moves.

    Raises:
        PlanError: if a file changed since it was checked; what was moved before stays moved, as the log says.
        StorageError: if the disk refuses.
    """
    folders: dict[str, None] = {}
    moved = 0
    log: Writer | None = None
    try:
        with Writer(prepared.root, prepared.archive) as log:
            if begun is not None:
                begun(log.path)
            for item, target in prepared.moves:
                _one(item, target, log)
                folders[os.path.dirname(item.path)] = None
                moved += 1
            _remove_emptied(folders, prepared.root, log)
    except (PlanError, StorageError) as error:
        raise _midway(error, moved, prepared, log) from error
    except OSError as error:
        mapped = storage_error(error, error.filename or prepared.archive, "move")
        raise _midway(mapped, moved, prepared, log) from error
    return log.path


def _midway(
    error: PlanError | StorageError, moved: int, prepared: Prepared, log: Writer | None
) -> PlanError | StorageError:
    """The error with how far it came, and the way back."""
    if moved and log is not None:
        error.hint = (
            f"{moved} of {len(prepared.moves)} moved; undo with `tvae prune --undo {quote(log.path)}`"
        )
    return error


def refuse(problems: Iterable[str], what: str, hint: str) -> None:
    """Raises `PlanError` with all problems, if there are any."""
    named = list(problems)
    if not named:
        return
    more = [f"and {len(named) - _MOST_NAMED} more"] if len(named) > _MOST_NAMED else []
    details = "\n".join([*named[:_MOST_NAMED], *more]) if len(named) > 1 else None
    first = named[0] if len(named) == 1 else f"{len(named)} problems"
    raise PlanError(f"{what}: {first}", hint=hint, details=details)


def _one(item: Item, target: str, log: Writer) -> None:
    # Moving one name of a hard link changes the ctime of the others, so that is not compared again.
    facts = os.lstat(item.path)
    device, inode, size, mtime_ns, *_ = item.fingerprint.split(":")
    if (str(facts.st_dev), str(facts.st_ino), str(facts.st_mtime_ns)) != (device, inode, mtime_ns):
        raise PlanError(f"{item.path} changed while the plan was applied", path=item.path)
    if item.folder:
        log.step(Step("rmdir", item.path, mode=stat.S_IMODE(facts.st_mode)))
        os.rmdir(item.path)
        return
    if str(facts.st_size) != size:
        raise PlanError(f"{item.path} changed while the plan was applied", path=item.path)
    log.step(Step("move", item.path, target, facts.st_size, facts.st_mtime_ns))
    move(item.path, target)


def _look(item: Item) -> None:
    try:
        facts = os.lstat(item.path)
    except OSError as error:
        reason = "is missing" if isinstance(error, FileNotFoundError) else error.strerror
        raise PlanError(f"{item.path} {reason}", path=item.path) from error
    if stat.S_ISLNK(facts.st_mode):
        raise PlanError(f"{item.path} is a link", path=item.path)
    wanted = stat.S_ISDIR if item.folder else stat.S_ISREG
    if not wanted(facts.st_mode):
        raise PlanError(
            f"{item.path} is not {'a folder' if item.folder else 'a file'} any more", path=item.path
        )
    if item.folder and os.listdir(item.path):
        raise PlanError(f"{item.path} is not empty any more", path=item.path)
    seen = ":".join(item.fingerprint.split(":")[:5])
    if seen != fingerprint(facts) or item.mtime_ns != facts.st_mtime_ns:
        raise PlanError(f"{item.path} changed since the plan was made", path=item.path)
    if not item.folder and item.size != facts.st_size:
        raise PlanError(f"{item.path} has another size than the plan says", path=item.path)


def _remove_emptied(folders: Iterable[str], root: str, log: Writer) -> None:
    """Remove the folders that the moves left empty, those around them too."""
    for start in sorted(folders, key=len, reverse=True):
        folder = start
        while folder != root and os.path.isdir(folder) and not os.listdir(folder):
            log.step(Step("rmdir", folder, mode=stat.S_IMODE(os.lstat(folder).st_mode)))
            os.rmdir(folder)
            folder = os.path.dirname(folder)
