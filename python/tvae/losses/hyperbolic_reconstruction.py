"""Reconstruction that knows the ball: errors weigh by radius, and by the distance that they cost."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from tvae.losses.inputs import LossInputs, LossResult
from tvae.losses.registry import Loss, register


@register("hyperbolic_reconstruction")
class HyperbolicReconstructionLoss(Loss):
    """cross_entropy_weight mean_i w_i CE_i + geodesic_weight mean_i sum_j p_i(j) (d(i, j) / R_max)^2.

    w_i = floor + (1 - R_i / R_max)^power, at least `floor` whatever the radius, scaled to a mean of one;
    CE_i is the cross-entropy in nats, summed over trits and decodings. p_i(j) is the probability that
    operation i is decoded as j, out of i itself and the other half of the batch: an error to a neighbour
    costs less than one across the ball. Weights and distances are held fixed: the loss is lowered by
    decoding better, not by moving points outwards or together.

    Metrics:
        cross_entropy, geodesic: the two parts before their factors.
    """

    decodes = True

    def __call__(self, inputs: LossInputs) -> LossResult:
        log_p = torch.log_softmax(inputs.logits(self.branch), dim=-1)
        own = log_p.gather(-1, inputs.batch.target.expand(log_p.shape[:-1])[..., None]).sum(dim=(-2, -1))
        share = inputs.radius(self.branch).detach() / self.scale.r_max
        weight = self.config.floor + (1.0 - share).clamp_min(0.0) ** self.config.power
        cross_entropy = -(own * (weight / weight.mean())).sum() / len(weight)
        geodesic = self._confusion(inputs, log_p, own)
        value = self.config.cross_entropy_weight * cross_entropy + self.config.geodesic_weight * geodesic
        return LossResult(value, {"cross_entropy": cross_entropy.detach(), "geodesic": geodesic.detach()})

    def _confusion(self, inputs: LossInputs, log_p: Tensor, own: Tensor) -> Tensor:
        """Mean over operations and decodings of the expected squared distance, in units of R_max^2."""
        half = log_p.shape[1] // 2
        squared = (inputs.distances(self.branch).detach() / self.scale.r_max).square()
        trits = F.one_hot(inputs.batch.target, 3).flatten(1).to(log_p.dtype)
        score = log_p.flatten(2)
        total = log_p.new_zeros(())
        for mine, others, cost in (
            (slice(half), slice(half, None), squared),
            (slice(half, None), slice(half), squared.T),
        ):
            of_others = score[:, mine] @ trits[others].T
            p = torch.softmax(torch.cat([own[:, mine, None], of_others], dim=-1), dim=-1)
            total = total + (p[..., 1:] * cost).sum()
        return total / own.numel()
