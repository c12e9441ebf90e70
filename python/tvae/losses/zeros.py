"""Zero structure: radii ordered by the zeros of an operation, not by its valuation."""

from __future__ import annotations

import torch

from tvae.losses.deviation import deviation
from tvae.losses.inputs import LossInputs, LossResult, Scale
from tvae.losses.registry import Loss, register
from tvae.losses.spec import ZeroStructure
from tvae.nn.vae import Branch


@register("zero_structure")
class ZeroStructureLoss(Loss):
    """valuation_weight mean e(R_i, t_w(i)) + sparsity_weight (corr(s, R) - target_correlation)^2.

    w(i) counts the zero trits before the first other one, s(i) all zero trits; t_w falls evenly from
    `outer` at w = 0 to `inner` at w = n, hyperbolic length; corr is Pearson's, over the batch. v(i) counts
    leading -1 trits: w disagrees with it, and so does this loss with every loss on valuations.

    Metrics:
        valuation, sparsity: the two parts before their factors. correlation: corr(s, R).
    """

    def __init__(self, config: ZeroStructure, scale: Scale, branch: Branch) -> None:
        super().__init__(config, scale, branch)
        self.target = scale.targets(config.inner, config.outer)

    def __call__(self, inputs: LossInputs) -> LossResult:
        radius = inputs.radius(self.branch)
        zero = (inputs.batch.x == 0.0).to(radius.dtype)
        leading = zero.cumprod(dim=1).sum(dim=1).long()
        valuation = deviation(radius, self.target[leading], self.config.error).mean()
        s, r = zero.sum(dim=1), radius - radius.mean()
        s = s - s.mean()
        # The constant keeps the gradient finite where all radii are equal.
        correlation = (s * r).mean() / torch.sqrt(s.square().mean() * r.square().mean() + 1e-12)
        sparsity = (correlation - self.config.target_correlation).square()
        value = self.config.valuation_weight * valuation + self.config.sparsity_weight * sparsity
        return LossResult(
            value,
            {
                "valuation": valuation.detach(),
                "sparsity": sparsity.detach(),
                "correlation": correlation.detach(),
            },
        )
