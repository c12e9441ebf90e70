"""The tables of `tvae scan`: a line a directory, a file or a tensor, and what their letters mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from tvae.cli.listing.fields import Record, shown
from tvae.cli.listing.layout import Column, escaped, fitted, size, wrap
from tvae.cli.listing.marks import MARKS, UNSAFE
from tvae.cli.listing.marks import shown as marked
from tvae.cli.listing.shortening import apart, clipped, tensor_names
from tvae.cli.listing.verdict import DAMAGED, damage, reason

_MOST_NAMED = 20
_ADVICE = {"keep": "green", "archive": "yellow", "delete": "red"}
_HEADS = ("cover", "hier")
#: The fewest columns of a tensor's name: where it is longer, its offset is left out first.
_LEAST_NAME = 36
_NONE: Mapping[str, Sequence[str]] = MappingProxyType({})


class Families:
    """The definitions of metrics, by letter."""

    def __init__(self, records: Sequence[Record]) -> None:
        counts: dict[str, int] = {}
        for record in records:
            for head in _HEADS:
                if found := _metric(record, head):
                    counts[found[2]] = counts.get(found[2], 0) + 1
        ordered = sorted(counts, key=lambda name: (name == "unknown", -counts[name], name))
        self.letters = {
            name: "?" if name == "unknown" else _letter(place) for place, name in enumerate(ordered)
        }

    def of(self, record: Record) -> str:
        """The letters of the two metrics of a record: one if they agree."""
        found = [found[2] for head in _HEADS if (found := _metric(record, head))]
        return "/".join(dict.fromkeys(self.letters[name] for name in found))

    def legend(self, width: int) -> Iterator[str]:
        """A line for each letter."""
        from tvae.scanning import families

        if self.letters:
            yield "Definitions of metrics; different ones do not compare (--explain NAME for more):"
            known = families()
        for name, letter in self.letters.items():
            yield clipped(f"  {letter}  {escaped(name)}: {known.get(name, '')}".rstrip(": "), width)


class Table(NamedTuple):
    """A line a record, and what the letters in it mean."""

    text: str
    legend: Sequence[str]


def table(
    kind: str,
    records: Sequence[Record],
    *,
    width: int,
    colour: bool,
    root: str | None,
    keys: Mapping[str, Sequence[str]] = _NONE,
) -> Table:
    """The table of the records of a kind; `keys` are those of the state dicts in files, by path."""
    families = Families(records)
    if kind == "tensor":
        columns = _tensors(records, keys)
    else:
        columns = {"dir": _directories, "file": _files}[kind](records, families)
    found = fitted([_paths(records, root), *columns], width=width)
    legend = list(families.legend(width)) if found.has("def") else []
    if found.has("flags"):
        there = {mark for record in records for mark in marked(record)}
        words = [f"{mark.letter} {mark.meaning}" for mark in MARKS.values() if mark in there]
        legend += wrap(f"Flags: {', '.join(words)}.", width)
    return Table(found.text(colour=colour), legend)


def _directories(dirs: Sequence[Record], families: Families) -> list[Column]:
    advice = [str(one.get("recommendation") or "") for one in dirs]
    return [
        _plain("status", dirs, "status", rank=4),
        _plain("category", dirs, "category", most=10, rank=7),
        Column("files", [str(one.get("n_files", "")) for one in dirs], short="n", right=True, rank=8),
        _sizes(dirs, "bytes"),
        *_measured(dirs, families),
        _flags(dirs),
        Column("advice", advice, colours=[_ADVICE.get(word) for word in advice], rank=3),
    ]


def _files(records: Sequence[Record], families: Families) -> list[Column]:
    safety = [str(one.get("safety") or "") for one in records]
    return [
        _plain("kind", records, "kind", most=9, rank=10),
        _plain("status", records, "status", most=9, rank=4),
        Column("safety", safety, colours=["red" if word in UNSAFE else None for word in safety], most=9),
        _sizes(records, "size"),
        Column("epoch", [_text(one.get("epoch")) for one in records], right=True, rank=7),
        *_measured(records, families),
        _flags(records),
        _issues(records),
    ]


def _tensors(records: Sequence[Record], keys: Mapping[str, Sequence[str]]) -> list[Column]:
    names = [escaped(one.get("name")) for one in records]
    return [
        Column("tensor", names, flexible=True, least=_LEAST_NAME, cut=partial(_names, records, keys)),
        _plain("dtype", records, "dtype", rank=2),
        Column("shape", ["x".join(map(str, one.get("shape") or ())) or "scalar" for one in records]),
        Column("offset", [_text(one.get("file_offset")) for one in records], right=True, rank=3),
        Column("bytes", [_text(one.get("nbytes")) for one in records], right=True, rank=1),
    ]


def unsafe_files(records: Sequence[Record], *, width: int, root: str | None) -> Iterator[str]:
    """The files that are not safe, and why; the dangerous ones first."""
    unsafe = sorted(
        (one for one in records if one.get("safety") in UNSAFE), key=lambda one: one["safety"] != "dangerous"
    )
    more = "--by file --filter 'safety~dangerous|unparsed'"
    yield from _named("Not safe:", unsafe, reason, more, width, root)


def damaged_files(records: Sequence[Record], *, width: int, root: str | None) -> Iterator[str]:
    """The files that could not be read in full, and why."""
    damaged = [one for one in records if one.get("status") in DAMAGED]
    yield from _named("Damaged:", damaged, damage, "--by file --filter 'status!=ok'", width, root)


def _named(
    head: str,
    records: Sequence[Record],
    why: Callable[[Record], str],
    more: str,
    width: int,
    root: str | None,
) -> Iterator[str]:
    if records:
        yield head
    named = records[:_MOST_NAMED]
    paths = apart([escaped(below(str(one["path"]), root)) for one in named], width // 2)
    for path, one in zip(paths, named, strict=True):
        yield clipped(f"  {path}  {escaped(why(one))}", width)
    if len(records) > _MOST_NAMED:
        yield f"  and {len(records) - _MOST_NAMED} more: {more}"


def metric_text(value: object) -> str:
    """A metric in a table.

    Example:
        >>> [metric_text(value) for value in (1.0, -0.83205, 5e-05, None, [1.0])]
        ['1.0000', '-0.8320', '5.0e-05', '', '(table)']
    """
    if value is None:
        return ""
    if not isinstance(value, (int, float)):
        return "(table)"
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    return f"{value:.4f}" if value == 0 or 1e-4 <= abs(value) < 1e4 else f"{value:.1e}"


def _measured(records: Sequence[Record], families: Families) -> list[Column]:
    coverages, hierarchies = ([_metric(record, head) for record in records] for head in _HEADS)
    return [
        Column("cover", _branched(coverages, always=False), right=True, rank=1),
        Column("hier", _branched(hierarchies, always=True), right=True, rank=1),
        Column("def", [families.of(record) for record in records], rank=1),
    ]


def _branched(found: Sequence[tuple[str, object, str] | None], *, always: bool) -> list[str]:
    """Values with the letter of their branch; a column without letters has space for them if `always`."""
    letters = [one[0][-1] if one and one[0].endswith(("_A", "_B")) else "" for one in found]
    width = int(always or any(letters))
    return [
        f"{metric_text(one[1])}{letter:{width}}" if one else ""
        for one, letter in zip(found, letters, strict=True)
    ]


def _metric(record: Record, head: str) -> tuple[str, object, str] | None:
    """The metric that is shown under a head: name, value, definition."""
    if (name := shown(record, head)) is None:
        return None
    found = record["metrics"][name]
    return name, found["value"], str(found.get("family") or "unknown")


def _flags(records: Sequence[Record]) -> Column:
    marks = [marked(one) for one in records]
    return Column(
        "flags",
        [" ".join(mark.word for mark in one) for one in marks],
        short="flag",
        short_cells=["".join(mark.letter for mark in one) for one in marks],
        colours=["red"] * len(records),
        rank=2,
    )


def _names(
    records: Sequence[Record], keys: Mapping[str, Sequence[str]], names: Sequence[str], width: int
) -> list[str]:
    """The names of tensors in so many columns, those of each file by themselves."""
    inside: dict[str, list[str]] = {}
    for record, name in zip(records, names, strict=True):
        inside.setdefault(str(record["path"]), []).append(name)
    cut = {
        path: iter(tensor_names([escaped(key) for key in keys.get(path, ())], found, width))
        for path, found in inside.items()
    }
    return [next(cut[str(record["path"])]) for record in records]


def _issues(records: Sequence[Record]) -> Column:
    codes = [list(dict.fromkeys(str(issue["code"]) for issue in one.get("issues") or ())) for one in records]
    few = [" ".join([*one[:1], *([f"+{len(one) - 1}"] if one[1:] else [])]) for one in codes]
    return Column("issues", [escaped(" ".join(one)) for one in codes], short_cells=few, rank=3)


def _paths(records: Sequence[Record], root: str | None) -> Column:
    title = "path" if root is None else f"below {escaped(root)}"
    return Column(
        title, [escaped(below(str(one["path"]), root)) for one in records], short="path", flexible=True
    )


def below(path: str, root: str | None) -> str:
    """The path as seen from the root."""
    if root is None:
        return path
    if path == root:
        return "."
    return path.removeprefix(root if root.endswith("/") else f"{root}/")


def _sizes(records: Sequence[Record], field: str) -> Column:
    cells = [size(one.get(field)) for one in records]
    return Column(
        "size", cells, short_cells=[cell.rstrip("B").replace(" ", "") for cell in cells], right=True, rank=5
    )


def _plain(
    title: str, records: Sequence[Record], field: str, *, most: int | None = None, rank: int = 0
) -> Column:
    return Column(title, [escaped(one.get(field) or "") for one in records], most=most, rank=rank)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _letter(place: int) -> str:
    return chr(ord("a") + place) if place < 26 else f"z{place}"
