"""Errors of the float32 geometry over the radii of the ball, geoopt beside it.

    python benches/bench_accuracy.py [--rows 2000] [--impl auto|reference|triton]

The truth is the float64 reference on the same float32 points, which tests/geometry holds against 120 digits.
Errors are relative: of a value, the worst row; of a gradient, the norm of the difference over the norm of the
truth, worst row; of the curvature gradient, of its sum over rows. `--impl triton` needs a CUDA device, or
TRITON_INTERPRET=1 in the environment and few rows.
"""

from __future__ import annotations

import argparse
import math
import warnings
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import normalize

from tvae import geometry

DIM = 16
RADII = (1e-6, 1e-4, 1e-2, 0.5, 0.95, 0.996, 0.9999, 1 - 1e-6)
Op = Callable[..., Tensor]


def sphere(n: int, r: float) -> Tensor:
    return normalize(torch.randn(n, DIM, dtype=torch.float64), dim=-1) * r


def pairs(kind: str, r: float, n: int) -> tuple[Tensor, ...]:
    x = sphere(n, r).float()
    if kind == "random":
        return x, sphere(n, r).float()
    y = (x.double() + sphere(n, float(kind[5:]) * min(1 - r * r, r))).float()
    apart = (x != y).any(-1)
    return x[apart], y[apart]


def errors(op: Op, truth: Op, points: tuple[Tensor, ...]) -> tuple[float, float, float]:
    """Of value, gradient in the points and gradient in the curvature."""
    results = []
    g: Tensor | None = None
    for function, dtype in ((op, torch.float32), (truth, torch.float64)):
        leaves = [p.to(dtype).requires_grad_() for p in points]
        c = torch.tensor(1.0, dtype=dtype, requires_grad=True)
        out = function(*leaves, c)
        g = (
            torch.randn_like(out)
            if g is None and out.dim() == 2
            else torch.ones_like(out)
            if g is None
            else g
        )
        slopes = torch.autograd.grad(out, (*leaves, c), g.to(dtype), allow_unused=True)
        results.append((out.detach(), *slopes))
    (value, *gradients, gc), (exact, *slopes, tc) = results
    rows = [relative(a, b) for a, b in zip(gradients, slopes, strict=True)]
    bend = math.nan if gc is None else abs(gc.item() - tc.item()) / abs(tc.item())
    return relative(value, exact), max(rows), bend


def relative(a: Tensor, b: Tensor) -> float:
    difference, size = (a.double() - b), b
    if b.dim() == 2:
        difference, size = difference.norm(dim=-1), b.norm(dim=-1)
    return float((difference.abs() / size.abs()).max())


def rivals() -> dict[str, Op]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from geoopt.manifolds.stereographic import math as ball
    return {
        "distance": lambda x, y, c: ball.dist(x, y, k=-c),
        "radius": lambda x, c: ball.dist0(x, k=-c),
        "expmap0": lambda x, c: ball.expmap0(x, k=-c),
        "logmap0": lambda x, c: ball.logmap0(x, k=-c),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--impl", default="auto", choices=["auto", "reference", "triton"])
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    warnings.simplefilter("ignore")
    theirs = rivals()
    print(f"{'':<26}{'tvae, ' + args.impl:^33}{'geoopt':^33}")
    print(f"{'':<26}" + f"{'value':>11}{'gradient':>11}{'curvature':>11}" * 2)
    cases = [("distance", kind) for kind in ("random", "near 1e-2", "near 1e-4")]
    for name, kind in [*cases, *[(op, "") for op in ("radius", "expmap0", "logmap0")]]:
        for r in RADII:
            length = math.atanh(r) if name == "expmap0" else r
            points = pairs(kind, r, args.rows) if kind else (sphere(args.rows, length).float(),)
            if not len(points[0]):
                continue
            op: Op = getattr(geometry, name)

            def chosen(*points: Tensor, op: Op = op) -> Tensor:
                return op(*points, impl=args.impl)

            def truth(*points: Tensor, op: Op = op) -> Tensor:
                return op(*points, impl="reference")

            found = (*errors(chosen, truth, points), *errors(theirs[name], truth, points))
            label = f"{name} {kind}".strip()
            print(f"{label:<19}{r:>7.6g}" + "".join(f"{error:>11.1e}" for error in found), flush=True)


if __name__ == "__main__":
    main()
