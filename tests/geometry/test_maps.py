"""Exponential and logarithmic map, projection and polar coordinates against many digits, and their edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import normalize

import tolerances as tol
from geometry import poincare_oracle as oracle
from tvae import geometry
from tvae.errors import DomainError

RADII = [1e-6, 1e-4, 1e-2, 0.5, 0.95, 0.996, 0.9999, 1 - 1e-6]
CURVATURES = [1.0, 2.0, 0.5, 1e-3]


def sphere(r: float, c: float, *, dtype: torch.dtype = torch.float32) -> Tensor:
    return (normalize(torch.randn(8, 16, dtype=torch.float64), dim=-1) * r / math.sqrt(c)).to(dtype)


@pytest.mark.parametrize("upstream", ["random", "radial"])
@pytest.mark.parametrize("c", CURVATURES)
@pytest.mark.parametrize("r", RADII)
@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("impl", ["reference", "rust"])
def test_maps_are_right_in_float32(impl: str, inverse: bool, r: float, c: float, upstream: str) -> None:
    z = sphere(r if inverse else math.atanh(r), c).requires_grad_()
    k = torch.tensor(c, requires_grad=True)
    g = normalize(z.detach(), dim=-1) if upstream == "radial" else torch.randn_like(z)
    out = (geometry.logmap0 if inverse else geometry.expmap0)(z, k, impl=impl)
    value, gz, gc = oracle.radial_map(z, g, k.item(), inverse=inverse)
    assert oracle.worst(out, value) <= tol.MAP_VALUE
    got_z, got_c = torch.autograd.grad(out, (z, k), g)
    assert oracle.worst(got_z, gz) <= tol.MAP_GRADIENT
    assert abs(got_c.item() - gc.sum()) <= tol.CURVATURE_GRADIENT * np.abs(gc).sum()


@pytest.mark.parametrize("r", [1e-3, 0.1, 2.0])
def test_gradcheck(r: float) -> None:
    v = (normalize(torch.randn(3, 4, dtype=torch.float64), dim=-1) * r).requires_grad_()
    x = (v.detach() / (1 + r)).requires_grad_()
    c = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    settings = {**tol.GRADCHECK, "eps": tol.GRADCHECK["eps"] * min(r, 1.0)}
    assert torch.autograd.gradcheck(geometry.expmap0, (v, c), **settings)
    assert torch.autograd.gradcheck(geometry.logmap0, (x, c), **settings)
    assert torch.autograd.gradcheck(
        lambda p, k: geometry.project(p, k, rho=0.5 * r / (1 + r)), (x, c), **settings
    )
    radii = torch.tensor([0.5 * r, r, 3 * r], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(geometry.from_polar, (radii, v, c), **settings)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_jacobian_at_the_origin_is_the_identity(dtype: torch.dtype) -> None:
    for op in (geometry.expmap0, geometry.logmap0):
        zero = torch.zeros(3, dtype=dtype, requires_grad=True)
        jacobian = torch.stack([torch.autograd.grad(op(zero)[i], zero)[0] for i in range(3)])
        assert torch.equal(jacobian, torch.eye(3, dtype=dtype))


@given(st.floats(1e-30, 8.5), st.floats(0.01, 100.0))
def test_the_radius_of_a_tangent_vector_is_twice_its_length(length: float, c: float) -> None:
    v = torch.tensor([[0.6, -0.8]], dtype=torch.float64) * length / math.sqrt(c)
    got = geometry.radius(geometry.expmap0(v, c), c)
    # The point itself is rounded: its radius is uncertain by u / alpha.
    bound = tol.FLOAT64_VALUE + 4e-16 * math.cosh(length) ** 2 / length
    assert got.item() == pytest.approx(2 * length / math.sqrt(c), rel=bound, abs=0)


def test_maps_invert_each_other() -> None:
    for r in (1e-30, 1e-6, 0.1, 0.95):
        x = sphere(r, 1.3)
        torch.testing.assert_close(
            geometry.expmap0(geometry.logmap0(x, 1.3), 1.3), x, rtol=tol.MAP_VALUE, atol=0
        )


@pytest.mark.parametrize("c", CURVATURES)
@pytest.mark.parametrize("r", [1e-6, 1e-2, 1.0, 5.0, 13.0])
def test_from_polar_against_expmap(r: float, c: float) -> None:
    direction = sphere(1.0, 1.0)
    radii = torch.full((8,), r / math.sqrt(c), requires_grad=True)
    k = torch.tensor(c, requires_grad=True)
    g = torch.randn(8, 16) + direction
    x = geometry.from_polar(radii, direction, k)
    v = direction.double() * radii.detach().double().unsqueeze(-1) / 2
    value, gv, gc = oracle.radial_map(v, g, k.item(), inverse=False)
    assert oracle.worst(x, value) <= tol.MAP_VALUE
    got_r, got_c = torch.autograd.grad(x, (radii, k), g)
    along = (gv * direction.double().numpy()).sum(-1) / 2
    size = np.linalg.norm(g.numpy(), axis=-1) / (2 * math.cosh(r / 2) ** 2)
    assert np.max(np.abs(got_r.double().numpy() - along) / size) <= tol.MAP_GRADIENT
    assert abs(got_c.item() - gc.sum()) <= tol.CURVATURE_GRADIENT * np.abs(gc).sum()


def test_project_moves_only_what_is_outside() -> None:
    x = torch.tensor([[0.1, 0.2], [3.0, 4.0], [0.0, 0.0], [math.nan, 0.0]], requires_grad=True)
    c = torch.tensor(4.0, requires_grad=True)
    p = geometry.project(x, c, rho=0.8)
    torch.testing.assert_close(p[:3], torch.tensor([[0.1, 0.2], [0.24, 0.32], [0.0, 0.0]]))
    assert p[3].isnan().any()
    gx, gc = torch.autograd.grad(p[:3].sum(), (x, c))
    torch.testing.assert_close(gx[0], torch.ones(2))
    torch.testing.assert_close(gx[1], 0.08 * (torch.ones(2) - 7 / 25 * torch.tensor([3.0, 4.0])))
    torch.testing.assert_close(gc, torch.tensor(-0.56 / 8))
    for rho in (0.0, 1.0, math.nan):
        with pytest.raises(DomainError):
            geometry.project(x, c, rho=rho)


def test_shapes_precisions_and_nan() -> None:
    for op in (geometry.expmap0, geometry.logmap0, lambda t: geometry.project(t, rho=0.9)):
        assert op(torch.zeros(0, 3)).shape == (0, 3)
        assert op(0.1 * torch.randn(2, 5, 3)).shape == (2, 5, 3)
        assert op((0.1 * torch.randn(2, 3)).bfloat16()).dtype == torch.bfloat16
        assert op(torch.tensor([math.nan, 0.1])).isnan().any()
    far = torch.tensor([[40.0, 0.0], [1e4, 0.0]], requires_grad=True)
    (g,) = torch.autograd.grad(geometry.expmap0(far).sum(), far)
    assert torch.isfinite(g).all()
    rim = torch.tensor([[1.0, 0.0], [2.0, 0.0]], requires_grad=True)
    v = geometry.logmap0(rim)
    assert torch.isfinite(v).all()
    assert torch.isfinite(torch.autograd.grad(v.sum(), rim)[0]).all()
