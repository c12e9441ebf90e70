"""What changes with the step: how many there are, and the learning rate as a factor on the peak rate."""

from __future__ import annotations

import math

from tvae.config.schema import Config, OptimConfig, TrainingConfig


def total_steps(config: Config) -> int:
    """Steps of the whole run."""
    return steps_of(config.training)


def steps_of(training: TrainingConfig) -> int:
    """Steps of a run with these settings."""
    steps = training.epochs * training.steps_per_epoch
    return min(steps, training.max_steps or steps)


def lr_factor(step: int, *, total: int, config: OptimConfig, steps_per_epoch: int) -> float:
    """The factor in [0, 1] for `step` of `total`, the first step being 0.

    A linear warm-up of `warmup_steps`, then the schedule: constant; linear to 0; cosine to the floor, in
    `cosine_epochs` or over the whole run; cosine restarts, each `restart_mult` times as long as the last;
    one cycle, whose own warm-up is the first 30 % of the run, from 1/25 of the peak; or piecewise
    constant.

    Source:
        Loshchilov and Hutter, SGDR (2017), eq. 5; Smith and Topin, Super-convergence (2018).

    Example:
        >>> config = OptimConfig(schedule="linear", warmup_steps=2)
        >>> [lr_factor(s, total=4, config=config, steps_per_epoch=1) for s in range(4)]
        [0.5, 0.75, 0.5, 0.25]
    """
    progress = step / total
    warm = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    match config.schedule:
        case "constant":
            return warm
        case "linear":
            return min(warm, 1.0 - progress)
        case "cosine":
            period = config.cosine_epochs * steps_per_epoch if config.cosine_epochs else total
            return min(warm, _above(config.floor, _cosine(min(1.0, step / period))))
        case "restarts":
            period = config.restart_epochs * steps_per_epoch
            since = step
            while since >= period:
                since -= period
                period *= config.restart_mult
            return min(warm, _above(config.floor, _cosine(since / period)))
        case "piecewise":
            reached = [point.factor for point in config.points if point.epoch * steps_per_epoch <= step]
            return warm * (reached[-1] if reached else 1.0)
        case "one_cycle":
            if progress < 0.3:
                return 0.04 + 0.96 * (1.0 - _cosine(progress / 0.3))
            return _cosine((progress - 0.3) / 0.7)


def _above(floor: float, share: float) -> float:
    return floor + (1.0 - floor) * share


def _cosine(progress: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * progress))
