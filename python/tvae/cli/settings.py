"""The one door of the commands to a config: old variables renamed, old files told from broken ones."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tvae.cli.option import DEFAULT_OUT
from tvae.cli.output import note
from tvae.errors import ConfigError, TvaeError

if TYPE_CHECKING:
    from tvae.config import Resolved
    from tvae.legacy.environment import Renamed


def settings(
    source: str | None,
    *,
    sets: Sequence[str] = (),
    overrides: Mapping[str, object] | None = None,
    labels: Mapping[str, str] | None = None,
    env: Renamed | None,
) -> Resolved:
    """The config of a preset or a file, as `tvae.config.load` gives it.

    A config of the predecessor is refused with the command that migrates it.

    Raises:
        ConfigError: if a source is missing, old or unreadable, or a setting is refused.
    """
    from tvae.config import load

    try:
        return load(
            source,
            sets=sets,
            env=env.variables if env else None,
            overrides=overrides,
            labels=labels,
            names=env.old if env else None,
        )
    except ConfigError as error:
        raise _of_an_old_file(source, error) or error from None


def variables(source: str | None = None, *, sets: Sequence[str] = ()) -> Renamed:
    """The environment in today's names; what was renamed is told on stderr.

    An old radius is converted in the ball of the config that `source`, the variables and `sets` make.
    """
    from tvae.config.load import setting
    from tvae.legacy.environment import renamed

    def curvature(env: Mapping[str, str], old: Mapping[str, str]) -> float:
        try:
            found = setting("model.curvature", source, sets=sets, env=env, names=old)
        except ConfigError as error:
            raise _of_an_old_file(source, error) or error from None
        return found if isinstance(found, float) else 1.0

    found = renamed(os.environ, curvature=curvature)
    for warning in found.warnings:
        note(f"tvae: warning: {warning}")
    return found


def out_folder(out: Path | None, env: Renamed) -> Path:
    """Where runs live: --out, the variable TVAE_OUT, or `outputs`."""
    return out or Path(env.variables.get("TVAE_OUT") or DEFAULT_OUT)


def _of_an_old_file(source: str | None, error: ConfigError) -> ConfigError | None:
    """The refusal of a file that is a config of the predecessor; None for any other file."""
    from tvae.config.document import read
    from tvae.legacy.config import recognise

    if source is None or not Path(source).is_file():
        return None
    try:
        dialect = recognise(read(Path(source)).values)
    except (TvaeError, OSError):
        return None
    if dialect is None:
        return None
    new = Path(source).with_suffix(".new.yaml")
    return ConfigError(
        f"is a config of the predecessor (dialect {dialect.name})",
        path=source,
        expected="today's schema",
        hint=f"`{shlex.join(['tvae', 'config', 'migrate', source, '-o', str(new)])}` rewrites it",
    )
