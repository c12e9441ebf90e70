"""Exact statistics over all pairs at depth 9, against chunked torch in the same run.

    python benches/bench_pairs.py [--rounds 5] [--dim 16]

The statistics are checked against scipy at depth 5 first. The rival computes the distances of a block of
rows to all points and sorts a part of them; 193.7 million float32 distances with their order would take
2.3 GB, so its time is scaled: distances by the number of pairs, sorting by n log n. Its levels are free of
charge. A ratio is the rival's time over ours on one thread; the spread is the distance between the
quartiles over the median.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from math import log
from time import perf_counter

import numpy as np
import numpy.typing as npt
import torch
from scipy import stats

from tvae import _core
from tvae.space import TernarySpace

DEPTH = 9


def cloud(depth: int, dim: int, noise: float) -> npt.NDArray[np.float32]:
    """Points that follow the tree, as far as `noise` lets them."""
    rng = np.random.default_rng(0)
    index = np.arange(3**depth)
    tangent = noise * rng.normal(size=(3**depth, dim))
    for k in range(depth):
        tangent += 0.5**k * rng.normal(size=(3 ** (k + 1), dim))[index % 3 ** (k + 1)]
    norm = np.linalg.norm(tangent, axis=1, keepdims=True)
    return (tangent / norm * np.tanh(0.25 * norm) * 0.97).astype(np.float32)


def torch_distances(rows: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    chords = torch.cdist(rows, points, compute_mode="donot_use_mm_for_euclid_dist")
    alpha = 1 - (rows * rows).sum(1, keepdim=True)
    beta = 1 - (points * points).sum(1)
    return 2 * torch.asinh(chords / (alpha * beta).sqrt())


def check(dim: int) -> None:
    space, points = TernarySpace(5), cloud(5, dim, 0.3)
    i, j = np.triu_indices(space.size, 1)
    distance = torch_distances(torch.from_numpy(points).double(), torch.from_numpy(points).double()).numpy()[
        i, j
    ]
    expected = -stats.spearmanr(space.agreement(i, j), distance).statistic
    found = _core.pair_statistics(points, 5)
    assert abs(found.ultrametric - expected) < 1e-6 + found.ultrametric_bound


def seconds(work: Callable[[], object], rounds: int) -> tuple[float, float]:
    times = []
    for _ in range(rounds):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    low, middle, high = np.quantile(times, [0.25, 0.5, 0.75])
    return float(middle), float((high - low) / middle)


def rival_seconds(points: torch.Tensor, rounds: int) -> tuple[float, float]:
    pairs = len(points) * (len(points) - 1) // 2
    rows = 64
    distances, spread = seconds(lambda: torch_distances(points[:rows], points), rounds)
    part = torch_distances(points[:rows], points).flatten()
    sorting, sort_spread = seconds(lambda: part.argsort(), rounds)
    scaled = distances * pairs / part.numel()
    scaled += sorting * pairs * log(pairs) / (part.numel() * log(part.numel()))
    return scaled, max(spread, sort_spread)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dim", type=int, default=16)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    check(arguments.dim)
    print(f"statistics checked; {_core.simd()} build available; depth {DEPTH}, D = {arguments.dim}")
    print(f"{'':<52}{'seconds':>9}{'spread':>9}{'ratio':>9}{'bound':>10}")
    for name, noise in (("tree", 0.05), ("noise", 3.0)):
        points = cloud(DEPTH, arguments.dim, noise)
        rival, rival_spread = rival_seconds(torch.from_numpy(points), arguments.rounds)
        cases = [
            ("all statistics", {}, "avx2"),
            ("without dist_corr", {"dist_corr": False}, "avx2"),
            ("all statistics, 2 threads", {"threads": 2}, "avx2"),
            ("all statistics, baseline build", {}, "baseline"),
            ("sample of 200,000 a level, without dist_corr", {"dist_corr": False, "pairs": 200_000}, "avx2"),
        ]
        for label, options, build in cases:
            _core.simd(build)
            middle, spread = seconds(
                lambda o=options, p=points: _core.pair_statistics(p, DEPTH, **o), arguments.rounds
            )
            bound = _core.pair_statistics(points, DEPTH, **options).ultrametric_bound
            print(
                f"{name + ': ' + label:<52}{middle:>9.3f}{spread:>9.1%}{rival / middle:>9.1f}{bound:>10.1e}"
            )
        _core.simd("avx2")
        print(
            f"{name + ': torch, distances and argsort, scaled':<52}{rival:>9.1f}{rival_spread:>9.1%}{1:>9.1f}"
        )


if __name__ == "__main__":
    main()
