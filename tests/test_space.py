"""The ternary space, against an independent oracle: counting leading -1 trits."""

from __future__ import annotations

import subprocess
import sys
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tvae import _core
from tvae.errors import DomainError
from tvae.space import TernarySpace

SPACES = st.integers(1, 19).map(TernarySpace)


@st.composite
def operations(draw: st.DrawFn, count: int) -> tuple[TernarySpace, list[int]]:
    space = draw(SPACES)
    top = space.size - 1
    # Uniform indices almost never have a high valuation, multiples of a power do.
    deep = st.builds(lambda k, t: (t * 3**k) % (top + 1), st.integers(0, space.depth), st.integers(0, top))
    return space, draw(st.lists(st.integers(0, top) | deep, min_size=count, max_size=count))


@given(operations(3))
def test_trits_and_index_are_inverse(case: tuple[TernarySpace, list[int]]) -> None:
    space, indices = case
    trits = space.trits(indices)
    assert trits.shape == (3, space.depth)
    assert trits.dtype == np.int8
    assert np.array_equal(space.index(trits), indices)
    assert space.index(space.trits(indices[0])) == indices[0]


@given(operations(1))
def test_valuation_counts_leading_minus_ones(case: tuple[TernarySpace, list[int]]) -> None:
    space, [i] = case
    leading = next((k for k, trit in enumerate(space.trits(i)) if trit != -1), space.depth)
    assert space.valuation(i) == leading
    if i:
        assert i % 3**leading == 0
        assert i % 3 ** (leading + 1) != 0


@given(operations(3))
def test_distance_is_an_ultrametric(case: tuple[TernarySpace, list[int]]) -> None:
    space, [i, j, k] = case
    assert space.distance(i, j) == space.distance(j, i)
    assert (space.distance(i, j) == 0) == (i == j)
    assert space.distance(i, k) <= max(space.distance(i, j), space.distance(j, k))
    assert space.agreement(i, j) == space.valuation(abs(i - j))


@pytest.mark.parametrize("depth", range(1, 10))
def test_counts_equal_enumeration(depth: int) -> None:
    space = TernarySpace(depth)
    v = np.asarray(space.valuation(np.arange(space.size)))
    assert tuple(np.bincount(v)) == space.level_counts
    assert sum(space.level_counts) == space.size
    assert sum(space.pair_counts) == sum(space.difference_counts) == space.size * (space.size - 1) // 2
    if depth <= 6:
        i, j = np.triu_indices(space.size, 1)
        assert tuple(np.bincount(np.asarray(space.agreement(i, j)))) == space.pair_counts
        assert tuple(np.bincount(abs(v[i] - v[j]))) == space.difference_counts


def test_level_counts_of_depth_nine() -> None:
    assert TernarySpace().level_counts == (13122, 4374, 1458, 486, 162, 54, 18, 6, 2, 1)
    assert TernarySpace().pair_counts[0] == 19683 * 6561


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.int64, np.uint64])
@pytest.mark.parametrize("depth", [1, 9, 10, 11, 19])
@pytest.mark.parametrize("build", ["baseline", "avx2"])
def test_valuations_of_every_type_agree(dtype: type, depth: int, build: str) -> None:
    _core.simd(build)  # type: ignore[arg-type]
    top = min(3**depth, np.iinfo(dtype).max + 1)
    powers = [3**k * m for k in range(depth) for m in (1, 2) if 3**k * m < top]
    values = np.array([0, *powers, *range(min(top, 100)), top - 1], dtype=dtype)
    expected = [depth if i == 0 else next(k for k in range(20) if i % 3 ** (k + 1)) for i in values.tolist()]
    assert _core.valuations(values, depth).tolist() == expected
    out = np.full(len(values), 99, np.uint8)
    assert _core.valuations(values, depth, out=out) is out
    assert out.tolist() == expected
    _core.simd("avx2")


def test_ceilings_are_the_closed_forms() -> None:
    best = TernarySpace(9).ceilings()
    assert best["hierarchy"] == pytest.approx(-0.8320502954, abs=1e-10)
    assert best["ultrametric"] == pytest.approx(0.8320221093, abs=1e-10)
    assert best["dist_corr"] == pytest.approx(0.9146319744, abs=1e-10)
    assert best["Q"] == pytest.approx(2.1627074175, abs=1e-10)
    assert best["kl_nats"] == pytest.approx(9 * log(3), abs=1e-12)
    assert (best["coverage"], best["inversions"], best["tree_inversions"]) == (1.0, 0.0, 0.0)
    limit = 3 / 13**0.5
    assert TernarySpace(19).ceilings()["hierarchy"] == pytest.approx(-limit, abs=1e-15)
    assert TernarySpace(19).ceilings()["ultrametric"] == pytest.approx(limit, abs=1e-9)


def test_scalars_in_scalars_out_arrays_in_arrays_out() -> None:
    space = TernarySpace(4)
    assert type(space.valuation(3)) is int
    assert type(space.valuation(np.int64(3))) is int
    assert type(space.index(space.trits(3))) is int
    assert type(space.distance(1, 2)) is float
    shape = (2, 5)
    indices = np.arange(10).reshape(shape)
    assert space.trits(indices).shape == (*shape, 4)
    assert np.shape(space.valuation(indices)) == np.shape(space.index(space.trits(indices))) == shape
    assert np.shape(space.distance(indices, 3)) == shape
    assert np.shape(space.valuation([])) == (0,)
    assert space.index(space.trits(indices).astype(np.float32)).dtype == np.int64  # type: ignore[union-attr]
    assert np.array_equal(space.trits(indices[:, ::2]), space.trits(indices)[:, ::2])


def test_spaces_are_values() -> None:
    assert TernarySpace(5) == TernarySpace(5) != TernarySpace(6)
    assert len({TernarySpace(5), TernarySpace(np.int64(5)), TernarySpace(6)}) == 2  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        TernarySpace(5).depth = 6  # type: ignore[misc]


@pytest.mark.parametrize("depth", [0, -1, 20, 40, 9.0, True, "9", None])
def test_depth_out_of_range_is_refused(depth: object) -> None:
    with pytest.raises(DomainError, match="1 to 19"):
        TernarySpace(depth)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda s: s.valuation(81), ["index 81", "position 0", "0 to 80"]),
        (lambda s: s.valuation([0, 1, -7]), ["index -7", "position 2"]),
        (lambda s: s.valuation(np.array([2**64 - 1], np.uint64)), ["position 0"]),
        (lambda s: s.trits([3, 99]), ["index 99", "position 1"]),
        (lambda s: s.distance(0, 81), ["index 81"]),
        (lambda s: s.valuation(1.5), ["integers", "float64"]),
        (lambda s: s.index([0, 2, 1, 0]), ["trit 2", "position 1", "-1, 0 or 1"]),
        (lambda s: s.index(np.full((2, 4), 0.5)), ["trit 0.5", "(0, 0)"]),
        (lambda s: s.index([0, 1]), ["last dimension of 4", "(2,)"]),
    ],
)
def test_values_outside_the_space_are_refused_with_position(call, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DomainError) as caught:
        call(TernarySpace(4))
    for word in words:
        assert word in str(caught.value)


def test_import_needs_no_torch() -> None:
    code = "import sys, tvae.space, tvae.mining; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
