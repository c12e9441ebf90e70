"""`tvae scan --explain CODE`: what a code means, or a definition of the metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tvae import _core
from tvae.errors import ConfigError


def explain(word: str, *, as_json: bool) -> str:
    """What a code or a definition means, or a list of all codes.

    Raises:
        ConfigError: if there is no such code.
    """
    if (meaning := _core.metric_families().get(word)) is not None:
        from tvae.finite import dumps

        told = {"schema": 1, "definition": word, "meaning": meaning}
        return dumps(told) if as_json else "\n".join(_full({"code": word, "meaning": meaning}))
    codes = _core.codes() if word.lower() == "all" else [word.upper()]
    found = [{"code": code, **(_core.explain(code) or {})} for code in codes]
    if len(found[0]) == 1:
        raise ConfigError(
            f"there is no code {word!r}", path="--explain", hint="`tvae scan --explain all` lists them"
        )
    if as_json:
        from tvae.finite import dumps

        return dumps({"schema": 1, "codes": found})
    return "\n".join(_brief(found) if len(found) > 1 else _full(found[0]))


def _brief(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for one in found:
        yield f"{one['code']}  {one.get('severity', ''):7}  {one.get('title', '')}".rstrip()


def _full(one: Mapping[str, Any]) -> Iterator[str]:
    import textwrap

    yield f"{one['code']}  {one.get('severity', '')}  {one.get('title', '')}".rstrip()
    for name, text in one.items():
        if name not in ("code", "severity", "title") and text:
            yield ""
            yield from textwrap.wrap(str(text), 80)
