"""The Python files under some paths."""

from __future__ import annotations

import os
from collections.abc import Iterable

from tvae.errors import MissingError


def sources(paths: Iterable[str]) -> list[str]:
    """The files to check, each once, sorted within each path.

    A file is taken whatever its name. In a folder it is every `*.py` below it; hidden folders, virtual
    environments and `__pycache__` are left out, links to folders are not followed.

    Raises:
        MissingError: a path does not exist.
    """
    found: dict[str, None] = {}
    for path in paths:
        if os.path.isdir(path):
            found.update(dict.fromkeys(_below(path)))
        elif os.path.exists(path):
            found[path] = None
        else:
            raise MissingError(f"{path} does not exist", path=path, expected="a Python file or a folder")
    return list(found)


def _below(folder: str) -> Iterable[str]:
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _left_out(here, name))
        yield from (os.path.join(here, name) for name in sorted(files) if name.endswith(".py"))


def _left_out(here: str, name: str) -> bool:
    return (
        name.startswith(".")
        or name == "__pycache__"
        or os.path.exists(os.path.join(here, name, "pyvenv.cfg"))
    )
