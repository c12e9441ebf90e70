"""Kernels in Triton's interpreter, a program of its own: TRITON_INTERPRET=1 must be set at import.

    python interpreted.py OP

Compares `impl="triton"` with the float64 reference of the same points and prints one JSON object, name of a
check -> number, for the tests beside it to judge.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from tvae import geometry

RADII = (1e-6, 1e-4, 1e-2, 0.19, 0.21, 0.5, 0.95, 0.996, 0.9999, 1 - 1e-6)
CURVATURES = (1.0, 2.0, 0.5, 1e-3)
SHAPES = [(1, 1), (3, 2), (1025, 2), (130, 16), (257, 17), (19, 100), (17, 128)]

Op = Callable[..., Tensor]
Inputs = tuple[Tensor, ...]


def bound(op: Op) -> Op:
    return lambda x, c, **which: op(x, c, rho=0.9, **which)


# Each op, and whether it takes two points or ends in points.
OPS: dict[str, tuple[Op, bool, bool]] = {
    "radius": (geometry.radius, False, False),
    "distance": (geometry.distance, True, False),
    "expmap0": (geometry.expmap0, False, True),
    "logmap0": (geometry.logmap0, False, True),
    "project": (bound(geometry.project), False, True),
}


def sphere(n: int, dim: int, r: float, c: float) -> Tensor:
    return normalize(torch.randn(n, dim, dtype=torch.float64), dim=-1) * r / math.sqrt(c)


def poisoned(values: Tensor) -> Tensor:
    """The same values as a view with wide strides into a buffer of NaN."""
    shape = [2 * size + 3 for size in values.shape]
    view = torch.full(shape, math.nan, dtype=values.dtype)[
        tuple(slice(1, 1 + 2 * n, 2) for n in values.shape)
    ]
    return view.copy_(values)


def worst(a: Tensor, b: Tensor) -> float:
    """Largest relative error of a row; a row that is 0 in truth must be 0."""
    a, b = a.detach().double(), b.detach().double()
    if a.dim() == 2:
        a, b = (a - b).norm(dim=-1), b.norm(dim=-1)
    else:
        a, b = (a - b).abs(), b.abs()
    return float((a / b.where(b > 0, 1e-300)).max()) if a.numel() else 0.0


def compare(op: Op, points: Inputs, c: float, *, upstream: str = "random") -> tuple[float, float, float]:
    """Errors of value, gradient and curvature gradient (the last relative to the sum of its terms' sizes)."""
    k = torch.tensor(c, dtype=torch.promote_types(points[0].dtype, torch.float32), requires_grad=True)
    points = tuple(p.requires_grad_() for p in points)
    out = op(*points, k, impl="triton")
    g = torch.rand(out.shape, dtype=out.dtype) + 0.1 if out.dim() == 1 else torch.randn_like(out)
    if upstream == "radial":
        g = normalize(points[0].detach(), dim=-1)
    g = poisoned(g)
    exact = tuple(p.detach().double().requires_grad_() for p in points)
    wide = torch.tensor(k.item(), dtype=torch.float64, requires_grad=True)
    truth = op(*exact, wide, impl="reference")
    *gx, gk = torch.autograd.grad(out, (*points, k), g)
    *tx, tk = torch.autograd.grad(truth, (*exact, wide), g.double())
    gradient = max(worst(a, b) for a, b in zip(gx, tx, strict=True))
    size = tk.abs().item()
    if out.dim() == 2:  # terms of both signs
        parts = [
            torch.autograd.grad(op(row[None].detach(), wide, impl="reference"), wide, g_row[None].double())[0]
            for row, g_row in zip(exact[0], g, strict=True)
        ]
        size = sum(abs(part.item()) for part in parts)
    return worst(out, truth), gradient, abs(gk.item() - tk.item()) / (size or 1.0)


def inputs(name: str, kind: str, r: float, c: float, n: int, dim: int, dtype: torch.dtype) -> Inputs:
    length = math.atanh(r) if name == "expmap0" else r
    x = sphere(n, dim, length, c).to(dtype)
    if not OPS[name][1]:
        return (x,)
    if kind == "random":
        return x, sphere(n, dim, r, c).to(dtype)
    if kind == "antipodal":
        return x, -x
    if kind == "origin":
        return x, torch.zeros_like(x)
    gap = float(kind) * min(1 - r * r, r)
    return x, (x.double() + sphere(n, dim, gap, c)).to(dtype)


def accuracy(name: str, dtype: torch.dtype) -> list[float]:
    op, two, maps = OPS[name]
    kinds = ("random", "1e-2", "1e-4", "antipodal", "origin") if two else ("random",)
    errors = []
    single = dtype == torch.float32
    for c in CURVATURES if single else (0.7,):
        for r in RADII if single else RADII[::3]:
            for kind in kinds if c == 1.0 or not single else kinds[:2]:
                points = inputs(name, kind, r, c, 5, 16, dtype)
                if (points[0] == points[-1]).all(-1).any() and two:
                    continue  # a step of 1e-4 alpha at the last radius rounds to nothing in float32
                errors.append(compare(op, points, c))
            # In float64 the reference's own sum of two terms is what would be seen.
            if maps and name != "project" and single:
                errors.append(compare(op, inputs(name, "random", r, c, 5, 16, dtype), c, upstream="radial"))
    return np.array(errors).max(0).tolist()


class Guard:
    """`torch.empty` with a margin behind each buffer that nothing may write to."""

    MARGIN, SENTINEL = 500, 7.0

    def __init__(self) -> None:
        self.empty, self.buffers = torch.empty, []

    def __call__(self, *size: object, **options: object) -> Tensor:
        plain = self.empty(*size, **options)
        buffer = torch.full((plain.numel() + self.MARGIN,), self.SENTINEL, dtype=plain.dtype)
        self.buffers.append(buffer)
        poison = math.nan if plain.is_floating_point() else -1
        return buffer[: plain.numel()].view(plain.shape).fill_(poison)

    def written(self) -> float:
        return float(sum((b[-self.MARGIN :] != self.SENTINEL).sum() for b in self.buffers))


def shapes(name: str) -> dict[str, float]:
    """Odd sizes, rows beyond one block, every kind of stride, all in poisoned buffers."""
    op, result = OPS[name][0], {}
    torch.empty = guard = Guard()
    for n, dim in SHAPES:
        points = tuple(poisoned(p) for p in inputs(name, "random", 0.7, 1.0, n, dim, torch.float32))
        result[f"shape {n}x{dim}"] = max(compare(op, points, 1.0)[:2])
    torch.empty = guard.empty
    return {**result, "written outside": guard.written(), "buffers": float(len(guard.buffers))}


def edges(name: str) -> dict[str, float]:
    op, two, _ = OPS[name]
    rows = [[0.0, 0.0], [1e-30, 0.0], [1.0, 0.0], [3.0, 4.0], [math.nan, 0.0], [0.3, 0.4]]
    points = [torch.tensor(rows, requires_grad=True)]
    if two:
        points.append(torch.tensor([*[[0.0, 0.0]] * 5, [0.3, 0.4]], requires_grad=True))
    c = torch.tensor(1.0, requires_grad=True)
    out = op(*points, c, impl="triton")
    truth = op(*[p.detach().double() for p in points], c.detach().double(), impl="reference")
    sound = [p.detach()[[0, 1, 2, 3, 5]].requires_grad_() for p in points]
    *gx, gc = torch.autograd.grad(op(*sound, c, impl="triton").sum(), (*sound, c))
    finite = all(torch.isfinite(t).all() for t in (out[:4], out[5], *gx, gc))
    origin = torch.ones(2) if OPS[name][2] else torch.zeros(2)
    (ga,) = torch.autograd.grad(op(*[p[:1] for p in points], c, impl="triton").sum(), points[0])
    return {
        "edges finite": float(finite),
        "nan goes through": float(out[4].isnan().any()),
        "gradient at the origin": float((ga[0] - origin).abs().max()),
        "tiny": worst(out[1:2], truth[1:2]),
        "coinciding": (out[5].abs().sum() + gx[0][4].abs().sum()).item() if two else 0.0,
    }


def dispatch(name: str) -> dict[str, float]:
    op, two, _ = OPS[name]
    points = tuple(0.3 * torch.randn(2, 3, 5) for _ in range(1 + two))
    truth = op(*points, 0.5, impl="reference")
    half = tuple(p.bfloat16() for p in points)
    low = op(*half, 0.5, impl="triton")
    empty = tuple(torch.zeros(0, 4, requires_grad=True) for _ in points)
    c = torch.tensor(1.0, requires_grad=True)
    nothing = op(*empty, c, impl="triton")
    *gx, gc = torch.autograd.grad(nothing.sum(), (*empty, c))
    report = {
        "leading shape": worst(op(*points, 0.5, impl="triton").flatten(), truth.flatten()),
        "bfloat16": worst(low.flatten(), op(*[h.float() for h in half], 0.5, impl="reference").flatten()),
        "dtype kept": float(low.dtype == torch.bfloat16),
        "empty": float(nothing.numel() + gx[0].numel() + abs(gc.item())),
    }
    with torch.autocast("cpu", dtype=torch.bfloat16):
        report["autocast"] = worst(op(*points, 0.5, impl="triton").flatten(), truth.flatten())
    if two:
        row, column = points[0][:1], points[1][:, :1].requires_grad_()
        out = op(row, column, 0.5, impl="triton")
        (g,) = torch.autograd.grad(out.sum(), column)
        wide = column.detach().double().requires_grad_()
        exact = op(row.double(), wide, 0.5, impl="reference")
        (t,) = torch.autograd.grad(exact.sum(), wide)
        report["broadcast"] = max(worst(out.flatten(), exact.flatten()), worst(g[:, 0], t[:, 0]))
    return report


if __name__ == "__main__":
    np.seterr(divide="ignore", over="ignore", invalid="ignore")  # of lanes that a select then drops
    torch.manual_seed(0)
    torch.set_num_threads(1)
    op = sys.argv[1]
    names = ("value", "gradient", "curvature")
    report = dict(zip(names, accuracy(op, torch.float32), strict=True))
    report |= dict(zip([f"{n} float64" for n in names], accuracy(op, torch.float64), strict=True))
    report |= {**shapes(op), **edges(op), **dispatch(op)}
    json.dump(report, sys.stdout)
