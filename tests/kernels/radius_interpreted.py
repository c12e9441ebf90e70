"""The radius kernels in Triton's interpreter, a program of its own: TRITON_INTERPRET=1 must be set at import.

Prints one JSON object, name of a check -> number, for test_poincare.py to judge.
"""

from __future__ import annotations

import json
import math
import sys

import numpy as np
import torch
from torch.nn.functional import normalize
from triton.runtime import interpreter

from tvae import geometry
from tvae.geometry import poincare
from tvae.kernels import poincare as kernels


def fused(_builder: object, x: object, y: object, z: object) -> interpreter.TensorHandle:
    """A fused multiply-add as the hardware has it; the interpreter's own rounds the product first."""
    exact = x.data.astype(np.float64) * y.data + z.data
    return interpreter.TensorHandle(exact.astype(x.data.dtype), z.dtype.scalar)


def sphere(n: int, dim: int, r: float, c: float) -> torch.Tensor:
    return (normalize(torch.randn(n, dim, dtype=torch.float64), dim=-1) * r / math.sqrt(c)).float()


def poisoned(values: torch.Tensor) -> torch.Tensor:
    """The same values as a view with wide strides into a buffer of NaN."""
    shape = [2 * size + 3 for size in values.shape]
    view = torch.full(shape, math.nan, dtype=values.dtype)[
        tuple(slice(1, 1 + 2 * n, 2) for n in values.shape)
    ]
    return view.copy_(values)


def worst(a: torch.Tensor, b: torch.Tensor) -> float:
    a, b = a.detach().double(), b.detach().double()
    if a.dim() == 2:
        return float(((a - b).norm(dim=-1) / b.norm(dim=-1)).max())
    return float(((a - b) / b).abs().max())


def compare(x: torch.Tensor, c: float) -> tuple[float, float, float]:
    """Errors of value, gradient and curvature gradient against the float64 reference of the same points."""
    k = torch.tensor(c, requires_grad=True)
    x.requires_grad_()
    g = poisoned(torch.rand(x.shape[0]))
    d = kernels.Radius.apply(x, k)
    exact = x.detach().double().requires_grad_()
    wide = torch.tensor(k.item(), dtype=torch.float64, requires_grad=True)
    truth = poincare.radius(exact, wide)
    gx, gk = torch.autograd.grad(d, (x, k), g)
    tx, tk = torch.autograd.grad(truth, (exact, wide), g.double())
    return worst(d, truth), worst(gx, tx), abs(gk.item() / tk.item() - 1)


def accuracy() -> dict[str, float]:
    radii = (1e-6, 1e-4, 1e-2, 0.19, 0.21, 0.5, 0.95, 0.996, 0.9999, 1 - 1e-6)
    errors = np.array([compare(sphere(9, 16, r, c), c) for c in (1.0, 2.0, 0.5, 1e-3) for r in radii])
    return dict(zip(("value", "gradient", "curvature"), errors.max(0).tolist(), strict=True))


def shapes() -> dict[str, float]:
    """Odd sizes, rows beyond one block, every kind of stride, all in poisoned buffers."""
    result = {}
    for n, dim in [(1, 1), (3, 2), (1025, 2), (130, 16), (257, 17), (19, 100), (17, 128)]:
        result[f"shape {n}x{dim}"] = max(compare(poisoned(sphere(n, dim, 0.7, 1.0)), 1.0)[:2])
    return result


def bounds() -> float:
    """Number of elements beside the outputs that the kernels wrote."""
    n, dim, sentinel = 131, 5, 7.0
    x, c = sphere(n, dim, 0.5, 1.0), torch.tensor(1.0)
    d = torch.full((n + 500,), sentinel)
    kernels._radius_fwd_kernel[(2,)](x, c, d, n, dim, *x.stride(), BLOCK_N=128, BLOCK_D=8)
    gx, gc = torch.full((n + 500, dim), sentinel), torch.full((10,), sentinel)
    kernels._radius_bwd_kernel[(2,)](
        torch.ones(n), x, c, gx, gc, n, dim, 1, *x.stride(), BLOCK_N=128, BLOCK_D=8
    )
    return float(sum((t != sentinel).sum() for t in (d[n:], gx[n:], gc[2:])))


def edges() -> dict[str, float]:
    x = torch.tensor([[0.0, 0.0], [1e-30, 0.0], [1.0, 0.0], [3.0, 4.0], [math.nan, 0.0]], requires_grad=True)
    c = torch.tensor(1.0, requires_grad=True)
    d = kernels.Radius.apply(x, c)
    gx, gc = torch.autograd.grad(d[:4].sum(), (x, c))
    u = torch.logspace(-30, 30, 2001, dtype=torch.float64).float()
    return {
        "edges finite": float(all(torch.isfinite(t).all() for t in (d[:4], gx[:4], gc)) or gc.isnan()),
        "origin": d[0].item() + gx[0].abs().sum().item(),
        "tiny": abs(d[1].item() / 2e-30 - 1),
        "nan goes through": float(d[4].isnan().item()),
        "rim": worst(d[2:4], poincare.radius(x[2:4])),
        "large log1p": worst(u.log1p(), u.double().log1p()),
    }


def dispatch() -> dict[str, float]:
    x = 0.3 * torch.randn(2, 3, 5)
    named = geometry.radius(x, 0.5, impl="triton")
    half = geometry.radius(x.bfloat16(), 0.5, impl="triton")
    return {
        "leading shape": worst(named.flatten(), poincare.radius(x, 0.5).flatten()),
        "bfloat16": worst(half.flatten(), poincare.radius(x.bfloat16().float(), 0.5).flatten()),
        "empty": float(geometry.radius(torch.zeros(0, 4), impl="triton").numel()),
    }


if __name__ == "__main__":
    interpreter.InterpreterBuilder.create_fma = fused
    np.seterr(divide="ignore")  # a quotient by 0 that a select then drops
    torch.manual_seed(0)
    torch.set_num_threads(1)
    report = {**accuracy(), **shapes(), "written outside": bounds(), **edges(), **dispatch()}
    json.dump(report, sys.stdout)
