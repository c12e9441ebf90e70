"""JSON without NaN and infinity: they become null, and whatever held one says where.

Example:
    >>> dumps({"path": "a", "loss": float("inf")})
    '{"path": "a", "loss": null, "not_finite": ["loss"]}'
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping


def dumps(value: Mapping[str, object], *, indent: int | None = None) -> str:
    """An object as JSON, with `not_finite` at its top if something in it is not."""
    try:
        return json.dumps(value, allow_nan=False, indent=indent)
    except ValueError:
        return json.dumps(marked(value), allow_nan=False, indent=indent)


def dumps_records(value: Mapping[str, object], *, indent: int | None = None) -> str:
    """An object with lists of records as JSON; each record has a `not_finite` of its own.

    Example:
        >>> dumps_records({"files": [{"path": "a", "loss": float("nan")}, {"path": "b", "loss": 1.0}]})
        '{"files": [{"path": "a", "loss": null, "not_finite": ["loss"]}, {"path": "b", "loss": 1.0}]}'
    """
    try:
        return json.dumps(value, allow_nan=False, indent=indent)
    except ValueError:
        found = {key: _records(item) if isinstance(item, list) else item for key, item in value.items()}
        return dumps(found, indent=indent)


def marked(value: Mapping[str, object]) -> dict[str, object]:
    """The object with null for every NaN and infinity, and their places in `not_finite`."""
    undefined: list[str] = []
    found = {key: _finite(item, key, undefined) for key, item in value.items()}
    if undefined:
        found["not_finite"] = undefined
    return found


def _records(items: list[object]) -> list[object]:
    return [marked(item) if isinstance(item, Mapping) else item for item in items]


def _finite(value: object, path: str, undefined: list[str]) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        undefined.append(path)
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(item, f"{path}.{key}", undefined) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item, f"{path}[{index}]", undefined) for index, item in enumerate(value)]
    return value
