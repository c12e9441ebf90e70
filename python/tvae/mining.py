"""Batches, pairs and triplets of operations at exact 3-adic levels, numpy in and numpy out.

Everything is a pure function of its arguments: `seed` names a stream and `step` a position in it, so a
resumed run draws what the uninterrupted one would have drawn, on any number of threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tvae import _core
from tvae.errors import DomainError
from tvae.space import TernarySpace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["in_batch_triplets", "paired_batch", "pairs", "stratified_batch", "triplets"]

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]


def triplets(
    space: TernarySpace,
    n: int,
    *,
    seed: int,
    step: int = 0,
    strata: Mapping[tuple[int, int], float] | None = None,
    out: Int32s | None = None,
    threads: int = 1,
) -> Int32s:
    """Draws `n` triplets whose positive is exactly one stratum nearer than their negative.

    In stratum `(k, j)` the positive has `v(a - p) = k` and the negative `v(a - q) = j`, `j < k`. The anchor
    is uniform over the space and the partners are uniform over the operations at their levels, in closed
    form: nothing is rejected, and no two members of a triplet are equal.

    Args:
        space: the space, of depth 2 or more.
        n: number of triplets, below 2^31.
        seed: name of the stream, 0 to 2^64 - 1.
        step: position in the stream, 0 to 2^64 - 1.
        strata: share of each stratum `{(k, j): share}`, scaled to sum to one. By default every `(k, j)` with
            `0 <= j < k < depth` gets the same share, so that deep levels, which are rare among uniform
            draws, weigh as much as shallow ones. Stratum s gets `n * share` triplets, rounded down or up.
        out: an int32 array of shape (3, n), C-contiguous, to write into.
        threads: number of threads; the result does not depend on it.

    Returns:
        int32 of shape (3, n): anchors, positives, negatives. Columns are grouped by stratum.

    Raises:
        DomainError: the depth is 1, a stratum does not exist, a share is negative, `out` does not fit.

    Example:
        >>> from tvae.space import TernarySpace
        >>> space = TernarySpace(9)
        >>> a, p, q = triplets(space, 1000, seed=0, strata={(8, 2): 1.0})
        >>> set(space.agreement(a, p).tolist()), set(space.agreement(a, q).tolist())
        ({8}, {2})
    """
    shares = _triplet_shares(strata)
    seed, step = _counter(seed, "seed"), _counter(step, "step")
    n, threads = _count(n, "n"), _count(threads, "threads")
    return _core.triplets(
        space.depth, n, seed=seed, step=step, strata=shares, threads=threads, out=_buffer(out, 3, n)
    )


def pairs(
    space: TernarySpace,
    n: int,
    *,
    seed: int,
    step: int = 0,
    strata: Mapping[int, float] | None = None,
    out: Int32s | None = None,
    threads: int = 1,
) -> Int32s:
    """Draws `n` pairs with `v(i - j) = k` exactly, stratified by `k`.

    Args:
        space: the space.
        n: number of pairs, below 2^31.
        seed: name of the stream, 0 to 2^64 - 1.
        step: position in the stream, 0 to 2^64 - 1.
        strata: share of each level `{k: share}`, scaled to sum to one; by default all levels from 0 to
            `depth - 1` alike.
        out: an int32 array of shape (2, n), C-contiguous, to write into.
        threads: number of threads; the result does not depend on it.

    Returns:
        int32 of shape (2, n): anchors and partners. Columns are grouped by level.

    Raises:
        DomainError: a level does not exist, a share is negative, `out` does not fit.

    Example:
        >>> from tvae.space import TernarySpace
        >>> space = TernarySpace(4)
        >>> i, j = pairs(space, 8, seed=0)
        >>> space.agreement(i, j).tolist()
        [0, 0, 1, 1, 2, 2, 3, 3]
    """
    shares = _pair_shares(strata)
    seed, step = _counter(seed, "seed"), _counter(step, "step")
    n, threads = _count(n, "n"), _count(threads, "threads")
    return _core.pairs(
        space.depth, n, seed=seed, step=step, strata=shares, threads=threads, out=_buffer(out, 2, n)
    )


def in_batch_triplets(
    ids: npt.ArrayLike,
    n: int,
    *,
    space: TernarySpace | None = None,
    seed: int = 0,
    step: int = 0,
    strata: Mapping[tuple[int, int], float] | None = None,
    out: Int32s | None = None,
) -> Int32s:
    """Draws `n` triplets from the members of one batch, as positions into it.

    Strata that the batch cannot serve are left out and the shares of the others scaled up. In a stratum the
    anchor is uniform over the members that have partners at both levels, and so is each partner. The batch
    is sorted once by reversed digits, where every level around a member is one range: O(B log B) for the
    batch, O(1) for a triplet.

    Args:
        ids: int operations of shape (B,), in any order; copies of one operation are never partners.
        n: number of triplets.
        space: the space of the ids, by default of depth 9.
        seed: name of the stream, 0 to 2^64 - 1.
        step: position in the stream, 0 to 2^64 - 1.
        strata: share of each stratum as in `triplets`, by default all that the batch can serve alike.
        out: an int32 array of shape (3, n), C-contiguous, to write into.

    Returns:
        int32 of shape (3, n): positions in `ids` of anchors, positives and negatives.

    Raises:
        DomainError: no stratum can be served, or an id lies outside the space.

    Example:
        >>> import numpy as np
        >>> ids = np.array([7, 7 + 3**4, 8])
        >>> in_batch_triplets(ids, 1, seed=0)[2].tolist()  # 8 is the only possible negative
        [2]
    """
    members = np.asarray(ids)
    if members.ndim != 1 or (members.dtype.kind not in "iu" and members.size):
        raise DomainError(
            "ids must be a list of operations",
            path="ids",
            expected="integers of shape (B,)",
            got=f"{members.dtype} of shape {members.shape}",
        )
    members = np.ascontiguousarray(members, dtype=np.int64)
    shares = _triplet_shares(strata)
    seed, step, n = _counter(seed, "seed"), _counter(step, "step"), _count(n, "n")
    depth = TernarySpace().depth if space is None else space.depth
    return _core.in_batch_triplets(
        members, n, depth=depth, seed=seed, step=step, strata=shares, out=_buffer(out, 3, n)
    )


def stratified_batch(
    space: TernarySpace, size: int, *, seed: int, step: int = 0, high_v: float = 0.25
) -> Int64s:
    """Draws a batch of operations with a budget for high valuations.

    `floor(high_v * size)` members are spread evenly over the levels `v >= ceil(4 depth / 9)` (4 to 9 at
    depth 9), which hold one operation in 81; the rest is uniform over all operations. All draws are with
    replacement, because the highest levels have fewer members than slots.

    Args:
        space: the space.
        size: number of members.
        seed: name of the stream, 0 to 2^64 - 1.
        step: position in the stream, 0 to 2^64 - 1.
        high_v: share of the budget, 0 to 1.

    Returns:
        int64 of shape (size,), the budget first, by increasing level.

    Raises:
        DomainError: `high_v` or `size` is out of range.

    Example:
        >>> from tvae.space import TernarySpace
        >>> space = TernarySpace(9)
        >>> batch = stratified_batch(space, 48, seed=0, high_v=0.25)
        >>> space.valuation(batch[:12]).tolist()
        [4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9]
    """
    return _core.stratified_batch(
        space.depth,
        _count(size, "size"),
        seed=_counter(seed, "seed"),
        step=_counter(step, "step"),
        high_v=float(high_v),
    )


def paired_batch(
    space: TernarySpace,
    size: int,
    *,
    seed: int,
    step: int = 0,
    high_v: float = 0.25,
    levels: Sequence[int] | None = None,
) -> Int64s:
    """Draws `size / 2` anchors, then one near partner for each, in the same order.

    Uniform operations almost never meet a near neighbour: a pair at `v(i - j) = 8` is one in 9,841. Here
    each anchor's partner has `v(i - j) = k`, `k` drawn evenly from `levels`. The first
    `floor(high_v * size / 2)` anchors are multiples of `3^m`, `m` drawn evenly from 1 to `depth`, so that
    operation 0 and its neighbourhood are seen; the other anchors are uniform.

    Args:
        space: the space.
        size: number of members, even.
        seed: name of the stream, 0 to 2^64 - 1.
        step: position in the stream, 0 to 2^64 - 1.
        high_v: share of the anchors that are multiples of a power of three, 0 to 1.
        levels: levels of the partners, by default `depth // 2` to `depth - 1`.

    Returns:
        int64 of shape (size,): anchors, then partners.

    Raises:
        DomainError: `size` is odd, `high_v` is out of range, a level does not exist.

    Example:
        >>> from tvae.space import TernarySpace
        >>> space = TernarySpace(9)
        >>> anchors, partners = paired_batch(space, 256, seed=0).reshape(2, 128)
        >>> sorted(set(space.agreement(anchors, partners).tolist()))
        [4, 5, 6, 7, 8]
    """
    return _core.paired_batch(
        space.depth,
        _count(size, "size"),
        seed=_counter(seed, "seed"),
        step=_counter(step, "step"),
        high_v=float(high_v),
        levels=None if levels is None else [_count(level, "levels") for level in levels],
    )


def _triplet_shares(
    strata: Mapping[tuple[int, int], float] | None,
) -> list[tuple[int, int, float]] | None:
    if strata is None:
        return None
    shares = []
    for key, share in strata.items():
        if not (isinstance(key, tuple) and len(key) == 2 and _all_counts(key)):
            raise DomainError(
                f"stratum {key!r} is no pair of levels",
                path="strata",
                expected="{(k, j): share}",
                got=repr(key),
            )
        shares.append((int(key[0]), int(key[1]), _share(share)))
    return shares


def _pair_shares(strata: Mapping[int, float] | None) -> list[tuple[int, float]] | None:
    if strata is None:
        return None
    for key in strata:
        if not _all_counts((key,)):
            raise DomainError(
                f"stratum {key!r} is no level", path="strata", expected="{k: share}", got=repr(key)
            )
    return [(int(key), _share(share)) for key, share in strata.items()]


def _all_counts(values: Iterable[object]) -> bool:
    return all(isinstance(v, int | np.integer) and not isinstance(v, bool) and 0 <= v < 2**32 for v in values)


def _share(share: object) -> float:
    if isinstance(share, int | float | np.integer | np.floating):
        return float(share)
    raise DomainError(f"share {share!r} is no number", path="strata", expected="a number", got=repr(share))


def _counter(value: int, name: str) -> int:
    return _bounded(value, name, 2**64, "an integer from 0 to 2^64 - 1")


def _count(value: int, name: str) -> int:
    return _bounded(value, name, 2**31 - 1, "an integer from 0 to 2^31 - 2")


def _bounded(value: int, name: str, end: int, expected: str) -> int:
    given: object = value
    if isinstance(given, int | np.integer) and not isinstance(given, bool) and 0 <= given < end:
        return int(given)
    raise DomainError(f"{name} = {given!r} is out of range", path=name, expected=expected, got=repr(given))


def _buffer(out: Int32s | None, rows: int, n: int) -> Int32s | None:
    if out is None:
        return None
    given: object = out
    fits = isinstance(given, np.ndarray) and given.dtype == np.int32 and given.shape == (rows, n)
    if not fits or not out.flags.c_contiguous or not out.flags.writeable:
        kind = f"{out.dtype} {out.shape}" if isinstance(given, np.ndarray) else type(given).__name__
        raise DomainError(
            "out does not fit",
            path="out",
            expected=f"a writable C-contiguous int32 array of shape ({rows}, {n})",
            got=kind,
        )
    return out
