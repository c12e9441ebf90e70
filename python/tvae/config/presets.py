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
    """What a preset is for: in its opening comment, the line below its command.

    Example:
        >>> summary("# tvae train smoke\\n# Trains in a minute.\\n# Hardware: one CPU core.\\nseed: 0\\n")
        'Trains in a minute.'
    """
    for line in text.splitlines():
        words = line.removeprefix("#").strip()
        if not line.startswith("#"):
            break
        if words and not words.startswith("tvae "):
            return words
    return ""


def presets() -> list[tuple[str, str]]:
    """Name and one-line summary of every preset, `default` first.

    Example:
        >>> presets()[0][0]
        'default'
    """
    return [(name, summary(entry.read_text(encoding="utf-8"))) for name, entry in _files().items()]
