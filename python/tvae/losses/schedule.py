"""The weight of a loss over a run: a function of the step alone, so a resumed run takes the same weights."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from tvae.losses.spec_schedule import WeightSchedule


class Clock(NamedTuple):
    """How long a run is."""

    total: int = 1
    """Steps of the whole run."""
    steps_per_epoch: int = 1

    def epochs(self, progress: Tensor) -> Tensor:
        """Epochs that are over when `progress` (0-d, in [0, 1]) of the run is over; 0-d, float32.

        Example:
            >>> Clock(total=300, steps_per_epoch=3).epochs(torch.tensor(0.5))
            tensor(50.)
        """
        # Progress is step / total; rounding finds the step, so a weight changes at its epoch's first step.
        return torch.round(progress * self.total) / self.steps_per_epoch


ONE_STEP = Clock()


def ramped(t: Tensor, *, ramp: str) -> Tensor | float:
    """The factor of a plain ramp when `t` (0-d) of the run is over.

    Example:
        >>> ramped(torch.tensor(0.25), ramp="decay"), ramped(torch.tensor(0.05), ramp="warmup")
        (tensor(0.7500), tensor(0.5000))
    """
    if ramp == "decay":
        return 1.0 - t
    if ramp == "warmup":
        return (10.0 * t).clamp_max(1.0)
    return 1.0


def factor(epochs: Tensor, schedule: WeightSchedule) -> Tensor:
    """The factor of a schedule when `epochs` (0-d) are over; 0-d, not negative.

    Example:
        >>> schedule = WeightSchedule(start_epoch=10, start=0.5, ramp_epochs=4)
        >>> [factor(torch.tensor(e), schedule).item() for e in (0.0, 9.99, 10.0, 12.0, 99.0)]
        [0.0, 0.0, 0.5, 0.75, 1.0]
    """
    since = epochs - schedule.start_epoch
    course: Tensor | float = schedule.end
    if schedule.ramp_epochs:
        share = (since / schedule.ramp_epochs).clamp(0.0, 1.0)
        # No tensors made of constants: a captured step could not copy them to its device.
        course = (1.0 - share) * schedule.start + share * schedule.end
    if schedule.period_epochs is not None:
        swing = torch.sin(2.0 * math.pi / schedule.period_epochs * since)
        course = course * (1.0 + schedule.amplitude * swing)
    return torch.where(since >= 0.0, course, schedule.before)
