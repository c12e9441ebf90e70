"""`--format sarif`: issues and unsafe verdicts as SARIF 2.1.0, for code hosts and editors."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, quote_from_bytes

from tvae.cli.failure import one_line
from tvae.cli.listing.fields import Record
from tvae.cli.listing.verdict import reason

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"high": "error", "error": "error", "warning": "warning", "info": "note"}
_VERDICTS = {
    "dangerous": ("error", "Loading this file runs dangerous code"),
    "unparsed": ("error", "This file could not be analysed, so it is not clean"),
    "unknown_code": ("warning", "Loading this file runs code that is not on the list"),
}
_FLAGS = {
    "coverage_collapse": "Coverage collapsed",
    "inverted_hierarchy": "The hierarchy is absent or inverted",
    "best_latest_divergence": "The best and the latest file differ",
    "nan": "A metric is NaN",
}

Explain = Callable[[str], Mapping[str, Any] | None]


def log(found: Mapping[str, Any], explain: Explain) -> dict[str, Any]:
    """The log of a scan.

    Args:
        found: scanner, dirs and files as in `--format json`.
        explain: what is known about a code.
    """
    results = [*_verdicts(found["files"]), *_issues(found["files"]), *_flags(found["dirs"])]
    rules: dict[str, dict[str, Any]] = {}
    for one in results:
        rules.setdefault(one["ruleId"], _rule(one, explain))
    order = sorted(rules)
    for one in results:
        one["ruleIndex"] = order.index(one["ruleId"])
    driver = {
        "name": found["scanner"]["name"],
        "version": found["scanner"]["version"],
        "rules": [rules[name] for name in order],
    }
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }


def _verdicts(files: Sequence[Record]) -> Iterator[dict[str, Any]]:
    for one in files:
        verdict = str(one.get("safety"))
        if verdict in _VERDICTS:
            suspects = [found for found in one.get("imports") or () if found.get("class") == verdict]
            offset = suspects[0].get("offset") if suspects else None
            yield _result(f"safety-{verdict}", _VERDICTS[verdict][0], reason(one), one, offset)


def _issues(files: Sequence[Record]) -> Iterator[dict[str, Any]]:
    for one in files:
        for issue in one.get("issues") or ():
            hint = f"; {issue['hint']}" if issue.get("hint") else ""
            level = _LEVELS.get(str(issue.get("severity")), "warning")
            yield _result(str(issue["code"]), level, f"{issue['message']}{hint}", one, issue.get("offset"))


def _flags(dirs: Sequence[Record]) -> Iterator[dict[str, Any]]:
    for one in dirs:
        for flag in one.get("flags") or ():
            words = _FLAGS.get(flag, flag)
            yield _result(
                f"invalid-{flag}", "warning", f"{words}; {one.get('reason') or ''}".rstrip("; "), one, None
            )


def _result(rule: str, level: str, message: str, record: Record, offset: int | None) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(record)}}
    if offset is not None:
        place["region"] = {"byteOffset": offset}
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": one_line(message) or rule},
        "locations": [{"physicalLocation": place}],
    }


def _uri(record: Record) -> str:
    if raw := record.get("path_b64"):
        return quote_from_bytes(base64.b64decode(raw))
    path = str(record["path"])
    return f"file://{quote(path)}" if path.startswith("/") else quote(path)


def _rule(one: Mapping[str, Any], explain: Explain) -> dict[str, Any]:
    name = one["ruleId"]
    kind, _, word = name.partition("-")
    if kind == "safety":
        text = _VERDICTS[word][1]
    elif kind == "invalid":
        text = _FLAGS.get(word, word)
    else:
        known = explain(name) or {}
        text = str(known.get("title") or known.get("meaning") or known.get("message") or name)
    return {
        "id": name,
        "shortDescription": {"text": one_line(text)},
        "defaultConfiguration": {"level": one["level"]},
    }
