"""Moving back what a log says was moved, whatever moment the prune was stopped at."""

from __future__ import annotations

import os
import stat

from msgspec import Struct

from tvae.checkpoint.atomic import storage_error
from tvae.errors import PlanError, StorageError
from tvae.pruning import log as logs
from tvae.pruning.apply import refuse
from tvae.pruning.log import Step
from tvae.pruning.move import PART, move, sha256
from tvae.pruning.tree import relative, remove_empty


class Undone(Struct, frozen=True):
    """What an undo did.

    Attributes:
        root: the tree.
        moved: the files that are back.
        bytes: their bytes.
        kept: files that had not been moved, or were back already.
    """

    root: str
    moved: list[str]
    bytes: int
    kept: int


def undo(path: str | os.PathLike[str]) -> Undone:
    """Move everything back that a log names; it may be called again after an interrupt.

    Raises:
        MissingError: if there is no such log.
        PlanError: if it is no log, or something cannot go back: it is gone, it changed, or something else is
            in its place. Nothing is moved then.
        StorageError: if the disk refuses.
    """
    log = logs.read(path)
    problems = [problem for step in log.steps if (problem := _problem(step, log))]
    refuse(problems, "it cannot be undone", "move aside what is in the way")
    moved: list[Step] = []
    kept = 0
    try:
        for step in reversed(log.steps):
            if step.do == "rmdir":
                os.makedirs(step.source, exist_ok=True)
                os.chmod(step.source, step.mode)
            elif _back(step, log):
                moved.append(step)
            else:
                kept += 1
    except StorageError:
        raise
    except OSError as error:
        raise storage_error(error, error.filename or log.root, "move back") from error
    return Undone(log.root, [step.source for step in moved], sum(step.size for step in moved), kept)


def _problem(step: Step, log: logs.Log) -> str | None:
    """Why a step cannot be undone."""
    try:
        if step.do == "rmdir":
            relative(step.source, log.root)
            there = os.path.lexists(step.source) and not os.path.isdir(step.source)
            return f"{step.source} is in the way" if there else None
        if step.do != "move":
            return f"the log has a step {step.do!r}, which is not known"
        _apart(step, log)
    except PlanError as error:
        return error.message
    here, away = _facts(step.source), _facts(step.target)
    if away is None:
        return None if here is not None else f"{step.target} is gone"
    if not stat.S_ISREG(away.st_mode) or (away.st_size, away.st_mtime_ns) != (step.size, step.mtime_ns):
        return f"{step.target} changed since it was moved"
    if here is None or _is_same(step, here, away):
        return None
    return f"{step.source} is there again, and is another file"


def _apart(step: Step, log: logs.Log) -> None:
    """Both paths are where they belong; a parent that is not there yet can be no link."""
    for path, top in ((step.source, log.root), (step.target, log.archive)):
        relative(path, top)


def _is_same(step: Step, here: os.stat_result, away: os.stat_result) -> bool:
    """The copy was complete and the original not yet removed."""
    if not stat.S_ISREG(here.st_mode) or here.st_size != away.st_size:
        return False
    return os.path.samestat(here, away) or sha256(step.source) == sha256(step.target)


def _back(step: Step, log: logs.Log) -> bool:
    """Undo a move; false if there was nothing to undo."""
    part = step.target + PART
    if os.path.lexists(part):
        os.unlink(part)
    away = os.path.lexists(step.target)
    if away and os.path.lexists(step.source):
        # The same bytes are in both places.
        os.unlink(step.target)
    elif away:
        move(step.target, step.source)
    remove_empty(os.path.dirname(step.target), below=log.archive)
    return away


def _facts(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except OSError:
        return None
