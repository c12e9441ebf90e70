"""3-adic ranking: triplets whose margin grows with the difference of their levels, some of them mined."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tvae.losses.inputs import LossInputs, LossResult, Scale
from tvae.losses.registry import Loss, register
from tvae.losses.spec import PAdicRanking
from tvae.nn.vae import Branch


@register("padic_ranking")
class PAdicRankingLoss(Loss):
    """Mean over triplets of relu(d_ap - d_an + margin + margin_scale (v_ap - v_an)), where v_ap > v_an.

    Anchors a are the first half of the batch, positives p and negatives n are in the second half; v_ap is
    v(a - p). Two members of the second half at different levels make a triplet, the nearer of them the
    positive. In `hard_ratio` of the triplets the negative is mined instead: of all members that are
    3-adically farther than the positive, the nearest in the ball, or (`semi_hard`) the nearest that is
    farther in the ball too, where there is one. An operation is never paired with itself. To this comes
    radial_weight times the mean of (R_i - t_v(i))^2.

    Metrics:
        violations: share of the triplets whose order is wrong. mined: share of those counted that were mined.

    Source:
        Schroff, Kalenichenko and Philbin, FaceNet (2015), section 3.2, for semi-hard negatives.
    """

    def __init__(self, config: PAdicRanking, scale: Scale, branch: Branch) -> None:
        super().__init__(config, scale, branch)
        self.target = scale.targets(config.inner, config.outer)

    def __call__(self, inputs: LossInputs) -> LossResult:
        level, distance = inputs.batch.pair_level, inputs.distances(self.branch)
        anchor, first, second = self._draw(level)
        v_first, v_second = level[anchor, first], level[anchor, second]
        positive = torch.where(v_first > v_second, first, second)
        v_near, v_far = torch.maximum(v_first, v_second), torch.minimum(v_first, v_second)
        d_near = distance[anchor, positive]
        d_far = distance[anchor, torch.where(v_first > v_second, second, first)]
        counted = (v_near > v_far) & (v_near < self.scale.depth)
        mined = round(self.config.hard_ratio * len(anchor))
        if mined:
            hard = self._mine(level[anchor[:mined]], distance[anchor[:mined]], v_near[:mined], d_near[:mined])
            rows = anchor[:mined]
            d_far = torch.cat([distance[rows, hard], d_far[mined:]])
            v_far = torch.cat([level[rows, hard], v_far[mined:]])
        margin = self.config.margin + self.config.margin_scale * (v_near - v_far).to(distance.dtype)
        counts = counted.to(distance.dtype)
        total = counts.sum().clamp_min(1.0)
        value = (torch.relu(d_near - d_far + margin) * counts).sum() / total
        metrics = {
            "violations": (((d_near >= d_far).to(counts.dtype) * counts).sum() / total).detach(),
            "mined": counts[:mined].sum() / total,
        }
        if self.config.radial_weight:
            miss = inputs.radius(self.branch) - self.target[inputs.batch.valuation]
            value = value + self.config.radial_weight * miss.square().mean()
        return LossResult(value, metrics)

    def _draw(self, level: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Anchors, and two different columns each; every round meets other columns."""
        rows, columns = level.shape
        wanted = min(self.config.triplets, rows * (columns - 1))
        t = torch.arange(wanted, device=level.device)
        anchor = t % rows
        rounds = math.ceil(wanted / rows)
        step = max(1, (columns - 1) // rounds)
        turn = torch.div(t, rows, rounding_mode="floor")
        first = (anchor + turn) % columns
        return anchor, first, (first + 1 + (turn * step) % (columns - 1)) % columns

    def _mine(self, level: Tensor, distance: Tensor, v_near: Tensor, d_near: Tensor) -> Tensor:
        """The column of each row's negative; level and distance are (M, columns)."""
        farther = torch.where(level < v_near[:, None], distance.detach(), torch.inf)
        if not self.config.semi_hard:
            return farther.argmin(dim=1)
        beyond = torch.where(distance.detach() > d_near.detach()[:, None], farther, torch.inf)
        some = beyond.isfinite().any(dim=1)
        return torch.where(some, beyond.argmin(dim=1), farther.argmin(dim=1))
