"""`--best N`: the best directories of every family of definitions, and why the others lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tvae.cli.listing.fields import Record
from tvae.cli.listing.layout import Column, escaped, lay_out
from tvae.cli.listing.table import below, metric_text


def leaderboard(entries: Sequence[Record], *, width: int, colour: bool, root: str | None) -> str:
    """A table for each family, and one of those that lost; families are never compared."""
    return "\n".join(_families(entries, width=width, colour=colour, root=root))


def _families(entries: Sequence[Record], *, width: int, colour: bool, root: str | None) -> Iterator[str]:
    for number, family in enumerate(dict.fromkeys(str(one.get("family")) for one in entries)):
        members = [one for one in entries if str(one.get("family")) == family]
        ranked = [one for one in members if one.get("rank") is not None]
        others = [one for one in members if one.get("rank") is None]
        if number:
            yield ""
        yield "Definition unknown:" if family == "unknown" else f"Definition {escaped(family)}:"
        if ranked:
            columns = [_paths(ranked, root), *_values(ranked)]
            ranks = Column("rank", [str(one["rank"]) for one in ranked], right=True)
            yield lay_out([ranks, *columns], width=width, colour=colour)
        if others:
            yield "Not among them:"
            reasons = Column("why", [escaped(one.get("reason") or "") for one in others], flexible=True)
            yield lay_out([_paths(others, root), reasons], width=width, colour=colour)


def _paths(entries: Sequence[Record], root: str | None) -> Column:
    return Column("path", [escaped(below(str(one["path"]), root)) for one in entries], flexible=True)


def _values(entries: Sequence[Record]) -> Iterator[Column]:
    for name in dict.fromkeys(name for one in entries for name in one.get("values") or ()):
        cells = [metric_text((one.get("values") or {}).get(name)) for one in entries]
        yield Column(escaped(name), cells, right=True)
