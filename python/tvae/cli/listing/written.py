"""The records of a view in each format."""

from __future__ import annotations

from collections.abc import Iterator

from tvae.cli.listing.view import View


def written(view: View, form: str, *, best: int | None, width: int, colour: bool) -> str | bytes:
    """What goes to stdout or into a file.

    Args:
        view: what is shown.
        form: one of the formats of `tvae scan`.
        best: places of the leaderboard; None for the records themselves.
        width: columns of a table.
        colour: whether a table is coloured.
    """
    if form == "table":
        return "\n".join(_table(view, best, width=width, colour=colour))
    if form == "json":
        from tvae.finite import dumps_records

        board = {"best": view.best(best)} if best is not None else {}
        return dumps_records({**view.document, **board}) + "\n"
    if form == "jsonl":
        from tvae.finite import dumps

        rows = view.rows if best is None else view.best(best)
        return "".join(f"{dumps(row)}\n" for row in rows)
    if form == "csv":
        from tvae.cli.listing.flat import csv_text

        return csv_text(view.rows, view.kind) if best is None else csv_text(view.best(best), "best")
    if form == "parquet":
        from tvae.cli.listing.parquet import parquet_bytes

        return parquet_bytes(view.found.table(view.kind), view.places)
    if form == "md":
        return _page(view, best)
    if form == "sarif":
        from tvae import _core
        from tvae.cli.listing.sarif import log
        from tvae.finite import dumps

        return dumps(log(view.document, _core.explain), indent=1) + "\n"
    return "".join(f"{path}\n" for path in _paths(view, best))


def _paths(view: View, best: int | None) -> Iterator[str]:
    from tvae.cli.listing.layout import escaped

    if best is not None:
        yield from (escaped(one["path"]) for one in view.best(best) if one["rank"] is not None)
    else:
        yield from dict.fromkeys(escaped(one["path"]) for one in view.rows)


def _table(view: View, best: int | None, *, width: int, colour: bool) -> Iterator[str]:
    if best is not None:
        from tvae.cli.listing.leaderboard import leaderboard

        yield leaderboard(view.best(best), width=width, colour=colour, root=view.root)
        return
    from tvae.cli.listing.table import damaged_files, table, unsafe_files
    from tvae.cli.listing.verdict import DAMAGED

    if not view.rows:
        return
    keys = view.state_dicts if view.kind == "tensor" else {}
    found = table(view.kind, view.rows, width=width, colour=colour, root=view.root, keys=keys)
    yield from _blocks(view, found.text, width) if view.families else [found.text]
    yield from ["", *found.legend] if found.legend else []
    if any(word in view.found.summary["safety"] for word in ("dangerous", "unparsed")):
        yield ""
        files = view.rows if view.kind == "file" else view.found.to_dicts("file")
        yield from unsafe_files(files, width=width, root=view.root)
    # A table of files has a line for each of them.
    if view.kind == "dir" and any(word in view.found.summary["status"] for word in DAMAGED):
        damaged = list(damaged_files(view.document["files"], width=width, root=view.root))
        yield from ["", *damaged] if damaged else []


def _blocks(view: View, table: str, width: int) -> Iterator[str]:
    """The table with a heading before each definition of the sorted metric."""
    from tvae.cli.listing.layout import escaped, wrap
    from tvae.cli.listing.order import blocks

    assert view.sort is not None
    field = view.sort[0]
    begins = blocks(view.rows, field, kind=view.kind)
    head, *lines = table.split("\n")
    yield head
    for place, line in enumerate(lines):
        if place in begins:
            name = begins[place]
            yield ""
            heading = f"Without a value of {field}:" if name is None else f"Definition {escaped(name)}:"
            yield from wrap(heading, width)
        yield line


def _page(view: View, best: int | None) -> str:
    from datetime import UTC, datetime

    from tvae.cli.listing.markdown import leaderboard, page

    if best is not None:
        return leaderboard(view.best(best))
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return page(view.document, root=view.root, when=when)
