"""YAML text as plain values, by the core schema of YAML 1.2, with the line of each key.

The values are built from ruamel's events: its constructors would take a second key for the
first, know dates and underscores in numbers, and forget the lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from tvae.errors import ConfigError

if TYPE_CHECKING:
    from ruamel.yaml.error import MarkedYAMLError
    from ruamel.yaml.events import Event

#: No config nests deeper; a document that does is no config.
MAX_NESTING = 32
#: Python refuses to read longer integers, and no key takes one.
MAX_DIGITS = 400
_NULL = re.compile(r"(~|null|Null|NULL|)")
_BOOL = re.compile(r"(true|True|TRUE|false|False|FALSE)")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class Document(Struct, frozen=True):
    """What a text says, and where.

    Attributes:
        values: nested mappings, lists and scalars.
        lines: the line of each dotted key, from 1.
        name: what messages call the text.
    """

    values: dict[str, object]
    lines: dict[str, int]
    name: str

    def where(self, path: str) -> str:
        """`name:line` of a dotted key, or of the nearest section around it."""
        while path and path not in self.lines:
            path = path.rpartition(".")[0]
        return f"{self.name}:{self.lines[path]}" if path else self.name


def scalar(text: str) -> object:
    """A plain scalar: 1e-3 is a number, `yes` is a word.

    Example:
        >>> [scalar(text) for text in ("1e-3", "12", "null", "true", "yes")]
        [0.001, 12, None, True, 'yes']
    """
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text[0] in "tT"
    if _INT.fullmatch(text) and len(text) <= MAX_DIGITS:
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if special := _SPECIAL.fullmatch(text):
        return float(special[1] + "inf") if special[2] else float("nan")
    return text


def parse(text: str, *, name: str) -> Document:
    """The document in `text`; an empty one says nothing.

    Raises:
        ConfigError: if it is no YAML mapping, or repeats a key.

    Example:
        >>> parse("optim: {lr: 1e-3}", name="run.yaml").where("optim.lr")
        'run.yaml:1'
    """
    builder = _Builder(name)
    value = builder.document(text)
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise ConfigError(
            "a config is a mapping",
            path=name,
            expected="lines of `key: value`",
            got=f"a list of {len(value)}"
            if isinstance(value, list)
            else f"the single value {str(value)[:40]!r}",
        )
    return Document(value, builder.lines, name)


def parse_value(text: str) -> object:
    """One value of a command line or of the environment; what is no YAML is text.

    Example:
        >>> parse_value("[64, 32]"), parse_value("1e-3"), parse_value("@a: b: c")
        ([64, 32], 0.001, '@a: b: c')
    """
    text = text.strip()
    if not any(mark in text for mark in "[{\"'#&*!|>:\n"):
        return scalar(text)
    try:
        return _Builder("value").document(text)
    except ConfigError:
        return text


class _Builder:
    """Builds the values of one document from its events."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[str, int] = {}
        self.anchors: dict[str, object] = {}

    def document(self, text: str) -> object:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError, YAMLError
        from ruamel.yaml.events import DocumentEndEvent, DocumentStartEvent, StreamEndEvent, StreamStartEvent

        try:
            marks = (StreamStartEvent, DocumentStartEvent, DocumentEndEvent, StreamEndEvent)
            value: object = None
            documents = 0
            events = iter(YAML(typ="safe", pure=True).parse(text))
            for event in events:
                if isinstance(event, marks):
                    documents += isinstance(event, DocumentStartEvent)
                    if documents > 1:
                        raise self.error(
                            "a second document", event, hint="a config is one document; remove the ---"
                        )
                    continue
                value = self.node(event, events, "", 0)
            return value
        except MarkedYAMLError as error:
            raise self.syntax(error) from None
        except YAMLError as error:
            # A character that YAML forbids: the only error of ruamel without a mark.
            at = getattr(error, "position", None)
            line = f":{text.count(chr(10), 0, at) + 1}" if isinstance(at, int) else ""
            what = str(error).splitlines()[0]
            raise ConfigError(f"not YAML: {what}", path=f"{self.name}{line}") from None

    def node(self, event: Event, events: Iterator[Event], path: str, depth: int) -> object:
        from ruamel.yaml.events import AliasEvent, MappingStartEvent, ScalarEvent, SequenceStartEvent

        if isinstance(event, AliasEvent):
            if event.anchor not in self.anchors:
                raise self.error(f"alias *{event.anchor} names no anchor before it", event)
            return self.anchors[event.anchor]
        if depth > MAX_NESTING:
            raise self.error(f"nested deeper than {MAX_NESTING} levels", event)
        if (tag := getattr(event, "tag", None)) is not None:
            raise self.error(f"the tag {tag}", event, hint="a config has no tags; remove it")
        value: object
        if isinstance(event, ScalarEvent):
            value = event.value if event.style else scalar(event.value)
        elif isinstance(event, SequenceStartEvent):
            value = self.sequence(events, path, depth)
        else:
            assert isinstance(event, MappingStartEvent)
            value = self.mapping(events, path, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = value
        return value

    def sequence(self, events: Iterator[Event], path: str, depth: int) -> list[object]:
        from ruamel.yaml.events import SequenceEndEvent

        items: list[object] = []
        while not isinstance(event := next(events), SequenceEndEvent):
            items.append(self.node(event, events, f"{path}[{len(items)}]", depth + 1))
        return items

    def mapping(self, events: Iterator[Event], path: str, depth: int) -> dict[str, object]:
        from ruamel.yaml.events import MappingEndEvent, ScalarEvent

        values: dict[str, object] = {}
        while not isinstance(event := next(events), MappingEndEvent):
            if not isinstance(event, ScalarEvent):
                raise self.error("a key must be a name", event, hint="write `key: value`")
            key = event.value
            here = f"{path}.{key}" if path else key
            if key in values:
                raise self.error(
                    f"{here} is given twice",
                    event,
                    hint=f"it is on line {self.lines[here]} already; remove one",
                )
            self.lines[here] = event.start_mark.line + 1
            values[key] = self.node(next(events), events, here, depth + 1)
        return values

    def error(self, message: str, event: Event, *, hint: str | None = None) -> ConfigError:
        return ConfigError(message, path=f"{self.name}:{event.start_mark.line + 1}", hint=hint)

    def syntax(self, error: MarkedYAMLError) -> ConfigError:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(str(error.problem or error.context or "cannot be parsed").split())
        hint = None
        if "'\\t'" in problem:
            problem, hint = "a tab where YAML wants spaces", "indent with spaces"
        elif "mapping values are not allowed" in problem:
            hint = "check the indentation, and quote text that holds a colon"
        where = f"{self.name}:{mark.line + 1}" if mark is not None else self.name
        return ConfigError(f"not YAML: {problem}", path=where, hint=hint)
