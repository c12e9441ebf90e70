"""Distance and radius: value, gradient and curvature gradient against many digits, and every edge."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

import tolerances as tol
from geometry import poincare_oracle as oracle
from tvae import geometry
from tvae.errors import DomainError

RADII = [1e-6, 1e-4, 1e-2, 0.5, 0.95, 0.996, 0.9999, 1 - 1e-6]
CURVATURES = [1.0, 2.0, 0.5, 1e-3]
ROWS, DIM = 8, 16
# A step of 1e-4 alpha at the last radius rounds to nothing in float32.
KINDS = [
    (kind, r)
    for kind in ("random", "near 1e-2", "near 1e-4", "antipodal", "origin")
    for r in RADII
    if (kind, r) != ("near 1e-4", RADII[-1])
]


def sphere(r: float, c: float, *, dtype: torch.dtype = torch.float32) -> Tensor:
    return (normalize(torch.randn(ROWS, DIM, dtype=torch.float64), dim=-1) * r / math.sqrt(c)).to(dtype)


def pairs(kind: str, r: float, c: float, *, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    x = sphere(r, c, dtype=dtype)
    if kind == "random":
        return x, sphere(r, c, dtype=dtype)
    if kind == "antipodal":
        return x, -x
    if kind == "origin":
        return x, torch.zeros_like(x)
    gap = {"near 1e-2": 1e-2, "near 1e-4": 1e-4}[kind] * min(1 - r * r, r)
    y = (x.double() + sphere(gap, c, dtype=torch.float64)).to(dtype)
    assert geometry.clamped_rows(torch.cat((x, y)), c) == 0
    assert (x != y).any(-1).all()
    return x, y


@pytest.mark.parametrize("c", CURVATURES)
@pytest.mark.parametrize(("kind", "r"), KINDS)
def test_distance_is_right_in_float32(kind: str, r: float, c: float) -> None:
    x, y = pairs(kind, r, c)
    x.requires_grad_()
    y.requires_grad_()
    k = torch.tensor(c, requires_grad=True)
    d = geometry.distance(x, y, k)
    value, gx, gy, gc = oracle.distance(x, y, k.item())
    assert oracle.worst(d, value) <= tol.BALL_VALUE
    got_x, got_y, got_c = torch.autograd.grad(d.sum(), (x, y, k))
    assert oracle.worst(got_x, gx) <= tol.BALL_GRADIENT
    assert oracle.worst(got_y, gy) <= tol.BALL_GRADIENT
    assert got_c.item() == pytest.approx(gc.sum(), rel=tol.CURVATURE_GRADIENT, abs=0)


@pytest.mark.parametrize("r", [1e-6, 0.5, 0.99999, 1 - 1e-9])
@pytest.mark.parametrize("kind", ["random", "near 1e-4", "antipodal"])
def test_distance_is_right_in_float64(kind: str, r: float) -> None:
    x, y = pairs(kind, r, 0.7, dtype=torch.float64)
    x.requires_grad_()
    y.requires_grad_()
    k = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    d = geometry.distance(x, y, k)
    value, gx, gy, gc = oracle.distance(x, y, k.item())
    assert oracle.worst(d, value) <= tol.FLOAT64_VALUE
    got_x, got_y, got_c = torch.autograd.grad(d.sum(), (x, y, k))
    assert oracle.worst(got_x, gx) <= tol.FLOAT64_GRADIENT
    assert oracle.worst(got_y, gy) <= tol.FLOAT64_GRADIENT
    assert got_c.item() == pytest.approx(gc.sum(), rel=tol.FLOAT64_CURVATURE, abs=0)


@pytest.mark.parametrize("c", CURVATURES)
@pytest.mark.parametrize("r", RADII)
def test_radius_is_right_in_float32(r: float, c: float) -> None:
    x = sphere(r, c).requires_grad_()
    k = torch.tensor(c, requires_grad=True)
    d = geometry.radius(x, k)
    value, gx, gc = oracle.radius(x, k.item())
    assert oracle.worst(d, value) <= tol.BALL_VALUE
    got_x, got_c = torch.autograd.grad(d.sum(), (x, k))
    assert oracle.worst(got_x, gx) <= tol.BALL_GRADIENT
    assert got_c.item() == pytest.approx(gc.sum(), rel=tol.CURVATURE_GRADIENT, abs=0)


@pytest.mark.parametrize("r", [1e-3, 0.1, 0.9])
def test_gradcheck(r: float) -> None:
    x = (normalize(torch.randn(3, 4, dtype=torch.float64), dim=-1) * r).requires_grad_()
    y = (torch.randn(3, 4, dtype=torch.float64) * 0.2).requires_grad_()
    c = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    settings = {**tol.GRADCHECK, "eps": tol.GRADCHECK["eps"] * r}
    assert torch.autograd.gradcheck(geometry.distance, (x, y, c), **settings)
    assert torch.autograd.gradcheck(geometry.radius, (x, c), **settings)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_edges_stay_finite(dtype: torch.dtype) -> None:
    e = torch.zeros(4, dtype=dtype)
    e[0] = 1.0
    for x, y in [
        (0 * e, 0 * e),
        (0.3 * e, 0.3 * e),
        (1e-30 * e, 0 * e),
        (1e-30 * e, 1e-30 * e),
        (1e-20 * e, 2e-20 * e),
        (e, e),
        (e, -e),
        (e, 0 * e),
        (5.0 * e, -7.0 * e),
    ]:
        x, y = x.clone().requires_grad_(), y.clone().requires_grad_()
        c = torch.tensor(1.0, dtype=dtype, requires_grad=True)
        d = geometry.distance(x, y, c) + geometry.radius(x, c)
        assert all(torch.isfinite(t).all() for t in (d, *torch.autograd.grad(d, (x, y, c))))


def test_tiny_separations_keep_their_digits() -> None:
    x = torch.tensor([[1e-30, 0.0], [1e-20, 1e-20]], requires_grad=True)
    d = geometry.distance(x, torch.zeros(2, 2), 1.0)
    value, gx, _, _ = oracle.distance(x, torch.zeros(2, 2), 1.0)
    assert oracle.worst(d, value) <= tol.BALL_VALUE
    assert oracle.worst(torch.autograd.grad(d.sum(), x)[0], gx) <= tol.BALL_GRADIENT


def test_coinciding_points_have_distance_and_gradient_zero() -> None:
    x = sphere(0.9, 1.0).requires_grad_()
    y = x.detach().clone().requires_grad_()
    c = torch.tensor(1.0, requires_grad=True)
    d = geometry.distance(x, y, c)
    assert d.eq(0).all()
    assert all(g.eq(0).all() for g in torch.autograd.grad(d.sum(), (x, y, c)))


def test_past_the_rim_rows_are_counted_and_pulled_inward() -> None:
    x = torch.tensor([[1.0, 0.0], [0.0, 1.5], [0.5, 0.0]], requires_grad=True)
    assert geometry.clamped_rows(x, 1.0).item() == 2
    for d in (geometry.radius(x, 1.0), geometry.distance(x, torch.zeros(2), 1.0)):
        (g,) = torch.autograd.grad(d.sum(), x)
        assert torch.isfinite(d).all()
        assert torch.isfinite(g).all()
        assert ((g * x).sum(-1) > 0).all()


def test_nan_goes_through() -> None:
    x = torch.tensor([[math.nan, 0.0], [0.1, 0.2]], requires_grad=True)
    for d in (geometry.distance(x, torch.zeros(2)), geometry.radius(x)):
        (g,) = torch.autograd.grad(d.sum(), x)
        assert d.isnan().tolist() == [True, False]
        assert g.isnan().any(-1).tolist() == [True, False]


def test_leading_shapes_broadcast() -> None:
    x = (0.1 * torch.randn(5, 1, 3)).requires_grad_()
    y = (0.1 * torch.randn(4, 3)).requires_grad_()
    d = geometry.distance(x, y)
    assert d.shape == (5, 4)
    gx, gy = torch.autograd.grad(d.sum(), (x, y))
    assert (gx.shape, gy.shape) == (x.shape, y.shape)
    a = x.detach().expand(5, 4, 3).reshape(-1, 3).requires_grad_()
    b = y.detach().expand(5, 4, 3).reshape(-1, 3).requires_grad_()
    flat = geometry.distance(a, b)
    ga, gb = torch.autograd.grad(flat.sum(), (a, b))
    torch.testing.assert_close(d.flatten(), flat)
    torch.testing.assert_close(gx, ga.view(5, 4, 3).sum(1, keepdim=True))
    torch.testing.assert_close(gy, gb.view(5, 4, 3).sum(0))


def test_views_and_empty_inputs() -> None:
    base = 0.1 * torch.randn(6, 8)
    strided = base[::2, 1:5]
    torch.testing.assert_close(geometry.radius(strided), geometry.radius(strided.contiguous()))
    torch.testing.assert_close(
        geometry.distance(base.t()[:, :6], base[:6].t()), geometry.distance(base.t().contiguous(), base.t())
    )
    for shape in [(0, 4), (2, 0, 4)]:
        x = torch.zeros(shape, requires_grad=True)
        c = torch.tensor(1.0, requires_grad=True)
        d = geometry.distance(x, x, c)
        assert d.shape == shape[:-1]
        gx, gc = torch.autograd.grad(d.sum(), (x, c))
        assert gx.shape == shape
        assert gc.item() == 0.0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precisions_compute_in_float32(dtype: torch.dtype) -> None:
    x = (0.1 * torch.randn(8, 4)).to(dtype).requires_grad_()
    y = (0.1 * torch.randn(8, 4)).to(dtype)
    d = geometry.distance(x, y)
    assert d.dtype == dtype
    assert torch.equal(d, geometry.distance(x.float(), y.float()).to(dtype))
    (g,) = torch.autograd.grad(d.sum(), x)
    assert g.dtype == dtype


def test_autocast_changes_nothing() -> None:
    x, y = 0.1 * torch.randn(8, 4), 0.1 * torch.randn(8, 4)
    plain = geometry.distance(x, y), geometry.radius(x), geometry.pairwise_distance(x, y)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = geometry.distance(x, y), geometry.radius(x), geometry.pairwise_distance(x, y)
    assert all(torch.equal(a, b) for a, b in zip(plain, cast, strict=True))


def test_curvature_is_rounded_to_the_points_first() -> None:
    x = 0.5 * torch.randn(4, 3)
    exact = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
    d = geometry.radius(x, exact)
    assert torch.equal(d, geometry.radius(x, 0.1))
    assert torch.equal(d, geometry.radius(x, float(np.float32(0.1))))
    (g,) = torch.autograd.grad(d.sum(), exact)
    assert g.dtype == torch.float64
    assert g.shape == ()


def test_a_second_derivative_is_refused() -> None:
    x = (0.1 * torch.randn(2, 3)).requires_grad_()
    for d in (geometry.distance(x, torch.zeros(3)), geometry.pairwise_distance(x, x), geometry.expmap0(x)):
        with pytest.raises(NotImplementedError, match="differentiable once"):
            torch.autograd.grad(d.sum(), x, create_graph=True)


@pytest.mark.parametrize(
    ("x", "y", "c"),
    [
        (torch.zeros(2, 3), torch.zeros(2, 4), 1.0),
        (torch.zeros(2, 3, dtype=torch.int64), torch.zeros(2, 3, dtype=torch.int64), 1.0),
        (torch.tensor(0.0), torch.tensor(0.0), 1.0),
        (torch.zeros(2, 3), torch.zeros(2, 3), 0.0),
        (torch.zeros(2, 3), torch.zeros(2, 3), -1.0),
        (torch.zeros(2, 3), torch.zeros(2, 3), math.nan),
        (torch.zeros(2, 3), torch.zeros(2, 3), torch.ones(2)),
    ],
)
def test_what_is_no_point_or_no_curvature_is_refused(x: Tensor, y: Tensor, c: float | Tensor) -> None:
    with pytest.raises(DomainError):
        geometry.distance(x, y, c)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("learned", [True, False])
def test_one_compiled_graph(learned: bool) -> None:
    def total(x: Tensor, y: Tensor, c: float | Tensor) -> Tensor:
        return (
            geometry.distance(x, y, c).sum()
            + geometry.radius(x, c).sum()
            + geometry.expmap0(x, c).sum()
            + geometry.logmap0(y, c).sum()
            + geometry.project(x, c, rho=0.3).sum()
            + geometry.pairwise_distance(x, y, c).sum()
            + geometry.from_polar(x[:, 0], y, c).sum()
        )

    c: float | Tensor = torch.tensor(0.7, requires_grad=True) if learned else 0.7
    x, y = (sphere(0.996, 0.7).requires_grad_() for _ in range(2))
    inputs = (x, y, c) if isinstance(c, Tensor) else (x, y)
    eager = total(x, y, c)
    compiled = torch.compile(total, fullgraph=True)(x, y, c)
    torch.testing.assert_close(compiled, eager, rtol=tol.COMPILED, atol=0)
    for a, b in zip(torch.autograd.grad(compiled, inputs), torch.autograd.grad(eager, inputs), strict=True):
        assert (a - b).norm() <= tol.COMPILED * b.norm()
