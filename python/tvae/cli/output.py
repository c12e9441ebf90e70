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
