"""The optional losses on posteriors and decodings, each against a computation by another road."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import normalize, one_hot

from losses.points import DEPTH, a_batch, a_point, inputs_of, made
from tvae.errors import ConfigError
from tvae.geometry import distance
from tvae.losses.fisher_rao import half_squared_distance
from tvae.losses.hyperbolic_prior import wrapped_kl
from tvae.losses.inputs import Bands, Scale
from tvae.losses.kl import kl_to_prior
from tvae.losses.registry import Total
from tvae.losses.spec import Entropy, LossSpec
from tvae.nn.projection import Polar


def test_entropy_is_what_the_batch_has_and_its_decoding_lacks() -> None:
    batch = a_batch(32)
    right = 40.0 * one_hot(batch.target, 3).float()[None]
    assert made("entropy")(inputs_of(batch, torch.ones(32), torch.ones(32, 3), right)).value.item() < 1e-5
    share = one_hot(batch.target, 3).double().mean(dim=0)
    drawn = -(share * share.clamp_min(1e-300).log()).sum(dim=-1).mean().item()
    always_zero = torch.tensor([60.0, 0.0, 0.0]).expand(1, 32, DEPTH, 3).clone().requires_grad_()
    value = made("entropy")(inputs_of(batch, torch.ones(32), torch.ones(32, 3), always_zero)).value
    value.backward()
    assert value.item() == pytest.approx(drawn, rel=1e-5)
    assert always_zero.grad is not None
    assert always_zero.grad.isfinite().all()


def test_losses_that_read_decodings_are_refused_where_there_are_none() -> None:
    scale = Scale(DEPTH, 3.0, Bands())
    spec = LossSpec(entropy=Entropy(branch="B"))
    with pytest.raises(ConfigError, match="does not decode"):
        Total(spec, scale, branches=("A", "B"), on_ball=True, decoded=("A",))
    both = Total(
        LossSpec(entropy=Entropy(branch="both")), scale, branches=("A", "B"), on_ball=True, decoded=("A", "B")
    )
    assert {"entropy_A", "entropy_B"} <= {term.name for term in both.terms}


def test_fisher_rao_is_the_geodesic_of_the_half_plane() -> None:
    torch.manual_seed(0)
    mu, logvar = torch.randn(200, dtype=torch.float64), 2.0 * torch.randn(200, dtype=torch.float64)
    sigma = torch.exp(0.5 * logvar)
    # The half-plane of (mu / sqrt 2, sigma), by the ratio form of its distance.
    apart, across = (torch.hypot(mu / math.sqrt(2.0), s) for s in (sigma + 1.0, sigma - 1.0))
    d = math.sqrt(2.0) * torch.log((apart + across) / (apart - across))
    assert torch.allclose(half_squared_distance(mu, logvar), 0.5 * d.square(), rtol=1e-9)


def test_fisher_rao_grows_both_ways_and_is_the_kl_near_the_prior() -> None:
    zero = torch.zeros(5)
    logvar = torch.tensor([-20.0, -4.0, 0.0, 4.0, 20.0])
    value = half_squared_distance(zero, logvar)
    assert torch.allclose(value, 0.25 * logvar.square(), rtol=1e-4, atol=1e-9)
    mu, logvar = 1e-2 * torch.randn(50, dtype=torch.float64), 1e-2 * torch.randn(50, dtype=torch.float64)
    assert torch.allclose(half_squared_distance(mu, logvar), kl_to_prior(mu, logvar), rtol=0.02)


def test_wrapped_kl_in_the_flat_limit_is_the_gaussian_one() -> None:
    torch.manual_seed(0)
    radius, direction = torch.rand(20).double(), normalize(torch.randn(20, 6), dim=-1).double()
    sigma = 0.2 + torch.rand(20, 6).double()
    flat = torch.distributions.kl_divergence(
        torch.distributions.Normal(radius[:, None] * direction, sigma), torch.distributions.Normal(0.0, 0.8)
    ).sum(dim=-1)
    assert torch.allclose(wrapped_kl(Polar(radius, direction), sigma, prior=0.8, c=1e-6), flat, rtol=1e-5)


@pytest.mark.parametrize("spread", [0.05, 0.3, 0.7])
@pytest.mark.parametrize("c", [0.5, 1.0])
@pytest.mark.parametrize("radius", [0.0, 0.5, 3.0])
def test_wrapped_kl_matches_samples(radius: float, c: float, spread: float) -> None:
    generator = torch.Generator().manual_seed(0)
    d, n, root = 6, 40_000, math.sqrt(c)
    direction = normalize(torch.randn(d, generator=generator).double(), dim=0)
    sigma = spread * (0.8 + 0.4 * torch.rand(d, generator=generator).double())
    v = sigma * torch.randn(n, d, generator=generator).double()
    r = v.norm(dim=1)
    # Through the ball: transport along the radius keeps angles, the exponential map is a Moebius sum.
    x = math.tanh(0.5 * root * radius) / root * direction
    u = (torch.tanh(0.5 * root * r) / root / r)[:, None] * v
    xu, uu, xx = u @ x, u.square().sum(1), x.square().sum()
    top = (1 + 2 * c * xu + c * uu)[:, None] * x + (1 - c * xx) * u
    z = top / (1 + 2 * c * xu + c * c * xx * uu)[:, None]
    ended = distance(z, torch.zeros_like(z), c)

    def log_volume(length: torch.Tensor) -> torch.Tensor:
        return (d - 1) * torch.log(torch.sinh(root * length) / (root * length))

    log_q = torch.distributions.Normal(0.0, sigma).log_prob(v).sum(1) - log_volume(r)
    log_p = -0.5 * ended.square() - 0.5 * d * math.log(2 * math.pi) - log_volume(ended)
    sampled = (log_q - log_p).mean().item()
    at = Polar(torch.tensor([radius]).double(), direction[None])
    assert wrapped_kl(at, sigma[None], prior=1.0, c=c).item() == pytest.approx(sampled, rel=0.03, abs=0.1)


def test_wrapped_kl_is_zero_at_the_prior_with_a_finite_gradient() -> None:
    radius = torch.zeros(4, requires_grad=True)
    sigma = torch.full((4, 8), 0.6, requires_grad=True)
    value = wrapped_kl(Polar(radius, normalize(torch.randn(4, 8), dim=-1)), sigma, prior=0.6, c=1.0).sum()
    value.backward()
    assert value.item() == pytest.approx(0.0, abs=1e-4)
    assert radius.grad is not None
    assert sigma.grad is not None
    assert radius.grad.isfinite().all()
    assert sigma.grad.abs().max() < 0.05


def test_free_bits_of_the_ball_cost_the_allowance_and_no_gradient() -> None:
    point = a_point(32, 4)
    inputs = point.inputs(a_batch(32))
    plain = made("hyperbolic_prior")(inputs).value.item()
    assert made("hyperbolic_prior", free_bits=0.1 * plain / 4)(inputs).value.item() == pytest.approx(plain)
    value = made("hyperbolic_prior", free_bits=plain)(inputs).value
    value.backward()
    assert value.item() == pytest.approx(4 * plain)
    assert point.level.grad is not None
    assert not point.level.grad.any()


def test_hyperbolic_reconstruction_weighs_the_centre_and_stays_positive() -> None:
    batch = a_batch(32)
    logits = torch.randn(1, 32, DEPTH, 3)
    loss = made("hyperbolic_reconstruction", geodesic_weight=0.0, power=1.7)
    # Beyond r_max, where a power of a negative base would not be a number.
    radius = torch.linspace(0.0, 4.0, 32, requires_grad=True)
    logits.requires_grad_()
    value = loss(inputs_of(batch, radius, torch.ones(32, 3), logits)).value
    value.backward()
    assert logits.grad is not None
    pull = logits.grad.abs().sum(dim=(0, 2, 3)) / (
        1.0 - torch.softmax(logits.detach(), -1).gather(-1, batch.target[None, :, :, None])
    ).sum(dim=(0, 2, 3))
    assert value.isfinite()
    assert (pull[:-1] >= pull[1:] - 1e-6).all()
    assert pull[-1] > 0.0
    assert radius.grad is None, "points are not moved outwards to make errors cheap"


def test_the_geodesic_part_is_the_expected_squared_distance() -> None:
    torch.manual_seed(0)
    half = 8
    batch = a_batch(2 * half)
    point = a_point(2 * half, 4)
    inputs = point.inputs(batch)
    p = torch.softmax(inputs.logits("B"), dim=-1).double().detach()
    d = (inputs.distances("B").detach() / 3.0).double()

    def likelihood(decoding: int, i: int, j: int) -> float:
        return math.prod(p[decoding, i, k, batch.target[j, k]].item() for k in range(DEPTH))

    total = 0.0
    for decoding in range(2):
        for i in range(2 * half):
            others = range(half, 2 * half) if i < half else range(half)
            weights = [likelihood(decoding, i, j) for j in others]
            cost = [(d[i, j - half] if i < half else d[j, i - half]).item() ** 2 for j in others]
            whole = sum(weights) + likelihood(decoding, i, i)
            total += sum(w * c for w, c in zip(weights, cost, strict=True)) / whole
    metrics = made("hyperbolic_reconstruction")(inputs).metrics
    assert metrics["geodesic"].item() == pytest.approx(total / (4 * half), rel=1e-4)
