"""`--sort FIELD[:desc]`: records in order; metrics of different definitions are never mixed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

from tvae.cli.listing.fields import ABSENT, Record, check, family, resolved, value
from tvae.errors import ConfigError

R = TypeVar("R", bound=Record)


def parse(text: str) -> tuple[str, bool | None]:
    """The field, and whether it is sorted downwards; None if that is not said.

    Example:
        >>> parse("hierarchy_B"), parse("size:desc")
        (('hierarchy_B', None), ('size', True))
    """
    field, colon, direction = text.partition(":")
    if not field or (colon and direction not in ("asc", "desc")):
        raise ConfigError(
            f"--sort {text!r} is not accepted", path="--sort", expected="FIELD, FIELD:asc or FIELD:desc"
        )
    return field, {"asc": False, "desc": True}.get(direction)


def arrange(records: Sequence[R], field: str, *, descending: bool, kind: str) -> tuple[list[R], list[str]]:
    """The records by value, those without one last, and the definitions if there are several.

    With several definitions of a metric the records are grouped by definition first.

    Raises:
        ConfigError: if a field is none of this kind of record.
    """
    field = resolved(field, kind)
    check(field, kind, records)
    groups: dict[str, list[R]] = {}
    rest: list[R] = []
    for record in records:
        if _is_missing(value(record, field)):
            rest.append(record)
        else:
            groups.setdefault(family(record, field) or "", []).append(record)
    ordered: list[R] = []
    for name in sorted(groups):
        ordered += sorted(groups[name], key=lambda record: _key(value(record, field)), reverse=descending)
    return ordered + rest, sorted(groups) if len(groups) > 1 else []


def blocks(records: Sequence[Record], field: str, *, kind: str) -> dict[int, str | None]:
    """Where records in order pass to another definition: the first of each block, and what it is of.

    None stands for the records without a value.

    Example:
        >>> stored = [{"Q": {"value": 1.0, "family": name}} for name in ("tvae 1", "v5.12", "v5.12")]
        >>> blocks([{"metrics": one} for one in [*stored, {}]], "Q", kind="file")
        {0: 'tvae 1', 1: 'v5.12', 3: None}
    """
    field = resolved(field, kind)
    of = [None if _is_missing(value(one, field)) else family(one, field) or "" for one in records]
    return {place: name for place, name in enumerate(of) if place == 0 or name != of[place - 1]}


def _is_missing(found: object) -> bool:
    return found is ABSENT or (isinstance(found, float) and math.isnan(found))


def _key(found: object) -> tuple[int, float, str]:
    if isinstance(found, (int, float)):
        return 0, found, ""
    if isinstance(found, (list, tuple)):
        return 1, float(len(found)), " ".join(map(str, found))
    return 2, 0.0, str(found)
