"""The 3-adic metric and norm as lengths: distances follow 3^-v(i - j), radii follow 3^-v(i)."""

from __future__ import annotations

import torch
from torch import Tensor

from tvae.losses.inputs import LossInputs, LossResult, Scale
from tvae.losses.registry import Loss, register
from tvae.losses.spec import PAdicMetric, PAdicNorm
from tvae.nn.vae import Branch


def sizes(depth: int) -> Tensor:
    """3^-v for v = 0..n, and 0 for v = n, which is the valuation of 0 alone; shape (n + 1,).

    Example:
        >>> sizes(2)
        tensor([1.0000, 0.3333, 0.0000])
    """
    size = 3.0 ** -torch.arange(depth + 1, dtype=torch.float64)
    size[-1] = 0.0
    return size.float()


@register("padic_metric")
class PAdicMetricLoss(Loss):
    """Mean of (d(i, j) - outer R_max 3^-v(i - j))^2, hyperbolic length squared.

    All pairs of the first half of the batch against the second, an operation with itself left out. Two
    thirds of all pairs have v = 0, so deep levels hardly count: it sets the scale, not the order inside.

    Source:
        Khrennikov, Non-Archimedean Analysis (1997), chapter 1, for the metric.
    """

    def __init__(self, config: PAdicMetric, scale: Scale, branch: Branch) -> None:
        super().__init__(config, scale, branch)
        self.target = config.outer * scale.r_max * sizes(scale.depth)

    def __call__(self, inputs: LossInputs) -> LossResult:
        level = inputs.batch.pair_level
        different = (level < self.scale.depth).float()
        error = (inputs.distances(self.branch) - self.target[level]).square()
        return LossResult((error * different).sum() / different.sum().clamp_min(1.0))


@register("padic_norm")
class PAdicNormLoss(Loss):
    """Mean over the batch of (R_i / (outer R_max) - |i|_3)^2, |i|_3 = 3^-v(i) and |0|_3 = 0.

    The norm of a point of the ball is its distance to the centre, where operation 0 belongs.
    """

    def __init__(self, config: PAdicNorm, scale: Scale, branch: Branch) -> None:
        super().__init__(config, scale, branch)
        self.target = sizes(scale.depth)
        self.outer = config.outer * scale.r_max

    def __call__(self, inputs: LossInputs) -> LossResult:
        norm = self.target[inputs.batch.valuation]
        return LossResult((inputs.radius(self.branch) / self.outer - norm).square().mean())
