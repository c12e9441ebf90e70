"""A config as text: YAML that loads back equal, and the hash that names its content."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import msgspec

from tvae.config.schema import Config
from tvae.config.yaml import scalar


def dump(config: Config, *, comments: Mapping[str, str] | None = None) -> str:
    """The whole config as YAML, every default spelled out; `load` reads it back equal.

    Args:
        config: a config.
        comments: text to put behind a dotted key; the key "" stands for the head of the file.

    Example:
        >>> dump(Config(), comments={"seed": "the year"}).splitlines()[0]
        'seed: 0  # the year'
    """
    notes = dict(comments or {})
    head = [f"# {line}".rstrip() for line in notes.get("", "").splitlines()]
    return "\n".join([*head, *_lines(msgspec.to_builtins(config), "", notes)]) + "\n"


def _lines(values: Mapping[str, object], path: str, notes: Mapping[str, str]) -> list[str]:
    indent = "  " * (path.count(".") + 1 if path else 0)
    lines: list[str] = []
    for key, value in values.items():
        here = f"{path}.{key}" if path else key
        note = f"  # {' '.join(notes[here].split())}" if here in notes else ""
        if isinstance(value, dict) and value:
            lines += [f"{indent}{key}:{note}", *_lines(value, here, notes)]
        else:
            lines.append(f"{indent}{key}: {inline(value)}{note}")
    return lines


def inline(value: object) -> str:
    """A value on one line.

    Example:
        >>> inline([1e-3, None, "a b"])
        '[0.001, null, "a b"]'
        >>> inline([{"epoch": 3, "factor": 0.5}])
        '[{epoch: 3, factor: 0.5}]'
    """
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_text(key)}: {inline(item)}' for key, item in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(inline, value))}]"
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    if isinstance(value, str):
        return _text(value)
    return json.dumps(value)


def _text(value: str) -> str:
    """A word as it is, anything else in the double quotes that YAML shares with JSON."""
    if scalar(value) == value and value.replace("_", "a").isalnum() and value.isascii():
        return value
    # YAML takes no surrogate pairs, so what lies beyond the first plane stays as it is.
    escaped = (json.dumps(sign) if ord(sign) < 0x10000 else f'"{sign}"' for sign in value)
    return '"' + "".join(sign[1:-1] for sign in escaped) + '"'


def config_hash(config: Config) -> str:
    """SHA-256 of the config's canonical JSON: sorted keys, no spaces, every default spelled out.

    Example:
        >>> config_hash(Config()) == config_hash(Config(seed=1))
        False
    """
    # The digest is needed once per run, and importing hashlib loads OpenSSL.
    from hashlib import sha256

    text = json.dumps(msgspec.to_builtins(config), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return sha256(text.encode()).hexdigest()
