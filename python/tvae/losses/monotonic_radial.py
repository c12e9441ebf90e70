"""Monotonic radius: the mean radius falls from level to level, by a margin."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from tvae.losses.inputs import LossInputs, LossResult, Scale
from tvae.losses.levels import level_moments, present_outside
from tvae.losses.registry import Loss, register
from tvae.losses.spec import MonotonicRadial
from tvae.nn.vae import Branch


@register("monotonic_radial")
class MonotonicRadialLoss(Loss):
    """Mean over levels v present of h(g_v - (m_u - m_v)), plus target_weight mean (m_v - t_v)^2.

    m_v is the mean radius at valuation v, u the next level outwards that is present; g_v = max(margin,
    margin_scale (t_u - t_v)), a hyperbolic length; h is relu, or (`soft`) T softplus(x / T).

    Metrics:
        disorder: share of the levels whose mean is not further in than the one outside them.
    """

    def __init__(self, config: MonotonicRadial, scale: Scale, branch: Branch) -> None:
        super().__init__(config, scale, branch)
        self.target = scale.targets(config.inner, config.outer)

    def __call__(self, inputs: LossInputs) -> LossResult:
        count, mean, _ = level_moments(
            inputs.radius(self.branch), inputs.batch.valuation, self.scale.depth + 1
        )
        outside = present_outside(count)
        # The outermost level present has nobody outside it.
        has_outside = (count >= 1) & (outside >= 0)
        outside = outside.clamp_min(0)
        gap = (self.config.margin_scale * (self.target[outside] - self.target)).clamp_min(self.config.margin)
        drop = mean[outside] - mean
        if self.config.soft:
            t = self.config.temperature
            penalty = t * F.softplus((gap - drop) / t)
        else:
            penalty = torch.relu(gap - drop)
        steps, present = has_outside.to(mean.dtype), (count >= 1).to(mean.dtype)
        total = steps.sum().clamp_min(1.0)
        value = (penalty * steps).sum() / total
        missed = ((mean - self.target).square() * present).sum() / present.sum()
        disorder = ((drop <= 0).to(mean.dtype) * steps).sum() / total
        return LossResult(value + self.config.target_weight * missed, {"disorder": disorder.detach()})
