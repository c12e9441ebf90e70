"""Every loss: a gradient that matches finite differences, and each alone lowers its own measure."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from losses.points import DEPTH, Point, a_batch, a_point, config_of, inputs_of, made
from tolerances import GRADCHECK
from tvae import losses
from tvae.errors import ConfigError
from tvae.losses.inputs import Batch, LossInputs, Scale
from tvae.losses.kl import kl_to_prior
from tvae.losses.levels import level_moments
from tvae.losses.registry import Total
from tvae.losses.spec import KL, Bands, LossSpec
from tvae.nn import ModelSpec, TernaryVAE
from tvae.nn.vae import Output, Posterior

#: Losses whose gradient is not that of their value: they hold weights fixed on purpose.
FIXED = {"hyperbolic_reconstruction"}


@pytest.mark.parametrize("name", losses.names())
def test_gradients_match_finite_differences(name: str) -> None:
    torch.manual_seed(0)
    batch = a_batch(12)
    loss = made(name)
    for table, value in vars(loss).items():
        if isinstance(value, Tensor) and value.is_floating_point():
            setattr(loss, table, value.double())
    point = a_point(12, 3, dtype=torch.float64)
    if name in FIXED:
        point = point._replace(level=point.level.detach(), direction=point.direction.detach())
    assert torch.autograd.gradcheck(
        lambda *free: loss(Point(*free).inputs(batch)).value, tuple(point), **GRADCHECK
    )


@pytest.mark.parametrize("name", losses.names())
def test_alone_it_lowers_its_own_measure(name: str) -> None:
    torch.manual_seed(0)
    batch = a_batch(64)
    loss = made(name)
    point = a_point(64, 8)
    optimizer = torch.optim.Adam(point, lr=0.05)
    values = []
    for _ in range(100):
        value = loss(point.inputs(batch)).value
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert values[-1] < 0.5 * values[0]
    assert min(values) >= 0.0


@pytest.mark.parametrize("depth", [1, 2, 12])
@pytest.mark.parametrize("name", losses.names())
def test_every_depth_has_a_finite_value_and_gradient(name: str, depth: int) -> None:
    if (name, depth) == ("centroid", 1):
        with pytest.raises(ConfigError, match="depth 1"):
            made(name, depth)
        return
    batch = a_batch(16, depth)
    point = a_point(16, 3, depth)
    value = made(name, depth)(point.inputs(batch)).value
    value.backward()
    assert value.isfinite()
    assert all(p.grad is None or p.grad.isfinite().all() for p in point)


ON_PAIRS = ["distance_band", "geodesic", "padic_metric", "padic_ranking", "pair_ranking", "repulsion"]


@pytest.mark.parametrize("name", ON_PAIRS)
def test_an_operation_is_not_a_pair_with_itself(name: str) -> None:
    torch.manual_seed(0)
    batch = a_batch(32)
    same = torch.eye(16, dtype=torch.bool)
    batch = batch._replace(pair_level=torch.where(same, DEPTH, batch.pair_level.clamp_max(DEPTH - 1)))
    distances = (0.1 + torch.rand(16, 16)).requires_grad_()
    inputs = a_point(32, 3).inputs(batch)
    inputs._distances["B"] = distances
    made(name)(inputs).value.backward()
    assert distances.grad is not None
    assert distances.grad[~same].any()
    assert not distances.grad[same].any()


@pytest.mark.parametrize("name", losses.names())
def test_copies_of_one_operation_have_a_finite_gradient(name: str) -> None:
    # A batch may draw an operation twice; the encoder then gives the same point twice, at distance 0.
    batch = a_batch(16)
    twin = Batch(
        *(torch.cat([t[:8], t[:8]]) for t in batch[:3]),
        torch.where(torch.eye(8, dtype=torch.bool), DEPTH, batch.pair_level.clamp_max(DEPTH - 1)),
    )
    half = a_point(8, 3)
    point = Point(*(torch.cat([t, t]) for t in half[:4]), torch.cat([half.logits, half.logits], dim=1))
    value = made(name)(point.inputs(twin)).value
    value.backward()
    assert value.isfinite()
    assert all(p.grad is None or p.grad.isfinite().all() for p in half)


def test_reconstruction_is_cross_entropy_in_nats_per_operation() -> None:
    batch = a_batch(8)
    logits = torch.zeros(2, 8, DEPTH, 3)
    value = losses.build("reconstruction", config_of("reconstruction")(), Scale(DEPTH, 3.0, Bands()))(
        inputs_of(batch, torch.ones(8), torch.ones(8, 3), logits)
    ).value
    assert value.item() == pytest.approx(2 * DEPTH * torch.log(torch.tensor(3.0)).item(), rel=1e-6)


def test_kl_is_zero_at_the_prior_and_matches_torch() -> None:
    mu, logvar = torch.randn(50, 4), torch.randn(50, 4)
    torch_kl = torch.distributions.kl_divergence(
        torch.distributions.Normal(mu, torch.exp(0.5 * logvar)), torch.distributions.Normal(0.0, 1.0)
    )
    assert torch.allclose(kl_to_prior(mu, logvar), torch_kl, atol=1e-5)
    assert kl_to_prior(torch.zeros(1), torch.zeros(1)).item() == 0.0


def test_free_bits_cost_the_allowance_and_no_gradient() -> None:
    batch = a_batch(8)
    mu = torch.full((8, 3), 0.01, requires_grad=True)
    output = Output({"B": Posterior(mu, torch.zeros(8, 3), None)}, ("B",), None, 1.0)
    loss = losses.build("kl", KL(free_bits=0.25), Scale(DEPTH, 3.0, Bands()))
    value = loss(LossInputs(batch, output, torch.tensor(0.0))).value
    value.backward()
    assert value.item() == pytest.approx(0.75)
    assert mu.grad is not None
    assert not mu.grad.any()


def test_bands_are_disjoint_and_cover_every_level() -> None:
    scale = Scale(9, 5.0, Bands())
    edges = scale.edges()
    lo, hi = scale.intervals()
    assert len(edges) == 11
    assert edges[0] == pytest.approx(0.98 * 5.0)
    assert edges[9] == pytest.approx(0.03 * 5.0, rel=1e-5)
    assert (edges[:-1] > edges[1:]).all()
    assert (lo[:-1] > hi[1:]).all()
    assert (hi > lo).all()


def test_a_perfect_tree_costs_nothing() -> None:
    # Operation 0 in the centre, every radius and every distance in the middle of its band, in 1-D per level.
    batch = a_batch(64)
    scale = Scale(DEPTH, 3.0, Bands())
    lo, hi = scale.intervals()
    radius = (0.5 * (lo + hi))[batch.valuation]
    assert losses.build("radius_band", config_of("radius_band")(), scale)(
        inputs_of(batch, radius, torch.randn(64, 3))
    ).value.item() == pytest.approx(0.0, abs=1e-7)


def test_level_moments_match_a_loop() -> None:
    values, level = torch.randn(100), torch.randint(0, 4, (100,))
    count, mean, variance = level_moments(values, level, 6)
    for k in range(4):
        members = values[level == k]
        assert count[k] == len(members)
        assert mean[k] == pytest.approx(members.mean().item(), abs=1e-6)
        assert variance[k] == pytest.approx(members.var(unbiased=False).item(), abs=1e-5)
    assert count[4:].sum() == 0
    assert not variance.isnan().any()


def test_the_total_refuses_what_the_model_lacks() -> None:
    scale = Scale(DEPTH, 3.0, Bands())
    with pytest.raises(ConfigError, match="no projection"):
        Total(LossSpec(), scale, branches=("A", "B"), on_ball=False)
    rank = config_of("global_rank")
    with pytest.raises(ConfigError, match="one branch"):
        Total(LossSpec(global_rank=rank(branch="A")), scale, branches=("B",), on_ball=True)
    nothing = LossSpec(reconstruction=None, kl=None, radius_band=None, distance_band=None, spread=None)
    with pytest.raises(ConfigError, match="no loss"):
        Total(nothing, scale, branches=("B",), on_ball=True)


def test_the_kl_weight_decays_to_zero() -> None:
    total = Total(LossSpec(), Scale(DEPTH, 3.0, Bands()), branches=("B",), on_ball=True)
    kl = next(term for term in total.terms if term.name == "kl")
    assert float(kl.weight_at(torch.tensor(0.0))) == pytest.approx(kl.weight)
    assert float(kl.weight_at(torch.tensor(0.75))) == pytest.approx(0.25 * kl.weight)


def test_a_registered_loss_joins_the_total() -> None:
    class Config:
        weight = 2.0

    @losses.register("a_constant_for_this_test")
    class Constant(losses.Loss):
        on_ball = False

        def __call__(self, inputs: LossInputs) -> losses.LossResult:
            return losses.LossResult(torch.tensor(3.0))

    nothing = LossSpec(reconstruction=None, kl=None, radius_band=None, distance_band=None, spread=None)
    total = Total(
        nothing,
        Scale(DEPTH, 3.0, Bands()),
        branches=("B",),
        on_ball=True,
        extra={"a_constant_for_this_test": Config()},
    )
    batch = a_batch(8)
    value, logs = total(inputs_of(batch, torch.ones(8), torch.ones(8, 3)))
    assert value.item() == 6.0
    assert logs["loss/a_constant_for_this_test"].item() == 3.0
    with pytest.raises(ConfigError, match="registered already"):
        losses.register("a_constant_for_this_test")(Constant)


def test_every_default_loss_has_a_gradient_from_random_weights() -> None:
    torch.manual_seed(0)
    model = TernaryVAE(ModelSpec(), depth=DEPTH)
    batch = a_batch(64)
    output = model(batch.x, {"B": torch.randn(64, 16)})
    total = Total(LossSpec(), Scale(DEPTH, model.r_max, Bands()), branches=("B",), on_ball=True)
    value, _ = total(LossInputs(batch, output, torch.tensor(0.0)))
    value.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
