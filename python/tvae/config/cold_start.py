"""A frozen part without weights: the one place that refuses it, before anything is built.

What is frozen at random weights decodes nothing, and training the rest around it for hours does not help.
"""

from __future__ import annotations

from collections.abc import Collection

from tvae.config.schema import Config
from tvae.errors import ConfigError


def frozen_parts(config: Config) -> list[str]:
    """The parts that a config keeps as they are.

    Example:
        >>> from tvae.config import load
        >>> frozen_parts(load("frozen", env=None).config)
        ['decoder', 'encoder_A', 'encoder_B']
    """
    return sorted(part for part, settings in config.parts.items() if settings.freeze)


def refuse_cold_start(config: Config, *, fresh: Collection[str] | None = None) -> None:
    """Refuse to freeze what has no weights, unless `training.guards.allow_cold_start` asks for just that.

    Args:
        config: the config of a run.
        fresh: the parts that start from random weights; None: all of them, where `init` is null.

    Raises:
        ConfigError: naming the parts.

    Example:
        >>> from tvae.config import load
        >>> refuse_cold_start(load("frozen", env=None).config)
        Traceback (most recent call last):
        tvae.errors.ConfigError: init: decoder, encoder_A, encoder_B frozen without weights ...
    """
    if config.training.guards.allow_cold_start:
        return
    parts = frozen_parts(config)
    if fresh is None:
        fresh = parts if config.init is None else ()
    bare = [part for part in parts if part in fresh]
    if bare:
        raise ConfigError(
            f"{', '.join(bare)} frozen without weights",
            path="init",
            expected="a checkpoint that has them",
            got="null" if config.init is None else f"{config.init}, which lacks them",
            hint="give --init CKPT, let --auto-fix find or train one with this model's encoders and decoder, "
            "or --allow-cold-start",
        )
