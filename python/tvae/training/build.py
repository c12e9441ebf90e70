"""Config to objects: the one place where training reads the config tree."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

import torch

from tvae.checkpoint import load_into
from tvae.config.cold_start import refuse_cold_start
from tvae.config.consistency import decoded_branches
from tvae.config.schema import Config
from tvae.errors import CheckpointError
from tvae.loading import locate, open_weights
from tvae.losses import Scale, Total
from tvae.losses.schedule import Clock
from tvae.nn import Branch, TernaryVAE
from tvae.nn.spec import architecture
from tvae.training.early_stopping import EarlyStopping
from tvae.training.guards import CollapseGuard
from tvae.training.homeostasis import Homeostasis
from tvae.training.optimizer import PartOptimizer
from tvae.training.part import part_of
from tvae.training.plateau import Plateau
from tvae.training.policy import Policy
from tvae.training.schedule import total_steps
from tvae.training.state import TrainState
from tvae.training.step import Step


def build_model(config: Config, device: torch.device) -> TernaryVAE:
    """A model with the weights of the seed, or those of `config.init`.

    Raises:
        ConfigError: if a part is frozen without weights.
        CheckpointError: if the checkpoint is of another architecture.
    """
    model = TernaryVAE(config.model, depth=config.space.depth)
    if config.init is not None:
        refuse_cold_start(config, fresh={part_of(name) for name in load_init(model, config.init)})
    return model.to(device)


def load_init(model: TernaryVAE, source: str) -> tuple[str, ...]:
    """Load weights strictly: every part that the checkpoint's architecture shares must be there whole.

    A checkpoint without any projection was trained without a ball: a projection then starts from random
    weights, and so does a curvature that is learned only now. Any other tensor that is missing, extra or
    mis-shaped is an error; one projection where the model has two is among them. Returns the names of the
    tensors that stay as they were.

    Raises:
        CheckpointError: with a table of what does not fit and why.
    """
    checkpoint = open_weights(locate(source))
    theirs = checkpoint.record.architecture
    if theirs.get("depth") != model.space.depth:
        raise CheckpointError(
            "is of another depth",
            path=source,
            expected=f"depth {model.space.depth}",
            got=f"depth {theirs.get('depth')}",
            hint=f"set space.depth to {theirs.get('depth')}, or start from another checkpoint",
        )
    present = {part_of(name) for name in checkpoint.tensors}
    lacking = tuple(
        kind for kind in ("projection", "curvature") if not any(part.startswith(kind) for part in present)
    )
    fresh = [name for name in model.state_dict() if part_of(name).startswith(lacking)]
    return load_into(model, checkpoint.tensors, source=source, allow_missing=fresh)


def build_losses(config: Config, model: TernaryVAE, extra: Mapping[str, object]) -> Total:
    """The weighted sum of the config's losses, and of `extra` ones by name, for this model.

    Raises:
        ConfigError: if a loss asks for what the model or the step does not have.
    """
    scale = Scale(model.space.depth, model.r_max, config.loss.bands)
    return Total(
        config.loss,
        scale,
        branches=model.branches,
        on_ball=config.model.projection is not None,
        decoded=_decoded(config),
        clock=Clock(total_steps(config), config.training.steps_per_epoch),
        extra=extra,
    )


def build_policies(config: Config) -> list[Policy]:
    """The rules that watch the run."""
    policies: list[Policy] = [CollapseGuard(config)]
    if config.training.early_stop is not None:
        policies.append(EarlyStopping(config.training.early_stop))
    if config.training.plateau is not None:
        policies.append(Plateau(config.training.plateau))
    if config.training.homeostasis is not None:
        policies.append(Homeostasis(config.training.homeostasis, config.parts))
    return policies


def build_state(
    config: Config, device: torch.device, extra: Mapping[str, object] = MappingProxyType({})
) -> tuple[TrainState, Step]:
    """Everything a run needs, at step 0."""
    model = build_model(config, device)
    total = build_losses(config, model, extra).to(device)
    optimizer = PartOptimizer(model, config.optim, config.parts)
    reconstruction = config.loss.reconstruction
    step = Step(
        model,
        total,
        optimizer,
        decoded=_decoded(config),
        mean_too=reconstruction is not None and reconstruction.mean,
        training=config.training,
        optim=config.optim,
    )
    return TrainState(model, optimizer, build_policies(config), list(extra)), step


def _decoded(config: Config) -> tuple[Branch, ...]:
    return cast(tuple[Branch, ...], decoded_branches(config))


def describe(model: TernaryVAE) -> dict[str, Any]:
    """The record's `architecture`; its curvature is the one that training reached."""
    return architecture(model.spec, model.space.depth) | {"curvature": model.curvature}
