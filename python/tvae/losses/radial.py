"""Target radii: every operation on the radius that its valuation asks for."""

from __future__ import annotations

import torch

from tvae.losses.deviation import deviation
from tvae.losses.inputs import LossInputs, LossResult, Scale
from tvae.losses.registry import Loss, register
from tvae.losses.spec import RadialHierarchy, RadialStratification
from tvae.nn.vae import Branch


@register("radial_stratification")
class RadialStratificationLoss(Loss):
    """Weighted mean of e(R_i - t_v(i)), e smooth_l1 or the square, weights 1 + v / n, hyperbolic length.

    The weights are normalised, so that the value does not depend on which valuations the batch has.
    """

    def __init__(self, config: RadialStratification, scale: Scale, branch: Branch) -> None:
        super().__init__(config, scale, branch)
        self.target = scale.targets(config.inner, config.outer)
        levels = torch.arange(scale.depth + 1, dtype=torch.float32)
        self.weight = 1.0 + levels / scale.depth if config.weighted else torch.ones_like(levels)

    def __call__(self, inputs: LossInputs) -> LossResult:
        v = inputs.batch.valuation
        error = deviation(inputs.radius(self.branch), self.target[v], self.config.error)
        weight = self.weight[v]
        return LossResult((weight * error).sum() / weight.sum())


@register("radial_hierarchy")
class RadialHierarchyLoss(Loss):
    """Weighted mean of (R_i - t_v(i))^2, weights 1 + exp(growth v), plus a hinge on pairs.

    The hinge is margin_weight times the mean over pairs with v_i > v_j of relu(margin (t_v(j) - t_v(i)) -
    (R_j - R_i)), all pairs of the first half of the batch against the second. Weights are normalised, so
    that the value does not depend on which valuations the batch has. Hyperbolic length.

    Metrics:
        target, margin: the two parts before their factors.
    """

    def __init__(self, config: RadialHierarchy, scale: Scale, branch: Branch) -> None:
        super().__init__(config, scale, branch)
        self.target = scale.targets(config.inner, config.outer)
        levels = torch.arange(scale.depth + 1, dtype=torch.float32)
        self.weight = 1.0 + torch.exp(config.growth * levels)

    def __call__(self, inputs: LossInputs) -> LossResult:
        r, v = inputs.radius(self.branch), inputs.batch.valuation
        target, weight = self.target[v], self.weight[v]
        missed = (weight * (r - target).square()).sum() / weight.sum()
        half = len(r) // 2
        # The pair's gap from the inner to the outer one, as it is and as it should be.
        wanted = target[None, half:] - target[:half, None]
        order = torch.sign(wanted)
        gap = order * (r[None, half:] - r[:half, None])
        different = order.abs()
        hinge = torch.relu(self.config.margin * wanted.abs() - gap) * different
        margin = hinge.sum() / different.sum().clamp_min(1.0)
        return LossResult(
            missed + self.config.margin_weight * margin,
            {"target": missed.detach(), "margin": margin.detach()},
        )
