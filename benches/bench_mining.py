"""Triplets and valuations per second, against numpy and torch in the same run.

    python benches/bench_mining.py [--rounds 15]

The levels are checked first. A ratio is the rival's median time per item over ours (AVX2 where the
processor has it, one thread); the spread is the distance between the quartiles over the median.
Random-and-reject draws uniform triplets and keeps those whose positive is nearer: its triplets are almost
all shallow, so it does less than the others for each one.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from time import perf_counter

import numpy as np
import numpy.typing as npt
import torch

from tvae import _core
from tvae.mining import triplets
from tvae.space import TernarySpace

SPACE = TernarySpace(9)
STRATA = [(k, j) for k in range(SPACE.depth) for j in range(k)]
LUT = np.asarray(SPACE.valuation(np.arange(SPACE.size)))
TORCH_LUT = torch.from_numpy(LUT)


def numpy_closed_form(n: int, rng: np.random.Generator) -> npt.NDArray[np.int32]:
    out = np.empty((3, n), np.int32)
    each = n // len(STRATA)
    for s, (k, j) in enumerate(STRATA):
        block = slice(s * each, (s + 1) * each)
        anchor = rng.integers(0, SPACE.size, each, dtype=np.int32)
        out[0, block] = anchor
        for row, level in ((1, k), (2, j)):
            choice = rng.integers(0, 2 * 3 ** (8 - level), each, dtype=np.int32)
            out[row, block] = (anchor + 3**level * (choice + choice // 2 + 1)) % SPACE.size
    return out


def numpy_reject(n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    a, p, q = rng.integers(0, SPACE.size, (3, n))
    positive, negative = LUT[abs(a - p)], LUT[abs(a - q)]
    keep = (positive > negative) & (a != p)
    kept: npt.NDArray[np.int64] = np.stack([a, p, q])[:, keep]
    return kept


def torch_reject(n: int, generator: torch.Generator) -> torch.Tensor:
    a, p, q = torch.randint(SPACE.size, (3, n), generator=generator)
    positive, negative = TORCH_LUT[(a - p).abs()], TORCH_LUT[(a - q).abs()]
    return torch.stack([a, p, q])[:, (positive > negative) & (a != p)]


def numpy_divmod(indices: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    levels = np.zeros(len(indices), np.uint8)
    power, divides = 1, np.ones(len(indices), bool)
    for _ in range(SPACE.depth):
        power *= 3
        divides &= indices % power == 0
        levels += divides
    return levels


def check() -> None:
    drawn = [triplets(SPACE, 36_000, seed=0), numpy_closed_form(36_000, np.random.default_rng(0))]
    for a, p, q in drawn:
        found = set(zip(SPACE.agreement(a, p).tolist(), SPACE.agreement(a, q).tolist(), strict=True))
        assert found == set(STRATA)
    everything = np.arange(SPACE.size)
    assert np.array_equal(_core.valuations(everything, SPACE.depth), numpy_divmod(everything))


def nanoseconds(work: Callable[[], int], rounds: int) -> tuple[float, float]:
    """Median time per item that `work` says it made, and the relative distance of the quartiles."""
    work()
    times = []
    for _ in range(rounds):
        start = perf_counter()
        items = work()
        times.append((perf_counter() - start) / items * 1e9)
    low, middle, high = np.quantile(times, [0.25, 0.5, 0.75])
    return float(middle), float((high - low) / middle)


def report(title: str, rows: list[tuple[str, Callable[[], int]]], rounds: int) -> None:
    print(f"\n{title:<42}{'ns/item':>10}{'M/s':>10}{'spread':>9}{'ratio':>9}")
    reference = 0.0
    for name, work in rows:
        _core.simd("baseline" if "baseline" in name else "avx2")
        middle, spread = nanoseconds(work, rounds)
        reference = reference or middle
        print(f"{name:<42}{middle:>10.3f}{1e3 / middle:>10.1f}{spread:>9.1%}{middle / reference:>9.1f}")
    _core.simd("avx2")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    check()
    rng = np.random.default_rng(0)
    generator = torch.Generator().manual_seed(0)
    n = 108_000
    out = np.empty((3, n), np.int32)
    print(f"levels checked; {_core.simd()} build available; one thread; batches of {n:,} triplets")
    step = iter(range(10**9))

    def ours(depth: int) -> Callable[[], int]:
        def work() -> int:
            for _ in range(10):
                triplets(TernarySpace(depth), n, seed=0, step=next(step), out=out)
            return 10 * n

        return work

    report(
        "triplets",
        [
            ("tvae, depth 9", ours(9)),
            ("tvae, depth 9, baseline build", ours(9)),
            ("tvae, depth 19", ours(19)),
            ("tvae, depth 19, baseline build", ours(19)),
            ("numpy closed form, depth 9", lambda: numpy_closed_form(n, rng).shape[1]),
            ("numpy random and reject", lambda: numpy_reject(n, rng).shape[1]),
            ("torch random and reject", lambda: torch_reject(n, generator).shape[1]),
        ],
        rounds,
    )

    indices = np.random.default_rng(1).integers(0, SPACE.size, 200_000)
    levels = np.empty(len(indices), np.uint8)

    def valuations(dtype: type) -> Callable[[], int]:
        typed = indices.astype(dtype)

        def work() -> int:
            for _ in range(10):
                _core.valuations(typed, SPACE.depth, out=levels)
            return 10 * len(typed)

        return work

    torch_indices = torch.from_numpy(indices)
    short_lut = LUT.astype(np.uint8)
    report(
        "valuations, depth 9",
        [
            ("tvae, uint16", valuations(np.uint16)),
            ("tvae, uint16, baseline build", valuations(np.uint16)),
            ("tvae, uint32", valuations(np.uint32)),
            ("tvae, uint32, baseline build", valuations(np.uint32)),
            ("tvae, int64", valuations(np.int64)),
            ("tvae, int64, baseline build", valuations(np.int64)),
            (
                "numpy look-up table, int64, into out",
                lambda: len(np.take(short_lut, indices, out=levels, mode="clip")),
            ),
            ("torch look-up table, int64", lambda: len(TORCH_LUT[torch_indices])),
            ("numpy remainders, int64", lambda: len(numpy_divmod(indices))),
        ],
        rounds,
    )


if __name__ == "__main__":
    main()
