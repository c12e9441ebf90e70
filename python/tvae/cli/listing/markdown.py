"""`--format md`: the page of an inventory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tvae.cli.listing.fields import Record, shown
from tvae.cli.listing.layout import escaped, size
from tvae.cli.listing.leaderboard import definition
from tvae.cli.listing.marks import UNSAFE
from tvae.cli.listing.marks import shown as marked
from tvae.cli.listing.table import below, metric_text
from tvae.cli.listing.verdict import reason

_ORDER = {"keep": 0, "archive": 1, "review": 2, "delete": 3}
_SPECIAL = str.maketrans(
    {
        "\\": "\\\\",
        "|": "\\|",
        "`": "\\`",
        "*": "\\*",
        "_": "\\_",
        "[": "\\[",
        "]": "\\]",
        "#": "\\#",
        "~": "\\~",
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
    }
)


def page(found: Mapping[str, Any], *, root: str | None, when: str) -> str:
    """The inventory of a scan.

    Args:
        found: scanner, summary, dirs and files as in `--format json`.
        root: the path that was scanned, if it is one.
        when: the time of the scan.
    """
    dirs: Sequence[Record] = found["dirs"]
    files: Sequence[Record] = found["files"]
    parts = [f"# Checkpoints{f' in {text(root)}' if root else ''}", ""]
    parts += [f"{len(dirs)} directories, {len(files)} files, {size(_total(files, 'size'))}.", ""]
    parts += [*_counts("Status", (one.get("status") for one in dirs), "Directories"), ""]
    parts += [*_counts("Safety", (one.get("safety") for one in files), "Files"), *_unsafe(files, root), ""]
    parts += ["## Directories by category", ""]
    for category in sorted({str(one.get("category")) for one in dirs}):
        members = [one for one in dirs if str(one.get("category")) == category]
        parts += [f"### {text(category)} ({len(members)})", "", *_directories(members, root), ""]
    parts += [*_families(files), "", *_advice(dirs, root), "", *_documented(dirs, root)]
    scanner = found["scanner"]
    parts += ["---", ""]
    parts += [
        f"Made by {text(scanner['name'])} {text(scanner['version'])} on {when} with the rules"
        f" {text(scanner['rules'])}. Nothing was executed and no tensor was read."
    ]
    return "\n".join(parts) + "\n"


def leaderboard(entries: Sequence[Record]) -> str:
    """The tables of `--best`, one a definition."""
    parts = []
    for family, order in dict.fromkeys(map(definition, entries)):
        members = [one for one in entries if definition(one) == (family, order)]
        names = list(dict.fromkeys(name for one in members for name in one.get("values") or ()))
        rows = [
            [one.get("rank") or "-", one["path"], *_values(one, names), one.get("reason") or ""]
            for one in members
        ]
        title = ": ".join(map(text, filter(None, (family, order)))) or "Not ranked"
        parts += [f"## {title}", "", *grid(["rank", "path", *names, "reason"], rows), ""]
    return "\n".join(parts)


def text(value: object) -> str:
    r"""Text that stays text in Markdown and HTML.

    Example:
        >>> print(text("<b>|`x`"))
        &lt;b&gt;\|\`x\`
    """
    return escaped("" if value is None else value).translate(_SPECIAL)


def grid(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """A table of Markdown; its cells are escaped."""
    yield f"| {' | '.join(map(text, heads))} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(map(text, row))} |"


def _values(entry: Record, names: Sequence[str]) -> list[str]:
    values = entry.get("values") or {}
    return [metric_text(values.get(name)) for name in names]


def _counts(title: str, words: Iterable[object], head: str) -> Iterator[str]:
    counts: dict[str, int] = {}
    for word in words:
        counts[str(word)] = counts.get(str(word), 0) + 1
    rows = [(word, counts[word]) for word in sorted(counts, key=lambda word: (-counts[word], word))]
    yield from (f"## {title}", "", *grid([title.lower(), head], rows))


def _unsafe(files: Sequence[Record], root: str | None) -> Iterator[str]:
    for one in files:
        if one.get("safety") in UNSAFE:
            yield f"\n* **{text(below(str(one['path']), root))}**: {text(reason(one))}"


def _directories(dirs: Sequence[Record], root: str | None) -> Iterator[str]:
    heads = [
        "directory",
        "status",
        "files",
        "size",
        "epoch",
        "coverage",
        "hierarchy",
        "family",
        "flags",
        "advice",
    ]
    rows = []
    for one in dirs:
        metrics = one.get("metrics") or {}
        names = [shown(one, head) or "" for head in ("cover", "hier")]
        values = [metrics.get(name) or {} for name in names]
        told = [
            f"{metric_text(found.get('value'))} {name[-1] if name.endswith(('_A', '_B')) else ''}".strip()
            for name, found in zip(names, values, strict=True)
        ]
        families = dict.fromkeys(str(found["family"]) for found in values if found.get("family"))
        flags = ", ".join(mark.word for mark in marked(one))
        rows.append(
            [
                below(str(one["path"]), root),
                one.get("status"),
                one.get("n_files"),
                size(one.get("bytes")),
                one.get("epoch"),
                *told,
                " / ".join(families),
                flags,
                one.get("recommendation"),
            ]
        )
    return grid(heads, rows)


def _families(files: Sequence[Record]) -> Iterator[str]:
    """Which metrics are stored under which keys and by which definition."""
    counts: dict[tuple[str, str, str], int] = {}
    for one in files:
        for name, found in (one.get("metrics") or {}).items():
            key = (str(found.get("family")), str(name), str(found.get("raw_key")))
            counts[key] = counts.get(key, 0) + 1
    yield from ("## Metrics by definition", "", "Values of different definitions do not compare.", "")
    rows = [(family, name, raw, count) for (family, name, raw), count in sorted(counts.items())]
    yield from grid(["definition", "metric", "stored as", "files"], rows)


def _advice(dirs: Sequence[Record], root: str | None) -> Iterator[str]:
    yield from ("## Keep, archive, delete", "")
    words = sorted({str(one.get("recommendation")) for one in dirs}, key=lambda word: _ORDER.get(word, 9))
    groups = {word: [one for one in dirs if str(one.get("recommendation")) == word] for word in words}
    rows = [
        (word, len(members), sum(one.get("n_files") or 0 for one in members), size(_total(members, "bytes")))
        for word, members in groups.items()
    ]
    yield from grid(["recommendation", "directories", "files", "size"], rows)
    before = _total(dirs, "allocated")
    gone = sum(_total(groups.get(word, ()), "allocated") for word in ("archive", "delete"))
    yield from ("", f"On the disk now {size(before)}, afterwards {size(before - gone)}.")
    for word, members in groups.items():
        yield from ("", f"### {text(word)}", "")
        yield from grid(
            ["directory", "size", "reason"],
            [(below(str(one["path"]), root), size(one.get("bytes")), one.get("reason")) for one in members],
        )


def _documented(dirs: Sequence[Record], root: str | None) -> Iterator[str]:
    rows = [
        (
            below(str(one["path"]), root),
            told["metric"],
            told.get("documented"),
            f"{told.get('stored')} ({told['stored_as']})" if told.get("stored_as") else told.get("stored"),
            told.get("source"),
        )
        for one in dirs
        for told in one.get("documented") or ()
        if told.get("differs")
    ]
    if rows:
        yield from ("## Documented differs from stored", "")
        yield from grid(["directory", "metric", "documented", "stored", "written in"], rows)
        yield ""


def _total(records: Iterable[Record], field: str) -> int:
    return sum(one.get(field) or 0 for one in records)
