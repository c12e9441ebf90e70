"""The polar distance in Triton's interpreter against its reference: a program of its own."""

from __future__ import annotations

import json
import math
import sys

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from tvae.geometry import polar_distance

KINDS = ("random", "near", "same direction")


def points(kind: str, radius: float, n: int, dim: int, dtype: torch.dtype) -> list[Tensor]:
    r, s = ((torch.rand(n, dtype=torch.float64) * 0.2 + 0.9) * radius for _ in range(2))
    u, w = (normalize(torch.randn(n, dim, dtype=torch.float64), dim=-1) for _ in range(2))
    if kind == "near":
        s = r * (1 + 1e-4)
        w = u + 1e-4 * math.exp(-min(radius, 10.0)) * w
    elif kind == "same direction":
        s, w = r * 1.01, u
    return [t.to(dtype) for t in (r, u, s, w)]


def strided(values: Tensor) -> Tensor:
    """The same values two apart in a buffer of NaN."""
    view = torch.full([2 * n for n in values.shape], math.nan, dtype=values.dtype)
    view = view[tuple(slice(None, None, 2) for _ in values.shape)]
    return view.copy_(values)


def compare(inputs: list[Tensor], c: float) -> dict[str, float]:
    k = torch.tensor(c, dtype=inputs[0].dtype, requires_grad=True)
    leaves = [t.requires_grad_() for t in inputs]
    results = []
    for impl in ("triton", "reference"):
        d = polar_distance(*leaves, k, impl=impl)
        results.append((d.detach(), *torch.autograd.grad(d.sum(), (*leaves, k))))
    # The derivative in c of points in one direction is 0: rounding is measured against d / c.
    names, floor = ("value", "r", "u", "s", "w", "curvature"), results[1][0].abs().sum().item() / c
    return {
        name: float((a - b).norm() / b.norm().clamp_min(floor if name == "curvature" else 1e-30))
        for name, a, b in zip(names, *results, strict=True)
    }


def worst(reports: list[dict[str, float]]) -> dict[str, float]:
    return {name: max(report[name] for report in reports) for name in reports[0]}


if __name__ == "__main__":
    np.seterr(divide="ignore", over="ignore", invalid="ignore")  # of lanes that a select then drops
    torch.manual_seed(0)
    torch.set_num_threads(1)
    report = {}
    for dtype in (torch.float32, torch.float64):
        grid = [
            compare(points(kind, radius / math.sqrt(c), 5, 16, dtype), c)
            for kind in KINDS
            for c in (1.0, 1e-3)
            for radius in (1e-6, 1e-3, 0.3, 2.0, 8.0, 20.0, 60.0, 150.0)
        ]
        for name, error in worst(grid).items():
            report[f"{name} {str(dtype)[6:]}"] = error
    odd = [
        compare([strided(t) for t in points("random", 2.0, n, dim, torch.float32)], 1.0)
        for n, dim in [(1, 1), (3, 2), (300, 2), (130, 17), (17, 128)]
    ]
    report["shapes"] = max(worst(odd).values())
    r, u = torch.tensor([3.0, 0.0, math.nan], requires_grad=True), torch.eye(3, requires_grad=True)
    d = polar_distance(r, u, r, u, impl="triton")
    gr, gu = torch.autograd.grad(d[:2].sum(), (r, u))
    report["coinciding"] = (d.detach()[:2].abs().sum() + gr[:2].abs().sum() + gu[:2].abs().sum()).item()
    report["nan"] = float(d[2].isnan())
    report["empty"] = float(polar_distance(r[:0], u[:0], r[:0], u[:0], impl="triton").numel())
    json.dump(report, sys.stdout)
