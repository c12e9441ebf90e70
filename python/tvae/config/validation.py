"""One layer of settings against the schema: every key known, every value of its type and range."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Literal, get_args, get_origin

import msgspec
from msgspec import Struct

from tvae.config import tree
from tvae.config.suggestion import meant, nearest
from tvae.config.tree import Shape
from tvae.errors import ConfigError


class Layer(Struct, frozen=True, kw_only=True):
    """Settings of one origin.

    Attributes:
        values: nested mappings down to the leaves.
        where: what messages call the place of a dotted key: a file and line, a variable, a flag.
        strict: whether a value must already have its type; text of a command line need not.
        text: the value as it was typed, for keys that hold text.
    """

    values: dict[str, object]
    where: Callable[[str], str]
    strict: bool = False
    text: str | None = None


def check(layer: Layer) -> dict[str, object]:
    """The layer's values, each converted to the type of its key.

    Raises:
        ConfigError: at the first unknown key, or value that its key does not take.
    """
    return _section(layer.values, tree.root(), layer, "")


def _section(values: dict[str, object], at: Shape, layer: Layer, path: str) -> dict[str, object]:
    checked: dict[str, object] = {}
    for name, value in values.items():
        here = f"{path}.{name}" if path else str(name)
        child = at.children.get(name)
        if child is None:
            raise ConfigError("unknown key", path=f"{layer.where(here)}: {here}", hint=meant(here))
        if not child.section:
            checked[name] = _leaf(value, child, layer, here)
        elif isinstance(value, dict):
            checked[name] = _section(value, child, layer, here)
        elif value is None and child.nullable:
            checked[name] = None
        else:
            raise _refusal(
                "wrong type",
                value,
                child,
                layer,
                here,
                hint="remove the key, or give it keys of its own"
                if value is None
                else f"set one of its keys, such as {here}.{next(iter(child.children))}",
            )
    return checked


def _leaf(value: object, at: Shape, layer: Layer, path: str) -> object:
    try:
        converted = msgspec.convert(value, at.annotation, strict=layer.strict)
    except msgspec.ValidationError as error:
        converted = _as_text(layer, at)
        if converted is None:
            raise _wrong(str(error), value, at, layer, path) from None
    if isinstance(converted, float) and not math.isfinite(converted):
        raise _refusal("not finite", value, at, layer, path)
    plain: object = msgspec.to_builtins(converted)
    return plain


def _as_text(layer: Layer, at: Shape) -> object:
    """What was typed, for a key that holds text: a folder may be called 2024."""
    if layer.text is None:
        return None
    try:
        converted: object = msgspec.convert(layer.text, at.annotation)
    except msgspec.ValidationError:
        return None
    return converted


def _wrong(reason: str, value: object, at: Shape, layer: Layer, path: str) -> ConfigError:
    choices = _choices(at.annotation)
    hint = None
    if isinstance(value, list) and any(isinstance(entry, dict) for entry in value):
        # Which entry, and which of its keys, only the reason knows.
        what, _, where = reason.partition(" - at `$")
        return _refusal(f"{what[0].lower()}{what[1:]}", value, at, layer, f"{path}{where.rstrip('`')}")
    if isinstance(value, dict):
        return _refusal("takes one value", value, at, layer, path)
    if isinstance(value, str) and choices and (near := nearest(value, choices, cutoff=0.5)):
        hint = f"did you mean {near}?"
    elif isinstance(value, str) and bool in tree.alternatives(at.annotation):
        hint = "write true or false"
    elif isinstance(value, str) and layer.strict and _lenient(value, at):
        hint = "write it without quotes"
    if ", got `" in reason:
        message = "wrong type"
    elif reason.startswith("Invalid enum value"):
        message = "unknown choice"
    else:
        message = "out of range" if isinstance(value, (int, float)) else "invalid value"
    return _refusal(message, value, at, layer, path, hint=hint)


def _lenient(value: object, at: Shape) -> bool:
    try:
        msgspec.convert(value, at.annotation, strict=False)
    except msgspec.ValidationError:
        return False
    return True


def _choices(annotation: object) -> list[str]:
    return [
        str(choice)
        for member in tree.alternatives(annotation)
        if get_origin(member) is Literal
        for choice in get_args(member)
    ]


def _refusal(
    message: str, value: object, at: Shape, layer: Layer, path: str, *, hint: str | None = None
) -> ConfigError:
    return ConfigError(
        message, path=f"{layer.where(path)}: {path}", expected=tree.expected(at), got=shown(value), hint=hint
    )


def shown(value: object) -> str:
    """A value for a message, with its kind and at most some forty characters.

    Example:
        >>> shown("fast"), shown(3.5), shown(None)
        ('the text "fast"', '3.5', 'null')
    """
    if isinstance(value, dict):
        return "a section"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and abs(value) >= 10**20:
        return "a number of more than 20 digits"
    if isinstance(value, list):
        inner = ", ".join(shown(item).removeprefix("the text ") for item in value[:8])
        text = f"[{inner}{', ...' if len(value) > 8 else ''}]"
        return f"the list {text}" if len(text) <= 60 else f"a list of {len(value)}"
    if isinstance(value, str):
        return f"the text {json.dumps(value if len(value) <= 40 else value[:37] + '...', ensure_ascii=False)}"
    return json.dumps(value)
