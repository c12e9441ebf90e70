"""What a rule may do with one leaf of an old config, and the small vocabulary that tables are written in.

A rule is a function of the leaf's value and of the whole old config. It returns an `Outcome`, or
raises `Refused`; whether a new value is one that its key takes, the migration checks for all rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

from msgspec import Struct

Action = Literal["mapped", "converted", "dropped", "refused"]
T = TypeVar("T")


class Refused(Exception):
    """A rule has no answer to a value: what is wrong with it, and what to do."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of a leaf.

    Attributes:
        action: mapped as it is, converted, dropped or refused.
        new: the key, or the option of `tvae train`, that has its place; None if nothing has.
        values: what is set because of it, by dotted key: the first is usually `new`.
        reason: why, unless it is obvious.
    """

    action: Action
    new: str | None = None
    values: Mapping[str, object] = {}
    reason: str = ""


class Old(Struct, frozen=True):
    """A whole old config, flat.

    Attributes:
        dialect: which vocabulary it is written in.
        leaves: its values by dotted key.
        layers: what the checkpoint that it names holds, where somebody has looked: plain or improved ones.
    """

    dialect: str
    leaves: Mapping[str, object]
    layers: Literal["plain", "improved"] | None = None

    def get(self, key: str, default: T) -> T:
        """The value at `key` if it has the type of `default`, else `default`.

        Example:
            >>> Old("5.12", {"training.lr": 1}).get("training.lr", 0.5)
            1.0
        """
        value = self.leaves.get(key, default)
        if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            return float(value)  # type: ignore[return-value]
        return value if isinstance(value, type(default)) else default

    def has(self, prefix: str) -> bool:
        """Whether there is such a leaf, or a leaf below such a section."""
        return any(key == prefix or key.startswith(f"{prefix}.") for key in self.leaves)

    def on(self, section: str, *, default: bool = False) -> bool:
        """Whether a section is there and not switched off."""
        return self.get(f"{section}.enabled", True) if self.has(section) else default


def truth(value: object) -> bool:
    """True or false, and nothing that counts as one of them.

    Raises:
        Refused: if it is neither.
    """
    if not isinstance(value, bool):
        raise Refused(f"{value!r} is neither true nor false; write one of them")
    return value


Rule = Callable[[object, Old], Outcome]
Rules = Mapping[str, Rule]


def to(key: str, *, reason: str = "", also: Mapping[str, object] | None = None) -> Rule:
    """The value as it is, under a new key."""
    return lambda value, old: Outcome(
        action="mapped", new=key, values={key: value, **(also or {})}, reason=reason
    )


def convert(
    key: str,
    function: Callable[[object, Old], object],
    reason: str,
    *,
    also: Callable[[object, Old], Mapping[str, object]] | None = None,
) -> Rule:
    """Another value, under a new key."""

    def rule(value: object, old: Old) -> Outcome:
        return Outcome(
            action="converted",
            new=key,
            values={key: function(value, old), **(also(value, old) if also else {})},
            reason=reason,
        )

    return rule


def becomes(key: str, reason: str, values: Mapping[str, object] | None = None) -> Rule:
    """Whatever the value is: `key` does its work today, and `values` are set."""
    return lambda value, old: Outcome(action="converted", new=key, values=values or {}, reason=reason)


def drop(reason: str) -> Rule:
    """Nothing takes its place, whatever its value is."""
    return lambda value, old: Outcome(action="dropped", reason=reason)


def only(expected: object, key: str, otherwise: str, *, reason: str = "") -> Rule:
    """The one value that today's `key` always has; another one is refused with `otherwise`."""

    def rule(value: object, old: Old) -> Outcome:
        if value != expected or isinstance(value, bool) != isinstance(expected, bool):
            raise Refused(otherwise)
        return Outcome(action="mapped", new=key, reason=reason)

    return rule


def choose(cases: Mapping[object, Rule], otherwise: Rule | str) -> Rule:
    """A rule of its own for each value; `otherwise` is the rule, or the refusal, for the rest."""

    def rule(value: object, old: Old) -> Outcome:
        for case, found in cases.items():
            if value == case and isinstance(value, bool) == isinstance(case, bool):
                return found(value, old)
        if isinstance(otherwise, str):
            raise Refused(f"{value!r} is not known here; {otherwise}")
        return otherwise(value, old)

    return rule


def either(*, true: Rule, false: Rule) -> Rule:
    """A rule for each truth value; anything else is refused."""
    return lambda value, old: (true if truth(value) else false)(value, old)


def when(condition: Callable[[Old], bool], then: Rule, otherwise: Rule) -> Rule:
    """One of two rules, by what else the file says."""
    return lambda value, old: (then if condition(old) else otherwise)(value, old)


def keys(section: str, names: str, rule: Rule) -> dict[str, Rule]:
    """One rule for several keys of a section.

    Example:
        >>> list(keys("memory", "cudnn_benchmark empty_cache_freq", drop("moves no number")))
        ['memory.cudnn_benchmark', 'memory.empty_cache_freq']
    """
    return {f"{section}.{name}" if section else name: rule for name in names.split()}
