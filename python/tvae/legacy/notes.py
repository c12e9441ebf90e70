"""What the record of an old file notes: what its file is like, and what was assumed of its model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tvae.record import Record

_DANGEROUS = "dangerous"


def danger(facts: Mapping[str, Any], *, file: str = "it") -> str | None:
    """What it means to unpickle a dangerous file, from the scanner's record of it; None for any other.

    Example:
        >>> named = {"module": "posix", "name": "system", "class": "dangerous", "offset": 3}
        >>> danger({"safety": "dangerous", "imports": [named]})
        'dangerous: to unpickle it runs code such as posix.system; nothing of it was run here'
    """
    if facts["safety"] != _DANGEROUS:
        return None
    named = [f"{one['module']}.{one['name']}" for one in facts["imports"] if one["class"] == _DANGEROUS]
    which = f" such as {named[0]}" if named else ""
    return f"{_DANGEROUS}: to unpickle {file} runs code{which}; nothing of it was run here"


def of_file(facts: Mapping[str, Any]) -> Iterator[str]:
    """What there is to know about a file whose model could be read."""
    if told := danger(facts, file="the old file"):
        yield told
    if facts["status"] == "salvaged":
        yield "the old file was cut, and all tensors of the model are in what is left of it"


def assumed(record: Record | None) -> list[str]:
    """The notes of a record but the one about danger, which commands say in a line of their own."""
    notes = record.source.get("notes") if record else None
    told = [str(one) for one in notes] if isinstance(notes, list) else []
    return [one for one in told if not one.startswith(f"{_DANGEROUS}: ")]
