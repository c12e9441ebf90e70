"""Centroids: the members of a 3-adic ball gather around their hyperbolic mean."""

from __future__ import annotations

import torch

from tvae.errors import ConfigError
from tvae.losses.hyperbolic import arcosh1p
from tvae.losses.inputs import LossInputs, LossResult, Scale
from tvae.losses.registry import Loss, register
from tvae.losses.spec import Centroid
from tvae.nn.vae import Branch


@register("centroid")
class CentroidLoss(Loss):
    """Weighted mean over k = 1..K of the mean over anchors of (d(i, m_k(i)) / R_max)^2.

    m_k(i) is the centroid of the members j of the second half of the batch that agree with anchor i modulo
    3^k (v(i - j) >= k), i itself left out; anchors without members at k do not count. The centroid is the
    point that minimises the sum of cosh(sqrt(c) d): in hyperboloid coordinates X = (cosh r, sinh r w),
    r = sqrt(c) R, it is sum X_j / sqrt(-<sum X_j, sum X_j>). Levels weigh level_weight^k.

    It pulls whole balls together, against every loss that keeps their members apart.

    Raises:
        ConfigError: if `max_level` is not below the depth, or the depth is 1.

    Source:
        Law, Liao, Snell and Zemel, Lorentzian Distance Learning (2019), theorem 3.3.
    """

    def __init__(self, config: Centroid, scale: Scale, branch: Branch) -> None:
        super().__init__(config, scale, branch)
        deepest = config.max_level or min(4, scale.depth - 1)
        if not 1 <= deepest < scale.depth:
            raise ConfigError(
                f"depth {scale.depth} has no 3-adic balls of level {max(deepest, 1)} with several operations",
                path="loss.centroid.max_level",
                expected=f"below {scale.depth}" if scale.depth > 1 else "a space of depth 2 or more",
                got=str(config.max_level),
                hint="lower it, or set loss.centroid to null",
            )
        self.levels = range(1, 1 + deepest)

    def __call__(self, inputs: LossInputs) -> LossResult:
        polar = inputs.posterior(self.branch).polar
        assert polar is not None, "losses on the ball are refused for models without a projection"
        level = inputs.batch.pair_level
        half = len(level)
        root = inputs.output.curvature**0.5
        # <X, X> = -1 is a difference of numbers of the size of cosh^2: float64 keeps short distances.
        r, w = (root * polar.radius).double(), polar.direction.double()
        time, space = torch.cosh(r), torch.sinh(r)[:, None] * w
        total, weights = r.new_zeros(()), r.new_zeros(())
        for k in self.levels:
            member = ((level >= k) & (level < self.scale.depth)).double()
            t, x = member @ time[half:], member @ space[half:]
            length = torch.sqrt((t.square() - x.square().sum(dim=1)).clamp_min(1e-12))
            excess = (time[:half] * t - (space[:half] * x).sum(dim=1)) / length - 1.0
            some = (member.sum(dim=1) > 0).double()
            squared = arcosh1p(excess).square() * some
            weight = self.config.level_weight**k * (some.sum() > 0).double()
            total = total + weight * squared.sum() / some.sum().clamp_min(1.0)
            weights = weights + weight
        value = total / weights.clamp_min(1e-12) / (root * self.scale.r_max) ** 2
        return LossResult(value.to(polar.radius.dtype))
