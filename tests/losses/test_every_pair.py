"""`pairs = "all"`: the loss of the explicit matrix, its gradient, where it is refused, and that it trains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from losses.points import a_batch, a_point
from tolerances import ALL_PAIRS, CURVATURE_GRADIENT
from tvae import losses
from tvae.config import load
from tvae.errors import ConfigError
from tvae.geometry import pairwise_distance
from tvae.losses.inputs import LossInputs, Scale
from tvae.losses.registry import Total
from tvae.losses.spec import Bands, DistanceBand, LossSpec
from tvae.nn.projection import Polar
from tvae.training import train


@pytest.mark.parametrize("depth", [3, 4])
def test_it_is_the_loss_of_the_explicit_matrix(depth: int) -> None:
    torch.manual_seed(0)
    n = 3**depth
    free = [torch.randn(n).requires_grad_(), torch.randn(n, 5).requires_grad_()]
    batch, point = a_batch(12, depth), a_point(12, 3, depth)
    scale = Scale(depth, 3.0, Bands())
    loss = losses.build("distance_band", DistanceBand(pairs="all", level_weight=0.7), scale)

    def means(_: str) -> Polar:
        return Polar(3.0 * torch.sigmoid(free[0]), normalize(free[1], dim=-1))

    plain = point.inputs(batch)
    value = loss(LossInputs(batch, plain.output, plain.progress, means)).value
    points = means("B").points(1.0).double()
    d = pairwise_distance(points, points, 1.0)
    index = np.arange(n)
    level = torch.from_numpy(_level(index, depth))
    lo, hi = scale.intervals()
    hi[0] = torch.inf
    weights = 0.7 ** torch.arange(depth, dtype=torch.float64)
    cost = torch.relu(d - hi[level]) + torch.relu(lo[level] - d)
    by_level = torch.stack([cost[level == k].mean() for k in range(depth)])
    truth = (weights * by_level).sum() / weights.sum()
    assert value.item() == pytest.approx(truth.item(), rel=ALL_PAIRS)
    for got, exact in zip(torch.autograd.grad(value, free), torch.autograd.grad(truth, free), strict=True):
        assert float((got - exact).norm() / exact.norm()) <= CURVATURE_GRADIENT


def _level(index: np.ndarray, depth: int) -> np.ndarray:
    gap = index[:, None] - index
    return sum((gap % 3**k == 0).astype(np.int64) for k in range(1, depth + 1))


def test_it_is_refused_where_it_cannot_work() -> None:
    with pytest.raises(ConfigError, match="too many at this depth"):
        losses.build("distance_band", DistanceBand(pairs="all"), Scale(12, 3.0, Bands()))
    spec = LossSpec(distance_band=DistanceBand(pairs="all"), radius_band=None, spread=None)
    with pytest.raises(ConfigError, match="no projection"):
        Total(spec, Scale(4, 3.0, Bands()), branches=("B",), on_ball=False)


def test_it_trains(tmp_path: Path) -> None:
    changes = ["loss.distance_band.pairs=all", "training.max_steps=30", "space.depth=4"]
    config = load("smoke", sets=changes, env={}).config
    assert train(config, preset="smoke", out=tmp_path).status == "finished"
    with pytest.raises(ConfigError, match="compiled step"):
        load("smoke", sets=[*changes, "training.compile=true"], env={})
