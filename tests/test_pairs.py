"""Statistics of pairs and radii, against brute force in float64 and against closed forms."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from tvae import _core
from tvae.errors import DomainError, TvaeError
from tvae.space import TernarySpace

# Distances are float32 here and float64 in the reference: near ties may swap, each by a rank or two.
ROUNDING = 2e-6

Points = npt.NDArray[np.float32]


def cloud(depth: int, *, dim: int = 5, noise: float = 0.0, seed: int = 0, curvature: float = 1.0) -> Points:
    """Points that follow the tree, as far as `noise` lets them."""
    rng = np.random.default_rng(seed)
    size = 3**depth
    index = np.arange(size)
    tangent = noise * rng.normal(size=(size, dim))
    for k in range(depth):
        tangent += 0.5**k * rng.normal(size=(3 ** (k + 1), dim))[index % 3 ** (k + 1)]
    norm = np.linalg.norm(tangent, axis=1, keepdims=True)
    ball = tangent / norm * np.tanh(0.4 * norm) * 0.97 / np.sqrt(curvature)
    return ball.astype(np.float32)


def brute_force(points: npt.NDArray[np.floating], depth: int, c: float = 1.0) -> dict[str, object]:
    space = TernarySpace(depth)
    z = points.astype(np.float64)
    i, j = np.triu_indices(space.size, 1)
    square = ((z[i] - z[j]) ** 2).sum(1)
    alpha = 1 - c * (z**2).sum(1)
    distance = 2 / np.sqrt(c) * np.arcsinh(np.sqrt(c * square / (alpha[i] * alpha[j])))
    level = np.asarray(space.agreement(i, j))
    shares = []
    for k in range(depth - 1):
        near = np.sort(distance[level == k + 1])
        first = distance[level == k]
        # A pair at level k is not the farther one against every pair at level k + 1 that is not nearer.
        not_farther = len(near) - np.searchsorted(near, first, side="left")
        shares.append(not_farther.sum() / (len(first) * len(near)))
    v = np.asarray(space.valuation(np.arange(space.size)))
    return {
        "ultrametric": -stats.spearmanr(level, distance).statistic if depth > 1 else 0.0,
        "shares": shares,
        "dist_corr": stats.spearmanr(square, abs(v[i] - v[j])).statistic,
    }


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(("noise", "c"), [(0.0, 1.0), (0.3, 0.25), (3.0, 2.0)])
def test_exact_statistics_equal_brute_force(depth: int, noise: float, c: float) -> None:
    points = cloud(depth, noise=noise, seed=depth, curvature=c)
    found = _core.pair_statistics(points, depth, curvature=c)
    expected = brute_force(points, depth, c)
    assert found.pairs == "exact"
    assert found.visited == found.population == 3**depth * (3**depth - 1) // 2
    assert found.ultrametric == pytest.approx(expected["ultrametric"], abs=found.ultrametric_bound + ROUNDING)
    assert found.dist_corr == pytest.approx(expected["dist_corr"], abs=found.dist_corr_bound + ROUNDING)
    shares = expected["shares"]
    # One swapped comparison weighs more in a small space than any rounding does in a large one.
    assert found.tree_inversions_by_level == pytest.approx(shares, abs=1e-5 if depth > 2 else 0.02)
    assert found.tree_inversions == pytest.approx(np.mean(found.tree_inversions_by_level or [0.0]), abs=1e-12)


def test_float64_input_gives_the_same_statistics() -> None:
    points = cloud(4, noise=0.5)
    single = _core.pair_statistics(points, 4)
    double = _core.pair_statistics(points.astype(np.float64), 4)
    assert double.ultrametric == pytest.approx(single.ultrametric, abs=1e-7)
    assert double.dist_corr == single.dist_corr


@pytest.mark.parametrize("pairs", ["exact", 5000])
def test_result_depends_neither_on_threads_nor_on_the_build(pairs: str | int) -> None:
    points = cloud(6, noise=0.5, dim=7)
    results = []
    for build in ("baseline", "avx2"):
        _core.simd(build)
        for threads in (1, 3):
            found = _core.pair_statistics(points, 6, pairs=pairs, threads=threads, seed=5)
            results.append((found.ultrametric, tuple(found.tree_inversions_by_level), found.dist_corr))
    assert len(set(results)) == 1


def test_bound_is_small_whatever_the_shape_of_the_cloud() -> None:
    rng = np.random.default_rng(0)
    digits = np.asarray(TernarySpace(7).trits(np.arange(3**7)))
    shapes = {
        "tree": cloud(7),
        "noise": cloud(7, noise=3.0),
        "lattice": 0.3 * digits.astype(np.float32),
        "tight": (0.3 + 1e-4 * rng.normal(size=(3**7, 3))).astype(np.float32),
    }
    for name, points in shapes.items():
        found = _core.pair_statistics(points, 7)
        assert max(found.ultrametric_bound, found.tree_inversions_bound, found.dist_corr_bound) <= 1e-6, name


@pytest.mark.parametrize("points", [np.zeros((243, 4)), np.full((243, 4), 0.3)], ids=["centre", "elsewhere"])
@pytest.mark.parametrize("pairs", ["exact", 100])
def test_collapsed_cloud_scores_zero_and_says_so(points: npt.NDArray[np.float64], pairs: str | int) -> None:
    found = _core.pair_statistics(points.astype(np.float32), 5, pairs=pairs)
    assert found.collapsed
    assert (found.ultrametric, found.dist_corr, found.tree_inversions) == (0.0, 0.0, 1.0)


def test_perfect_tree_reaches_the_ceiling() -> None:
    # Each digit turns its own plane, by a third of the turn of the digit before: levels cannot overlap.
    depth, space = 5, TernarySpace(5)
    angle = 2 * np.pi / 3
    corners = np.array([[1.0, 0.0], [np.cos(angle), np.sin(angle)], [np.cos(angle), -np.sin(angle)]])
    jitter = 1e-4 * np.random.default_rng(0).normal(size=(space.size, 2 * depth))
    digits = np.asarray(space.trits(np.arange(space.size))) + 1
    points = np.concatenate([0.3 * 0.3**k * corners[digits[:, k]] for k in range(depth)], axis=1) + jitter
    found = _core.pair_statistics(points.astype(np.float32), depth)
    assert found.tree_inversions == 0
    assert found.ultrametric == pytest.approx(space.ceilings()["ultrametric"], abs=1e-6)


def test_sample_agrees_with_all_pairs() -> None:
    points = cloud(8, noise=0.4, dim=8)
    exact = _core.pair_statistics(points, 8)
    sampled = _core.pair_statistics(points, 8, pairs=50_000, seed=3)
    assert sampled.pairs == sampled.visited == 6 * 50_000 + 19_683 + 6_561  # two levels have fewer
    assert sampled.ultrametric == pytest.approx(exact.ultrametric, abs=0.01)
    assert sampled.tree_inversions == pytest.approx(exact.tree_inversions, abs=0.005)
    assert sampled.dist_corr == pytest.approx(exact.dist_corr, abs=0.01)
    # Levels with fewer pairs than asked for are enumerated, so their comparison has no sampling error.
    assert sampled.tree_inversions_by_level[-1] == pytest.approx(exact.tree_inversions_by_level[-1], abs=1e-4)


def test_sample_of_everything_is_exact() -> None:
    points = cloud(4, noise=1.0)
    exact = _core.pair_statistics(points, 4)
    sampled = _core.pair_statistics(points, 4, pairs=10_000)
    assert sampled.pairs == "exact"
    assert sampled.ultrametric == pytest.approx(exact.ultrametric, abs=sampled.ultrametric_bound + ROUNDING)


@pytest.mark.parametrize("pairs", [None, "exact"])
def test_deep_space_is_sampled_and_says_so(pairs: str | None) -> None:
    found = _core.pair_statistics(cloud(11, dim=2), 11, pairs=pairs, dist_corr=False)
    assert found.pairs == found.visited
    assert found.visited < found.population
    assert found.dist_corr is None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_point_that_is_not_finite_is_refused_with_its_row(value: float) -> None:
    points = cloud(3)
    points[20, 1] = value
    with pytest.raises(DomainError, match="row 20"):
        _core.pair_statistics(points, 3)


def test_array_in_another_order_is_refused_rather_than_misread() -> None:
    points = cloud(3)
    for other in (np.asfortranarray(points), np.repeat(points, 2, axis=1)[:, ::2], points.astype(np.float16)):
        with pytest.raises(DomainError, match="points"):
            _core.pair_statistics(other, 3)


def test_point_outside_the_ball_is_refused_with_its_row() -> None:
    points = cloud(3)
    points[7] = 0
    points[7, 0] = 1
    with pytest.raises(DomainError, match="row 7 of points lies outside the ball"):
        _core.pair_statistics(points, 3)


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"depth": 4}, "points"),
        ({"depth": 3, "curvature": 0.0}, "curvature"),
        ({"depth": 3, "curvature": float("nan")}, "curvature"),
        ({"depth": 3, "pairs": 0}, "pairs"),
        ({"depth": 3, "pairs": "all"}, "pairs"),
        ({"depth": 20}, "depth"),
    ],
)
def test_refusals_name_the_argument(arguments: dict[str, object], path: str) -> None:
    with pytest.raises(TvaeError) as caught:
        _core.pair_statistics(cloud(3), **arguments)  # type: ignore[arg-type]
    assert isinstance(caught.value, ValueError)
    assert caught.value.path == path
    assert caught.value.expected
    assert caught.value.got


@pytest.mark.parametrize("depth", [1, 2, 4, 6])
@pytest.mark.parametrize("kind", ["random", "ordered", "tied", "coarse"])
def test_radial_statistics_equal_brute_force(depth: int, kind: str) -> None:
    space = TernarySpace(depth)
    rng = np.random.default_rng(depth)
    v = np.asarray(space.valuation(np.arange(space.size)))
    radii = {
        "random": rng.uniform(0, 3, space.size),
        "ordered": depth - v + rng.uniform(0.01, 0.99, space.size),
        "tied": (depth - v).astype(np.float64),
        "coarse": np.round(depth - v + rng.normal(size=space.size)),
    }[kind]
    found = _core.radial_statistics(radii, depth)
    less, wrong = v[:, None] < v[None, :], radii[:, None] <= radii[None, :]
    assert found.hierarchy == pytest.approx(stats.spearmanr(v, radii).statistic, abs=1e-12)
    assert found.inversions == pytest.approx((less & wrong).sum() / less.sum(), abs=1e-15)
    variances = [radii[v == k].var() for k in range(depth + 1)]
    assert found.richness == pytest.approx(np.mean(variances), abs=1e-12)
    large = [radii[v == k] for k in range(depth + 1) if (v == k).sum() >= 6]
    fits = [1 - uniform_distance(r) for r in large]
    assert found.uniformity == (pytest.approx(np.mean(fits), abs=1e-12) if fits else None)
    for level, count, mean, std, low, high in found.levels:
        r = radii[v == level]
        assert (count, low, high) == (len(r), r.min(), r.max())
        assert (mean, std) == pytest.approx((r.mean(), r.std()), abs=1e-12)


def uniform_distance(radii: npt.NDArray[np.float64]) -> float:
    if radii.min() == radii.max():
        return 1.0
    scale = radii.max() - radii.min()
    return float(stats.kstest(radii, stats.uniform(radii.min(), scale).cdf).statistic)


def test_ordered_radii_reach_the_ceiling() -> None:
    space = TernarySpace(9)
    v = np.asarray(space.valuation(np.arange(space.size)))
    radii = 9 - v + np.random.default_rng(0).uniform(0.01, 0.99, space.size)
    found = _core.radial_statistics(radii, 9)
    assert found.inversions == 0
    assert found.hierarchy == pytest.approx(space.ceilings()["hierarchy"], abs=1e-13)


def test_equal_radii_score_zero_and_say_so() -> None:
    found = _core.radial_statistics(np.full(81, 0.5), 4)
    assert found.collapsed
    assert (found.hierarchy, found.inversions, found.richness, found.uniformity) == (0.0, 1.0, 0.0, 0.0)


def test_radius_that_is_not_finite_is_refused() -> None:
    radii = np.ones(27)
    radii[5] = np.nan
    with pytest.raises(DomainError, match="row 5"):
        _core.radial_statistics(radii, 3)
    with pytest.raises(DomainError, match="radii"):
        _core.radial_statistics(np.ones(26), 3)
