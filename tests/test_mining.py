"""Samplers: exact levels, right frequencies, streams that do not depend on threads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tvae import _core
from tvae.errors import DomainError
from tvae.mining import in_batch_triplets, paired_batch, pairs, stratified_batch, triplets
from tvae.space import TernarySpace

SPACE = TernarySpace(9)


def assert_uniform(values: np.ndarray, cells: int) -> None:
    """Chi-square per degree of freedom within five standard deviations of one."""
    counts = np.bincount(values, minlength=cells)
    assert len(counts) == cells
    expected = len(values) / cells
    chi_square = ((counts - expected) ** 2).sum() / expected / (cells - 1)
    assert chi_square == pytest.approx(1, abs=5 * (2 / (cells - 1)) ** 0.5)


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 19), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(1, 3000))
def test_triplets_have_exact_levels(depth: int, seed: int, step: int, n: int) -> None:
    space = TernarySpace(depth)
    a, p, q = triplets(space, n, seed=seed, step=step)
    positive, negative = np.asarray(space.agreement(a, p)), np.asarray(space.agreement(a, q))
    assert (negative < positive).all()
    assert (positive < depth).all()  # equal operations would agree in all digits
    strata = depth * (depth - 1) // 2
    counts = np.bincount(positive * depth + negative, minlength=depth**2)
    allowed = [k * depth + j for k in range(depth) for j in range(k)]
    assert counts[allowed].sum() == n
    assert set(counts[allowed]) <= {n // strata, n // strata + 1}


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 19), st.integers(0, 2**64 - 1), st.integers(1, 3000))
def test_pairs_have_exact_levels(depth: int, seed: int, n: int) -> None:
    space = TernarySpace(depth)
    i, j = pairs(space, n, seed=seed)
    levels = np.asarray(space.agreement(i, j))
    assert (np.diff(levels) >= 0).all()  # grouped by level
    assert set(np.bincount(levels, minlength=depth)) <= {n // depth, n // depth + 1}


@pytest.mark.parametrize("depth", [4, 9, 12, 19])
def test_stream_depends_neither_on_threads_nor_on_the_build(depth: int) -> None:
    space = TernarySpace(depth)
    drawn = []
    for build in ("baseline", "avx2"):
        _core.simd(build)  # type: ignore[arg-type]
        drawn += [triplets(space, 10_001, seed=3, step=4, threads=threads) for threads in (1, 2, 7)]
    assert all(np.array_equal(drawn[0], other) for other in drawn[1:])


def test_seed_and_step_name_different_streams() -> None:
    names = [(0, 0), (0, 1), (1, 0), (1, 1), (2**63, 0)]
    drawn = {triplets(SPACE, 1000, seed=seed, step=step).tobytes() for seed, step in names}
    assert len(drawn) == len(names)


@pytest.mark.parametrize("stratum", [(1, 0), (8, 0), (8, 7), (4, 2)])
def test_members_are_uniform_and_independent(stratum: tuple[int, int]) -> None:
    n = 400_000
    a, p, q = triplets(SPACE, n, seed=11, strata={stratum: 1.0})
    k, j = stratum
    assert_uniform(a, SPACE.size)
    assert_uniform(p, SPACE.size)
    assert_uniform(q, SPACE.size)
    choices = []
    for partner, level in ((p, k), (q, j)):
        # The offset, free of the anchor, is uniform over its 2 * 3^(8-level) values ...
        shift = ((partner.astype(np.int64) - a) % SPACE.size) // 3**level
        choice = shift - shift // 3 - 1
        choices.append(choice * 54 // max(54, 2 * 3 ** (8 - level)))
        cells = 2 * 3 ** (8 - level)
        assert_uniform(choice, cells)
        # ... whatever the leading digits of the anchor.
        top = min(cells, 54)
        joint = (a // 729) * top + choice * top // cells
        assert_uniform(joint, 27 * top)
    # The two choices do not know of each other.
    tops = [min(54, 2 * 3 ** (8 - level)) for level in stratum]
    joint = choices[0] * tops[1] + choices[1]
    assert_uniform(joint, tops[0] * tops[1])


def test_shares_are_respected() -> None:
    a, p, q = triplets(SPACE, 1001, seed=0, strata={(3, 1): 1, (8, 0): 3, (2, 1): 0})
    keys = np.asarray(SPACE.agreement(a, p)) * 10 + np.asarray(SPACE.agreement(a, q))
    values, counts = np.unique(keys, return_counts=True)
    assert values.tolist() == [31, 80]
    assert counts[0] in (250, 251)
    i, j = pairs(SPACE, 100, seed=0, strata={8: 0.5, 0: 0.5})
    assert np.bincount(np.asarray(SPACE.agreement(i, j))).tolist() == [50, *[0] * 7, 50]


def test_rounded_shares_are_unbiased() -> None:
    # With 10 draws for 36 strata, every stratum must get its turn.
    seen = np.zeros(81)
    for step in range(720):
        a, p, q = triplets(SPACE, 10, seed=1, step=step)
        seen += np.bincount(
            np.asarray(SPACE.agreement(a, p)) * 9 + np.asarray(SPACE.agreement(a, q)), minlength=81
        )
    assert (seen > 0).sum() == 36
    assert seen[seen > 0] == pytest.approx(200, abs=60)


def test_out_is_written_in_place() -> None:
    out = np.zeros((3, 50), np.int32)
    assert triplets(SPACE, 50, seed=0, out=out) is out
    assert np.array_equal(out, triplets(SPACE, 50, seed=0))
    two = np.zeros((2, 50), np.int32)
    assert pairs(SPACE, 50, seed=0, out=two) is two
    assert triplets(SPACE, 0, seed=0).shape == (3, 0)


@pytest.mark.parametrize(
    "out",
    [
        np.zeros((3, 49), np.int32),
        np.zeros((3, 50), np.int64),
        np.zeros((50, 3), np.int32).T,
        np.zeros((3, 100), np.int32)[:, ::2],
        [[0] * 50] * 3,
    ],
    ids=["short", "wide", "transposed", "strided", "list"],
)
def test_buffer_that_does_not_fit_is_refused(out: object) -> None:
    with pytest.raises(DomainError, match="out"):
        triplets(SPACE, 50, seed=0, out=out)  # type: ignore[arg-type]


def test_read_only_buffer_is_refused() -> None:
    out = np.zeros((3, 50), np.int32)
    out.flags.writeable = False
    with pytest.raises(DomainError, match="writable"):
        triplets(SPACE, 50, seed=0, out=out)


@pytest.mark.parametrize(
    ("strata", "word"),
    [
        ({(2, 2): 1.0}, "(2, 2)"),
        ({(9, 0): 1.0}, "(9, 0)"),
        ({(1, 2): 1.0}, "(1, 2)"),
        ({3: 1.0}, "3"),
        ({(1, -1): 1.0}, "(1, -1)"),
        ({(1, 0): -1.0}, "shares"),
        ({(1, 0): 0.0}, "shares"),
        ({(1, 0): float("nan")}, "shares"),
        ({(1, 0): "all"}, "'all'"),
        ({}, "shares"),
    ],
)
def test_strata_that_do_not_exist_are_refused(strata: dict[tuple[int, int], float], word: str) -> None:
    with pytest.raises(DomainError) as caught:
        triplets(SPACE, 10, seed=0, strata=strata)
    assert word in str(caught.value)
    assert caught.value.path == "strata"


@pytest.mark.parametrize(
    ("call", "path"),
    [
        (lambda: triplets(SPACE, -1, seed=0), "n"),
        (lambda: triplets(SPACE, 2**31, seed=0), "n"),
        (lambda: triplets(SPACE, 10, seed=-1), "seed"),
        (lambda: triplets(SPACE, 10, seed=0, step=2**64), "step"),
        (lambda: triplets(TernarySpace(1), 10, seed=0), "depth"),
        (lambda: pairs(SPACE, 10, seed=0, strata={9: 1.0}), "strata"),
        (lambda: stratified_batch(SPACE, 10, seed=0, high_v=1.5), "high_v"),
        (lambda: stratified_batch(SPACE, 10, seed=0, high_v=float("nan")), "high_v"),
        (lambda: paired_batch(SPACE, 11, seed=0), "size"),
        (lambda: paired_batch(SPACE, 10, seed=0, levels=[9]), "strata"),
        (lambda: paired_batch(SPACE, 10, seed=0, levels=[]), "strata"),
        (lambda: in_batch_triplets([0, 1, 19683], 1), "index"),
        (lambda: in_batch_triplets([0.5], 1), "ids"),
    ],
)
def test_refusals_name_the_argument(call, path: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DomainError) as caught:
        call()
    assert caught.value.path == path


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_in_batch_triplets_use_the_batch_and_the_levels_it_has(data: st.DataObject) -> None:
    depth = data.draw(st.integers(2, 6))
    space = TernarySpace(depth)
    ids = np.array(data.draw(st.lists(st.integers(0, space.size - 1), min_size=1, max_size=30)))
    level = np.asarray(space.agreement(ids[:, None], ids[None, :]))
    valid = [(set(row[row < depth])) for row in level]
    possible = {(k, j) for row in valid for k in row for j in row if j < k}
    n = 200
    if not possible:
        with pytest.raises(DomainError, match="no valid triplet"):
            in_batch_triplets(ids, n, space=space, seed=1)
        return
    a, p, q = in_batch_triplets(ids, n, space=space, seed=1)
    seen = set(zip(level[a, p].tolist(), level[a, q].tolist(), strict=True))
    assert seen == possible  # at most 15 strata of equal share, so each has its turn
    strata = dict.fromkeys(list(possible)[:1], 1.0)
    a, p, q = in_batch_triplets(ids, n, space=space, seed=1, strata=strata)
    [(k, j)] = strata
    assert (level[a, p] == k).all()
    assert (level[a, q] == j).all()
    reachable = {i for i, row in enumerate(valid) if k in row and j in row}
    assert set(a.tolist()) <= reachable
    if len(reachable) <= 8:
        assert set(a.tolist()) == reachable


def test_in_batch_partners_are_uniform() -> None:
    ids = np.random.default_rng(0).integers(0, 19683, 256)
    a, p, q = in_batch_triplets(ids, 300_000, seed=2, strata={(1, 0): 1.0})
    level = np.asarray(SPACE.agreement(ids[:, None], ids[None, :]))
    members = np.flatnonzero(level[0] == 1)
    mine = p[a == 0]
    assert set(mine.tolist()) == set(members.tolist())
    assert_uniform(np.searchsorted(members, mine), len(members))
    assert_uniform(a, len(ids))
    assert (level[a, q] == 0).all()


@pytest.mark.parametrize("depth", [1, 2, 5, 9, 12, 19])
@pytest.mark.parametrize("high_v", [0.0, 0.25, 1.0])
def test_stratified_batch_keeps_its_budget(depth: int, high_v: float) -> None:
    space = TernarySpace(depth)
    size = 1000
    batch = stratified_batch(space, size, seed=5, high_v=high_v)
    assert batch.dtype == np.int64
    assert batch.shape == (size,)
    budget = int(high_v * size)
    lowest = -(-4 * depth // 9)
    counts = np.bincount(np.asarray(space.valuation(batch[:budget])), minlength=depth + 1)
    assert counts[:lowest].sum() == 0
    assert np.ptp(counts[lowest:]) <= 1
    if high_v == 0:
        assert np.mean(np.asarray(space.valuation(batch)) == 0) == pytest.approx(2 / 3, abs=0.06)


def test_rest_of_a_stratified_batch_is_uniform() -> None:
    drawn = np.concatenate([stratified_batch(SPACE, 10_000, seed=0, step=s, high_v=0.0) for s in range(20)])
    assert_uniform(drawn, SPACE.size)


@pytest.mark.parametrize("depth", [1, 3, 9, 19])
def test_paired_batch_has_partners_at_the_levels(depth: int) -> None:
    space = TernarySpace(depth)
    anchors, partners = paired_batch(space, 4000, seed=7, high_v=0.25).reshape(2, 2000)
    levels = np.bincount(np.asarray(space.agreement(anchors, partners)), minlength=depth + 1)
    allowed = list(range(depth // 2, depth))
    assert levels.sum() == levels[allowed].sum()
    assert levels[allowed] == pytest.approx(2000 / len(allowed), abs=0.4 * 2000 / len(allowed))
    budget = np.asarray(space.valuation(anchors[:500]))
    assert (budget >= 1).all()
    assert 0 in anchors[:500]


def test_paired_batch_takes_other_levels() -> None:
    anchors, partners = paired_batch(SPACE, 200, seed=0, levels=[0, 3]).reshape(2, 100)
    assert set(np.asarray(SPACE.agreement(anchors, partners)).tolist()) == {0, 3}
    again = paired_batch(SPACE, 200, seed=0, step=1, levels=[0, 3])
    assert not np.array_equal(again[:100], anchors)
