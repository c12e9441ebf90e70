"""The optional losses on the ball, each against a computation by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor
from torch.nn.functional import normalize

from losses.points import DEPTH, a_batch, a_point, inputs_of, made
from tvae.geometry import distance
from tvae.losses.hyperbolic import arcosh1p, log_sinhc
from tvae.losses.inputs import Bands, Batch, LossInputs, Scale
from tvae.losses.levels import present_outside
from tvae.losses.spec import PAdicRanking, RadialHierarchy, ZeroStructure
from tvae.space import TernarySpace

R_MAX = 3.0
HALF = 16


def placed(seed: int = 0) -> tuple[Batch, Tensor, Tensor, LossInputs]:
    """A batch of 32 operations at random points, with its radii and ball distances."""
    torch.manual_seed(seed)
    batch = a_batch(2 * HALF)
    radius = 0.2 + 2.5 * torch.rand(2 * HALF, dtype=torch.float64)
    direction = normalize(torch.randn(2 * HALF, 5, dtype=torch.float64), dim=-1)
    points = torch.tanh(0.5 * radius)[:, None] * direction
    d = distance(points[:HALF, None], points[None, HALF:])
    return batch, radius, d, inputs_of(batch, radius.float(), direction.float())


def pairs(batch: Batch):
    """Rows and columns of the pairs of different operations."""
    for i, j in itertools.product(range(HALF), range(HALF)):
        if batch.pair_level[i, j] < DEPTH:
            yield i, j


def mean(values) -> float:
    values = list(values)
    return float(sum(values)) / len(values)


def test_padic_metric_is_the_mean_over_different_pairs() -> None:
    batch, _, d, inputs = placed()
    target = {k: 1.2 * R_MAX * 3.0**-k for k in range(DEPTH)}
    expected = mean((d[i, j] - target[batch.pair_level[i, j].item()]) ** 2 for i, j in pairs(batch))
    assert made("padic_metric")(inputs).value.item() == pytest.approx(expected, rel=1e-5)


def test_padic_norm_wants_operation_zero_in_the_centre() -> None:
    batch = a_batch(2 * HALF)
    norm = torch.where(batch.valuation == DEPTH, 0.0, 3.0 ** -batch.valuation.float())
    loss = made("padic_norm")
    assert loss(inputs_of(batch, 0.95 * R_MAX * norm, torch.randn(32, 3))).value.item() < 1e-12
    off = loss(inputs_of(batch, 0.95 * R_MAX * (norm + 0.1), torch.randn(32, 3))).value.item()
    assert off == pytest.approx(0.01, rel=1e-4)


def test_repulsion_forgets_pairs_of_one_operation_with_itself() -> None:
    batch, _, d, inputs = placed()
    expected = mean(torch.exp(-((d[i, j] / 0.5) ** 2)) for i, j in pairs(batch))
    assert made("repulsion")(inputs).value.item() == pytest.approx(expected, rel=1e-4)
    same = batch._replace(pair_level=torch.full_like(batch.pair_level, DEPTH))
    assert made("repulsion")(inputs_of(same, torch.ones(32), torch.ones(32, 3))).value.item() == 0.0


def test_zero_structure_counts_zeros_and_weighs_each_part_once() -> None:
    batch, radius, _, inputs = placed()
    zeros = [[int(t) == 0 for t in row] for row in batch.x]
    leading = [next((k for k, zero in enumerate(row) if not zero), DEPTH) for row in zeros]
    target = [R_MAX * (0.95 - (0.95 - 0.03) * w / DEPTH) for w in leading]
    valuation = mean((r - t) ** 2 for r, t in zip(radius.tolist(), target, strict=True))
    counts = torch.tensor([float(sum(row)) for row in zeros], dtype=torch.float64)
    correlation = torch.corrcoef(torch.stack([counts, radius]))[0, 1].item()
    loss = made("zero_structure", error="mse", valuation_weight=0.7, sparsity_weight=0.3)
    value, metrics = loss(inputs)
    assert metrics["correlation"].item() == pytest.approx(correlation, abs=1e-5)
    assert value.item() == pytest.approx(0.7 * valuation + 0.3 * (correlation + 0.3) ** 2, rel=1e-5)
    assert loss.config == ZeroStructure(error="mse", valuation_weight=0.7, sparsity_weight=0.3)


def test_leading_zeros_disagree_with_the_valuation() -> None:
    # What docs/losses.md says about all operations of depth 9.
    space = TernarySpace(9)
    trits = space.trits(np.arange(space.size))
    leading = (trits == 0).cumprod(axis=1).sum(axis=1)
    assert spearmanr(leading, space.valuation(np.arange(space.size))).statistic == pytest.approx(
        -0.4815, abs=5e-5
    )


def test_zero_structure_is_finite_where_all_radii_are_equal() -> None:
    radius = torch.ones(2 * HALF, requires_grad=True)
    value = made("zero_structure")(inputs_of(a_batch(2 * HALF), radius, torch.ones(32, 3))).value
    value.backward()
    assert radius.grad is not None
    assert radius.grad.isfinite().all()


def test_radial_hierarchy_by_hand() -> None:
    batch, radius, _, inputs = placed()
    v = batch.valuation.tolist()
    target = [R_MAX * (0.95 - (0.95 - 0.03) * k / DEPTH) for k in v]
    weight = [1.0 + torch.tensor(0.4 * k).exp().item() for k in v]
    each = zip(weight, radius.tolist(), target, strict=True)
    missed = sum(w * (r - t) ** 2 for w, r, t in each) / sum(weight)
    hinges = []
    for i, j in itertools.product(range(HALF), range(HALF, 2 * HALF)):
        inner, outer = (i, j) if v[i] > v[j] else (j, i)
        if v[i] != v[j]:
            wanted = 0.5 * (target[outer] - target[inner])
            hinges.append(max(0.0, wanted - (radius[outer] - radius[inner]).item()))
    value, metrics = made("radial_hierarchy", margin_weight=2.0)(inputs)
    assert metrics["target"].item() == pytest.approx(missed, rel=1e-5)
    assert value.item() == pytest.approx(missed + 2.0 * mean(hinges), rel=1e-5)
    assert RadialHierarchy().weight == 1.0


@pytest.mark.parametrize("soft", [True, False])
def test_monotonic_radial_costs_nothing_in_order_and_much_reversed(soft: bool) -> None:
    batch = a_batch(64)
    target = Scale(DEPTH, R_MAX, Bands()).targets(0.03, 0.95)
    loss = made("monotonic_radial", soft=soft, margin_scale=0.5)
    ordered = loss(inputs_of(batch, target[batch.valuation], torch.randn(64, 3)))
    reversed_ = loss(inputs_of(batch, target[DEPTH - batch.valuation], torch.randn(64, 3)))
    assert ordered.value.item() == pytest.approx(0.0, abs=1e-3 if soft else 1e-6)
    assert ordered.metrics["disorder"].item() == 0.0
    assert reversed_.value.item() > 0.5
    assert reversed_.metrics["disorder"].item() == 1.0


def test_the_level_outside_skips_those_that_are_absent() -> None:
    assert present_outside(torch.tensor([0.0, 3.0, 0.0, 1.0])).tolist() == [-1, -1, 1, 1]


@pytest.mark.parametrize("semi_hard", [True, False])
@pytest.mark.parametrize("hard_ratio", [0.0, 1.0])
def test_ranking_triplets_by_hand(hard_ratio: float, semi_hard: bool) -> None:
    batch, _, d, inputs = placed()
    level = batch.pair_level
    loss = made("padic_ranking", hard_ratio=hard_ratio, semi_hard=semi_hard, triplets=100)
    hinges, wrong = [], 0
    for a, first, second in zip(*(t.tolist() for t in loss._draw(level)), strict=True):
        assert first != second
        p, n = (first, second) if level[a, first] > level[a, second] else (second, first)
        if level[a, p] == level[a, n] or level[a, p] == DEPTH:
            continue
        if hard_ratio:
            farther = [j for j in range(HALF) if level[a, j] < level[a, p]]
            beyond = [j for j in farther if d[a, j] > d[a, p]]
            n = min((semi_hard and beyond) or farther, key=lambda j: d[a, j].item())
        gap = (d[a, p] - d[a, n]).item()
        wrong += gap >= 0
        hinges.append(max(0.0, gap + 0.05 + 0.15 * (level[a, p] - level[a, n]).item()))
    value, metrics = loss(inputs)
    assert len(hinges) > 30
    assert value.item() == pytest.approx(mean(hinges), rel=1e-5)
    assert metrics["violations"].item() == pytest.approx(wrong / len(hinges), rel=1e-5)
    assert metrics["mined"].item() == pytest.approx(hard_ratio)


def test_ranking_draws_no_triplet_twice() -> None:
    batch = a_batch(2 * HALF)
    for wanted in (1, 16, 100, 240, 10_000):
        drawn = list(
            zip(
                *(t.tolist() for t in made("padic_ranking", triplets=wanted)._draw(batch.pair_level)),
                strict=True,
            )
        )
        assert len(drawn) == min(wanted, HALF * (HALF - 1))
        assert len(set(drawn)) == len(drawn)


def test_ranking_adds_its_radial_part() -> None:
    batch, radius, _, inputs = placed()
    target = Scale(DEPTH, R_MAX, Bands()).targets(0.03, 0.95)[batch.valuation]
    extra = made("padic_ranking", radial_weight=0.5)(inputs).value - made("padic_ranking")(inputs).value
    assert extra.item() == pytest.approx(0.5 * (radius - target).square().mean().item(), rel=1e-4)
    assert PAdicRanking().radial_weight == 0.0


def test_a_centroid_is_where_the_sum_of_cosh_is_least() -> None:
    torch.manual_seed(0)
    batch = a_batch(2 * HALF)
    radius = (0.2 + 2.0 * torch.rand(2 * HALF)).double()
    direction = normalize(torch.randn(2 * HALF, 3), dim=-1).double()
    points = torch.tanh(0.5 * radius)[:, None] * direction
    expected = []
    for i in range(HALF):
        members = [HALF + j for j in range(HALF) if 1 <= batch.pair_level[i, j] < DEPTH]
        if members:
            at = torch.zeros(3, dtype=torch.float64, requires_grad=True)
            search = torch.optim.LBFGS(
                [at], max_iter=100, tolerance_grad=1e-12, line_search_fn="strong_wolfe"
            )

            def cost(at=at, members=members, search=search) -> Tensor:
                search.zero_grad()
                inside = torch.tanh(at.norm() + 1e-12) * at / (at.norm() + 1e-12)
                total = torch.cosh(distance(points[members], inside.expand(len(members), 3))).sum()
                total.backward()
                return total

            search.step(cost)
            inside = torch.tanh(at.detach().norm()) * normalize(at.detach(), dim=0)
            expected.append((distance(points[i], inside) / R_MAX).square().item())
    loss = made("centroid", max_level=1)
    assert loss(inputs_of(batch, radius.float(), direction.float())).value.item() == pytest.approx(
        mean(expected), rel=1e-4
    )


def test_hyperbolic_functions_match_float64() -> None:
    x = torch.logspace(-10, 1.2, 200)
    exact = x.double()
    assert torch.allclose(arcosh1p(x).double(), torch.acosh(1.0 + exact), rtol=1e-5, atol=1e-6)
    assert torch.allclose(log_sinhc(x).double(), torch.log(torch.sinh(exact) / exact), rtol=1e-5, atol=1e-7)
    near = torch.linspace(0.01, 3.0, 50, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: (arcosh1p(t), log_sinhc(t)), near)
    assert a_point(4, 3).direction.shape == (4, 3)
