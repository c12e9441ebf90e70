"""A migration as a YAML file: what differs from the defaults, with the comments of the old file."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tvae.config.dump import inline
from tvae.legacy.config.comments import Comments
from tvae.legacy.config.migration import Entry, Migration

#: Old header lines that are carried over at most.
_HEAD = 40


def written(found: Migration, comments: Comments, *, old: str, new: str) -> str:
    """The new file's text.

    Args:
        found: the migration.
        comments: the remarks of the old file.
        old: the old file's name, for the header.
        new: the new file's name, for the command in the header.
    """
    notes = _Notes(found, comments)
    lines = [*_header(found, comments, old=old, new=new), *_section(found.values, "", notes)]
    return "\n".join(lines) + ("\n" if found.values else "\n{}\n")


def command(found: Migration, new: str) -> str:
    """The command that trains the new file where the old one said."""
    options = [word for option in sorted(found.options) for word in (option, found.options[option])]
    return shlex.join(["tvae", "train", new, *options])


def _header(found: Migration, comments: Comments, *, old: str, new: str) -> Iterator[str]:
    counts = ", ".join(f"{count} {action}" for action, count in found.counts().items())
    version = "" if found.version == found.dialect else f", version {found.version}"
    yield f"# {command(found, new)}"
    yield f"# Migrated from {old} (dialect {found.dialect}{version}): {counts}."
    yield f"# `tvae config migrate {shlex.quote(old)}` lists every key and what became of it."
    for entry in found.refused:
        yield f"# Refused: {entry.old}: {entry.reason}"
    if comments.head:
        yield "#"
        yield "# The old header:"
        for line in comments.head[:_HEAD]:
            yield f"#   {line}"


class _Notes:
    """The old comments by new key."""

    def __init__(self, found: Migration, comments: Comments) -> None:
        self.beside: dict[str, str] = {}
        self.above: dict[str, list[str]] = {}
        carried = [entry for entry in found.entries if entry.new is not None and entry.sets]
        for old in _sections(entry.old for entry in found.entries):
            home = _home(old, carried)
            if home is not None:
                self._take(old, home, comments)
        for entry in carried:
            assert entry.new is not None
            self._take(entry.old, entry.new, comments)

    def _take(self, old: str, new: str, comments: Comments) -> None:
        self.above.setdefault(new, []).extend(comments.above.get(old, ()))
        if old in comments.beside:
            self.beside.setdefault(new, comments.beside[old])


def _sections(keys: Iterable[str]) -> list[str]:
    """Every section of dotted keys, in their order, outer ones first."""
    found: dict[str, None] = {}
    for key in keys:
        names = key.split(".")[:-1]
        found |= {".".join(names[:k]): None for k in range(1, len(names) + 1)}
    return list(found)


def _home(old: str, carried: Sequence[Entry]) -> str | None:
    """The new section that an old one went to: most of its keys are there, and most keys there are its."""
    theirs = [str(entry.new) for entry in carried if entry.old.startswith(f"{old}.")]
    best: str | None = None
    for home in _sections(f"{key}." for key in theirs):
        inside = [entry for entry in carried if _within(str(entry.new), home)]
        own = sum(entry.old.startswith(f"{old}.") for entry in inside)
        if 2 * own >= len(inside) and 2 * own >= len(theirs) and (best is None or home.startswith(best)):
            best = home
    return best


def _within(key: str, section: str) -> bool:
    return key == section or key.startswith(f"{section}.")


def _section(values: Mapping[str, object], path: str, notes: _Notes) -> Iterator[str]:
    indent = "  " * (path.count(".") + 1 if path else 0)
    for key, value in values.items():
        here = f"{path}.{key}" if path else key
        for line in notes.above.get(here, ()):
            yield f"{indent}# {line}"
        note = f"  # {notes.beside[here]}" if here in notes.beside else ""
        if isinstance(value, dict) and value:
            yield f"{indent}{key}:{note}"
            yield from _section(value, here, notes)
        elif isinstance(value, (list, tuple)) and value and all(isinstance(item, dict) for item in value):
            yield f"{indent}{key}:{note}"
            for item in value:
                yield f"{indent}  - {inline(item)}"
        else:
            yield f"{indent}{key}: {inline(value)}{note}"
