"""All-pairs distance: the same as pair by pair, near pairs included, in value and every gradient."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

import tolerances as tol
from geometry import poincare_oracle as oracle
from tvae import geometry
from tvae.errors import DomainError

DIM = 16


def sphere(rows: int, r: float, c: float) -> Tensor:
    return normalize(torch.randn(rows, DIM, dtype=torch.float64), dim=-1) * r / math.sqrt(c)


def near(x: Tensor, gap: float, r: float, c: float) -> Tensor:
    return x.double() + sphere(x.shape[0], gap * min(1 - r * r, r), c)


def every_pair(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    n, m = x.shape[0], y.shape[0]
    return x.repeat_interleave(m, 0), y.repeat(n, 1)


@pytest.mark.parametrize("c", [1.0, 2.0, 0.5, 1e-3])
@pytest.mark.parametrize("r", [1e-6, 1e-4, 1e-2, 0.5, 0.95, 0.996, 0.9999, 1 - 1e-6])
@pytest.mark.parametrize("kind", ["random", "near 1e-2", "near 1e-4"])
def test_pairs_are_right_in_float32(kind: str, r: float, c: float) -> None:
    n, m = 4, 5
    x = sphere(n, r, c).float()
    y = sphere(m, r, c) if kind == "random" else near(x, float(kind[5:]), r, c)
    y = y.float().requires_grad_()
    x.requires_grad_()
    m = y.shape[0]
    k = torch.tensor(c, requires_grad=True)
    a, b = every_pair(x.detach(), y.detach())
    if (a == b).all(-1).any():
        return  # a step of 1e-4 alpha at the last radius rounds to nothing in float32
    g = torch.rand(n, m)
    d = geometry.pairwise_distance(x, y, k)
    value, gx, gy, gc = oracle.distance(a, b, k.item())
    assert oracle.worst(d.flatten(), value) <= tol.BALL_VALUE
    got_x, got_y, got_c = torch.autograd.grad(d, (x, y, k), g)
    w = g.double().numpy()
    assert oracle.worst(got_x, (w[..., None] * gx.reshape(n, m, DIM)).sum(1)) <= tol.BALL_GRADIENT
    assert oracle.worst(got_y, (w[..., None] * gy.reshape(n, m, DIM)).sum(0)) <= tol.BALL_GRADIENT
    assert got_c.item() == pytest.approx((w.ravel() * gc).sum(), rel=tol.CURVATURE_GRADIENT, abs=0)


@pytest.mark.parametrize("r", [0.5, 0.95, 0.996])
@pytest.mark.parametrize("gap", [1e-2, 1e-4])
def test_the_gradient_of_one_near_pair_among_many(gap: float, r: float) -> None:
    x = sphere(64, r, 1.0).float()
    y = near(x, gap, r, 1.0).float().requires_grad_()
    x.requires_grad_()
    weight = torch.eye(64) + 1e-3
    d = geometry.pairwise_distance(x, y, 1.0)
    got_x, got_y = torch.autograd.grad(d, (x, y), weight)
    a, b = every_pair(x.detach(), y.detach())
    a, b = a.double().requires_grad_(), b.double().requires_grad_()
    exact = geometry.distance(a, b, 1.0)
    ga, gb = torch.autograd.grad(exact, (a, b), weight.double().flatten())
    assert oracle.worst(got_x, ga.view(64, 64, DIM).sum(1).numpy()) <= tol.BALL_GRADIENT
    assert oracle.worst(got_y, gb.view(64, 64, DIM).sum(0).numpy()) <= tol.BALL_GRADIENT


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_points_with_themselves(dtype: torch.dtype) -> None:
    x = sphere(7, 0.9, 1.0).to(dtype)
    x[3] = x[2]
    x.requires_grad_()
    twin = x.detach().clone().requires_grad_()
    c = torch.tensor(1.0, dtype=dtype, requires_grad=True)
    g = torch.rand(7, 7, dtype=dtype)
    d = geometry.pairwise_distance(x, x, c)
    assert d.diagonal().eq(0).all()
    assert d[2, 3] == 0
    assert torch.equal(d, d.t())
    gx, gc = torch.autograd.grad(d, (x, c), g)
    ga, gb, gk = torch.autograd.grad(geometry.pairwise_distance(x, twin, c), (x, twin, c), g)
    torch.testing.assert_close(gx, ga + gb)
    torch.testing.assert_close(gc, gk)


@pytest.mark.parametrize("r", [1e-3, 0.1, 0.9])
def test_gradcheck(r: float) -> None:
    x = (normalize(torch.randn(3, 4, dtype=torch.float64), dim=-1) * r).requires_grad_()
    y = (torch.randn(2, 4, dtype=torch.float64) * 0.2).requires_grad_()
    c = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    settings = {**tol.GRADCHECK, "eps": tol.GRADCHECK["eps"] * r}
    assert torch.autograd.gradcheck(geometry.pairwise_distance, (x, y, c), **settings)


@pytest.mark.parametrize("shapes", [((0, 3), (2, 3)), ((2, 3), (0, 3)), ((0, 3), (0, 3)), ((1, 1), (1, 1))])
def test_small_and_empty(shapes: tuple[tuple[int, int], tuple[int, int]]) -> None:
    x, y = (torch.full(shape, 0.1, requires_grad=True) for shape in shapes)
    c = torch.tensor(1.0, requires_grad=True)
    d = geometry.pairwise_distance(x, y, c)
    assert d.shape == (shapes[0][0], shapes[1][0])
    gx, gy, _ = torch.autograd.grad(d.sum(), (x, y, c))
    assert (gx.shape, gy.shape) == shapes


def test_edges_stay_finite_and_nan_goes_through() -> None:
    x = torch.tensor([[0.0, 0.0], [1e-30, 0.0], [1.0, 0.0], [-2.0, 0.0]], requires_grad=True)
    c = torch.tensor(1.0, requires_grad=True)
    d = geometry.pairwise_distance(x, x.detach().clone(), c)
    assert all(torch.isfinite(t).all() for t in (d, *torch.autograd.grad(d.sum(), (x, c))))
    broken = torch.tensor([[math.nan, 0.0], [0.1, 0.0]], requires_grad=True)
    d = geometry.pairwise_distance(broken, torch.zeros(3, 2))
    assert d.isnan().all(1).tolist() == [True, False]
    (g,) = torch.autograd.grad(d.sum(), broken)
    assert g.isnan().any(1).tolist() == [True, False]


def test_views_and_precisions() -> None:
    base = 0.1 * torch.randn(8, 12)
    x, y = base[::2, 2:6].requires_grad_(), base.t()[:, :4]
    d = geometry.pairwise_distance(x, y)
    torch.testing.assert_close(d, geometry.pairwise_distance(x.contiguous(), y.contiguous()))
    assert torch.autograd.grad(d.t().sum(), x)[0].shape == x.shape
    half = geometry.pairwise_distance(x.bfloat16(), y.bfloat16())
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), d, rtol=4 * tol.BFLOAT16, atol=tol.BFLOAT16)
    with pytest.raises(DomainError, match="do not form pairs"):
        geometry.pairwise_distance(x, torch.zeros(2, 3))
    with pytest.raises(DomainError, match="do not form pairs"):
        geometry.pairwise_distance(x[None], y)
