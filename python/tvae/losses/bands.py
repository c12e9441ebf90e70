"""The structure losses: the same bands hold radii by v(i) and distances by v(i - j).

They can, because d(i, 0) is the radius of i when operation 0 sits in the centre. Bands are
disjoint, so order follows; a spread keeps them filled.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tvae.errors import ConfigError
from tvae.geometry import all_pairs_loss
from tvae.losses.inputs import LossInputs, LossResult, Scale
from tvae.losses.levels import level_moments
from tvae.losses.registry import Loss, register
from tvae.losses.spec import EVERY_PAIR_DEPTH, DistanceBand, RadiusBand, Spread
from tvae.nn.vae import Branch
from tvae.space import TernarySpace


def outside(values: Tensor, lo: Tensor, hi: Tensor) -> Tensor:
    """How far each value lies outside [lo, hi], same shape."""
    return torch.relu(values - hi) + torch.relu(lo - values)


@register("radius_band")
class RadiusBandLoss(Loss):
    """Mean over the batch of relu(R_i - hi_v(i)) + relu(lo_v(i) - R_i), hyperbolic length."""

    def __init__(self, config: RadiusBand, scale: Scale, branch: Branch) -> None:
        super().__init__(config, scale, branch)
        self.lo, self.hi = scale.intervals()

    def __call__(self, inputs: LossInputs) -> LossResult:
        v = inputs.batch.valuation
        return LossResult(outside(inputs.radius(self.branch), self.lo[v], self.hi[v]).mean())


@register("distance_band")
class DistanceBandLoss(Loss):
    """Mean inside each level v(i - j) = k of relu(d_ij - hi_k) + relu(lo_k - d_ij), then over levels.

    Level 0 is open above. Levels are averaged with weights level_weight^k; pairs of an operation
    with itself do not count. With `pairs = "all"` the mean is over every pair of operations, exactly, and
    the matrix of pairs is never formed.

    Raises:
        ConfigError: `pairs = "all"` beyond depth 11, where one step would take minutes.
    """

    def __init__(self, config: DistanceBand, scale: Scale, branch: Branch) -> None:
        super().__init__(config, scale, branch)
        self.lo, self.hi = scale.intervals()
        self.hi[0] = math.inf
        # Beyond depth 9 the levels are too many to weigh alike: the upper ones hold nearly all pairs.
        ratio = config.level_weight or (1.0 if scale.depth <= 9 else 0.8)
        self.level_weight = ratio ** torch.arange(scale.depth + 1, dtype=torch.float32)
        self.level_weight[-1] = 0.0
        self.every = config.pairs == "all"
        if self.every and scale.depth > EVERY_PAIR_DEPTH:
            raise ConfigError(
                "every pair is too many at this depth",
                path="loss.distance_band.pairs",
                expected=f"batch, or depth {EVERY_PAIR_DEPTH} at most",
                got=f"all at depth {scale.depth}",
            )
        share = self.level_weight[:-1] / self.level_weight.sum()
        self.pair_weight = share / torch.tensor(TernarySpace(scale.depth).pair_counts, dtype=torch.float64)

    def __call__(self, inputs: LossInputs) -> LossResult:
        if self.every:
            points, bands = inputs.all_points(self.branch), (self.lo[:-1], self.hi[:-1])
            c, weight = inputs.output.curvature, self.pair_weight
            return LossResult(all_pairs_loss(points, c, lo=bands[0], hi=bands[1], weight=weight))
        level = inputs.batch.pair_level
        # Not bincount, which reads its largest value on the host and so stalls a GPU.
        flat = level.flatten()
        counts = flat.new_zeros(len(self.lo)).scatter_add_(0, flat, torch.ones_like(flat))
        weight = torch.where(counts > 0, self.level_weight, 0.0)
        weight = weight / weight.sum().clamp_min(1e-12) / counts.clamp_min(1)
        hinge = outside(inputs.distances(self.branch), self.lo[level], self.hi[level])
        return LossResult((weight[level] * hinge).sum())


@register("spread")
class SpreadLoss(Loss):
    """Mean over levels k = 0..n-2 present of relu(W_k / sqrt(12) - sd_k), hyperbolic length.

    W_k / sqrt(12) is the standard deviation of radii that fill band k uniformly.
    """

    def __init__(self, config: Spread, scale: Scale, branch: Branch) -> None:
        super().__init__(config, scale, branch)
        edges = scale.edges()
        self.floor = (edges[:-1] - edges[1:]) / math.sqrt(12.0)
        # Levels n - 1 and n hold three operations between them: nothing to spread.
        self.floor[max(scale.depth - 1, 1) :] = 0.0

    def __call__(self, inputs: LossInputs) -> LossResult:
        count, _, variance = level_moments(
            inputs.radius(self.branch), inputs.batch.valuation, self.scale.depth + 1
        )
        counted = ((count >= 2) & (self.floor > 0.0)).float()
        missing = torch.relu(self.floor - torch.sqrt(variance + 1e-12)) * counted
        return LossResult(missing.sum() / counted.sum().clamp_min(1.0))
