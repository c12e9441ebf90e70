"""`tvae scan --explain CODE`: what a code means, or a definition of the metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tvae import _core
from tvae.cli.listing.layout import wrap
from tvae.errors import ConfigError

_WIDTH = 80


def explain(word: str, *, as_json: bool) -> str:
    """What a code or a definition means, or a list of all codes.

    Raises:
        ConfigError: if there is no such code.
    """
    found: list[dict[str, Any]]
    if (meaning := _core.metric_families().get(word)) is not None:
        found = [{"code": word, "title": "a definition of the metrics", "meaning": meaning}]
    elif word.lower() == "all":
        found = [{"code": code, **(_core.explain(code) or {})} for code in _core.codes()]
    else:
        found = [{"code": word.upper(), **_known(word)}]
    if as_json:
        from tvae.finite import dumps

        return dumps({"schema": 1, "codes": found})
    if word.lower() == "all":
        return "\n".join(line for one in found for line in wrap(_title(one), _WIDTH, indent=6))
    return "\n".join(_full(found[0]))


def _known(code: str) -> dict[str, Any]:
    found = _core.explain(code.upper())
    if found is None:
        hint = "`tvae scan --explain all` lists them"
        raise ConfigError(f"there is no code {code!r}", path="--explain", hint=hint)
    return found


def _title(one: Mapping[str, Any]) -> str:
    return f"{one['code']}  {one.get('title', '')}".rstrip()


def _full(one: Mapping[str, Any]) -> Iterator[str]:
    yield _title(one)
    for name in ("meaning", "remedy"):
        if one.get(name):
            yield ""
            yield from wrap(str(one[name]), _WIDTH, indent=0)
