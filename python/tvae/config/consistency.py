"""What settings of different sections must agree on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tvae.losses.spec import DECODED, EVERY_PAIR_DEPTH, FLAT

if TYPE_CHECKING:
    from tvae.config.schema import Config
    from tvae.nn.spec import ModelSpec


def branches_of(model: ModelSpec) -> tuple[str, ...]:
    """The branches of a model; the decoder reads the first.

    Example:
        >>> from tvae.nn.spec import ModelSpec
        >>> branches_of(ModelSpec()), branches_of(ModelSpec(branches=2))
        (('B',), ('A', 'B'))
    """
    return ("A", "B") if model.branches == 2 else ("B",)


def parts_of(model: ModelSpec) -> list[str]:
    """The parts of a model that a config can freeze or slow down.

    Example:
        >>> from tvae.nn.spec import ModelSpec
        >>> parts_of(ModelSpec())
        ['decoder', 'encoder_B', 'projection_B']
    """
    branches = branches_of(model)
    parts = ["decoder", *(f"encoder_{branch}" for branch in branches)]
    if model.projection is not None:
        parts += [f"projection_{branch}" for branch in (("B",) if model.projection.shared else branches)]
    return sorted([*parts, "curvature"] if model.learnable_curvature else parts)


def decoded_branches(config: Config) -> tuple[str, ...]:
    """The branches that a run decodes: none, the one whose code the decoder reads, or both.

    Example:
        >>> from tvae.config.schema import Config
        >>> decoded_branches(Config())
        ('B',)
    """
    branches = branches_of(config.model)
    reconstruction = config.loss.reconstruction
    readers = (reconstruction, config.loss.kl, config.loss.entropy, config.loss.hyperbolic_reconstruction)
    if all(reader is None for reader in readers):
        return ()
    return branches if reconstruction and reconstruction.branches == "both" else branches[:1]


def check_together(config: Config) -> None:
    """Refuse settings that another section contradicts, or leaves without an effect.

    Raises:
        ValueError: naming both keys.
    """
    parts = parts_of(config.model)
    for part in config.parts:
        if part not in parts:
            raise ValueError(f"parts.{part}: the model has no part {part}; its parts are {', '.join(parts)}")
    for name, loss in _losses(config):
        _check_branch(name, loss, config)
        _check_depth(name, loss, config)
    decoded = decoded_branches(config)
    for branch in config.training.temperature:
        if branch not in decoded:
            raise ValueError(
                f"training.temperature.{branch} has no effect: branch {branch} is not decoded "
                f"(decoded: {', '.join(decoded) or 'none'}; see model.branches and loss.reconstruction)"
            )
    for name in config.loss.schedules:
        if name in ("kl_A", "kl_B") and name[-1] not in decoded:
            raise ValueError(
                f"loss.schedules.{name} has no effect: branch {name[-1]} is not decoded "
                f"(decoded: {', '.join(decoded) or 'none'}; see model.branches and loss.reconstruction)"
            )
    if config.training.homeostasis is None:
        return
    if config.model.branches == 1:
        raise ValueError("training.homeostasis needs an encoder A and an encoder B; set model.branches to 2")
    if config.model.projection is None:
        raise ValueError("training.homeostasis watches the order of the ball; give the model a projection")
    for part, part_config in config.parts.items():
        if part in ("encoder_A", "encoder_B") and part_config.thaw_epoch is not None:
            raise ValueError(
                f"parts.{part}.thaw_epoch and training.homeostasis both decide about {part}; leave one out"
            )


def _losses(config: Config) -> Iterator[tuple[str, Any]]:
    """The losses that count, with their settings."""
    for name in config.loss.__struct_fields__:
        loss = getattr(config.loss, name)
        if name not in ("bands", "schedules") and loss is not None and loss.weight != 0.0:
            yield name, loss


def _check_branch(name: str, loss: Any, config: Config) -> None:
    """Refuse a loss on what the model does not have, or the run does not compute."""
    if name not in FLAT and config.model.projection is None:
        raise ValueError(
            f"loss.{name} acts on the ball, but the model has no projection; "
            f"set loss.{name} to null, or give the model a projection"
        )
    branches = branches_of(config.model)
    asked = getattr(loss, "branch", "decoding")
    if asked == "A" and asked not in branches:
        raise ValueError(f"loss.{name}.branch: A, but the model has one branch, B; set model.branches to 2")
    if name in DECODED:
        decoded = decoded_branches(config)
        chosen = branches if asked == "both" else branches[:1] if asked == "decoding" else (asked,)
        for branch in chosen:
            if branch not in decoded:
                raise ValueError(
                    f"loss.{name}.branch: it reads what branch {branch} decodes, but the run decodes "
                    f"{', '.join(decoded) or 'none'}; "
                    "set loss.reconstruction.branches to both, or choose a branch that is decoded"
                )


def _check_depth(name: str, loss: Any, config: Config) -> None:
    """Refuse what a space of this depth does not have, or has too much of."""
    depth = config.space.depth
    if name == "centroid" and not 1 <= (loss.max_level or min(4, depth - 1)) < depth:
        raise ValueError(
            f"loss.centroid.max_level: depth {depth} has no 3-adic balls of level {loss.max_level or 1} with "
            "several operations; lower it, or set loss.centroid to null"
        )
    if name == "distance_band" and loss.pairs == "all":
        if depth > EVERY_PAIR_DEPTH:
            raise ValueError(
                f"loss.distance_band.pairs: every pair is too many at depth {depth}; "
                f"choose batch, or depth {EVERY_PAIR_DEPTH} at most"
            )
        if config.training.compile:
            raise ValueError(
                "training.compile: a compiled step cannot hold the loop over every pair of "
                "loss.distance_band.pairs = all; set compile: false, or pairs: batch"
            )
