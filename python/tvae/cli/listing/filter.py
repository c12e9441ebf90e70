"""`--filter 'FIELD OP VALUE'`: which records are shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from tvae.cli.listing.fields import ABSENT, NUMBERS, Record, check, resolved, value
from tvae.cli.listing.marks import NAMES
from tvae.errors import ConfigError

R = TypeVar("R", bound=Record)

_SHAPE = re.compile(r"\s*([^\s<>=!~]+)\s*(<=|>=|!=|==|=|<|>|~)\s*(.*?)\s*", re.DOTALL)
_NUMBER = re.compile(
    r"([+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([kmgtp]?i?b|[kmgtp]|%)?", re.IGNORECASE
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?)?")
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_SWAPPED = {"=>": ">=", "=<": "<=", "==>": ">=", "==<": "<=", "<>": "!="}
_BOOLS = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition.

    Attributes:
        field: the field.
        typed: what it was called in the condition.
        op: `<`, `<=`, `>`, `>=`, `=`, `!=` or `~`.
        text: the value as it was written.
        number: the value as a number, if it is one; units are applied.
        pattern: what `~` looks for.
    """

    field: str
    typed: str
    op: str
    text: str
    number: float | None
    pattern: re.Pattern[str] | None

    def matches(self, record: Record) -> bool:
        """Whether the record has the field and the condition holds; of a list, one item is enough."""
        found = value(record, self.field)
        if found is ABSENT or isinstance(found, dict):
            return False
        if self.field in ("shape", "stride") and isinstance(found, (list, tuple)):
            return self._holds("x".join(map(str, found)))
        if not isinstance(found, (list, tuple)):
            return self._holds(found)
        if self.op == "!=":
            return not any(self._equals(item) for item in found) and not (self.text == "" and not found)
        if not found:
            return self.op == "=" and self.text == ""
        return any(self._holds(item) for item in found if not isinstance(item, (dict, list)))

    def _holds(self, found: object) -> bool:
        if self.pattern is not None:
            return self.pattern.search(_text(found)) is not None
        if self.op in ("=", "!="):
            return self._equals(found) == (self.op == "=")
        if isinstance(found, (int, float)) and not isinstance(found, bool):
            if self.number is None:
                raise ConfigError(
                    f"--filter: {self.typed} is a number",
                    path=self.typed,
                    expected=NUMBERS,
                    got=repr(self.text),
                )
            return _ORDERS[self.op](found, self.number)
        return _ORDERS[self.op](_text(found), self.text)

    def _equals(self, found: object) -> bool:
        if isinstance(found, bool):
            return _BOOLS.get(self.text.lower()) is found
        if isinstance(found, (int, float)):
            return self.number is not None and found == self.number
        return _text(found) == self.text


def parse(expression: str) -> Filter:
    """A condition as it is typed.

    Raises:
        ConfigError: if it is none.

    Example:
        >>> found = parse("size >= 1.5MB")
        >>> found.field, found.op, found.number
        ('size', '>=', 1500000.0)
        >>> parse("coverage<0.95").matches({"metrics": {"coverage": {"value": 0.5}}})
        True
    """
    shape = _SHAPE.fullmatch(expression)
    if shape is None:
        raise ConfigError(
            f"--filter {expression!r} is no condition",
            path="--filter",
            expected="FIELD OP VALUE with OP one of < <= > >= = != ~, such as coverage<0.95",
        )
    field, op, text = shape.groups()
    if right := _SWAPPED.get(op + text[:1]):
        raise ConfigError(
            f"--filter {expression!r} is no condition",
            path="--filter",
            hint=f"write {field}{right}{text[1:].lstrip()}",
        )
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    if text == "" and op not in ("=", "!="):
        raise ConfigError(f"--filter {expression!r} has no value", path="--filter", expected="FIELD OP VALUE")
    pattern = None
    if op == "~":
        try:
            pattern = re.compile(text, re.IGNORECASE)
        except re.error as error:
            raise ConfigError(
                f"--filter {expression!r}: {error}",
                path="--filter",
                hint="escape what is meant literally with \\",
            ) from error
    return Filter(field, field, "=" if op == "==" else op, text, _number(field, text), pattern)


def select(
    records: Sequence[R],
    filters: Iterable[Filter],
    kind: str,
    *,
    words: Callable[[], Mapping[str, Sequence[str]]] = dict,
    root: str | None = None,
) -> list[R]:
    """The records that all filters match, in their order.

    `words` tells those that the rules can put into directory records, by field. Below `root` a path
    also matches as a table shows it.

    Raises:
        ConfigError: if a field is none of this kind of record, or never has the value.
    """
    from tvae.cli.listing.choices import check_value

    wanted = [_plain(replace(one, field=resolved(one.field, kind))) for one in filters]
    for one in wanted:
        check(one.field, kind, records)
        check_value(one, kind, records, words() if kind == "dir" else {})
    return [record for record in records if all(_matches(one, record, root) for one in wanted)]


def _matches(one: Filter, record: Record, root: str | None) -> bool:
    if root is None or one.field != "path" or one.op not in ("=", "!=", "~"):
        return one.matches(record)
    from tvae.cli.listing.table import below

    path = record["path"]
    return one.matches({"path": [path, below(path, root)]})


def _plain(one: Filter) -> Filter:
    """A condition on flags may name one as a table shows it."""
    if one.field != "flags" or one.op == "~":
        return one
    return replace(one, text=NAMES.get(one.text, one.text))


def _number(field: str, text: str) -> float | None:
    if field == "mtime" and _DATE.fullmatch(text):
        return _seconds(text)
    shape = _NUMBER.fullmatch(text)
    if shape is None:
        return None
    number, unit = float(shape[1]), (shape[2] or "").lower()
    if unit == "%":
        return number / 100
    base = 1024.0 if "i" in unit else 1000.0
    return number * base ** _POWERS[unit.rstrip("b").rstrip("i")]


def _seconds(text: str) -> float | None:
    from datetime import UTC, datetime

    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _text(found: object) -> str:
    return found if isinstance(found, str) else str(found).lower() if isinstance(found, bool) else str(found)


def _less(one: object, other: object) -> bool:
    return one < other  # type: ignore[operator, no-any-return]


_ORDERS: dict[str, Callable[[object, object], bool]] = {
    "<": _less,
    ">": lambda one, other: _less(other, one),
    "<=": lambda one, other: one == other or _less(one, other),
    ">=": lambda one, other: one == other or _less(other, one),
}
