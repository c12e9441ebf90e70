"""The ternary space: operations, indices, trits, valuations and what follows from their counts.

Operation `i` of `[0, 3^depth)` has digits `d_k(i) = floor(i / 3^k) mod 3`, least significant first, and
trits `d_k - 1`. Its valuation `v(i)` is the number of leading zero digits, `depth` for operation 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import TYPE_CHECKING, overload

import numpy as np
import numpy.typing as npt

from tvae import _core
from tvae.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["TernarySpace"]

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TernarySpace:
    """All `3^depth` ternary operations with `depth` digits.

    Two spaces are equal if their depths are. Scalars in give Python scalars out, arrays in give numpy
    arrays out, of the same shape.

    Args:
        depth: number of digits, 1 to 19; `3^19` is the last power of three below `2^31`.

    Raises:
        DomainError: the depth is no integer from 1 to 19.

    Example:
        >>> from tvae.space import TernarySpace
        >>> space = TernarySpace(depth=9)
        >>> space.size, space.valuation(54), space.distance(0, 54)
        (19683, 3, 0.037037)
    """

    depth: int = 9

    def __post_init__(self) -> None:
        depth: object = self.depth
        whole = isinstance(depth, int | np.integer) and not isinstance(depth, bool)
        if not whole or not 1 <= self.depth <= 19:
            raise DomainError(
                f"depth {depth!r} is out of range",
                path="depth",
                expected="an integer from 1 to 19",
                got=repr(depth),
                hint="3^19 is the last power of three below 2^31",
            )
        object.__setattr__(self, "depth", int(self.depth))

    @property
    def size(self) -> int:
        """Number of operations, `3^depth`."""
        return int(3**self.depth)

    @cached_property
    def level_counts(self) -> tuple[int, ...]:
        """Number of operations with `v(i) = k`, for `k = 0..depth`.

        `2 * 3^(depth-1-k)`, and 1 for `k = depth`.

        Example:
            >>> TernarySpace(3).level_counts
            (18, 6, 2, 1)
        """
        return (*(2 * 3 ** (self.depth - 1 - k) for k in range(self.depth)), 1)

    @cached_property
    def pair_counts(self) -> tuple[int, ...]:
        """Number of unordered pairs with `v(i - j) = k`, for `k = 0..depth-1`: `3^(2 depth - 1 - k)`.

        Example:
            >>> TernarySpace(2).pair_counts
            (27, 9)
        """
        return tuple(3 ** (2 * self.depth - 1 - k) for k in range(self.depth))

    @cached_property
    def difference_counts(self) -> tuple[int, ...]:
        """Number of unordered pairs with `|v(i) - v(j)| = g`, for `g = 0..depth`.

        Example:
            >>> TernarySpace(1).difference_counts
            (1, 2)
        """
        counts = self.level_counts
        apart = (
            sum(a * b for a, b in zip(counts, counts[gap:], strict=False)) for gap in range(1, self.depth + 1)
        )
        return (sum(n * (n - 1) // 2 for n in counts), *apart)

    def trits(self, i: npt.ArrayLike) -> npt.NDArray[np.int8]:
        """The trits of one operation or of many, least significant first.

        Args:
            i: indices of any shape, 0 to `size - 1`.

        Returns:
            int8 in {-1, 0, 1}, of the shape of `i` with one more dimension of length `depth`.

        Raises:
            DomainError: an index is no integer or lies outside the space.

        Example:
            >>> TernarySpace(4).trits(5).tolist()
            [1, 0, -1, -1]
        """
        indices = _integers(i, "index")
        return _core.trits(indices.reshape(-1), self.depth).reshape(*indices.shape, self.depth)

    @overload
    def index(self, x: Iterable[int]) -> int | Int64s: ...
    @overload
    def index(self, x: npt.ArrayLike) -> int | Int64s: ...
    def index(self, x: npt.ArrayLike | Iterable[int]) -> int | Int64s:
        """The operation with the given trits: the inverse of `trits`.

        Args:
            x: trits of any integer or float type, last dimension `depth`, least significant first.

        Returns:
            An int for one row of trits, else int64 of the shape of `x` without its last dimension.

        Raises:
            DomainError: a trit is not -1, 0 or 1, or the last dimension is not `depth`.

        Example:
            >>> TernarySpace(4).index([1, 0, -1, -1])
            5
        """
        values = np.asarray(x)
        if values.ndim == 0 or values.shape[-1] != self.depth:
            raise DomainError(
                "trits have the wrong shape",
                path="trits",
                expected=f"a last dimension of {self.depth}",
                got=f"shape {values.shape}",
            )
        wrong = ~np.isin(values, (-1, 0, 1))
        if wrong.any():
            position = tuple(int(p) for p in np.argwhere(wrong)[0])
            raise DomainError(
                f"trit {values[position]!s} at position {_place(position)} is not balanced ternary",
                path="trits",
                expected="-1, 0 or 1",
                got=str(values[position]),
            )
        rows = np.ascontiguousarray(values.reshape(-1, self.depth), dtype=np.int8)
        found = _core.index(rows, self.depth).reshape(values.shape[:-1])
        return int(found) if found.ndim == 0 else found

    @overload
    def valuation(self, i: int) -> int: ...
    @overload
    def valuation(self, i: npt.ArrayLike) -> int | Int64s: ...
    def valuation(self, i: npt.ArrayLike) -> int | Int64s:
        """`v(i)`: the number of leading zero digits, that is of leading -1 trits; `depth` for 0.

        Args:
            i: indices of any shape, 0 to `size - 1`.

        Returns:
            An int, or int64 of the shape of `i`.

        Raises:
            DomainError: an index is no integer or lies outside the space.

        Example:
            >>> space = TernarySpace(9)
            >>> space.valuation(18), space.valuation([0, 1, 3]).tolist()
            (2, [9, 0, 1])
        """
        indices = _integers(i, "index")
        levels = _core.valuations(indices.reshape(-1), self.depth).reshape(indices.shape)
        return int(levels) if levels.ndim == 0 else levels.astype(np.int64)

    @overload
    def agreement(self, i: int, j: int) -> int: ...
    @overload
    def agreement(self, i: npt.ArrayLike, j: npt.ArrayLike) -> int | Int64s: ...
    def agreement(self, i: npt.ArrayLike, j: npt.ArrayLike) -> int | Int64s:
        """`v(i - j)`: the number of equal low digits, `depth` where `i = j`.

        Args:
            i: indices, 0 to `size - 1`.
            j: indices that broadcast with `i`.

        Returns:
            An int, or int64 of the common shape.

        Raises:
            DomainError: an index is no integer or lies outside the space.

        Example:
            >>> TernarySpace(9).agreement(4, 4 + 27)
            3
        """
        a, b = np.broadcast_arrays(_integers(i, "index"), _integers(j, "index"))
        left, right = (np.ascontiguousarray(x).reshape(-1) for x in (a, b))
        levels = _core.agreements(left, right, self.depth).reshape(a.shape)
        return int(levels) if levels.ndim == 0 else levels.astype(np.int64)

    @overload
    def distance(self, i: int, j: int) -> float: ...
    @overload
    def distance(self, i: npt.ArrayLike, j: npt.ArrayLike) -> float | Float64s: ...
    def distance(self, i: npt.ArrayLike, j: npt.ArrayLike) -> float | Float64s:
        """The 3-adic distance `3^-v(i-j)`, and 0 where `i = j`.

        An ultrametric: `distance(i, k) <= max(distance(i, j), distance(j, k))`.

        Args:
            i: indices, 0 to `size - 1`.
            j: indices that broadcast with `i`.

        Returns:
            A float, or float64 of the common shape, one of `0, 3^(1-depth), ..., 1/3, 1`.

        Raises:
            DomainError: an index is no integer or lies outside the space.

        Example:
            >>> TernarySpace(9).distance(0, [0, 1, 3]).tolist()
            [0.0, 1.0, 0.333333]
        """
        table = np.array([*(1.0 / 3**k for k in range(self.depth)), 0.0])
        found: Float64s = np.asarray(table[self.agreement(i, j)])
        return float(found) if found.ndim == 0 else found

    def ceilings(self) -> dict[str, float]:
        """The best value that each metric can reach in this space.

        With tied groups of sizes t in one variable and no ties in the other, a perfect order of M items
        has Spearman coefficient `sqrt(1 - sum(t^3 - t) / (M^3 - M))`. `hierarchy` is negative because
        larger valuations belong to smaller radii. `Q` is the legacy `dist_corr + 1.5 |hierarchy|`.
        `kl_nats` is the entropy of a uniform operation: the least that a code must carry to tell all apart.
        Metrics without a ceiling (`richness`) are absent.

        Example:
            >>> best = TernarySpace(9).ceilings()
            >>> print(f"{best['hierarchy']:.10f} {best['ultrametric']:.10f}")
            -0.8320502954 0.8320221093
        """
        hierarchy = -_tied_ceiling(self.level_counts)
        dist_corr = _tied_ceiling(self.difference_counts)
        return {
            "coverage": 1.0,
            "coverage_sampled": 1.0,
            "hierarchy": hierarchy,
            "inversions": 0.0,
            "ultrametric": _tied_ceiling(self.pair_counts),
            "tree_inversions": 0.0,
            "uniformity": 1.0,
            "dist_corr": dist_corr,
            "Q": dist_corr + 1.5 * abs(hierarchy),
            "kl_nats": float(self.depth * np.log(3.0)),
        }


def _tied_ceiling(groups: tuple[int, ...]) -> float:
    """Spearman of a perfect order between groups of tied items and untied values; exact integers inside."""
    items = sum(groups)
    everything = items**3 - items
    untied = everything - sum(t**3 - t for t in groups)
    return sqrt(untied / everything) if everything else 0.0


def _integers(values: npt.ArrayLike, name: str) -> Int64s:
    """Contiguous int64, refusing what is not an integer; the range is checked where it is used."""
    array = np.asarray(values)
    if array.dtype.kind == "u" and array.dtype.itemsize == 8 and array.size:
        array = np.minimum(array, np.uint64(2**63 - 1))  # beyond int64 is beyond every space
    if array.dtype.kind in "iu":
        return np.ascontiguousarray(array, dtype=np.int64).reshape(array.shape)
    if array.size == 0:
        return np.zeros(array.shape, dtype=np.int64)
    raise DomainError(
        f"{name} has type {array.dtype}, which is no integer",
        path=name,
        expected="integers",
        got=str(array.dtype),
    )


def _place(position: tuple[int, ...]) -> str:
    return str(position[0]) if len(position) == 1 else str(position)
