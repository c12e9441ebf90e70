"""What commands print: results on stdout, messages on stderr, JSON without NaN."""

from __future__ import annotations

import json
import math
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
    undefined: list[str] = []
    values = {key: _finite(value, key, undefined) for key, value in payload.items()}
    if undefined:
        values["not_finite"] = undefined
    result(json.dumps({"schema": SCHEMA, **values}, allow_nan=False))


def _finite(value: object, path: str, undefined: list[str]) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        undefined.append(path)
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(item, f"{path}.{key}", undefined) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item, f"{path}[{index}]", undefined) for index, item in enumerate(value)]
    return value


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
