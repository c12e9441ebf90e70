"""Geodesic: every distance at a target that falls with v(i - j)."""

from __future__ import annotations

import torch

from tvae.losses.deviation import deviation
from tvae.losses.inputs import LossInputs, LossResult, Scale
from tvae.losses.registry import Loss, register
from tvae.losses.spec import Geodesic
from tvae.nn.vae import Branch


@register("geodesic")
class GeodesicLoss(Loss):
    """Mean of e(d(i, j) - outer R_max exp(-decay v(i - j))), e smooth_l1 or the square, hyperbolic length.

    All pairs of the first half of the batch against the second, an operation with itself left out.
    The largest target is below 2 R_max, so it can be reached.
    """

    def __init__(self, config: Geodesic, scale: Scale, branch: Branch) -> None:
        super().__init__(config, scale, branch)
        levels = torch.arange(scale.depth + 1, dtype=torch.float32)
        self.target = config.outer * scale.r_max * torch.exp(-config.decay * levels)

    def __call__(self, inputs: LossInputs) -> LossResult:
        level = inputs.batch.pair_level
        different = (level < self.scale.depth).float()
        error = deviation(inputs.distances(self.branch), self.target[level], self.config.error)
        return LossResult((error * different).sum() / different.sum().clamp_min(1.0))
