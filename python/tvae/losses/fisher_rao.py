"""Fisher-Rao: the rate as a distance between distributions."""

from __future__ import annotations

import torch
from torch import Tensor

from tvae.losses.hyperbolic import arcosh1p
from tvae.losses.inputs import LossInputs, LossResult
from tvae.losses.registry import Loss, register


def half_squared_distance(mu: Tensor, logvar: Tensor) -> Tensor:
    """d^2 / 2 of N(mu, exp(logvar)) to N(0, 1), same shape as `mu`.

    d = sqrt(2) arcosh(1 + x), x = mu^2 / (4 s) + 2 sinh(logvar / 4)^2, s = exp(logvar / 2): the length of
    the geodesic in the metric (dmu^2 + 2 ds^2) / s^2 of Fisher's information. It grows in either
    direction of s, and near the prior it is the KL divergence, mu^2 / 2 + logvar^2 / 4.

    Source:
        Costa, Santos and Strapasson, Fisher information distance: a geometrical reading (2015), eq. 10.

    Example:
        >>> half_squared_distance(torch.tensor([0.0, 0.0]), torch.tensor([2.0, -2.0]))
        tensor([1., 1.])
    """
    x = 0.25 * mu.square() * torch.exp(-0.5 * logvar) + 2.0 * torch.sinh(0.25 * logvar).square()
    return arcosh1p(x).square()


@register("fisher_rao")
class FisherRaoLoss(Loss):
    """Mean over operations of the sum over latents of d^2 / 2, d the Fisher-Rao distance to N(0, 1).

    The latents are independent, so their squared distances add up.
    """

    on_ball = False

    def __call__(self, inputs: LossInputs) -> LossResult:
        mu, logvar, _ = inputs.posterior(self.branch)
        return LossResult(half_squared_distance(mu, logvar).sum() / len(mu))
