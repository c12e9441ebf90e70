"""The loss over all pairs with its gradient, against geoopt in the same run.

    python benches/bench_structure.py [--depths 7 8 9 10 11] [--rounds 3]

Checked against float64 at depth 5 first. geoopt forms the matrix of pairs: it is timed at N = 2,048, forward
and backward, and its time is scaled by the entries of the matrix. Memory is the peak of a process of its own
above what it held after importing and making the points (Linux). One thread.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor
from torch.nn.functional import normalize

from tvae import geometry
from tvae.geometry.structure import agreement

DIM = 16
RIVAL = 2_048
TOLERANCE = 1e-6


def points(n: int) -> Tensor:
    return normalize(torch.randn(n, DIM), dim=-1) * 0.95 * torch.rand(n, 1).sqrt()


def rule(depth: int) -> dict[str, Tensor]:
    target = 5.0 * 0.7 ** torch.arange(depth, dtype=torch.float32)
    return {"lo": target, "hi": target, "weight": 1.0 / (1.0 + torch.arange(depth))}


def ours(depth: int) -> Callable[[], object]:
    x, bands = points(3**depth).requires_grad_(), rule(depth)
    return lambda: torch.autograd.grad(geometry.all_pairs_loss(x, power=2, **bands), x)


def verify() -> None:
    depth = 5
    x, bands = points(3**depth).requires_grad_(), rule(depth)
    value = geometry.all_pairs_loss(x, power=2, **bands)
    (gradient,) = torch.autograd.grad(value, x)
    wide = x.detach().double().requires_grad_()
    i, j = torch.tril_indices(len(x), len(x), -1)
    level = agreement(i, j, depth)
    gap = geometry.distance(wide[i], wide[j]) - bands["lo"].double()[level]
    truth = (bands["weight"].double()[level] * gap.square()).sum()
    (exact,) = torch.autograd.grad(truth, wide)
    errors = abs(value.item() / truth.item() - 1), float((gradient - exact).norm() / exact.norm())
    if not max(errors) <= TOLERANCE:
        sys.exit(f"wrong by {max(errors):.1e}, nothing is timed")
    print(f"checked: value within {errors[0]:.1e}, gradient within {errors[1]:.1e} of float64")


def geoopt_step() -> Callable[[], object]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import geoopt

        ball = geoopt.PoincareBall(c=1.0)
    x, bands = points(RIVAL).requires_grad_(), rule(9)
    index = torch.arange(RIVAL)
    level = agreement(index[:, None], index, 9).clamp_max(8)
    target, weight = bands["lo"][level], bands["weight"][level]

    def step() -> object:
        d = ball.dist(x.unsqueeze(1), x)
        return torch.autograd.grad((weight * (d - target).square()).sum(), x)

    return step


def seconds(step: Callable[[], object], rounds: int) -> list[float]:
    times = []
    for _ in range(rounds):
        start = perf_counter()
        step()
        times.append(perf_counter() - start)
    return times


def resident(kind: str) -> int:
    """Resident memory of this process in KiB: VmRSS now, VmHWM at most since it was reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(kind))


def memory(depth: int) -> None:
    step = ours(depth)
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    step()
    print(f"{(resident('VmHWM') - before) / 1024:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--depths", type=int, nargs="+", default=[7, 8, 9, 10, 11])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory-of", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    if args.memory_of is not None:
        memory(args.memory_of)
        return
    verify()
    rival = geoopt_step()
    rival()
    samples: dict[int, list[float]] = {depth: [] for depth in args.depths}
    theirs: list[float] = []
    for round_ in range(args.rounds):
        theirs += seconds(rival, 1)
        for depth in args.depths:
            if depth <= 9 or round_ == 0:
                samples[depth] += seconds(ours(depth), 1)
    per_pair = statistics.median(theirs) / RIVAL**2 * 1e9
    print(
        f"geoopt, N = {RIVAL:,}: {statistics.median(theirs):.2f} s, {per_pair:.0f} ns an entry of the matrix"
    )
    print(f"{'depth':>5}{'N':>9}{'seconds':>10}{'ns a pair':>11}{'geoopt / it':>13}{'MB above':>10}")
    for depth, times in samples.items():
        n, middle = 3**depth, statistics.median(times)
        command = [sys.executable, __file__, "--memory-of", str(depth)]
        above = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        each, ratio = middle / (n * (n - 1) / 2) * 1e9, per_pair * 1e-9 * n * n / middle
        print(f"{depth:>5}{n:>9,}{middle:>10.3f}{each:>11.2f}{ratio:>13.0f}{above:>10}", flush=True)


if __name__ == "__main__":
    main()
