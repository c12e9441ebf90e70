"""Per-level means and variances of a batch, without a loop over levels."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class LevelMoments(NamedTuple):
    """By level 0..n, each (n + 1,): how many members, their mean and population variance."""

    members: Tensor
    mean: Tensor
    variance: Tensor


def present_outside(count: Tensor) -> Tensor:
    """For each level, the nearest level outside it (of a smaller valuation) that has members, or -1; int64.

    Example:
        >>> present_outside(torch.tensor([2.0, 0.0, 0.0, 1.0, 4.0]))
        tensor([-1,  0,  0,  0,  3])
    """
    where = torch.arange(len(count), device=count.device)
    last = torch.cummax(torch.where(count >= 1, where, -1), dim=0).values
    return torch.cat([last.new_full((1,), -1), last[:-1]])


def level_moments(values: Tensor, level: Tensor, levels: int) -> LevelMoments:
    """Moments of values (B,) grouped by level (B,) in [0, levels); empty levels have mean and variance 0.

    Example:
        >>> level_moments(torch.tensor([1.0, 3.0, 5.0]), torch.tensor([0, 0, 1]), 2).mean
        tensor([2., 5.])
    """
    member = (level == torch.arange(levels, device=level.device)[:, None]).to(values.dtype)
    count = member.sum(dim=1)
    share = member / count.clamp_min(1.0)[:, None]
    mean = share @ values
    return LevelMoments(count, mean, share @ (values - mean[level]).square())
