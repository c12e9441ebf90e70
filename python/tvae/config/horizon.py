"""What a config plans for epochs that its run does not have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tvae.config.schema import Config


def beyond(config: Config) -> list[str]:
    """One sentence for each plan that the run ends before, or in the middle of.

    Example:
        >>> from tvae.config import load
        >>> sets = ["loss.geodesic.weight=0.3", "loss.schedules.geodesic.start_epoch=50"]
        >>> beyond(load("default", sets=sets, env={}).config)
        ['loss.schedules.geodesic begins after 50 epochs, but the run has 13']
    """
    training = config.training
    steps = training.epochs * training.steps_per_epoch
    epochs = min(steps, training.max_steps or steps) / training.steps_per_epoch
    whole = ended_by(config) == "training.epochs"
    end = f"the run has {epochs:g}" if whole else f"training.max_steps ends the run after {epochs:.4g}"
    return [
        f"{what} after {epoch:g} epochs, but {end}"
        for what, epoch, begins in _plans(config)
        if epoch > epochs or (begins and epoch == epochs)
    ]


def ended_by(config: Config) -> str:
    """The key that ends the run.

    Example:
        >>> from tvae.config import load
        >>> [ended_by(load("default", sets=sets, env={}).config) for sets in ([], ["training.max_steps=9"])]
        ['training.epochs', 'training.max_steps']
    """
    training = config.training
    steps = training.epochs * training.steps_per_epoch
    return "training.max_steps" if (training.max_steps or steps) < steps else "training.epochs"


def _plans(config: Config) -> Iterator[tuple[str, int, bool]]:
    """What is planned, after how many epochs, and whether it begins there (or else ends)."""
    for name, schedule in config.loss.schedules.items():
        path, start = f"loss.schedules.{name}", schedule.start_epoch
        if start:
            yield f"{path} begins", start, True
        if schedule.ramp_epochs:
            yield f"the ramp of {path} ends", start + schedule.ramp_epochs, False
    optim = config.optim
    for number, point in enumerate(optim.points):
        if point.epoch:
            yield f"optim.points[{number}] begins", point.epoch, True
    if optim.cosine_epochs is not None:
        yield "the cosine of optim.cosine_epochs ends", optim.cosine_epochs, False
    for branch, heat in config.training.temperature.items():
        path = f"training.temperature.{branch}"
        if heat.ramp_epochs is not None:
            yield f"the ramp of {path} ends", heat.ramp_epochs, False
        if heat.late_epoch is not None:
            yield f"the late phase of {path} begins", heat.late_epoch, True
    for part, part_config in config.parts.items():
        if part_config.thaw_epoch is not None:
            yield f"parts.{part} is thawed", part_config.thaw_epoch, True
            warm = part_config.thaw_epoch + part_config.thaw_warmup_epochs
            if part_config.thaw_warmup_epochs:
                yield f"the warm-up of parts.{part} ends", warm, False
    for decider in ("homeostasis", "plateau"):
        policy = getattr(config.training, decider)
        if policy is not None and policy.warmup_epochs:
            yield f"training.{decider} begins to decide", policy.warmup_epochs, True
