"""Ranking losses: the order itself, without target lengths."""

from __future__ import annotations

import torch

from tvae.losses.inputs import LossInputs, LossResult, Scale
from tvae.losses.registry import Loss, register
from tvae.losses.spec import GlobalRank, PairRanking
from tvae.nn.vae import Branch


@register("pair_ranking")
class PairRankingLoss(Loss):
    """Mean over triplets of relu(d(i, j) - d(i, k) + margin), where v(i - j) > v(i - k).

    Anchors are the first half of the batch, candidates the second half. Candidate pairs with equal
    levels, and pairs of an operation with itself, say nothing and are left out.

    Metrics:
        violations: share of the triplets whose order is wrong.
    """

    def __init__(self, config: PairRanking, scale: Scale, branch: Branch) -> None:
        super().__init__(config, scale, branch)
        self.margin = config.margin
        self.triplets = config.triplets

    def __call__(self, inputs: LossInputs) -> LossResult:
        level, distance = inputs.batch.pair_level, inputs.distances(self.branch)
        rows, columns = level.shape
        # Column j of row i meets column j + shift: every shift is another set of triplets.
        wanted = min(max(self.triplets // rows, 1), columns - 1)
        shifts = torch.linspace(1, columns - 1, wanted, device=level.device).long()
        anchor = torch.arange(rows, device=level.device)[:, None]
        first = (anchor + torch.arange(wanted, device=level.device)) % columns
        second = (first + shifts) % columns
        v_first, v_second = level[anchor, first], level[anchor, second]
        gap = distance[anchor, first] - distance[anchor, second]
        nearer = torch.sign((v_first - v_second).float())
        valid = ((nearer != 0) & (v_first < self.scale.depth) & (v_second < self.scale.depth)).float()
        hinge = torch.relu(nearer * gap + self.margin) * valid
        total = valid.sum().clamp_min(1.0)
        wrong = ((nearer * gap >= 0.0).float() * valid).sum() / total
        return LossResult(hinge.sum() / total, {"violations": wrong.detach()})


@register("global_rank")
class GlobalRankLoss(Loss):
    """Mean over pairs with v_i != v_j of |v_i - v_j| sigmoid(-s / T), s = sign(v_i - v_j) (R_j - R_i).

    All pairs of the first half of the batch against the second. The operation with the larger
    valuation belongs further in.

    Metrics:
        violations: share of the pairs whose order is wrong.
    """

    def __init__(self, config: GlobalRank, scale: Scale, branch: Branch) -> None:
        super().__init__(config, scale, branch)
        self.temperature = config.temperature

    def __call__(self, inputs: LossInputs) -> LossResult:
        r, v = inputs.radius(self.branch), inputs.batch.valuation
        half = len(r) // 2
        gap = (v[:half, None] - v[None, half:]).to(r.dtype)
        s = torch.sign(gap) * (r[None, half:] - r[:half, None])
        different = (gap != 0).to(r.dtype)
        total = different.sum().clamp_min(1.0)
        value = (gap.abs() * torch.sigmoid(-s / self.temperature)).sum() / total
        wrong = ((s <= 0).to(r.dtype) * different).sum() / total
        return LossResult(value, {"violations": wrong.detach()})
