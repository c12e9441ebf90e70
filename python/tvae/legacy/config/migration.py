"""Old values to today's, every leaf accounted for: a pure function of the text of the file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from tvae.config import Config, tree
from tvae.config.validation import Layer, check
from tvae.config.yaml import Document
from tvae.errors import ConfigError
from tvae.legacy.config.action import Action, Old, Outcome, Refused
from tvae.legacy.config.dialect import Dialect, known_elsewhere, recognise
from tvae.legacy.config.typo import meant
from tvae.legacy.models import warning

ACTIONS: tuple[Action, ...] = ("mapped", "converted", "dropped", "refused")


class Entry(Struct, frozen=True, kw_only=True):
    """One leaf of the source and what became of it.

    Attributes:
        old: its dotted key.
        new: the key of today's schema, or the option of `tvae train`, that has its place.
        action: mapped, converted, dropped or refused.
        reason: why, and for a refusal what to do.
        old_value: its value.
        new_value: the value of `new`, after everything that the file says about it.
        also: further keys that are set because of it.
        sets: whether it sets `new` itself; else another leaf or the schema does.
    """

    old: str
    new: str | None
    action: Action
    reason: str
    old_value: object
    new_value: object
    also: Mapping[str, object]
    sets: bool


class Migration(Struct, frozen=True, kw_only=True):
    """An old config as today's.

    Attributes:
        dialect: the vocabulary that it was recognised by.
        version: the version of the predecessor that it was most likely written for.
        entries: one per leaf of the source, in the order of the source.
        implied: what the old code did without being told, by dotted key, with the reason.
        values: the new config, nested, as it differs from the schema's defaults.
        options: options of `tvae train` that have the place of old keys.
    """

    dialect: str
    version: str
    entries: tuple[Entry, ...]
    implied: Mapping[str, tuple[object, str]]
    values: Mapping[str, object]
    options: Mapping[str, str]

    @property
    def warnings(self) -> list[str]:
        """A line for each deprecated model name that the file has, once."""
        found = [warning(str(entry.old_value)) for entry in self.entries if entry.new == "model.branches"]
        return [line for line in dict.fromkeys(found) if line is not None]

    @property
    def refused(self) -> list[Entry]:
        """The leaves that nothing took over although they mattered."""
        return [entry for entry in self.entries if entry.action == "refused"]

    def counts(self) -> dict[str, int]:
        """How many leaves met which fate."""
        found = Counter(entry.action for entry in self.entries)
        return {action: found[action] for action in ACTIONS}


def migrate(document: Document, *, layers: Literal["plain", "improved"] | None = None) -> Migration:
    """An old config in today's words.

    Args:
        document: the file.
        layers: what the checkpoint that it names holds; None: nobody has looked.

    Raises:
        ConfigError: if it is no config of the predecessor, or what it says contradicts itself beyond repair.
    """
    found = recognise(document.values)
    if found is None:
        raise _not_old(document)
    leaves = tree.leaves(document.values)
    old = Old(found.name, {found.canonical(path): value for path, value in leaves.items()}, layers)
    outcomes = dict(_outcomes(old, found))
    implied = found.implied(old)
    while True:
        settings = _settings(implied, outcomes)
        try:
            whole = msgspec.convert(_nested(settings), Config)
            break
        except msgspec.ValidationError as error:
            # What fits each on its own need not fit together: the leaf that the message names gives way.
            path = _culprit(str(error), outcomes)
            if path is None:
                raise ConfigError(
                    f"what it says does not go together: {error}",
                    path=document.name,
                    hint="correct the old file",
                ) from None
            told = str(error).partition(" - at")[0]
            outcomes[path] = Outcome(
                action="refused", new=outcomes[path].new, reason=f"does not go with the rest: {told}"
            )
    flat = tree.leaves(msgspec.to_builtins(whole))
    entries = tuple(_entry(path, outcomes[found.canonical(path)], leaves[path], flat) for path in leaves)
    return Migration(
        dialect=found.name,
        version=found.version(old),
        entries=entries,
        implied={
            key: said
            for key, said in implied.items()
            if key in settings and not any(key in outcome.values for outcome in outcomes.values())
        },
        values=compact(msgspec.to_builtins(whole)),
        options={
            key: str(value)
            for outcome in outcomes.values()
            for key, value in outcome.values.items()
            if _is_option(key)
        },
    )


def _outcomes(old: Old, dialect: Dialect) -> Iterator[tuple[str, Outcome]]:
    """What becomes of each leaf, in the order of the rules: who comes first has the say."""
    order = {key: place for place, key in enumerate(dialect.rules)}
    said: dict[str, tuple[str, object]] = {}
    for path in sorted(old.leaves, key=lambda path: order.get(path, len(order))):
        outcome = _outcome(path, old, dialect)
        clash = next(
            (key for key, value in outcome.values.items() if key in said and said[key][1] != value), None
        )
        if clash is not None:
            first, value = said[clash]
            outcome = Outcome(
                action="refused",
                new=clash,
                reason=f"contradicts {first}, which sets {clash} to {value!r}; remove one of the two",
            )
        said |= {key: (path, value) for key, value in outcome.values.items()}
        yield path, outcome


def _outcome(path: str, old: Old, dialect: Dialect) -> Outcome:
    rule = dialect.rules.get(path)
    if rule is None:
        return Outcome(action="refused", reason=_unknown(path, old, dialect))
    if off := _switched_off(path, old, dialect):
        return Outcome(action="dropped", reason=f"switched off by {off}")
    key = ""
    try:
        outcome = rule(old.leaves[path], old)
        for key, value in outcome.values.items():
            if not _is_option(key):
                check(Layer(values=_nested({key: value}), where=lambda key: key, strict=True))
    except Refused as refusal:
        return Outcome(action="refused", reason=str(refusal))
    except ConfigError as error:
        told = (
            f"{error.message} (expected {error.expected}, got {error.got})" if error.expected else error.line
        )
        return Outcome(action="refused", new=key, reason=f"{told}; correct it")
    return outcome


def _switched_off(path: str, old: Old, dialect: Dialect) -> str | None:
    """The leaf that switches this one off, with its value, if one does."""
    switches = [switch for prefix, switch in dialect.switches.items() if path.startswith(prefix)]
    names = path.split(".")
    switches += [f"{'.'.join(names[:k])}.enabled" for k in range(1, len(names))]
    for switch in switches:
        if switch != path and old.leaves.get(switch) is False and switch in dialect.rules:
            return f"{switch}: false"
    return None


def _unknown(path: str, old: Old, dialect: Dialect) -> str:
    if tree.find(path) is not None:
        return "a key of today's schema, not of this dialect; set it in the new file"
    near = meant(path, [key for key in dialect.rules if key not in old.leaves])
    if near is not None:
        return f"unknown key; did you mean {near}?"
    if near := meant(path, [key for key in dialect.rules if key in old.leaves]):
        return f"unknown key, like {near}, which the file has too; remove it"
    if other := known_elsewhere(path):
        return f"a key of {other}, not of this dialect; remove it"
    return "no file or code of the predecessor is known to have this key; remove it"


def _entry(path: str, outcome: Outcome, value: object, settings: Mapping[str, object]) -> Entry:
    new = outcome.new
    return Entry(
        old=path,
        new=new,
        action=outcome.action,
        reason=outcome.reason,
        old_value=value,
        new_value=None if new is None else outcome.values.get(new, settings.get(new)),
        also={key: said for key, said in outcome.values.items() if key != new},
        sets=new in outcome.values,
    )


def _settings(
    implied: Mapping[str, tuple[object, str]], outcomes: Mapping[str, Outcome]
) -> dict[str, object]:
    """Everything that is set, by dotted key: what leaves say over what is implied."""
    settings: dict[str, object] = {key: value for key, (value, _) in implied.items()}
    for outcome in outcomes.values():
        for key, value in outcome.values.items():
            if value is None:
                # A section that is switched off takes along what was implied about it.
                settings = {name: said for name, said in settings.items() if not name.startswith(f"{key}.")}
            if not _is_option(key):
                settings[key] = value
    return settings


def _culprit(message: str, outcomes: Mapping[str, Outcome]) -> str | None:
    """The last leaf that sets a key which the message names, whole or by its name within a section."""
    text, _, section = message.partition(" - at `$")
    section = section.rstrip("`").lstrip(".").partition("[")[0]
    named = set(re.findall(r"[A-Za-z_][\w.]*\w", text))

    def is_named(key: str) -> bool:
        last = key.rpartition(".")[2]
        # `amplitude` may stand for `late_amplitude`.
        inside = any(
            last == word or last.endswith(f"_{word}") or key.startswith(f"{section}.{word}.")
            for word in named
        )
        return key == section or key in named or (key.startswith(f"{section}.") and inside)

    found = [path for path, outcome in outcomes.items() if any(map(is_named, outcome.values))]
    return found[-1] if found else None


def _nested(settings: Mapping[str, object]) -> dict[str, object]:
    """Dotted keys as nested mappings; a section that is off is turned on by a key inside."""
    values: dict[str, object] = {}
    for key in sorted(settings, key=lambda key: (settings[key] is not None, key.count("."))):
        here = values
        *sections, last = key.split(".")
        for name in sections:
            inner = here.get(name)
            if not isinstance(inner, dict):
                inner = here[name] = {}
            here = inner
        value = settings[key]
        # A section of its own: what is laid into it must not show in the rule that gave it.
        here[last] = dict(value) if isinstance(value, dict) else value
    return values


def compact(values: Mapping[str, object], *, within: tree.Shape | None = None) -> dict[str, object]:
    """A config less what its schema says anyway; a section that is off by default keeps a key to be on.

    Example:
        >>> compact(msgspec.to_builtins(Config(seed=3)))
        {'seed': 3}
    """
    shape = within or tree.root()
    found: dict[str, object] = {}
    for key, value in values.items():
        child = shape.children[key]
        default = tree.default_of(child)
        if value == default:
            continue
        if not child.section or not isinstance(value, dict):
            found[key] = value
            continue
        inner = compact(value, within=child)
        if not inner and not isinstance(default, dict) and not tree.is_mapping(shape.annotation):
            inner = dict(list(value.items())[:1])
        if inner:
            found[key] = inner
    return found


def _is_option(key: str) -> bool:
    return key.startswith("--")


def _not_old(document: Document) -> ConfigError:
    return ConfigError(
        "is no config of the predecessor",
        path=document.name,
        expected="keys of v5.5 to v5.12, of a manifold type, or of one of its two schemas",
        hint="a config of today's schema needs no migration: `tvae config validate` checks it",
    )
