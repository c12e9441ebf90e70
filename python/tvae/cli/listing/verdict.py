"""What a scan comes to: which findings fail it, and why a file is not safe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tvae.cli.listing.fields import Record
from tvae.cli.listing.marks import UNSAFE
from tvae.errors import ConfigError

CORRUPT = ("corrupt", "unsupported", "unreadable")
#: What was not read in full.
DAMAGED = ("salvaged", *CORRUPT)
_ORDER = ("high", "error", "warning", "info")
_WORDS = ("unsafe", "unknown", "corrupt", "invalid")


def parse(text: str) -> frozenset[str]:
    """The findings of `--fail-on`.

    Example:
        >>> sorted(parse("unsafe,invalid")), parse("never")
        (['invalid', 'unsafe'], frozenset())
    """
    words = {word.strip() for word in text.split(",")}
    wrong = sorted(words - {*_WORDS, "any", "never"})
    if wrong or ("never" in words and len(words) > 1):
        raise ConfigError(
            f"--fail-on {text!r} is not accepted",
            path="--fail-on",
            expected=f"a comma list of {', '.join(_WORDS)}, or any, or never",
        )
    return frozenset(_WORDS if "any" in words else words - {"never"})


def findings(summary: Mapping[str, Any]) -> dict[str, int]:
    """How many findings of each word of `--fail-on` there are, in everything that was scanned."""
    safety, status = summary["safety"], summary["status"]
    return {
        "unsafe": sum(safety.get(word, 0) for word in UNSAFE),
        "unknown": safety.get("unknown_code", 0),
        "corrupt": sum(status.get(word, 0) for word in CORRUPT),
        "invalid": summary["flagged"],
    }


def reason(record: Record) -> str:
    """Why a file is not safe: the import, or what kept it from being analysed."""
    verdict = record.get("safety")
    suspects = [one for one in record.get("imports") or () if one.get("class") == verdict]
    if suspects:
        named = dict.fromkeys(f"{one['module']}.{one['name']} at {one['offset']}" for one in suspects)
        return f"{verdict}: imports {', '.join(list(named)[:3])}"
    return _with_issue(str(verdict), record)


def damage(record: Record) -> str:
    """How far a file could be read, and what kept it from being read in full."""
    return _with_issue(str(record.get("status")), record)


def _with_issue(word: str, record: Record) -> str:
    """A word, and the gravest issue behind it."""
    issues: Sequence[Mapping[str, Any]] = sorted(
        record.get("issues") or (), key=lambda one: _ORDER.index(one.get("severity", "info"))
    )
    return f"{word}: {issues[0]['code']} {issues[0]['message']}" if issues else word
