"""How the distances of all pairs are spread over the levels of the tree, as counts, and what order they show.

Counts of a fine histogram replace the 193,700,403 distances of depth 9: ranks of binned values are ranks with
ties, and how far ties can move a statistic is read off the same counts.

Shapes: x_ND points; a name ending in _KB is one number for each level and bin.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from tvae.errors import DomainError
from tvae.geometry.conformal import check_curvature, working_dtype
from tvae.geometry.pairwise import pairwise_distance
from tvae.geometry.structure import agreement

#: Bins cover distances from 2^-20 to 2^7, as many to each octave; what lies outside falls into the ends.
FIRST_OCTAVE, OCTAVES = -20, 27
_ROWS = 128


class PairOrder(NamedTuple):
    """What `pair_order` reads off counts: 0-d float64 tensors, but for the last two, (levels - 1,).

    Attributes:
        correlation: -Spearman(level, distance) with tie-averaged ranks, distances inside a bin taken as
            different ones; 0 where either is constant.
        correlation_bound: by how much ties and the order inside bins can change it.
        inversions: share of comparisons of a pair at level k with one at k + 1 in which the first is not the
            farther one, a tie counting half.
        inversions_bound: half of the comparisons inside bins.
    """

    correlation: Tensor
    correlation_bound: Tensor
    inversions: Tensor
    inversions_bound: Tensor


def pair_counts(x: Tensor, c: float | Tensor = 1.0, *, depth: int, resolution: int = 4096) -> Tensor:
    """Number of pairs i < j at each level v(i - j) whose distance lies in each bin.

    Args:
        x: points (N, D), row i of operation i, N <= 3^depth; past the rim alpha is clamped.
        c: curvature, float or 0-d tensor.
        depth: digits of the space, the number of levels.
        resolution: bins of an octave, a power of two up to 65,536. Bin b holds distances of
            `bin_edges(resolution)[b]` up to the next edge.

    Returns:
        int64 (depth, 27 resolution + 1) on the device of `x`. The last column counts the distances that are
        NaN.

    Raises:
        DomainError: shapes, precision, depth or resolution are wrong, or `c` is not one positive number.

    Example:
        >>> import torch
        >>> x = torch.tensor([[0.0, 0.0], [0.6, 0.0], [-0.6, 0.0]])
        >>> counts = pair_counts(x, depth=1, resolution=1)
        >>> [(b, int(n)) for b, n in enumerate(counts[0]) if n]
        [(20, 2), (21, 1)]
    """
    check_counted(x, c, depth, resolution)
    points = x.detach().to(working_dtype(x.dtype))
    k = c.detach() if isinstance(c, Tensor) else c
    bins = OCTAVES * resolution + 1
    counts = torch.zeros(depth * bins, dtype=torch.int64, device=x.device)
    index = torch.arange(len(x), device=x.device)
    for top in range(0, len(x), _ROWS):
        rows = slice(top, min(top + _ROWS, len(x)))
        i, j = index[rows, None], index[: rows.stop]
        level = agreement(i, j, depth)
        bin_of = _bins(pairwise_distance(points[rows], points[: rows.stop], k), resolution)
        counts += torch.bincount((level * bins + bin_of)[j < i], minlength=depth * bins)
    return counts.view(depth, bins)


def bin_edges(resolution: int = 4096) -> Tensor:
    """The 27 resolution + 1 edges of the bins, float64: equal steps from each power of two to the next.

    Example:
        >>> bin_edges(1)[19:22].tolist()
        [0.5, 1.0, 2.0]
    """
    step = torch.arange(OCTAVES * resolution + 1, dtype=torch.float64)
    octave = torch.floor(step / resolution)
    return torch.exp2(octave + FIRST_OCTAVE) * (1.0 + (step - octave * resolution) / resolution)


def pair_order(counts_KB: Tensor) -> PairOrder:
    """How well distances fall as levels rise, from `pair_counts`, with what binning leaves open.

    Args:
        counts_KB: int64 (levels, bins + 1), the last column that of NaN.

    Returns:
        The statistics of `tvae.evaluate`, `ultrametric` and `tree_inversions` by level. NaN throughout if any
        distance is NaN.

    Example:
        >>> import torch
        >>> near, far = torch.tensor([[0, 9, 0], [9, 0, 0]]), torch.tensor([[9, 0, 0], [0, 9, 0]])
        >>> [float(pair_order(counts).correlation.sign()) for counts in (near, far)]
        [1.0, -1.0]
    """
    n_KB = counts_KB[:, :-1].double()
    size_K = n_KB.sum(1)
    total = size_K.sum()
    rank_K = size_K.cumsum(0) - 0.5 * size_K - 0.5 * total
    mass_B = n_KB.sum(0)
    place_B = mass_B.cumsum(0) - 0.5 * mass_B - 0.5 * total
    covariance = (rank_K.unsqueeze(1) * n_KB * place_B).sum()
    variance = (size_K * rank_K.square()).sum()
    # Inside a bin nothing is known: all values tied, or all different, and groups in either order.
    cube = total**3
    widest, narrowest = ((cube - mass_B.pow(power).sum()) / 12.0 for power in (1, 3))
    before_KB = n_KB.cumsum(0) - n_KB
    ranks_KB = (rank_K.unsqueeze(1) * n_KB).cumsum(0) - rank_K.unsqueeze(1) * n_KB
    mixed = (n_KB * (rank_K.unsqueeze(1) * before_KB - ranks_KB)).sum()
    constant = (variance <= 0.0) | (narrowest <= 1e-15 * cube)
    rho = covariance / (variance * widest).sqrt()
    slack = 0.5 * mixed / (variance * narrowest).sqrt() + rho.abs() * ((widest / narrowest).sqrt() - 1.0)
    below_KB = n_KB.cumsum(1) - n_KB
    compared = size_K[1:] * size_K[:-1]
    tied = (n_KB[1:] * n_KB[:-1]).sum(1)
    inverted = (n_KB[1:] * below_KB[:-1]).sum(1)
    broken = torch.where(counts_KB[:, -1].sum() > 0, math.nan, 0.0).double()
    return PairOrder(
        torch.where(constant, 0.0, -rho) + broken,
        torch.where(constant, 0.0, slack) + broken,
        (inverted + 0.5 * tied) / compared + broken,
        0.5 * tied / compared + broken,
    )


def check_counted(x: Tensor, c: float | Tensor, depth: int, resolution: int) -> None:
    """Refuse what `pair_counts` cannot take."""
    check_curvature(c)
    working_dtype(x.dtype)
    if x.dim() != 2 or not 1 <= depth <= 19 or len(x) > 3**depth:
        raise DomainError(
            "points are not those of a space",
            expected=f"shape (N, D), N <= 3^{depth}, depth 1 to 19",
            got=str(tuple(x.shape)),
        )
    if not 1 <= resolution <= 65_536 or resolution & (resolution - 1):
        raise DomainError(
            "this is no resolution",
            path="resolution",
            expected="a power of two, 1 to 65536",
            got=str(resolution),
        )


def _bins(d: Tensor, resolution: int) -> Tensor:
    """The bin of each distance: the upper bits of a positive float32 are an octave and equal steps of it."""
    d = d.float()
    key = d.contiguous().view(torch.int32) >> (23 - (resolution.bit_length() - 1))
    inner = key - (127 + FIRST_OCTAVE) * resolution
    bins = OCTAVES * resolution
    return torch.where(d.isnan(), bins, inner.clamp(0, bins - 1)).long()
