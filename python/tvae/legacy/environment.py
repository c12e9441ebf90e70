"""Environment variables of the predecessor, under today's names.

It had four conventions: `TERNARY_*`, flat `TVAE_*` names without the double underscore, names that
no code ever read, and bare names that other tools own. Today there is one: `TVAE_`, with `__`
between the levels of a key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from tvae.config.yaml import parse_value
from tvae.errors import ConfigError
from tvae.legacy.config.action import Refused
from tvae.legacy.config.number import number, radius

PREFIX = "TVAE_"
#: Prefixes of names that are the project's own, the new one last.
_OLD_PREFIXES = ("TERNARY_VAE_", "TERNARY_", PREFIX)
#: Names that are today's although they have no double underscore.
CURRENT = frozenset({"SEED", "INIT", "OUT"})


class Renamed(Struct, frozen=True):
    """An environment in today's names, and what there was to say about it.

    Attributes:
        variables: the environment, old names replaced by new ones.
        warnings: one line for each old name that was met.
        old: the old name that each new one was set by.
    """

    variables: dict[str, str]
    warnings: tuple[str, ...]
    old: dict[str, str] = {}


class _Name(Struct, frozen=True):
    """Where an old name went: a new one, by way of a conversion; or, without one, advice."""

    new: str | None
    advice: str = ""
    convert: Callable[[str], str] = str
    radius: bool = False


#: The curvature in force under variables in today's names, and the old names that set some of them.
Curvature = Callable[[Mapping[str, str], Mapping[str, str]], float]


def _truth(text: str) -> str:
    """The truth values that the old loader knew: yes, on and 1 are true."""
    word = text.strip().lower()
    return "true" if word in {"yes", "on", "1", "true"} else "false" if word in {"no", "off", "0"} else text


def _optimizer(text: str) -> str:
    word = text.strip().lower()
    return "adamw" if word in {"adam", "adamw", "riemannian_adam"} else text


def _schedule(text: str) -> str:
    return {"warmup_cosine": "cosine"}.get(text.strip().lower(), text.strip().lower())


#: After the prefix. What stood at the top level of the old schema, and its sections' keys.
_FLAT: dict[str, _Name] = {
    "EPOCHS": _Name("TVAE_TRAINING__EPOCHS"),
    "TOTAL_EPOCHS": _Name("TVAE_TRAINING__EPOCHS"),
    "BATCH_SIZE": _Name("TVAE_TRAINING__BATCH_SIZE"),
    "LEARNING_RATE": _Name("TVAE_OPTIM__LR"),
    "LR": _Name("TVAE_OPTIM__LR"),
    "WEIGHT_DECAY": _Name("TVAE_OPTIM__WEIGHT_DECAY"),
    "GRAD_CLIP": _Name("TVAE_OPTIM__CLIP_NORM"),
    "PATIENCE": _Name("TVAE_TRAINING__EARLY_STOP__PATIENCE"),
    "FREE_BITS": _Name("TVAE_LOSS__KL__FREE_BITS"),
    "DEVICE": _Name("TVAE_TRAINING__DEVICE"),
    "CHECKPOINT_FREQ": _Name("TVAE_TRAINING__SAVE_EVERY"),
    "LATENT_DIM": _Name("TVAE_MODEL__LATENT_DIM"),
    "CURVATURE": _Name("TVAE_MODEL__CURVATURE"),
    "MAX_RADIUS": _Name("TVAE_MODEL__R_MAX", radius=True),
    "GEOMETRY_CURVATURE": _Name("TVAE_MODEL__CURVATURE"),
    "GEOMETRY_LATENT_DIM": _Name("TVAE_MODEL__LATENT_DIM"),
    "GEOMETRY_LEARNABLE_CURVATURE": _Name("TVAE_MODEL__LEARNABLE_CURVATURE", convert=_truth),
    "GEOMETRY_MAX_RADIUS": _Name("TVAE_MODEL__R_MAX", radius=True),
    "OPTIMIZER_TYPE": _Name("TVAE_OPTIM__NAME", convert=_optimizer),
    "OPTIMIZER_LEARNING_RATE": _Name("TVAE_OPTIM__LR"),
    "OPTIMIZER_WEIGHT_DECAY": _Name("TVAE_OPTIM__WEIGHT_DECAY"),
    "OPTIMIZER_SCHEDULE": _Name("TVAE_OPTIM__SCHEDULE", convert=_schedule),
    "CHECKPOINT_DIR": _Name("TVAE_OUT"),
    "OUTPUT_DIR": _Name("TVAE_OUT"),
}
#: The one old name that is still read, and not for a setting.
_PROJECT_ROOT = "TERNARY_PROJECT_ROOT"
_ONE_FOLDER = "a run keeps everything below one folder: --out DIR, or TVAE_OUT"
#: Names with a prefix that have no place of their own any more.
_ADVICE: dict[str, str] = {
    "LOG_DIR": _ONE_FOLDER,
    "TENSORBOARD_DIR": f"{_ONE_FOLDER}; TVAE_TRAINING__TENSORBOARD=true writes events there",
    "PROJECT_ROOT": "paths are taken from the current folder",
    "CONFIG_DIR": "a config is named by its path, a preset by its name",
    "DATA_DIR": "there is no data to read: all operations are computed",
    "ENV": "presets have its place: `tvae train development` or `tvae train production`",
}
#: Whole names that other tools own: what they say is passed on only where nothing newer speaks.
_BARE: dict[str, _Name] = {
    "CHECKPOINT_DIR": _Name("TVAE_OUT"),
    "LOG_DIR": _Name(None, _ONE_FOLDER),
    "TENSORBOARD_DIR": _Name(None, f"{_ONE_FOLDER}; TVAE_TRAINING__TENSORBOARD=true writes events there"),
    "LOG_LEVEL": _Name(None, "--quiet and --debug have its place"),
    "PROFILE_MODE": _Name(None, "a profiler is started from outside, such as `python -m cProfile`"),
    "TERNARY_VAE_ENV": _Name(None, _ADVICE["ENV"]),
}


def renamed(env: Mapping[str, str], *, curvature: Curvature | None = None) -> Renamed:
    """The environment with the predecessor's names replaced by today's.

    An old name of the project's own counts as if the new one had been set; if both are set and
    differ, that is an error. A bare name, which may belong to another tool, only gives way.

    Args:
        env: the environment.
        curvature: the curvature that turns an old Euclidean radius into a hyperbolic one; without it, the
            one that the environment sets, or 1. It is asked only where such a radius is set.

    Raises:
        ConfigError: if two names of the project contradict each other, or a value has no counterpart.

    Example:
        >>> found = renamed({"TVAE_EPOCHS": "1", "PATH": "/bin"})
        >>> found.variables
        {'PATH': '/bin', 'TVAE_TRAINING__EPOCHS': '1'}
        >>> found.warnings
        ('TVAE_EPOCHS is an old name; set TVAE_TRAINING__EPOCHS instead',)
    """
    variables = {key: value for key, value in env.items() if not _is_old(key)}
    warnings: list[str] = []
    by: dict[str, str] = {}
    old = sorted(key for key in env if _is_old(key) and key not in _BARE)
    # Radii last: they need the curvature, which may have an old name too.
    for key in sorted(old, key=lambda key: _lookup(key).radius):
        name = _lookup(key)
        if key == _PROJECT_ROOT:
            warnings.append(f"{key} only says where old checkpoints are looked for; {name.advice}")
            continue
        if name.new is None:
            warnings.append(f"{key} is an old name without effect; {name.advice}")
            continue
        c = (curvature(variables, by) if curvature else _own_curvature(variables)) if name.radius else None
        value = _converted(key, env[key], name, c)
        if name.new in variables and not _same(variables[name.new], value):
            other = by.get(name.new)
            raise ConfigError(
                f"contradicts {other or name.new}",
                path=key,
                expected=f"{variables[name.new]!r}, as there",
                got=repr(env[key]),
                hint=f"unset both, old names, and set {name.new}"
                if other
                else f"unset {key}, an old name, and keep {name.new}",
            )
        variables[name.new] = value
        by[name.new] = key
        warnings.append(f"{key} is an old name; set {name.new} instead")
    for key, name in _BARE.items():
        if key not in env:
            continue
        if name.new is None:
            warnings.append(f"{key} has no effect here; {name.advice}")
        elif name.new in variables:
            if not _same(variables[name.new], env[key]):
                warnings.append(f"{key} gives way to {by.get(name.new, name.new)}, which differs")
        else:
            variables[name.new] = env[key]
            by[name.new] = key
            warnings.append(f"{key} is an old name, and other tools read it too; set {name.new} instead")
    return Renamed(variables, tuple(warnings), by)


def names() -> Iterator[tuple[str, str | None, str]]:
    """Every old name with its new one, or with None and advice."""
    for key, name in _FLAT.items():
        yield f"{PREFIX}{key}", name.new, name.advice
    for prefix, old in (
        ("TERNARY_", ("PROJECT_ROOT", "CONFIG_DIR", "DATA_DIR")),
        (PREFIX, ("LOG_DIR", "TENSORBOARD_DIR")),
    ):
        for key in old:
            yield f"{prefix}{key}", None, _ADVICE[key]
    yield "TERNARY_OUTPUT_DIR", "TVAE_OUT", ""
    for key, name in _BARE.items():
        yield key, name.new, name.advice


def _is_old(key: str) -> bool:
    return key in _BARE or _lookup(key) is not _UNKNOWN


_UNKNOWN = _Name(None)


def _lookup(key: str) -> _Name:
    prefix = next((prefix for prefix in _OLD_PREFIXES if key.startswith(prefix)), None)
    if prefix is None:
        return _UNKNOWN
    rest = key.removeprefix(prefix)
    if "__" in rest:
        # Today's nesting below an old prefix.
        return _UNKNOWN if prefix == PREFIX else _Name(f"{PREFIX}{rest}")
    if rest in CURRENT:
        return _UNKNOWN if prefix == PREFIX else _Name(f"{PREFIX}{rest}")
    if rest in _FLAT:
        return _FLAT[rest]
    if rest in _ADVICE:
        return _Name(None, _ADVICE[rest])
    section = rest.partition("_")[0]
    if section in {"GEOMETRY", "OPTIMIZER", "RANKING", "LOSS", "VAE"}:
        return _Name(None, "it never reached the old schema; `tvae config reference` has today's keys")
    return _UNKNOWN if prefix == PREFIX else _Name(None, "no such name is known; unset it")


def _converted(key: str, value: str, name: _Name, c: float | None) -> str:
    try:
        return f"{radius(number(parse_value(value)), c):.6g}" if c is not None else name.convert(value)
    except Refused as refusal:
        raise ConfigError(str(refusal), path=key, got=repr(value)) from None


def _own_curvature(variables: Mapping[str, str]) -> float:
    """The curvature that the environment sets; 1, the default, where it sets none or no number."""
    try:
        return number(parse_value(variables.get("TVAE_MODEL__CURVATURE", "1")))
    except Refused:
        return 1.0


def _same(a: str, b: str) -> bool:
    return a == b or parse_value(a) == parse_value(b)
