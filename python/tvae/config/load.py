"""From a preset, a file, the environment and the command line to one `Config`.

Each origin is a layer of settings, checked on its own so that a message can name the line, the
variable or the flag; the layers are laid over each other and decoded once, which fills in the
defaults and runs the checks across keys.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from tvae.config import presets as presets_
from tvae.config import tree
from tvae.config.document import read
from tvae.config.dump import config_hash as config_hash
from tvae.config.dump import dump as dump
from tvae.config.presets import presets as presets
from tvae.config.schema import Config
from tvae.config.suggestion import nearest
from tvae.config.validation import Layer, check, shown
from tvae.config.yaml import Document, parse, parse_value
from tvae.errors import ConfigError

PREFIX = "TVAE_"
#: The variables of the package without a double underscore; others are not the config's business.
TOP_LEVEL = ("seed", "init")


class Resolved(Struct, frozen=True, kw_only=True):
    """A config and where it comes from.

    Attributes:
        config: the config, complete.
        name: the preset's name, or the file's without its suffix.
        path: the file, or None for a preset.
        origin: where each dotted key that is not left at its default was set.
    """

    config: Config
    name: str
    path: Path | None
    origin: dict[str, str]


def load(
    source: str | Path | None,
    *,
    sets: Sequence[str] = (),
    env: Mapping[str, str] | None = os.environ,
    overrides: Mapping[str, object] | None = None,
    labels: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
) -> Resolved:
    """The config of a preset or a file, under the environment and the command line.

    Args:
        source: a preset's name, a file (with a slash or .yaml or .yml, or one that exists), or
            None for the preset `default`.
        sets: assignments `a.b=value`, the value in YAML; a later one wins.
        env: variables `TVAE_A__B=value`, and TVAE_SEED and TVAE_INIT; None: leave them out.
        overrides: values by dotted key, from flags of their own.
        labels: what messages call an override, by dotted key.
        names: what messages call a variable that has another name for whoever set it.

    Raises:
        ConfigError: if a source is missing or unreadable as YAML, or a setting is refused.
        OSError: if the file cannot be read.

    Example:
        >>> load(None, sets=["training.epochs=3"], env=None).config.training.epochs
        3
    """
    name, path, document = _source(source)
    commands = _commands(sets, overrides or {}, labels or {})
    merged, origin = _merged(document, _variables(env or {}, names or {}), commands)
    return Resolved(config=_decode(merged, origin, name), name=name, path=path, origin=_set(merged, origin))


def setting(
    key: str,
    source: str | Path | None,
    *,
    sets: Sequence[str] = (),
    env: Mapping[str, str] | None = os.environ,
    names: Mapping[str, str] | None = None,
) -> object:
    """One setting as `load` would have it, each layer checked but not how the settings go together.

    Args:
        key: the dotted key.
        source: as for `load`, like the arguments that follow.

    Raises:
        ConfigError: if a source is missing or unreadable, or a setting is refused.

    Example:
        >>> setting("model.curvature", None, env={"TVAE_MODEL__CURVATURE": "2"})
        2.0
    """
    document = _source(source)[2]
    merged, _ = _merged(document, _variables(env or {}, names or {}), _commands(sets, {}, {}))
    at = tree.find(key)
    return tree.leaves(merged).get(key, tree.default_of(at) if at else None)


def _variables(env: Mapping[str, str], names: Mapping[str, str]) -> list[Layer]:
    return [_variable(key, text, names.get(key, key)) for key, text in sorted(env.items()) if _ours(key)]


def _merged(
    document: Document, variables: Sequence[Layer], commands: Sequence[Layer]
) -> tuple[dict[str, object], dict[str, str]]:
    """All layers over each other, and where each leaf was set."""
    merged: dict[str, object] = {}
    origin: dict[str, str] = {}
    for layer in (Layer(values=document.values, where=document.where, strict=True), *variables, *commands):
        checked = check(layer)
        merged = _laid_over(merged, checked)
        origin |= {key: layer.where(key) for key in tree.leaves(checked)}
    return merged, origin


def _source(source: str | Path | None) -> tuple[str, Path | None, Document]:
    text = "default" if source is None else str(source)
    looks_like_a_path = (
        isinstance(source, Path) or "/" in text or os.sep in text or text.endswith((".yaml", ".yml"))
    )
    if not looks_like_a_path:
        preset = presets_.text(text)
        if preset is not None:
            return text, None, parse(preset, name=f"preset {text}")
        if not text or not Path(text).exists():
            raise _no_preset(text)
    path = Path(text)
    return path.stem, path, read(path)


def _no_preset(name: str) -> ConfigError:
    known = presets_.names()
    near = nearest(name, known)
    hint = f"did you mean {near}?" if near else "a file is given with its suffix, such as ./run.yaml"
    return ConfigError(
        f"there is no preset {name[:60]!r}",
        expected=f"one of {', '.join(known) or 'none, the package has no presets'}",
        hint=hint,
    )


def _ours(key: str) -> bool:
    rest = key.removeprefix(PREFIX)
    return rest != key and ("__" in rest or rest.lower() in TOP_LEVEL)


def _variable(key: str, text: str, label: str) -> Layer:
    here = tree.root()
    names: list[str] = []
    for word in key.removeprefix(PREFIX).split("__"):
        # Variables are upper case throughout, keys such as parts.encoder_A are not.
        name = next((name for name in here.children if name.lower() == word.lower()), word.lower())
        here = here.children.get(name, here)
        names.append(name)
    return Layer(values=_nested(names, parse_value(text)), where=_at(label), text=text)


def _commands(sets: Sequence[str], overrides: Mapping[str, object], labels: Mapping[str, str]) -> list[Layer]:
    layers: list[Layer] = []
    given: dict[str, tuple[str, object]] = {}
    for assignment in sets:
        key, equals, text = assignment.partition("=")
        key = key.strip()
        if not equals or not key:
            raise ConfigError(
                "not an assignment",
                path="--set",
                expected="KEY=VALUE, such as optim.lr=0.01",
                got=f"{assignment[:60]!r}",
            )
        value = parse_value(text)
        layers.append(Layer(values=_nested(key.split("."), value), where=_at("--set"), text=text.strip()))
        given[key] = (text.strip(), value)
    for key, value in overrides.items():
        label = labels.get(key, "override")
        if key in given and given[key][1] != value:
            raise ConfigError(
                "given twice, and differently",
                path=f"{label}: {key}",
                expected=f"{given[key][0]} as by --set",
                got=shown(value),
                hint="leave one of them out",
            )
        layers.append(Layer(values=_nested(key.split("."), value), where=_at(label)))
    return layers


def _at(place: str) -> Callable[[str], str]:
    return lambda _: place


def _nested(names: Sequence[str], value: object) -> dict[str, object]:
    *outer, last = names
    nested: dict[str, object] = {last: value}
    for name in reversed(outer):
        nested = {name: nested}
    return nested


def _laid_over(below: object, above: Mapping[str, object]) -> dict[str, object]:
    """`above` over `below`, key by key; a section that was null or absent begins with its defaults."""
    merged: dict[str, object] = dict(below) if isinstance(below, dict) else {}
    for key, value in above.items():
        merged[key] = _laid_over(merged.get(key), value) if isinstance(value, dict) else value
    return merged


def _set(merged: dict[str, object], origin: dict[str, str]) -> dict[str, str]:
    """The origins of the keys that are still set: a section set to null takes its keys along."""
    present = tree.leaves(merged)
    return {key: where for key, where in origin.items() if key in present}


def _decode(merged: dict[str, object], origin: dict[str, str], name: str) -> Config:
    try:
        return msgspec.convert(merged, Config)
    except msgspec.ValidationError as error:
        # The leaves have been checked: what remains are the checks across keys of __post_init__.
        message, at, section = str(error).partition(" - at `$")
        # msgspec does not name the key of a mapping; the keys below it that the message names do.
        section = section.rstrip("`").lstrip(".").partition("[")[0] if at else ""
        what, _, hint = message.partition("; ")
        named = set(re.findall(r"[A-Za-z_]\w*", message))
        below = [key for key in _set(merged, origin) if key.startswith(f"{section}." if section else "")]
        causes = [key for key in below if key.rpartition(".")[2] in named] or below
        key = causes[-1] if causes else section
        where = f"{origin[key]}: {key}" if key in origin else (key or name)
        raise ConfigError(what, path=where, hint=hint or None) from None
