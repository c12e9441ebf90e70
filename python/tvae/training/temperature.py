"""Temperature: how far posterior samples stray in training, over the epochs."""

from __future__ import annotations

import math

from tvae.config.schema import TemperatureConfig


def temperature(step: int, *, config: TemperatureConfig, total: int, steps_per_epoch: int) -> float:
    """The factor on the posterior's standard deviation for `step` of `total`, the first step being 0.

    Linear from `start` to `end`, then times 1 + amplitude sin(2 pi t / period); t in epochs. From
    `late_epoch` on, `late_factor` and `late_amplitude` stand in for the course and the amplitude.

    Example:
        >>> config = TemperatureConfig(start=1.0, end=0.5, ramp_epochs=4)
        >>> [temperature(s, config=config, total=100, steps_per_epoch=2) for s in (0, 4, 8, 99)]
        [1.0, 0.75, 0.5, 0.5]
    """
    epochs = step / steps_per_epoch
    ramp = config.ramp_epochs if config.ramp_epochs is not None else total / steps_per_epoch
    share = min(1.0, epochs / ramp)
    course, amplitude = config.start + share * (config.end - config.start), config.amplitude
    if config.late_epoch is not None and epochs >= config.late_epoch:
        course = course if config.late_factor is None else config.late_factor
        amplitude = amplitude if config.late_amplitude is None else config.late_amplitude
    if config.period_epochs is None:
        return course
    return course * (1.0 + amplitude * math.sin(2.0 * math.pi * epochs / config.period_epochs))
