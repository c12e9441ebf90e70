"""The main operations beside their rivals, as a pytest-benchmark suite to compare between commits.

    python -m pytest benches/test_speed.py --benchmark-only
    python -m pytest benches/test_speed.py --benchmark-only --benchmark-autosave --benchmark-compare

Each group holds ours and its rivals, so the table's bracketed numbers are the ratios. The scripts
beside this file measure the same contenders interleaved, which holds better on a busy machine.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

import bench_geometry
import bench_mining
import bench_pairs
import bench_training
from tvae import _core, mining
from tvae.config import load

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest_benchmark.logger.PytestBenchmarkWarning"),
]
TRIPLETS = 108_000


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    torch.set_num_threads(1)
    bench_mining.check()


@pytest.mark.benchmark(group="108,000 triplets, depth 9")
@pytest.mark.parametrize("how", ["tvae", "numpy closed form", "numpy random and reject"])
def test_triplets(benchmark: BenchmarkFixture, how: str) -> None:
    rng, out = np.random.default_rng(0), np.empty((3, TRIPLETS), np.int32)
    work = {
        "tvae": lambda: mining.triplets(bench_mining.SPACE, TRIPLETS, seed=0, out=out),
        "numpy closed form": lambda: bench_mining.numpy_closed_form(TRIPLETS, rng),
        "numpy random and reject": lambda: bench_mining.numpy_reject(TRIPLETS, rng),
    }
    assert benchmark(work[how]).shape[0] == 3


@pytest.mark.benchmark(group="valuations of all 19,683 operations")
@pytest.mark.parametrize("how", ["tvae", "numpy look-up table", "numpy remainders"])
def test_valuations(benchmark: BenchmarkFixture, how: str) -> None:
    indices = np.arange(bench_mining.SPACE.size)
    work = {
        "tvae": lambda: _core.valuations(indices, 9),
        "numpy look-up table": lambda: bench_mining.LUT[indices],
        "numpy remainders": lambda: bench_mining.numpy_divmod(indices),
    }
    assert np.array_equal(benchmark(work[how]), bench_mining.LUT)


@pytest.mark.benchmark(group="distance and its gradient, 19,680 pairs of 16 dimensions")
@pytest.mark.parametrize("how", sorted(bench_geometry.contenders()["distance"]))
def test_distance(benchmark: BenchmarkFixture, how: str) -> None:
    inputs = (bench_geometry.points(19_680), bench_geometry.points(19_680))
    benchmark(bench_geometry.both(bench_geometry.contenders()["distance"][how], inputs))


@pytest.mark.benchmark(group="all pairs of depth 7: ours visits all 2.4 million, torch only their distances")
@pytest.mark.parametrize("how", ["tvae", "torch distances"])
def test_all_pairs(benchmark: BenchmarkFixture, how: str) -> None:
    cloud = bench_pairs.cloud(7, 16, 0.1)
    rows = torch.from_numpy(cloud)
    work = {
        "tvae": lambda: _core.pair_statistics(cloud, 7, dist_corr=False),
        "torch distances": lambda: bench_pairs.torch_distances(rows, rows),
    }
    benchmark(work[how])


@pytest.mark.benchmark(group="training step, batch 256")
@pytest.mark.parametrize("how", ["ours, eager", "geoopt, our optimizer", "geoopt, RiemannianAdam"])
def test_training_step(benchmark: BenchmarkFixture, how: str) -> None:
    take = bench_training.contender(load("default", env={}).config, how)
    steps = iter(range(1_000_000))
    assert np.isfinite(benchmark(lambda: take(next(steps))))
