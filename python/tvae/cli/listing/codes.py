"""`tvae scan --explain CODE`: what a code means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tvae import _core
from tvae.errors import ConfigError


def explain(word: str, *, as_json: bool) -> str:
    """What a code means, or a list of all of them.

    Raises:
        ConfigError: if there is no such code.
    """
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
