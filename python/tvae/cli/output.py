"""What commands print: results on stdout, messages on stderr, JSON without NaN."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

SCHEMA = 1


def result(text: str) -> None:
    """Print a result on stdout."""
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")


def note(text: str) -> None:
    """Print a message on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def result_json(payload: Mapping[str, object]) -> None:
    """Print one JSON object with its schema; NaN and infinity become null, their places are listed."""
    from tvae.finite import dumps

    result(dumps({"schema": SCHEMA, **payload}))


def columns(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Rows in aligned columns, two spaces apart; the columns in `right` are flush right.

    Example:
        >>> print(columns([("metric", "B"), ("coverage", "1.0")], right=[1]))
        metric      B
        coverage  1.0
    """
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
    return "\n".join(lines)


def folded(rows: Sequence[Sequence[str]], *, width: int, beside: int = 1) -> str:
    """Aligned columns; where they are too wide, all but the first `beside` of them stand below, wrapped.

    Words are never cut.

    Example:
        >>> print(folded([("model.a = 1", "model.b = 1", "the same, in other words")], width=24))
        model.a = 1
              model.b = 1
              the same, in other
              words
    """
    from textwrap import fill

    table = columns(rows)
    if all(len(line) <= width for line in table.splitlines()):
        return table
    indent = " " * 6
    lines: list[str] = []
    for first, row in zip(columns([row[:beside] for row in rows]).splitlines(), rows, strict=True):
        lines += [
            first,
            *(
                fill(
                    cell, width, initial_indent=indent, subsequent_indent=indent,
                    break_long_words=False, break_on_hyphens=False,
                )
                for cell in row[beside:] if cell
            ),
        ]  # fmt: skip
    return "\n".join(lines)
