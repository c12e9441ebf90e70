"""The dispatch: a name is honoured or refused, `auto` falls back and says why."""

from __future__ import annotations

import pytest
import torch

import tolerances as tol
from tvae import geometry
from tvae.errors import DeviceError, DomainError


def test_reference_by_name() -> None:
    x = 0.1 * torch.randn(4, 3)
    torch.testing.assert_close(geometry.radius(x, impl="reference"), geometry.radius(x))
    torch.testing.assert_close(geometry.distance(x, -x, impl="reference"), geometry.distance(x, -x))


def test_a_kernel_by_name_runs_or_raises() -> None:
    x, band, rows = 0.1 * torch.randn(4, 3), torch.ones(2), torch.zeros(3, 5, dtype=torch.int64)
    for call in (
        lambda: geometry.radius(x, impl="triton"),
        lambda: geometry.distance(x, x, impl="triton"),
        lambda: geometry.expmap0(x, impl="triton"),
        lambda: geometry.logmap0(x, impl="triton"),
        lambda: geometry.project(x, rho=0.9, impl="triton"),
        lambda: geometry.pairwise_distance(x, x, impl="triton"),
        lambda: geometry.all_pairs_loss(x, lo=band, hi=band, weight=band, impl="triton"),
        lambda: geometry.triplet_hinge(x, rows, margin=1.0, impl="triton"),
        lambda: geometry.pair_hinge(x, rows[:2], level=rows[0], lo=band, hi=band, weight=band, impl="triton"),
        lambda: geometry.pair_counts(x, depth=2, impl="triton"),
    ):
        with pytest.raises(DeviceError):
            call()


def test_the_compiled_loop_by_name() -> None:
    x, y = (0.3 * torch.randn(5, 4)).requires_grad_(), 0.3 * torch.randn(4)
    c = torch.tensor(0.7, requires_grad=True)
    d, truth = (geometry.distance(x, y, c, impl=impl) for impl in ("rust", "reference"))
    torch.testing.assert_close(d, truth, rtol=tol.BALL_VALUE, atol=0)
    for a, b in zip(*(torch.autograd.grad(t.sum(), (x, c)) for t in (d, truth)), strict=True):
        assert (a - b).norm() <= tol.CURVATURE_GRADIENT * b.norm()
    with pytest.raises(DomainError, match="takes float32"):
        geometry.distance(x.double(), y.double(), impl="rust")


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(DomainError, match="auto, reference, triton"):
        geometry.radius(torch.zeros(2, 3), impl="cuda")


def test_status_names_every_dispatched_op() -> None:
    geometry.radius(torch.zeros(2, 3))
    status = geometry.status()
    assert set(status) == {
        "all_pairs_loss",
        "distance",
        "polar_distance",
        "radius",
        "expmap0",
        "logmap0",
        "project",
        "pairwise_distance",
        "triplet_hinge",
        "pair_hinge",
        "pair_counts",
    }
    if not torch.cuda.is_available():
        loops = ("distance", "radius", "expmap0", "logmap0", "project")
        hinges = ("all_pairs_loss", "triplet_hinge", "pair_hinge")
        compiled = {status.pop(op) for op in (*loops, *hinges)}
        assert all(line.startswith("rust on a CPU") for line in compiled)
        assert all(line.startswith("reference (") for line in status.values())
