"""A YAML file as plain values, with the line that each key stands on."""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import Struct

from tvae.errors import ConfigError

#: No config is larger; reading stops here rather than at the end of a mistaken argument.
MAX_BYTES = 1 << 20
MAX_NESTING = 32
_NULL = re.compile(r"(~|null|Null|NULL|)$")
_BOOL = re.compile(r"(true|True|TRUE|false|False|FALSE)$")
_INT = re.compile(r"[-+]?[0-9]+$|0o[0-7]+$|0x[0-9a-fA-F]+$")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$|[-+]?\.(inf|Inf|INF)$|\.(nan|NaN|NAN)$")
# Beyond this many digits Python refuses the conversion, and no field takes the number anyway.
_MAX_DIGITS = 400


class Document(Struct, frozen=True):
    """What a file says, and where.

    Attributes:
        values: nested mappings, lists and scalars.
        lines: the line of each dotted key, from 1.
        name: what messages call the file.
    """

    values: dict[str, object]
    lines: dict[str, int]
    name: str

    def where(self, path: str) -> str:
        """`file:line` of a dotted key, or of the nearest section around it."""
        while path and path not in self.lines:
            path = path.rpartition(".")[0]
        return f"{self.name}:{self.lines[path]}" if path else self.name


def scalar(text: str) -> object:
    """A plain scalar by the core schema of YAML 1.2: 1e-3 is a number, `yes` is a word.

    Example:
        >>> [scalar(text) for text in ("1e-3", "12", "null", "true", "yes")]
        [0.001, 12, None, True, 'yes']
    """
    if _NULL.match(text):
        return None
    if _BOOL.match(text):
        return text[0] in "tT"
    if _INT.match(text) and len(text) <= _MAX_DIGITS:
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.match(text):
        return float(text.replace(".inf", "inf").replace(".Inf", "inf").replace(".INF", "inf").lower().lstrip(".")
                     if text[-1] in "fFnN" else text)
    return text


def parse(text: str, *, name: str) -> Document:
    """The document in `text`; an empty one says nothing.

    Raises:
        ConfigError: if it is no YAML mapping, or repeats a key.
    """
    value, lines = _read(text, name)
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise ConfigError("a config is a mapping of keys to values", path=name, expected="key: value",
                          got=f"a {'list' if isinstance(value, list) else type(value).__name__}")
    return Document(value, lines, name)


def parse_value(text: str) -> object:
    """One value of a command line or of the environment; what is no YAML is text.

    Example:
        >>> parse_value("[64, 32]"), parse_value("1e-3"), parse_value("@a: b: c")
        ([64, 32], 0.001, '@a: b: c')
    """
    if not any(mark in text for mark in "[{\"'#&*!|>:\n"):
        return scalar(text.strip())
    try:
        return _read(text, "value")[0]
    except ConfigError:
        return text


def read(path: Path) -> Document:
    """The document in a file.

    Raises:
        ConfigError: if it is not there, a folder, too large, not text, or no YAML mapping.
        OSError: if it cannot be read.
    """
    name = str(path)
    if path.is_dir():
        inside = path / "config.yaml"
        raise ConfigError("a folder is no config", path=name, expected="a YAML file",
                          hint=f"use {inside}" if inside.exists() else None)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError("there is no such file", path=name, hint=_neighbours(path)) from None
    except ValueError as error:
        raise ConfigError(f"no file has this name: {error}", path=name.replace("\0", "\\0")) from None
    if len(content) > MAX_BYTES:
        raise ConfigError(f"too large for a config (over {MAX_BYTES >> 20} MiB)", path=name, expected="a YAML file",
                          hint=_not_a_config(path))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"byte 0x{content[error.start]:02x} is not UTF-8", path=f"{name}:{line}",
                          expected="UTF-8 text", hint=_not_a_config(path)) from None
    return parse(text, name=name)
