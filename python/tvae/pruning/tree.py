"""Paths below a root, without links on the way."""

from __future__ import annotations

import os

from tvae.errors import PlanError


def relative(path: str, root: str) -> str:
    """The path as seen from the root.

    Raises:
        PlanError: if it is not below the root, or only by way of a link.
    """
    inside = os.path.relpath(path, root)
    if inside == os.curdir or inside.split(os.sep)[0] == os.pardir:
        raise PlanError(f"{path} is outside of {root}", path=path)
    parent = os.path.realpath(os.path.dirname(path))
    if parent != os.path.normpath(os.path.join(os.path.realpath(root), os.path.dirname(inside))):
        raise PlanError(f"{path} is reached through a link", path=path)
    return inside


def archive_beside(root: str, archive: str | os.PathLike[str] | None) -> str:
    """The folder that takes what is moved; by default `ROOT-archive` beside the root.

    Raises:
        PlanError: if it is no folder, or one of the two is in the other.
    """
    chosen = os.path.abspath(f"{root}-archive" if archive is None else archive)
    for inner, outer in ((chosen, root), (root, chosen)):
        real = os.path.realpath(outer)
        if os.path.commonpath([os.path.realpath(inner), real]) == real:
            raise PlanError(
                f"the archive {chosen} and the tree {root} are not apart",
                path=chosen,
                hint="name a folder outside of the tree with --archive",
            )
    if os.path.lexists(chosen) and (os.path.islink(chosen) or not os.path.isdir(chosen)):
        raise PlanError(
            f"the archive {chosen} is no folder", path=chosen, hint="name another one with --archive"
        )
    return chosen


def remove_empty(folder: str, *, below: str) -> None:
    """Remove a folder and those around it as far as they are empty, never `below` itself."""
    while folder != below and folder.startswith(os.path.join(below, "")):
        try:
            os.rmdir(folder)
        except OSError:
            return
        folder = os.path.dirname(folder)
