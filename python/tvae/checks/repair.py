"""`--auto-fix`: what is safe to mend in a config, written beside it and shown, never over it."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable
from pathlib import Path

import msgspec

from tvae.checkpoint import write_text
from tvae.checks.candidates import compatible, decodes, places
from tvae.config import Resolved, dump, load
from tvae.config.cold_start import frozen_parts
from tvae.config.presets import text as preset_text
from tvae.config.schema import Config
from tvae.errors import ConfigError
from tvae.legacy import compatibility

#: Frozen parts must decode this much for a checkpoint to count as verified.
VERIFIED = 0.95
_MOST_TRIED = 5


class Repair(msgspec.Struct, frozen=True, kw_only=True):
    """What was mended.

    Attributes:
        path: the new config.
        init: the checkpoint that it names.
        coverage: what that decodes, measured in the config's model.
        reason: where it comes from.
        diff: the change, as a unified diff.
    """

    path: Path
    init: str
    coverage: float
    reason: str
    diff: str


def needed(config: Config) -> bool:
    """Whether there is something that may be mended: frozen parts without weights."""
    return config.init is None and bool(frozen_parts(config)) and not config.training.guards.allow_cold_start


def repair(found: Resolved, *, out: Path, train_base: Callable[[Config], str | None] | None = None) -> Repair:
    """Give frozen parts weights: a verified checkpoint from the trees at hand, or the preset `base`, trained.

    Args:
        found: the config and where it comes from.
        out: where runs live.
        train_base: trains a config and returns its checkpoint; None: nothing may be trained.

    Raises:
        ConfigError: if no checkpoint fits and decodes, and none may be trained or training gave none.
    """
    where = places(None, out)
    for candidate in compatible(found.config, where, plain=True)[:_MOST_TRIED]:
        coverage = decodes(found.config, candidate.path)
        if coverage >= VERIFIED:
            return _written(found, candidate.path, coverage, "verified: it fits and decodes")
    looked = (
        ", ".join(map(str, where))
        or f"{', '.join((*compatibility.TREES, str(out / 'models')))}, none of which is there"
    )
    if train_base is None:
        raise ConfigError(
            f"no checkpoint at hand fits and decodes {VERIFIED:.0%}: looked in {looked}",
            path="init",
            hint="without --validate-only, --auto-fix trains the preset base first",
        )
    init = train_base(base_for(found.config))
    coverage = decodes(found.config, init) if init else 0.0
    if init is None or coverage < VERIFIED:
        raise ConfigError(
            f"the preset base was trained, and decodes {coverage:.2%} in this model",
            path="init",
            expected=f"at least {VERIFIED:.0%}",
            hint="freeze only parts that a model without a ball has, and set model.decode: latent",
        )
    return _written(found, init, coverage, "the preset base, trained for it")


def base_for(config: Config) -> Config:
    """The preset `base` with the encoders and the decoder of this config: what its frozen parts need."""
    base = load("base", env=None).config
    plain = msgspec.structs.replace(config.model, projection=None, decode="latent", learnable_curvature=False)
    machine = msgspec.structs.replace(
        base.training, device=config.training.device, threads=config.training.threads
    )
    return msgspec.structs.replace(base, seed=config.seed, space=config.space, model=plain, training=machine)


def _written(found: Resolved, init: str, coverage: float, reason: str) -> Repair:
    # A path of `init` is one from the working directory: the config may be used from another.
    init = os.path.abspath(init)
    before = found.path.read_text(encoding="utf-8") if found.path else preset_text(found.name) or ""
    after = with_init(before, init)
    path = _free(found.path or Path(f"{found.name}.yaml"))
    write_text(path, after)
    wanted = msgspec.structs.replace(found.config, init=init)
    if load(path, env=None).config != wanted:
        # The environment or the command line had its say: the whole config, so that the file says it too.
        after = dump(wanted, comments={"": f"{found.path or found.name} with what was set beside it"})
        write_text(path, after)
    diff = difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        str(found.path or f"preset {found.name}"),
        str(path),
        n=1,
    )
    return Repair(path=path, init=init, coverage=coverage, reason=reason, diff="".join(diff))


def with_init(text: str, init: str) -> str:
    r"""A config's text with `init` set, everything else as it stands, comments included.

    Example:
        >>> with_init("# mine\nseed: 1\n", "a/best.pt")
        '# mine\ninit: "a/best.pt"\nseed: 1\n'
    """
    line = f"init: {msgspec.json.encode(init).decode()}"
    changed, count = re.subn(r"(?m)^init[ \t]*:.*$", lambda _: line, text)
    if count:
        return changed
    lines = text.splitlines(keepends=True)
    # Behind the comments at the top, which belong to the file and not to its first key.
    at = next(
        (k for k, one in enumerate(lines) if one.strip() and not one.startswith(("#", "---"))), len(lines)
    )
    return "".join([*lines[:at], f"{line}\n", *lines[at:]])


def _free(path: Path) -> Path:
    """A name beside `path` that nothing has."""
    number = 1
    while (fixed := path.with_suffix(f".fixed{'' if number == 1 else f'-{number}'}.yaml")).exists():
        number += 1
    return fixed
