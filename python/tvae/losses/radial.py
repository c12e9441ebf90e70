"""Radial stratification: every operation on the target radius of its valuation."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from tvae.losses.inputs import LossInputs, LossResult, Scale
from tvae.losses.registry import Loss, register
from tvae.losses.spec import RadialStratification
from tvae.nn.vae import Branch


@register("radial_stratification")
class RadialStratificationLoss(Loss):
    """Weighted mean of smooth_l1(R_i - t_v(i)), weights 1 + v / n, hyperbolic length.

    The weights are normalised, so that the value does not depend on which valuations the batch has.
    """

    def __init__(self, config: RadialStratification, scale: Scale, branch: Branch) -> None:
        super().__init__(config, scale, branch)
        self.target = scale.targets(config.inner, config.outer)
        levels = torch.arange(scale.depth + 1, dtype=torch.float32)
        self.weight = 1.0 + levels / scale.depth if config.weighted else torch.ones_like(levels)

    def __call__(self, inputs: LossInputs) -> LossResult:
        v = inputs.batch.valuation
        error = F.smooth_l1_loss(inputs.radius(self.branch), self.target[v], reduction="none")
        weight = self.weight[v]
        return LossResult((weight * error).sum() / weight.sum())
