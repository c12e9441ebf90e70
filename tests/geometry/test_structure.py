"""The loss over all pairs: tiles and the compiled loop against the definition, pair by pair."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import tolerances as tol
from tvae import geometry
from tvae.errors import DomainError
from tvae.geometry.structure import agreement
from tvae.space import TernarySpace


def points(depth: int, dim: int, *, radius: float = 0.9, dtype: torch.dtype = torch.float32) -> Tensor:
    x = torch.randn(3**depth, dim, dtype=torch.float64)
    length = radius * torch.rand(3**depth, 1, dtype=torch.float64).sqrt()
    return (x / x.norm(dim=1, keepdim=True) * length).to(dtype)


def bands(depth: int, *, width: float = 0.5) -> dict[str, Tensor]:
    lo = 3.0 / torch.arange(1, depth + 1, dtype=torch.float64)
    return {"lo": lo, "hi": lo + width, "weight": torch.linspace(1.0, 2.0, depth, dtype=torch.float64)}


def definition(x: Tensor, c: Tensor | float, power: int, lo: Tensor, hi: Tensor, weight: Tensor) -> Tensor:
    i, j = torch.tril_indices(len(x), len(x), -1)
    level = agreement(i, j, len(lo))
    d = geometry.distance(x[i], x[j], c)
    excess = torch.maximum(d - hi[level], lo[level] - d).clamp_min(0.0)
    return (weight[level] * excess**power).sum()


@pytest.mark.parametrize("impl", ["reference", "rust"])
@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("width", [0.0, 0.5])
@pytest.mark.parametrize(("depth", "dim", "c"), [(1, 2, 1.0), (3, 3, 0.5), (5, 16, 1.0), (6, 17, 1e-2)])
def test_value_and_gradients(depth: int, dim: int, c: float, width: float, power: int, impl: str) -> None:
    x, k = points(depth, dim).requires_grad_(), torch.tensor(c, requires_grad=True)
    rule = {name: t.float().double() for name, t in bands(depth, width=width).items()}
    value = geometry.all_pairs_loss(x, k, power=power, impl=impl, **{n: t.float() for n, t in rule.items()})
    exact = x.detach().double().requires_grad_()
    wide = torch.tensor(k.item(), dtype=torch.float64, requires_grad=True)
    truth = definition(exact, wide, power, **rule)
    assert value.item() == pytest.approx(truth.item(), rel=tol.ALL_PAIRS, abs=0)
    (gx, gc), (tx, tc) = torch.autograd.grad(value, (x, k)), torch.autograd.grad(truth, (exact, wide))
    assert (gx - tx).norm() <= tol.ALL_PAIRS * tx.norm()
    assert abs(gc.item() - tc.item()) <= tol.CURVATURE_GRADIENT * abs(tc.item())


@pytest.mark.parametrize("impl", ["reference", "rust"])
def test_near_siblings_next_to_the_rim(impl: str) -> None:
    """Siblings a hundredth of alpha apart at a radius of 0.996: their pull must not drown in the others'."""
    depth = 4
    x = points(depth, 16, radius=0.0).double()
    base = torch.nn.functional.normalize(torch.randn(27, 16, dtype=torch.float64), dim=1) * 0.996
    step = torch.nn.functional.normalize(torch.randn(81, 16, dtype=torch.float64), dim=1) * 8e-5
    x = (base.repeat(3, 1) + step).float().requires_grad_()
    rule = {"lo": torch.full((depth,), 0.05), "hi": torch.full((depth,), 0.05), "weight": torch.ones(depth)}
    rule["weight"][:3] = 0.0
    value = geometry.all_pairs_loss(x, 1.0, power=2, impl=impl, **rule)
    exact = x.detach().double().requires_grad_()
    truth = definition(exact, 1.0, 2, **{name: t.double() for name, t in rule.items()})
    assert value.item() == pytest.approx(truth.item(), rel=5 * tol.ALL_PAIRS)
    (gx,), (tx,) = torch.autograd.grad(value, x), torch.autograd.grad(truth, exact)
    assert (gx - tx).norm() <= 5 * tol.ALL_PAIRS * tx.norm()


def test_gradcheck() -> None:
    x = points(2, 3, radius=0.6, dtype=torch.float64).requires_grad_()
    c = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    rule = bands(2)
    assert torch.autograd.gradcheck(
        lambda p, k: geometry.all_pairs_loss(p, k, power=2, **rule), (x, c), **tol.GRADCHECK
    )


def test_levels_come_from_the_indices() -> None:
    space = TernarySpace(5)
    i = torch.arange(space.size)
    found = agreement(i[:, None], i, 5)
    for row in (0, 1, 80, 242):
        assert (found[row].numpy() == space.agreement(i.numpy() * 0 + row, i.numpy())).all()


@pytest.mark.parametrize("impl", ["reference", "rust"])
def test_edges(impl: str) -> None:
    rule = {name: t.float() for name, t in bands(2).items()}
    still = torch.zeros(9, 3, requires_grad=True)
    value = geometry.all_pairs_loss(still, power=2, impl=impl, **rule)
    (g,) = torch.autograd.grad(value, still)
    assert value.isfinite()
    assert g.eq(0).all()
    out = torch.full((9, 3), 2.0, requires_grad=True)
    assert torch.autograd.grad(geometry.all_pairs_loss(out, impl=impl, **rule), out)[0].isfinite().all()
    broken = torch.full((9, 3), math.nan, requires_grad=True)
    value = geometry.all_pairs_loss(broken, impl=impl, **rule)
    assert value.isnan()
    assert torch.autograd.grad(value, broken)[0].isnan().all()
    strided = torch.randn(3, 18)[:, ::2].t() * 0.1
    torch.testing.assert_close(
        geometry.all_pairs_loss(strided, impl=impl, **rule),
        geometry.all_pairs_loss(strided.contiguous(), impl=impl, **rule),
    )


def test_part_of_a_space_takes_the_reference() -> None:
    rule = {name: t.float() for name, t in bands(3).items()}
    x = points(3, 4)[:20]
    truth = definition(x.double(), 1.0, 1, **{name: t.double() for name, t in rule.items()})
    torch.testing.assert_close(geometry.all_pairs_loss(x, **rule).double(), truth)
    assert geometry.all_pairs_loss(x[:0], **rule).item() == 0


def test_what_does_not_fit_is_refused() -> None:
    rule = {name: t.float() for name, t in bands(2).items()}
    x = torch.zeros(9, 3)
    for wrong in (
        {"x": torch.zeros(10, 3)},
        {"x": x, "power": 3},
        {"x": x, "impl": "cuda"},
        {"x": x.double(), "impl": "rust"},
        {"x": x, "c": 0.0},
    ):
        with pytest.raises(DomainError):
            geometry.all_pairs_loss(**{**rule, **wrong})
    with pytest.raises(DomainError, match="bands do not match"):
        geometry.all_pairs_loss(x, **{**rule, "hi": torch.zeros(3)})
