"""Where the predecessor kept its checkpoints, and where one of them may lie now."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from msgspec import Struct

#: Below the folder of the project, the likelier ones first.
FOLDERS = ("sandbox-training/checkpoints", "sandbox-training", "checkpoints", "outputs/models")
#: Folders are listed, never walked, beyond so many entries.
_MANY = 10_000


class Place(Struct, frozen=True):
    """A folder of old checkpoints.

    Attributes:
        path: the folder.
        runs: how many folders right below it hold a `.pt` file.
    """

    path: Path
    runs: int


def places(root: Path | None = None, *, env: Mapping[str, str] = os.environ) -> list[Place]:
    """The old folders below the current one, or below TERNARY_PROJECT_ROOT, that hold checkpoints.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     run = Path(folder, "sandbox-training/checkpoints/v5_5")
        ...     run.mkdir(parents=True)
        ...     run.joinpath("latest.pt").touch()
        ...     [place.runs for place in places(Path(folder), env={})]
        [1]
    """
    found: list[Place] = []
    for base in _roots(root, env):
        for name in FOLDERS:
            runs = _runs(base / name)
            if runs:
                found.append(Place(base / name, runs))
    return found


def elsewhere(path: str, *, root: Path | None = None, env: Mapping[str, str] = os.environ) -> list[Path]:
    """Files that an old path, such as `checkpoints/v5_12_4/best_Q.pt`, may mean where it is missing.

    The run's folder and the file's name must be the same; the folders around them may have moved.
    """
    tail = PurePosixPath(path.replace("\\", "/")).parts[-2:]
    if not tail:
        return []
    candidates = [base.joinpath(name, *tail) for base in _roots(root, env) for name in (*FOLDERS, ".")]
    found: list[Path] = []
    for candidate in candidates:
        if candidate.is_file() and str(candidate) != path and candidate not in found:
            found.append(candidate)
    return found


def _roots(root: Path | None, env: Mapping[str, str]) -> list[Path]:
    named = env.get("TERNARY_PROJECT_ROOT")
    return [root or Path(), *([Path(named)] if named else [])]


def _runs(folder: Path) -> int:
    try:
        with os.scandir(folder) as entries:
            inside = [
                Path(entry.path) for _, entry in zip(range(_MANY), entries, strict=False) if entry.is_dir()
            ]
        return sum(any(run.glob("*.pt")) for run in inside)
    except OSError:
        return 0
