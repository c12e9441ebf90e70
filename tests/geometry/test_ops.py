"""The dispatch: a name is honoured or refused, `auto` falls back and says why."""

from __future__ import annotations

import pytest
import torch

from tvae import geometry
from tvae.errors import DeviceError, DomainError


def test_reference_by_name() -> None:
    x = 0.1 * torch.randn(4, 3)
    assert torch.equal(geometry.radius(x, impl="reference"), geometry.radius(x))
    assert torch.equal(geometry.distance(x, -x, impl="reference"), geometry.distance(x, -x))


def test_a_kernel_by_name_runs_or_raises() -> None:
    x = 0.1 * torch.randn(4, 3)
    for call in (
        lambda: geometry.radius(x, impl="triton"),
        lambda: geometry.distance(x, x, impl="triton"),
        lambda: geometry.expmap0(x, impl="triton"),
        lambda: geometry.logmap0(x, impl="triton"),
        lambda: geometry.project(x, rho=0.9, impl="triton"),
        lambda: geometry.pairwise_distance(x, x, impl="triton"),
    ):
        with pytest.raises(DeviceError):
            call()


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
    }
    if not torch.cuda.is_available():
        status.pop("all_pairs_loss")
        assert all(line.startswith("reference (") for line in status.values())
