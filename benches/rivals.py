"""The operations of the kernels as others write them: eager torch, geoopt, HypLL, KeOps. c = 1, D = 16.

A program that benches imports; each function returns op -> callable, and imports its package when called.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

DIM = 16
Op = Callable[..., Tensor]


def eager(margin: float) -> dict[str, Op]:
    """The textbook formulas, one torch operation after the other."""
    return {
        "distance": _distance,
        "radius": lambda x: 2 * torch.atanh(x.norm(dim=-1)),
        "expmap0": _expmap0,
        "logmap0": _logmap0,
        "triplet_hinge": _hinge(_distance, margin),
        "pairwise_distance": _matrix,
        "all_pairs_stress": lambda x: _stress(_matrix(x)),
    }


def _distance(x: Tensor, y: Tensor) -> Tensor:
    alpha, beta = 1 - x.square().sum(-1), 1 - y.square().sum(-1)
    return 2 * torch.asinh(((x - y).square().sum(-1) / (alpha * beta)).sqrt())


def _expmap0(v: Tensor) -> Tensor:
    n = v.norm(dim=-1, keepdim=True)
    return torch.tanh(n) / n * v


def _logmap0(x: Tensor) -> Tensor:
    n = x.norm(dim=-1, keepdim=True)
    return torch.atanh(n) / n * x


def _matrix(x: Tensor) -> Tensor:
    alpha = 1 - x.square().sum(-1)
    gap = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")
    return 2 * torch.asinh(gap / (alpha.unsqueeze(1) * alpha).sqrt())


def _hinge(distance: Op, margin: float) -> Op:
    def hinge(x: Tensor, rows: Tensor) -> Tensor:
        a, p, q = (x[row] for row in rows)
        return torch.relu(distance(a, p) - distance(a, q) + margin).mean()

    return hinge


def _stress(d: Tensor) -> Tensor:
    """Sum over i < j of (d - 1)^2 from the whole matrix, whose diagonal costs 1 each."""
    return 0.5 * ((d - 1).square().sum() - len(d))


def geoopt_ops(margin: float, device: str) -> dict[str, Op]:
    """geoopt's Poincare ball."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import geoopt

        ball = geoopt.PoincareBall(c=1.0).to(device)

    def matrix(x: Tensor) -> Tensor:
        distances: Tensor = ball.dist(x.unsqueeze(1), x)
        return distances

    return {
        "distance": ball.dist,
        "radius": ball.dist0,
        "expmap0": ball.expmap0,
        "logmap0": ball.logmap0,
        "triplet_hinge": _hinge(ball.dist, margin),
        "pairwise_distance": matrix,
        "all_pairs_stress": lambda x: _stress(matrix(x)),
    }


def hypll_ops(margin: float) -> dict[str, Op]:
    """HypLL's functions of the Poincare ball."""
    from hypll.manifolds.poincare_ball.math import diffgeom

    def one(x: Tensor) -> Tensor:
        return x.new_ones(())

    def distance(x: Tensor, y: Tensor) -> Tensor:
        d: Tensor = diffgeom.dist(x, y, one(x))
        return d

    def matrix(x: Tensor) -> Tensor:
        d: Tensor = diffgeom.cdist(x[None], x[None], one(x))[0]
        return d

    return {
        "distance": distance,
        "radius": lambda x: distance(torch.zeros_like(x), x),
        "expmap0": lambda v: diffgeom.expmap0(v, one(v)),
        "logmap0": lambda x: diffgeom.logmap0(x, one(x)),
        "triplet_hinge": _hinge(distance, margin),
        "pairwise_distance": matrix,
        "all_pairs_stress": lambda x: _stress(matrix(x)),
    }


def keops_ops(_margin: float) -> dict[str, Op]:
    """KeOps reduces over pairs without the matrix; it compiles its formula on the first call, here."""
    import pykeops

    pykeops.set_verbose(False)
    from pykeops.torch import LazyTensor

    def loss(x: Tensor) -> Tensor:
        alpha = 1 - x.square().sum(-1, keepdim=True)
        i, j = LazyTensor(x[:, None].contiguous()), LazyTensor(x[None].contiguous())
        scale = LazyTensor(alpha[:, None].contiguous()) * LazyTensor(alpha[None].contiguous())
        q = ((i - j) ** 2).sum(-1) / scale
        # Its square root has no gradient at 0, where the diagonal lies.
        d = 2 * ((q + 1e-12).sqrt() + (q + 1).sqrt()).log()
        total: Tensor = ((d - 1) ** 2).sum(1).sum()
        return 0.5 * (total - len(x))

    probe = torch.full((4, DIM), 0.01, requires_grad=True)
    torch.autograd.grad(loss(probe), probe)
    return {"all_pairs_stress": partial(loss)}
