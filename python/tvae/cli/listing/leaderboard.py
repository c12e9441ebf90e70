"""`--best N`: the best directories of every family of definitions, and why the others lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tvae.cli.listing.fields import Record
from tvae.cli.listing.layout import Column, escaped, lay_out, wrap
from tvae.cli.listing.shortening import apart, columns_of
from tvae.cli.listing.table import below, metric_text


def leaderboard(entries: Sequence[Record], *, width: int, colour: bool, root: str | None) -> str:
    """A table for each family, and one of those that lost; families are never compared."""
    return "\n".join(_families(entries, width=width, colour=colour, root=root))


def _families(entries: Sequence[Record], *, width: int, colour: bool, root: str | None) -> Iterator[str]:
    boards = list(dict.fromkeys(map(definition, entries)))
    for number, (family, order) in enumerate(boards):
        members = [one for one in entries if definition(one) == (family, order)]
        ranked = [one for one in members if one.get("rank") is not None]
        others = [one for one in members if one.get("rank") is None]
        if number:
            yield ""
        if family:
            same = [other for other in boards if other[0] == family]
            which = f", table {same.index((family, order)) + 1} of {len(same)}" if len(same) > 1 else ""
            yield from wrap(
                f"Definition {escaped(family)}{which}{f': {escaped(order)}' if order else ''}", width
            )
        if ranked:
            ranks = Column("rank", [str(one["rank"]) for one in ranked], right=True)
            yield lay_out([ranks, _paths(ranked, root), *_values(ranked)], width=width, colour=colour)
            yield from _measured(ranked, width=width, root=root)
        if others:
            yield "Not among them:" if family else "Not ranked:"
            yield from _losers(others, width=width, root=root)


def definition(entry: Record) -> tuple[str, str]:
    """What entries of one table agree in; both are empty for what is not ranked at all."""
    return str(entry.get("family") or ""), str(entry.get("order") or "")


def _losers(entries: Sequence[Record], *, width: int, root: str | None) -> Iterator[str]:
    """A path and its reason, which is never cut."""
    paths = apart([escaped(below(str(one["path"]), root)) for one in entries], width // 2)
    indent = max(map(columns_of, paths)) + 4
    for path, entry in zip(paths, entries, strict=True):
        first = f"  {path}{' ' * (indent - 2 - columns_of(path))}"
        yield from wrap(f"{first}{escaped(entry.get('reason') or '')}", width, indent=indent)


def _measured(entries: Sequence[Record], *, width: int, root: str | None) -> Iterator[str]:
    """What the files store where their place is by what was measured."""
    for one in entries:
        for name, value in (one.get("stored") or {}).items():
            path = escaped(below(str(one["path"]), root))
            told = f"M {path}: {escaped(name)} as measured by `tvae eval`, stored {metric_text(value)}"
            yield from wrap(told, width)


def _paths(entries: Sequence[Record], root: str | None) -> Column:
    return Column("path", [escaped(below(str(one["path"]), root)) for one in entries], flexible=True)


def _values(entries: Sequence[Record]) -> Iterator[Column]:
    names = dict.fromkeys(name for one in entries for name in one.get("values") or ())
    for rank, name in enumerate(names):
        marked = any(name in (one.get("stored") or ()) for one in entries)
        branched = any(name in (one.get("branches") or ()) for one in entries)
        cells = [
            metric_text((one.get("values") or {}).get(name))
            + (one.get("branches") or {}).get(name, " " * branched)
            + ("M" if name in (one.get("stored") or ()) else " " * marked)
            for one in entries
        ]
        yield Column(escaped(name), cells, right=True, rank=rank)
