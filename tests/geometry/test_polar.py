"""Distances from radius and direction: against many digits, far past the rim of the ball, and every edge."""

from __future__ import annotations

import math

import mpmath
import pytest
import torch
from mpmath import mpf
from torch import Tensor
from torch.nn.functional import normalize

import tolerances as tol
from tvae import geometry
from tvae.errors import DomainError

ROWS, DIM = 4, 8
RADII = [1e-6, 1e-3, 0.3, 2.0, 8.0, 20.0, 60.0, 150.0]


def points(kind: str, radius: float, c: float) -> list[Tensor]:
    """Radii and directions of pairs; `radius` is in units of curvature 1."""
    r, s = ((torch.rand(ROWS, dtype=torch.float64) * 0.2 + 0.9) * radius / math.sqrt(c) for _ in range(2))
    u, w = (normalize(torch.randn(ROWS, DIM, dtype=torch.float64), dim=-1) for _ in range(2))
    if kind == "near":
        s = r * (1 + 1e-3)
        w = u + 1e-4 * math.exp(-min(radius, 6.0)) * w
    return [t.float().requires_grad_() for t in (r, u, s, w)]


def exact(row: list[list[float]], c: mpf) -> tuple[mpf, list[mpf], mpf]:
    """d, its gradient in (r, u..., s, w...), and in c, by the formula and by difference quotients."""
    flat = [mpf(value) for part in row for value in part]

    def d(at: list[mpf], k: mpf) -> mpf:
        u, w = at[1 : 1 + DIM], at[2 + DIM :]
        a, b = mpmath.sqrt(k) * at[0], mpmath.sqrt(k) * at[1 + DIM]
        chord = mpmath.fsum((p - q) ** 2 for p, q in zip(u, w, strict=True))
        square = mpmath.sinh((a - b) / 2) ** 2 + mpmath.sinh(a) * mpmath.sinh(b) * chord / 4
        return 2 * mpmath.asinh(mpmath.sqrt(square)) / mpmath.sqrt(k)

    step = mpf(10) ** -60
    slopes = []
    for i in range(len(flat)):
        up, down = ([*flat[:i], flat[i] + sign * step, *flat[i + 1 :]] for sign in (1, -1))
        slopes.append((d(up, c) - d(down, c)) / (2 * step))
    return d(flat, c), slopes, (d(flat, c + step) - d(flat, c - step)) / (2 * step)


@pytest.mark.parametrize("c", [1.0, 1e-3])
@pytest.mark.parametrize("radius", RADII)
@pytest.mark.parametrize("kind", ["random", "near"])
def test_right_in_float32(kind: str, radius: float, c: float) -> None:
    mpmath.mp.dps = 160
    leaves = points(kind, radius, c)
    k = torch.tensor(c, requires_grad=True)
    d = geometry.polar_distance(*leaves, k)
    gradients = torch.autograd.grad(d.sum(), (*leaves, k))
    total, size = 0.0, 0.0
    for i in range(ROWS):
        row = [t[i].reshape(-1).tolist() for t in leaves]
        value, slopes, slope = exact(row, mpf(k.item()))
        assert d[i].item() == pytest.approx(float(value), rel=tol.BALL_VALUE, abs=0)
        truth = torch.tensor([float(x) for x in slopes], dtype=torch.float64)
        got = torch.cat([g[i].reshape(-1) for g in gradients[:4]]).double()
        for part in (slice(0, 1), slice(1, 1 + DIM), slice(1 + DIM, 2 + DIM), slice(2 + DIM, None)):
            # A slope in r runs through 0 between -1 and 1.
            floor = 1.0 if part.stop in (1, 2 + DIM) else 0.0
            error = (got[part] - truth[part]).norm()
            assert error <= tol.BALL_GRADIENT * max(truth[part].norm().item(), floor)
        total, size = total + float(slope), size + abs(float(slope))
    assert abs(gradients[4].item() - total) <= tol.CURVATURE_GRADIENT * max(size, 1e-6 * d.sum().item() / c)


@pytest.mark.parametrize("c", [1.0, 0.3])
def test_the_same_as_the_distance_inside_the_ball(c: float) -> None:
    r, u, s, w = (t.detach().double() for t in points("random", 3.0, c))
    u, w = normalize(u, dim=-1), normalize(w, dim=-1)
    x, y = geometry.from_polar(r, u, c), geometry.from_polar(s, w, c)
    torch.testing.assert_close(geometry.polar_distance(r, u, s, w, c), geometry.distance(x, y, c))


@pytest.mark.parametrize("radius", [1e-2, 1.0, 5.0])
def test_gradcheck(radius: float) -> None:
    leaves = [t.detach().double().requires_grad_() for t in points("random", radius, 0.8)]
    c = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    settings = {**tol.GRADCHECK, "eps": 1e-6 * min(radius, 1.0)}
    assert torch.autograd.gradcheck(geometry.polar_distance, (*leaves, c), **settings)


def test_edges() -> None:
    r, u = torch.tensor([5.0, 0.0, 90.0], requires_grad=True), torch.eye(3, requires_grad=True)
    d = geometry.polar_distance(r, u, r, u)
    assert d.eq(0).all()
    assert all(g.eq(0).all() for g in torch.autograd.grad(d.sum(), (r, u)))
    assert geometry.polar_distance(r, u, torch.tensor(math.nan), u).isnan().all()
    assert geometry.polar_distance(r[:0], u[:0], r[:0], u[:0]).shape == (0,)
    assert geometry.polar_distance(r, u[0], r[:, None], u[1]).shape == (3, 3)
    half = geometry.polar_distance(r.bfloat16(), u.bfloat16(), r.flip(0).bfloat16(), u.bfloat16())
    assert half.dtype == torch.bfloat16
    with pytest.raises(DomainError, match="directions do not match"):
        geometry.polar_distance(r, u, r, torch.zeros(3, 2))
