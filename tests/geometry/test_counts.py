"""Counts of pairs by level and distance, and the order read off them, against the engine."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from tvae import _core, geometry
from tvae.errors import DomainError
from tvae.geometry.structure import agreement


def points(depth: int, dim: int = 4) -> Tensor:
    x = torch.randn(3**depth, dim, dtype=torch.float64)
    return (x / x.norm(dim=1, keepdim=True) * 0.95 * torch.rand(3**depth, 1).sqrt()).float()


@pytest.mark.parametrize("resolution", [1, 4, 4096])
def test_counts_are_those_of_the_distances(resolution: int) -> None:
    x = points(4)
    counts = geometry.pair_counts(x, 0.9, depth=4, resolution=resolution)
    i, j = torch.tril_indices(81, 81, -1)
    d = geometry.pairwise_distance(x, x, 0.9)[i, j].double()
    level = agreement(i, j, 4)
    edges = geometry.bin_edges(resolution).numpy()
    for k in range(4):
        truth, _ = np.histogram(d[level == k].numpy(), bins=edges)
        assert (counts[k, :-1].numpy() == truth).all()
    assert counts[:, -1].eq(0).all()


def test_the_ends_take_what_lies_outside() -> None:
    x = torch.tensor([[0.0, 0.0], [1e-20, 0.0], [math.nan, 0.0]])
    counts = geometry.pair_counts(x, 1.0, depth=1, resolution=1)
    assert (int(counts[0, 0]), int(counts[0, -1])) == (1, 2)
    far = geometry.pair_counts(torch.tensor([[-1.0], [1.0]]), 1e-4, depth=1, resolution=1)
    assert far.sum() == 1
    assert geometry.pair_counts(x[:0], depth=2).sum() == 0


@pytest.mark.parametrize("kind", ["random", "ordered"])
def test_order_agrees_with_the_engine(kind: str) -> None:
    x = points(5)
    if kind == "ordered":  # siblings near each other
        x = 0.9 * x.view(81, 3, 4)[:, :1].expand(81, 3, 4).transpose(0, 1).reshape(243, 4) + 0.05 * x
    truth = _core.pair_statistics(x.numpy(), 5, curvature=1.0, pairs="exact", seed=0, threads=1)
    found = geometry.pair_order(geometry.pair_counts(x, depth=5, resolution=65_536))
    assert abs(found.correlation.item() - truth.ultrametric) <= found.correlation_bound.item() + 1e-6
    assert found.correlation_bound < 1e-4
    gap = (found.inversions - torch.tensor(truth.tree_inversions_by_level)).abs()
    assert (gap <= found.inversions_bound + 1e-6).all()
    coarse = geometry.pair_order(geometry.pair_counts(x, depth=5, resolution=64))
    assert abs(coarse.correlation.item() - truth.ultrametric) <= coarse.correlation_bound.item()


def test_what_says_nothing_has_no_order() -> None:
    still = geometry.pair_order(geometry.pair_counts(torch.zeros(9, 2), depth=2))
    assert still.correlation == 0
    assert still.inversions.item() == 0.5
    broken = geometry.pair_order(geometry.pair_counts(torch.full((9, 2), math.nan), depth=2))
    assert broken.correlation.isnan()


def test_what_does_not_fit_is_refused() -> None:
    x = torch.zeros(9, 2)
    for wrong in (
        {"x": torch.zeros(10, 2)},
        {"x": x[0]},
        {"resolution": 3},
        {"resolution": 0},
        {"depth": 0},
        {"c": -1.0},
        {"impl": "rust"},
    ):
        with pytest.raises(DomainError):
            geometry.pair_counts(**{"x": x, "depth": 2, **wrong})
