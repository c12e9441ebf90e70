"""Values that a field cannot have: a condition with one matches nothing, which nobody means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from tvae.cli.listing.fields import FIELDS, METRICS, NUMBERS, SHOWN, Record, value
from tvae.cli.listing.marks import MARKS
from tvae.errors import ConfigError

if TYPE_CHECKING:
    from tvae.cli.listing.filter import Filter

NONE: Mapping[str, Sequence[str]] = MappingProxyType({})
#: As a table shows them, and as records have them.
_FLAGS = tuple(dict.fromkeys([*(mark.word for mark in MARKS.values()), *MARKS]))
_SAFETY = ("data_only", "known_types", "unknown_code", "unparsed", "dangerous")
_CHOICES: dict[str, dict[str, tuple[str, ...]]] = {
    "dir": {
        "status": ("complete", "partial", "crashed", "empty"),
        "safety": _SAFETY,
        "best_safety": _SAFETY,
        "flags": _FLAGS,
        "recommendation": ("keep", "archive", "delete", "review"),
        "verdict": ("valid", "invalid"),
        "group_kind": ("sweep", "versions"),
    },
    "file": {
        "status": ("ok", "salvaged", "corrupt", "unsupported", "unreadable", "skipped"),
        "safety": _SAFETY,
        "flags": _FLAGS,
        "duplicates_by": ("hard_link", "copy", "weights"),
        "kind": (
            "torch_zip",
            "torch_legacy",
            "torch_tar",
            "torchscript",
            "torch_package",
            "torch_export",
            "pickle",
            "safetensors",
            "zip",
            "tar",
            "other",
            "unknown",
            "empty",
        ),
    },
    "tensor": {},
}
_NUMBERS = {
    "dir": {"n_files", "bytes", "allocated", "epoch"},
    "file": {"size", "allocated", "mtime", "epoch", "n_records", "elapsed_us"},
    "tensor": {"file_offset", "nbytes"},
}


def check_value(
    one: Filter, kind: str, records: Iterable[Record], words: Mapping[str, Sequence[str]] = NONE
) -> None:
    """Raises `ConfigError` if no record of this kind could have the value of a condition.

    `words` are those that the rules can put into directory records, by field.
    """
    if one.text == "":
        return
    held = records if one.field in FIELDS[kind] else ()
    if inner := next((key for record in held for key in _keys(value(record, one.field))), None):
        raise ConfigError(
            f"--filter: {one.typed} is no single value",
            path=one.typed,
            hint=f"name one that it holds, such as {one.field}.{inner}",
        )
    if one.op == "~":
        return
    if one.number is None and (
        one.field in _NUMBERS[kind] or (kind != "tensor" and (one.field in METRICS or one.field in SHOWN))
    ):
        raise ConfigError(
            f"--filter: {one.typed} is a number", path=one.typed, expected=NUMBERS, got=repr(one.text)
        )
    choices: Sequence[str] | None
    choices = _families() if _is_family(one.field, kind) else _CHOICES[kind].get(one.field)
    choices = choices or words.get(one.field)
    if choices is None or one.op not in ("=", "!=") or one.text in choices:
        return
    # Later versions may know more.
    if any(one.text == word for record in records for word in _words(value(record, one.field))):
        return
    from tvae.config.suggestion import nearest

    near = nearest(one.text, choices)
    hint = f"did you mean {near}?" if near else None
    if one.field == "def" and len(one.text) == 1:
        hint = "the legend below a table names what its letters stand for"
    raise ConfigError(
        f"--filter: {one.typed} is never {one.text!r}",
        path=one.typed,
        expected=f"one of {', '.join(dict.fromkeys(choices))}",
        hint=hint,
    )


def _is_family(field: str, kind: str) -> bool:
    """Whether a field names the definition of a metric."""
    return kind != "tensor" and (field == "def" or field.endswith(".family"))


def _families() -> tuple[str, ...]:
    from tvae.scanning import families

    return tuple(families())


def _keys(found: object) -> Iterable[str]:
    """The names that a value holds, if it is an object or a list of them."""
    item = found[0] if isinstance(found, (list, tuple)) and found else found
    return item if isinstance(item, Mapping) else ()


def _words(found: object) -> Iterable[object]:
    return found if isinstance(found, (list, tuple)) else (found,)
