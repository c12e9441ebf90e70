"""Geometry against geoopt and plain eager asinh: same run, same inputs, one thread, contenders interleaved.

    python benches/bench_geometry.py [--sizes 512 2000 19680 1000000] [--seconds 1.0] [--compile]

`tvae` is what `impl="auto"` takes, `function` the analytic autograd function in plain torch
(`impl="reference"`), `compile` the eager formula with log1p for asinh under `torch.compile` (10 s a case).

Correctness comes first: each of ours is compared with float64 before anything is timed, and a wrong one ends
the program. Prints the median, the 10th to 90th percentile and the ratio to geoopt; asserts no time.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import normalize

from tvae import geometry

DIM = 16
BATCH = 128
TOLERANCE = 1e-6

Op = Callable[..., Tensor]


def points(n: int, *, radius: float = 0.95) -> Tensor:
    return normalize(torch.randn(n, DIM), dim=-1) * radius * torch.rand(n, 1).sqrt()


def eager_distance(x: Tensor, y: Tensor) -> Tensor:
    alpha = 1 - x.square().sum(-1)
    beta = 1 - y.square().sum(-1)
    return 2 * torch.asinh(((x - y).square().sum(-1) / (alpha * beta)).sqrt())


def eager_radius(x: Tensor) -> Tensor:
    return 2 * torch.atanh(x.norm(dim=-1))


def eager_expmap0(v: Tensor) -> Tensor:
    n = v.norm(dim=-1, keepdim=True)
    return torch.tanh(n) / n * v


def eager_pairwise(x: Tensor, y: Tensor) -> Tensor:
    alpha = 1 - x.square().sum(-1)
    beta = 1 - y.square().sum(-1)
    gap = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
    return 2 * torch.asinh(gap / (alpha.unsqueeze(1) * beta).sqrt())


def log1p_distance(x: Tensor, y: Tensor) -> Tensor:
    q = (x - y).square().sum(-1) / ((1 - x.square().sum(-1)) * (1 - y.square().sum(-1)))
    return 2 * torch.log1p(q.sqrt() + q / (1 + (1 + q).sqrt()))


def log1p_radius(x: Tensor) -> Tensor:
    s = x.square().sum(-1)
    u = s.sqrt()
    return torch.log1p(2 * u * (1 + u) / (1 - s))


COMPILED = {"distance": log1p_distance, "radius": log1p_radius, "expmap0": eager_expmap0}


def contenders(compiled: bool = False) -> dict[str, dict[str, Op]]:
    table = rivals()
    for name, row in table.items():
        op: Op = getattr(geometry, "pairwise_distance" if name == "pairwise" else name)
        if name in COMPILED:
            row["function"] = partial(op, impl="reference")
            if compiled:
                row["compile"] = torch.compile(COMPILED[name], dynamic=False)
        row["tvae"] = op
    return table


def rivals() -> dict[str, dict[str, Op]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import geoopt

        ball = geoopt.PoincareBall(c=1.0)
    return {
        "distance": {"geoopt": ball.dist, "eager": eager_distance},
        "radius": {"geoopt": ball.dist0, "eager": eager_radius},
        "expmap0": {"geoopt": ball.expmap0, "eager": eager_expmap0},
        "pairwise": {
            "geoopt": lambda x, y: ball.dist(x.unsqueeze(1), y),
            "eager": eager_pairwise,
        },
    }


def forward(op: Op, inputs: tuple[Tensor, ...]) -> Callable[[], object]:
    def call() -> object:
        with torch.no_grad():
            return op(*inputs)

    return call


def both(op: Op, inputs: tuple[Tensor, ...]) -> Callable[[], object]:
    leaves = tuple(t.clone().requires_grad_() for t in inputs)
    with torch.no_grad():
        upstream = torch.rand_like(op(*inputs))
    return lambda: torch.autograd.grad(op(*leaves), leaves, upstream)


def verify(name: str, op: Op, inputs: tuple[Tensor, ...]) -> None:
    """Compare value and gradient with float64 of the same points."""
    results = []
    for dtype in (torch.float32, torch.float64):
        leaves = tuple(t.to(dtype).requires_grad_() for t in inputs)
        out = op(*leaves)
        results.append((out, *torch.autograd.grad(out.sum(), leaves)))
    for got, truth in zip(*results, strict=True):
        error = float((got.double() - truth).norm() / truth.norm())
        if not error <= TOLERANCE:
            sys.exit(f"{name}: wrong by {error:.1e}, nothing is timed")


def interleave(calls: dict[str, Callable[[], object]], seconds: float) -> dict[str, list[float]]:
    """Microseconds of each contender, taken in turn for `seconds` a contender (at least 7 times each)."""
    for call in calls.values():
        for _ in range(3):
            call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    end = time.perf_counter() + seconds * len(calls)
    while time.perf_counter() < end or len(times[next(iter(times))]) < 7:
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - start) * 1e6)
    return times


def report(title: str, times: dict[str, list[float]]) -> None:
    anchor = statistics.median(times["geoopt"])
    for name, sample in times.items():
        median = statistics.median(sample)
        low, high = (statistics.quantiles(sample, n=10)[i] for i in (0, 8))
        ratio = f"{anchor / median:6.2f}x"
        print(f"{title:28} {name:8} {median:11.1f} us  [{low:10.1f} {high:10.1f}]  {ratio}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 2_000, 19_680, 1_000_000])
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    warnings.simplefilter("ignore")
    table = contenders(args.compile)

    def cases() -> list[tuple[str, str, tuple[Tensor, ...]]]:
        rows = [("pairwise", f"pairwise {BATCH}x{BATCH}x{DIM}", (points(BATCH), points(BATCH)))]
        for n in args.sizes:
            rows += [("distance", f"distance N={n}", (points(n), points(n)))]
            rows += [(op, f"{op} N={n}", (points(n),)) for op in ("radius", "expmap0")]
        return rows

    work = cases()
    for op, _, inputs in work:
        verify(op, table[op]["tvae"], inputs)
    print(f"{'operation':28} {'code':8} {'median':>14}  {'[10 % .. 90 %]':>23}  geoopt / it")
    for op, title, inputs in work:
        for kind, make in (("fwd", forward), ("fwd+bwd", both)):
            report(
                f"{title} {kind}",
                interleave({name: make(f, inputs) for name, f in table[op].items()}, args.seconds),
            )


if __name__ == "__main__":
    main()
