"""Errors of the float32 geometry over the radii of the ball: every implementation, and geoopt beside them.

    python benches/bench_accuracy.py [--rows 2000] [--kernel-rows 64]

The truth is the float64 reference on the same float32 points, which tests/geometry holds against 120 digits.
Errors are relative: of a value, the worst row; of a gradient, the norm of the difference over the norm of the
truth, worst row; of the curvature gradient, of its sum over rows. The upstream gradient of a distance is 1,
that of a map is random, so that its curvature gradient is a sum of both signs.

The kernels run on a CUDA device, or in Triton's interpreter on the first rows where there is none.
"""

from __future__ import annotations

import argparse
import math
import os
import warnings
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import normalize

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # read when the kernels are first imported

from tvae import geometry
from tvae.errors import DomainError

DIM = 16
RADII = (1e-6, 1e-4, 1e-2, 0.5, 0.95, 0.996, 0.9999, 1 - 1e-6)
LENGTHS = (1e-3, 1.0, 10.0, 40.0)
NOTHING = (math.nan, math.nan, math.nan)
Op = Callable[..., Tensor]
Points = tuple[Tensor, ...]
Errors = tuple[float, float, float]


def sphere(n: int, r: float) -> Tensor:
    return normalize(torch.randn(n, DIM, dtype=torch.float64), dim=-1) * r


def pairs(kind: str, r: float, n: int) -> Points:
    x = sphere(n, r).float()
    if kind == "random":
        return x, sphere(n, r).float()
    y = (x.double() + sphere(n, float(kind[5:]) * min(1 - r * r, r))).float()
    apart = (x != y).any(-1)
    return x[apart], y[apart]


def polar(length: float, n: int) -> Points:
    r, s = ((0.9 + 0.2 * torch.rand(n)) * length for _ in range(2))
    return r, sphere(n, 1.0).float(), s, sphere(n, 1.0).float()


def errors(op: Op, truth: Op, points: Points) -> Errors:
    """Of value, gradient in the points and gradient in the curvature."""
    results = []
    g: Tensor | None = None
    for function, dtype in ((op, torch.float32), (truth, torch.float64)):
        leaves = [p.to(dtype).requires_grad_() for p in points]
        c = torch.tensor(1.0, dtype=dtype, device=points[0].device, requires_grad=True)
        out = function(*leaves, c)
        if g is None:
            g = torch.randn_like(out) if out.dim() == 2 else torch.ones_like(out)
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


def of_the_loop(op: Op, truth: Op, points: Points) -> Errors:
    try:
        return errors(by(op, "rust"), truth, points)
    except DomainError:  # the operation has none
        return NOTHING


def by(op: Op, impl: str) -> Op:
    return lambda *points: op(*points, impl=impl)


def on_device(points: Points, rows: int) -> Points:
    if torch.cuda.is_available():
        return tuple(p.cuda() for p in points)
    return tuple(p[:rows] for p in points)


def cases(rows: int) -> list[tuple[str, str, float, Points]]:
    """Name of the op, kind of points, radius, points."""
    found = []
    for kind in ("random", "near 1e-2", "near 1e-4"):
        found += [("distance", kind, r, pairs(kind, r, rows)) for r in RADII]
    for name in ("radius", "expmap0", "logmap0"):
        found += [
            (name, "", r, (sphere(rows, math.atanh(r) if name == "expmap0" else r).float(),)) for r in RADII
        ]
    found += [("polar_distance", "", length, polar(length, rows)) for length in LENGTHS]
    return [case for case in found if len(case[3][0])]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--kernel-rows", type=int, default=64, help="rows of the kernels in the interpreter")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    warnings.simplefilter("ignore")
    theirs = rivals()
    kernels = "kernel, CUDA" if torch.cuda.is_available() else "kernel, interpreter"
    columns = ("reference", "compiled loop", kernels, "geoopt")
    print(f"{'':<28}" + "".join(f"{column:^27}" for column in columns))
    print(f"{'':<28}" + f"{'value':>9}{'gradient':>9}{'c':>9}" * 4)
    worst: dict[str, list[Errors]] = {}
    for name, kind, r, points in cases(args.rows):
        op: Op = getattr(geometry, name)
        truth = by(op, "reference")
        found = [
            errors(truth, truth, points),
            of_the_loop(op, truth, points),
            errors(by(op, "triton"), truth, on_device(points, args.kernel_rows)),
            errors(theirs[name], truth, points) if name in theirs else NOTHING,
        ]
        for column, each in zip(columns, found, strict=True):
            worst.setdefault(column, []).append(each)
        line(f"{name} {kind}".strip(), f"{r:.6g}", found)
    line(
        "worst",
        "",
        [tuple(max(e[k] for e in all_ if e[k] == e[k]) for k in range(3)) for all_ in worst.values()],
    )


def line(label: str, r: str, found: list[Errors]) -> None:
    numbers = (f"{e:>9.1e}" if e == e else f"{'-':>9}" for each in found for e in each)
    print(f"{label:<19}{r:>9}" + "".join(numbers), flush=True)


if __name__ == "__main__":
    main()
