"""`tvae scan --explain CODE`: what a code, a word or a definition means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tvae import _core
from tvae.cli.listing.layout import wrap
from tvae.errors import ConfigError

_WIDTH = 80
#: Words of the tables that are no codes: a kind of word, and what it means.
_WORDS = {
    "coverage_collapse": ("a flag of a directory", "Coverage collapsed: the model lost operations it knew."),
    "inverted_hierarchy": ("a flag of a directory", "The hierarchy is absent or inverted."),
    "best_latest_divergence": ("a flag of a directory", "The best and the latest file differ widely."),
    "nan": ("a flag of a directory", "A metric is NaN."),
    "data_only": ("a verdict on safety", "The file imports nothing."),
    "known_types": ("a verdict on safety", "The file imports only known types."),
    "unknown_code": ("a verdict on safety", "Loading the file runs code that is not on the list."),
    "unparsed": ("a verdict on safety", "The file could not be followed to its end, so it is not clean."),
    "dangerous": ("a verdict on safety", "Loading the file runs dangerous code. Do not load it."),
    "complete": ("a status of a directory", "A run with what a finished one leaves."),
    "partial": ("a status of a directory", "A run that lacks some of what a finished one leaves."),
    "crashed": ("a status of a directory", "A run that seems to have stopped before its end."),
    "empty": ("a status of a directory", "It holds no checkpoint."),
    "ok": ("a status of a file", "It was decoded whole."),
    "salvaged": ("a status of a file", "It was cut, and a part of it could be decoded."),
    "corrupt": ("a status of a file", "It could not be decoded; its issues say why."),
    "unsupported": ("a status of a file", "Its format or a part of it is not known here."),
    "unreadable": ("a status of a file", "The system did not let it be read."),
    "skipped": ("a status of a file", "It was not looked at; its issues say why."),
    "keep": ("a recommendation", "Nothing speaks for removing it."),
    "archive": ("a recommendation", "It can go into an archive; --plan writes such a plan."),
    "delete": ("a recommendation", "It can go; `tvae prune` moves it, and never removes it for good."),
    "review": ("a recommendation", "Somebody has to look at it; its reason says why."),
}


def explain(word: str, *, as_json: bool) -> str:
    """What a code or a definition means, or a list of all codes.

    Raises:
        ConfigError: if there is no such code.
    """
    if word.lower() == "all":
        found = [{"code": code, **(_core.explain(code) or {})} for code in _core.codes()]
    else:
        found = _named(word.strip())
    if as_json:
        from tvae.finite import dumps

        return dumps({"schema": 1, "codes": found})
    if word.lower() == "all":
        return "\n".join(line for one in found for line in wrap(_title(one), _WIDTH, indent=6))
    return "\n\n".join("\n".join(_full(one)) for one in found)


def _named(word: str) -> list[dict[str, Any]]:
    """What a word means; several definitions are joined by ` + `."""
    families = {name.lower(): (name, meaning) for name, meaning in _core.metric_families().items()}
    parts = [part.strip().lower() for part in word.split("+")]
    if all(part in families for part in parts):
        return [
            {"code": name, "title": "a definition of the metrics", "meaning": meaning}
            for name, meaning in (families[part] for part in dict.fromkeys(parts))
        ]
    # SARIF has the kind of a word before it.
    plain = word.lower().removeprefix("safety-").removeprefix("invalid-").replace("-", "_")
    if plain in _WORDS:
        title, meaning = _WORDS[plain]
        return [{"code": plain, "title": title, "meaning": meaning}]
    return [{"code": word.upper(), **_known(word)}]


def _known(code: str) -> dict[str, Any]:
    found = _core.explain(code.upper())
    if found is None:
        from difflib import get_close_matches

        known = {name.lower(): name for name in (*_WORDS, *_core.metric_families(), *_core.codes())}
        near = get_close_matches(code.lower(), known, n=1)
        hint = f"did you mean {known[near[0]]}?" if near else "`tvae scan --explain all` lists them"
        raise ConfigError(f"there is no code or word {code!r}", path="--explain", hint=hint)
    return found


def _title(one: Mapping[str, Any]) -> str:
    return f"{one['code']}  {one.get('title', '')}".rstrip()


def _full(one: Mapping[str, Any]) -> Iterator[str]:
    yield _title(one)
    for name in ("meaning", "remedy"):
        if one.get(name):
            yield ""
            yield from wrap(str(one[name]), _WIDTH, indent=0)
