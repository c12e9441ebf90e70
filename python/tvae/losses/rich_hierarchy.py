"""Rich hierarchy: levels on target radii, in order, none of them collapsed."""

from __future__ import annotations

import torch

from tvae.losses.inputs import LossInputs, LossResult, Scale
from tvae.losses.levels import level_moments
from tvae.losses.registry import Loss, register
from tvae.losses.spec import RichHierarchy
from tvae.nn.vae import Branch


@register("rich_hierarchy")
class RichHierarchyLoss(Loss):
    """w_h mean (m_v - t_v)^2 + w_r mean relu(s - sd_v)^2 + w_s mean relu(m_next - m_v), in units of R_max.

    m_v and sd_v are the mean and standard deviation of the radii at valuation v, over the levels
    present; t_v are evenly spaced targets; s is `min_spread` of the spacing. Every length is a
    hyperbolic radius divided by R_max.

    Metrics:
        hierarchy, richness, separation: the three terms before their factors.
    """

    def __init__(self, config: RichHierarchy, scale: Scale, branch: Branch) -> None:
        super().__init__(config, scale, branch)
        self.target = scale.targets(config.inner, config.outer) / scale.r_max
        self.least_sd = config.min_spread * (config.outer - config.inner) / scale.depth

    def __call__(self, inputs: LossInputs) -> LossResult:
        share = inputs.radius(self.branch) / self.scale.r_max
        count, mean, variance = level_moments(share, inputs.batch.valuation, len(self.target))
        present, several = (count >= 1).float(), (count >= 2).float()
        hierarchy = ((mean - self.target).square() * present).sum() / present.sum()
        missing = torch.relu(self.least_sd - torch.sqrt(variance + 1e-12)).square() * several
        richness = missing.sum() / several.sum().clamp_min(1.0)
        # Each level against the next one present: absent levels take the mean of the one outside them.
        where = torch.arange(len(mean), device=mean.device)
        last = torch.cummax(torch.where(count >= 1, where, 0), dim=0).values
        outward = mean[last]
        steps = torch.relu(outward[1:] - outward[:-1]) * present[1:]
        separation = steps.sum() / (present.sum() - 1.0).clamp_min(1.0)
        w = self.config
        value = (
            w.hierarchy_weight * hierarchy + w.richness_weight * richness + w.separation_weight * separation
        )
        return LossResult(
            value,
            {
                "hierarchy": hierarchy.detach(),
                "richness": richness.detach(),
                "separation": separation.detach(),
            },
        )
