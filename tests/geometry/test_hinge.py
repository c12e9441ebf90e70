"""Hinges on listed pairs and triplets: the definition, its gradients, its edges and what is refused."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import tolerances as tol
from tvae import geometry
from tvae.errors import DomainError
from tvae.geometry.structure import agreement

BANDS = {
    "lo": torch.tensor([2.0, 1.0, 0.1]),
    "hi": torch.tensor([2.5, 1.2, 0.1]),
    "weight": torch.arange(1.0, 4),
}


def points(n: int, dim: int, r: float, dtype: torch.dtype = torch.float64) -> Tensor:
    x = torch.randn(n, dim, dtype=torch.float64)
    return (x / x.norm(dim=1, keepdim=True) * r).to(dtype)


def triplets_of(n: int, count: int) -> Tensor:
    return torch.stack([torch.randint(n, (count,)) for _ in range(3)])


def pairs_of(n: int, count: int) -> dict[str, Tensor]:
    pairs = triplets_of(n, count)[:2]
    return {"pairs": pairs, "level": agreement(*pairs, 3)}


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("r", [1e-15, 1e-6, 0.5, 0.996, 1 - 1e-6])
def test_definition(r: float, reduction: str) -> None:
    x, c = points(27, 5, r, torch.float32), 0.9999
    t, p = triplets_of(27, 40), pairs_of(27, 40)
    exact, k = x.double(), float(torch.tensor(c))
    near, far = (geometry.distance(exact[t[0]], exact[t[n]], k) for n in (1, 2))
    scale = float(far.max())
    truth = (near - far + 0.3 * scale).clamp_min(0)
    value = geometry.triplet_hinge(x, t, c, margin=0.3 * scale, reduction=reduction)
    assert value.item() == pytest.approx(float(getattr(truth, reduction)()), rel=tol.ALL_PAIRS)
    bands = {name: b * (scale if name != "weight" else 1.0) for name, b in BANDS.items()}
    for power in (1, 2):
        d = geometry.distance(*exact[p["pairs"]], k)
        level = p["level"].clamp_max(2)
        e = torch.maximum(d - bands["hi"][level], bands["lo"][level] - d).clamp_min(0) ** power
        truth = e * torch.where(p["level"] < 3, bands["weight"][level], 0.0)
        value = geometry.pair_hinge(x, c=c, power=power, reduction=reduction, **p, **bands)
        assert value.item() == pytest.approx(float(getattr(truth, reduction)()), rel=tol.ALL_PAIRS)


def test_all_pairs_are_the_listed_ones() -> None:
    x = points(27, 4, 0.8, torch.float32)
    pairs = torch.tril_indices(27, 27, -1)
    listed = geometry.pair_hinge(x, pairs, level=agreement(*pairs, 3), reduction="sum", **BANDS)
    torch.testing.assert_close(listed, geometry.all_pairs_loss(x, **BANDS))


def test_gradcheck() -> None:
    x = points(9, 3, 0.6).requires_grad_()
    c = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    t, p = triplets_of(9, 12), pairs_of(9, 12)
    bands = {name: b.double() for name, b in BANDS.items()}
    keep = p["pairs"][0] != p["pairs"][1]  # a distance of 0 has no derivative
    listed = {name: value[..., keep] for name, value in p.items()}
    anchored = t[:, (t[0] != t[1]) & (t[0] != t[2])]
    for call in (
        lambda x, c: geometry.triplet_hinge(x, anchored, c, margin=0.4),
        lambda x, c: geometry.pair_hinge(x, c=c, power=1, **listed, **bands),
        lambda x, c: geometry.pair_hinge(x, c=c, power=2, reduction="sum", **listed, **bands),
    ):
        assert torch.autograd.gradcheck(call, (x, c), **tol.GRADCHECK)


@pytest.mark.parametrize("r", [1e-15, 1e-6, 0.5, 0.996, 1 - 1e-6, 1.0, 3.0])
def test_gradients_stay_finite(r: float) -> None:
    x = points(9, 4, r, torch.float32).requires_grad_()
    c = torch.tensor(1.0, requires_grad=True)
    t, p = triplets_of(9, 20), pairs_of(9, 20)
    for value in (
        geometry.triplet_hinge(x, t, c, margin=1.0),
        geometry.pair_hinge(x, c=c, power=2, **p, **BANDS),
    ):
        assert all(g.isfinite().all() for g in torch.autograd.grad(value, (x, c)))


def test_edges() -> None:
    x = points(9, 4, 0.5, torch.float32).requires_grad_()
    same = torch.zeros(3, 1, dtype=torch.int32)
    value = geometry.triplet_hinge(x, same, margin=0.25)
    assert value == 0.25
    assert torch.autograd.grad(value, x)[0].eq(0).all()
    nothing = torch.zeros(3, 0, dtype=torch.int64)
    value = geometry.triplet_hinge(x, nothing, margin=1.0)
    assert value == 0
    assert torch.autograd.grad(value, x)[0].eq(0).all()
    assert geometry.pair_hinge(x, nothing[:2], level=nothing[0], **BANDS) == 0
    broken = x.detach().clone().index_fill_(0, torch.tensor([3]), math.nan).requires_grad_()
    value = geometry.triplet_hinge(broken, torch.tensor([[0, 3], [1, 1], [2, 2]]), margin=1.0)
    assert value.isnan()
    (g,) = torch.autograd.grad(value, broken)
    assert g[3].isnan().all()
    sound = geometry.triplet_hinge(broken, torch.tensor([[0], [1], [2]]), margin=1.0)
    assert sound.isfinite()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"triplets": torch.zeros(2, 4, dtype=torch.int64)}, "triplets are not rows"),
        ({"triplets": torch.zeros(3, 4)}, "triplets are not rows"),
        ({"triplets": torch.full((3, 1), 9)}, "do not exist"),
        ({"triplets": torch.full((3, 1), -1)}, "do not exist"),
        ({"margin": math.nan}, "margin"),
        ({"reduction": "max"}, "reduction"),
        ({"c": 0.0}, "curvature"),
        ({"x": torch.zeros(9)}, "points are not rows"),
        ({"x": torch.zeros(9, 2, dtype=torch.int64)}, "floating point"),
        ({"impl": "fast"}, "implementation"),
    ],
)
def test_triplets_that_are_refused(wrong: dict[str, object], message: str) -> None:
    right = {"x": torch.zeros(9, 2), "triplets": torch.zeros(3, 4, dtype=torch.int64), "margin": 1.0}
    with pytest.raises(DomainError, match=message):
        geometry.triplet_hinge(**{**right, **wrong})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"pairs": torch.zeros(3, 4, dtype=torch.int64)}, "pairs are not rows"),
        ({"level": torch.zeros(3, dtype=torch.int64)}, "levels do not match"),
        ({"level": torch.zeros(4)}, "levels do not match"),
        ({"hi": torch.zeros(2)}, "bands do not match"),
        ({"power": 3}, "power"),
    ],
)
def test_pairs_that_are_refused(wrong: dict[str, object], message: str) -> None:
    at = torch.zeros(2, 4, dtype=torch.int64)
    with pytest.raises(DomainError, match=message):
        geometry.pair_hinge(**{"x": torch.zeros(9, 2), "pairs": at, "level": at[0], **BANDS, **wrong})


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("r", [1e-6, 0.5, 0.996])
def test_the_compiled_loop_is_the_reference(r: float, power: int) -> None:
    t, p = triplets_of(27, 333), pairs_of(27, 333)
    results = []
    for impl, dtype in (("rust", torch.float32), ("reference", torch.float64)):
        torch.manual_seed(1)
        x = points(27, 7, r, torch.float32).to(dtype).requires_grad_()
        c = torch.tensor(0.9, dtype=dtype, requires_grad=True)
        bands = {name: b.to(dtype) for name, b in BANDS.items()}
        values = (
            geometry.triplet_hinge(x, t.int(), c, margin=0.3 * r, impl=impl),
            geometry.pair_hinge(x, c=c, power=power, impl=impl, **p, **bands),
        )
        gradients = [torch.autograd.grad(3.0 * value, (x, c)) for value in values]
        results.append((*values, *gradients[0], *gradients[1]))
    for got, truth in zip(*results, strict=True):
        scale = truth.detach().norm().clamp_min(1e-30)
        error = (got.detach().double() - truth.detach()).norm() / scale
        assert float(error) <= tol.CURVATURE_GRADIENT
