"""The presets: config files that ship with the package as `tvae.presets`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_SUFFIX = ".yaml"


def _files() -> dict[str, Traversable]:
    from importlib.resources import files

    try:
        entries = list(files("tvae.presets").iterdir())
    except (ModuleNotFoundError, OSError):
        # A checkout without configs/: as if there were none.
        return {}
    found = {entry.name.removesuffix(_SUFFIX): entry for entry in entries if entry.name.endswith(_SUFFIX)}
    return dict(sorted(found.items(), key=lambda item: (item[0] != "default", item[0])))


def names() -> list[str]:
    """The presets' names, `default` first."""
    return list(_files())


def text(name: str) -> str | None:
    """The file of a preset, or None if there is no such preset."""
    found = _files().get(name)
    return found.read_text(encoding="utf-8") if found is not None else None


def summary(text: str) -> str:
    """The first line of the comment that a file begins with.

    Example:
        >>> summary("# Trains in a minute.\\n# command: tvae train smoke\\nseed: 0\\n")
        'Trains in a minute.'
    """
    first = next((line for line in text.splitlines() if line.strip()), "")
    return first.lstrip("# ").strip() if first.startswith("#") else ""


def presets() -> list[tuple[str, str]]:
    """Name and one-line summary of every preset, `default` first.

    Example:
        >>> presets()[0][0]
        'default'
    """
    return [(name, summary(entry.read_text(encoding="utf-8"))) for name, entry in _files().items()]
