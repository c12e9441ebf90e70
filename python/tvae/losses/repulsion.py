"""Repulsion: different operations do not fall onto each other."""

from __future__ import annotations

import torch

from tvae.losses.inputs import LossInputs, LossResult
from tvae.losses.registry import Loss, register


@register("repulsion")
class RepulsionLoss(Loss):
    """Mean over pairs of different operations of exp(-(d(i, j) / sigma)^2), without unit.

    All pairs of the first half of the batch against the second.
    """

    def __call__(self, inputs: LossInputs) -> LossResult:
        different = (inputs.batch.pair_level < self.scale.depth).float()
        kernel = torch.exp(-(inputs.distances(self.branch) / self.config.sigma).square())
        return LossResult((kernel * different).sum() / different.sum().clamp_min(1.0))
