"""Records as flat rows, and as CSV that no spreadsheet takes for formulas."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tvae.cli.listing.fields import Record

_COLUMNS = {
    "dir": (
        "path",
        "status",
        "category",
        "rule",
        "n_files",
        "bytes",
        "allocated",
        "best",
        "latest",
        "epoch",
        "safety",
        "best_safety",
        "flags",
        "duplicates_of",
        "group",
        "better",
        "recommendation",
        "reason",
        "verdict",
        "note",
    ),
    "file": (
        "path",
        "kind",
        "status",
        "safety",
        "size",
        "allocated",
        "mtime",
        "epoch",
        "n_records",
        "n_tensors",
        "n_params",
        "layout",
        "config_hash",
        "serialization_id",
        "flags",
        "duplicates_of",
        "issues",
        "imports",
    ),
    "tensor": ("path", "name", "dtype", "shape", "stride", "file_offset", "nbytes"),
    "best": ("family", "rank", "path", "reason"),
}
#: What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def table(records: Sequence[Record], kind: str) -> tuple[list[str], list[list[object]]]:
    """The names of the columns, and the cells; each metric has a column, and one for its definition."""
    plain = list(_COLUMNS[kind])
    if any("path_b64" in record for record in records):
        plain.append("path_b64")
    where = "values" if kind == "best" else "metrics"
    metrics = sorted({name for record in records for name in record.get(where) or ()})
    heads = plain + [
        head for name in metrics for head in ([name] if kind == "best" else [name, f"{name}_family"])
    ]
    rows = []
    for record in records:
        row = [_cell(record, name) for name in plain]
        for name in metrics:
            found = (record.get(where) or {}).get(name)
            row += [_number(found)] if kind == "best" else _measured(found)
        rows.append(row)
    return heads, rows


def csv_text(records: Sequence[Record], kind: str) -> str:
    r"""The records as CSV with a head; text cells are made safe.

    Example:
        >>> print(csv_text([{"path": "=a\n.pt", "name": "w", "nbytes": -1}], "tensor").splitlines()[1])
        '=a\n.pt,w,,,,,-1
    """
    import csv
    import io

    heads, rows = table(records, kind)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([safe(head) for head in heads])
    writer.writerows([safe(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return out.getvalue()


def safe(text: str) -> str:
    """Text that is no formula and has no control characters."""
    first = text[:1]
    visible = text if text.isprintable() else "".join(map(_visible, text))
    return f"'{visible}" if first in _FORMULA and first else visible


def _visible(sign: str) -> str:
    return sign if sign.isprintable() else sign.encode("unicode_escape").decode()


def _cell(record: Record, name: str) -> object:
    if name in ("n_tensors", "n_params"):
        return sum(int(one.get(name) or 0) for one in record.get("state_dicts") or ())
    if name == "layout":
        return _words(one.get("layout") for one in record.get("state_dicts") or ())
    if name == "issues":
        return _words(one.get("code") for one in record.get("issues") or ())
    if name == "imports":
        return _words(f"{one.get('module')}.{one.get('name')}" for one in record.get("imports") or ())
    found = record.get(name)
    if name in ("shape", "stride"):
        return "x".join(map(str, found or ()))
    if isinstance(found, (list, tuple)):
        return _words(found)
    return _number(found) if isinstance(found, float) else found


def _words(found: Any) -> str:
    return " ".join(dict.fromkeys(str(one) for one in found if one))


def _measured(found: object) -> list[object]:
    if not isinstance(found, Mapping):
        return [None, None]
    return [_number(found.get("value")), found.get("family")]


def _number(found: object) -> object:
    """A number that every reader of CSV takes; tables by level have no cell."""
    if isinstance(found, (list, dict)):
        return None
    return str(found) if isinstance(found, float) and not math.isfinite(found) else found
