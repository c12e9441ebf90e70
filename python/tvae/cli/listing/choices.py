"""Values that a field cannot have: a condition with one matches nothing, which nobody means."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tvae.cli.listing.fields import METRICS, SHOWN, Record
from tvae.errors import ConfigError

if TYPE_CHECKING:
    from tvae.cli.listing.filter import Filter

_FLAGS = ("coverage_collapse", "inverted_hierarchy", "best_latest_divergence", "nan")
_SAFETY = ("data_only", "known_types", "unknown_code", "unparsed", "dangerous")
_CHOICES: dict[str, dict[str, tuple[str, ...]]] = {
    "dir": {
        "status": ("complete", "partial", "crashed", "empty"),
        "safety": _SAFETY,
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


def check_value(one: Filter, kind: str, records: Iterable[Record]) -> None:
    """Raises `ConfigError` if no record of this kind could have the value of a condition."""
    if one.op == "~" or one.text == "":
        return
    if one.number is None and (
        one.field in _NUMBERS[kind] or (kind != "tensor" and (one.field in METRICS or one.field in SHOWN))
    ):
        raise ConfigError(
            f"--filter: {one.field} is a number", path=one.field, expected="a number", got=repr(one.text)
        )
    choices = _CHOICES[kind].get(one.field)
    if choices is None or one.op not in ("=", "!=") or one.text in choices:
        return
    # Rules and later versions may know more.
    if any(one.text == word for record in records for word in _words(record.get(one.field))):
        return
    from difflib import get_close_matches

    near = get_close_matches(one.text.lower(), choices, n=1)
    raise ConfigError(
        f"--filter: {one.field} is never {one.text!r}",
        path=one.field,
        expected=f"one of {', '.join(choices)}",
        hint=f"did you mean {near[0]}?" if near else None,
    )


def _words(found: object) -> Iterable[object]:
    return found if isinstance(found, (list, tuple)) else (found,)
