"""Hinges on the distances of chosen pairs and triplets of rows: gather, distance, hinge, sum.

The reference of the fused paths, in plain torch: the distances are formed row by row and their gradients are
scattered by autograd.

Shapes: x_ND points; indices of rows are (2, P) or (3, T), a name ending in _P or _T is one scalar each.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tvae.errors import DomainError
from tvae.geometry.conformal import check_curvature, working_dtype
from tvae.geometry.poincare import distance

REDUCTIONS = ("mean", "sum")


def triplet_hinge(
    x: Tensor, triplets: Tensor, c: float | Tensor = 1.0, *, margin: float, reduction: str = "mean"
) -> Tensor:
    """Mean or sum over triplets (a, p, q) of max(d(x_a, x_p) - d(x_a, x_q) + margin, 0).

    Args:
        x: points (N, D); past the rim alpha is clamped (see `clamped_rows`).
        triplets: rows of anchors, positives and negatives, int32 or int64 (3, T).
        c: curvature, float or 0-d tensor.
        margin: by how much the negative must be farther, a finite number in units of the ball.
        reduction: `mean` over the T triplets, those that cost nothing included, or `sum`; 0 for T = 0.

    Returns:
        0-d tensor in the precision of `x`. A hinge at exactly 0 has gradient 0, so has a coinciding pair; a
        row that is NaN and takes part gives NaN.

    Raises:
        DomainError: shapes, precision, margin or reduction are wrong, or `c` is not one positive number.
            On a CPU also a row that does not exist.

    Example:
        >>> import torch
        >>> x = torch.tensor([[0.0, 0.0], [0.6, 0.0], [0.0, 0.5]])
        >>> triplet_hinge(x, torch.tensor([[0], [1], [2]]), margin=1.0)
        tensor(1.2877)
    """
    check_triplets(x, triplets, c, margin, reduction)
    a, p, q = triplets.long()
    points = x.to(working_dtype(x.dtype))
    gap_T = distance(points[a], points[p], c) - distance(points[a], points[q], c)
    total = torch.relu(gap_T + margin).sum(dtype=torch.float64)
    return (total * scale_of(triplets, reduction)).to(x.dtype)


def pair_hinge(
    x: Tensor,
    pairs: Tensor,
    c: float | Tensor = 1.0,
    *,
    level: Tensor,
    lo: Tensor,
    hi: Tensor,
    weight: Tensor,
    power: int = 1,
    reduction: str = "mean",
) -> Tensor:
    """Mean or sum over pairs (i, j) at level k of weight[k] e^power, with d their distance and

        e = max(d - hi[k], lo[k] - d, 0)

    The rule of `all_pairs_loss`, for pairs that are listed.

    Args:
        x: points (N, D); past the rim alpha is clamped (see `clamped_rows`).
        pairs: rows of both ends, int32 or int64 (2, P).
        c: curvature, float or 0-d tensor.
        level: k of each pair, int32 or int64 (P,). A pair whose level is not one of 0..L-1 (as of a row with
            itself, v = depth) weighs nothing.
        lo: shortest distances of each level, (L,). No gradient flows into the bands.
        hi: longest distances of each level, (L,).
        weight: factor of each level, (L,).
        power: 1 for bands and hinges, 2 for stress (lo = hi = target).
        reduction: `mean` over the P pairs, those that weigh nothing included, or `sum`; 0 for P = 0.

    Returns:
        0-d tensor in the precision of `x`. A coinciding pair has gradient 0; a row that is NaN and takes part
        gives NaN.

    Raises:
        DomainError: shapes, precision, power or reduction are wrong, or `c` is not one positive number.
            On a CPU also a row that does not exist.

    Example:
        >>> import torch
        >>> x = torch.tensor([[0.0, 0.0], [0.6, 0.0]])
        >>> band = torch.tensor([1.0])
        >>> pair_hinge(x, torch.tensor([[0], [1]]), level=torch.tensor([0]), lo=band, hi=band, weight=band)
        tensor(0.3863)
    """
    check_pairs(x, pairs, c, level, (lo, hi, weight), power, reduction)
    work = working_dtype(x.dtype)
    # A level past the table weighs nothing; any band does for it.
    inside_P = (level >= 0) & (level < lo.numel())
    k_P = torch.where(inside_P, level, 0).long()
    lo_P, hi_P, weight_P = (t.detach().to(x.device, work)[k_P] for t in (lo, hi, weight))
    i, j = pairs.long()
    points = x.to(work)
    d_P = distance(points[i], points[j], c)
    e_P = torch.relu(torch.maximum(d_P - hi_P, lo_P - d_P))
    cost_P = e_P.square() if power == 2 else e_P
    total = (torch.where(inside_P, weight_P, 0.0) * cost_P).sum(dtype=torch.float64)
    return (total * scale_of(pairs, reduction)).to(x.dtype)


def scale_of(rows: Tensor, reduction: str) -> float:
    """What the sum over the columns of `rows` is multiplied by."""
    return 1.0 / max(rows.shape[1], 1) if reduction == "mean" else 1.0


def check_triplets(x: Tensor, triplets: Tensor, c: float | Tensor, margin: float, reduction: str) -> None:
    """Refuse what `triplet_hinge` cannot take."""
    _check_rows(x, triplets, 3, "triplets", c, reduction)
    if not abs(margin) < float("inf"):
        raise DomainError(
            "margin is out of range", path="margin", expected="a finite number", got=str(margin)
        )


def check_pairs(
    x: Tensor,
    pairs: Tensor,
    c: float | Tensor,
    level: Tensor,
    bands: tuple[Tensor, Tensor, Tensor],
    power: int,
    reduction: str,
) -> None:
    """Refuse what `pair_hinge` cannot take."""
    _check_rows(x, pairs, 2, "pairs", c, reduction)
    if level.shape != pairs.shape[1:] or level.dtype not in (torch.int32, torch.int64):
        raise DomainError(
            "levels do not match the pairs",
            path="level",
            expected=f"int32 or int64 of shape ({pairs.shape[1]},)",
            got=f"{level.dtype} {tuple(level.shape)}",
        )
    if any(t.dim() != 1 or t.shape != bands[0].shape for t in bands) or bands[0].numel() == 0:
        raise DomainError(
            "bands do not match",
            expected="lo, hi, weight of shape (L,)",
            got=", ".join(str(tuple(t.shape)) for t in bands),
        )
    if power not in (1, 2):
        raise DomainError("power is out of range", path="power", expected="1 or 2", got=str(power))


def _check_rows(x: Tensor, rows: Tensor, members: int, name: str, c: float | Tensor, reduction: str) -> None:
    check_curvature(c)
    working_dtype(x.dtype)
    if x.dim() != 2:
        raise DomainError("points are not rows", path="x", expected="shape (N, D)", got=str(tuple(x.shape)))
    if rows.dim() != 2 or len(rows) != members or rows.dtype not in (torch.int32, torch.int64):
        raise DomainError(
            f"{name} are not rows of the points",
            path=name,
            expected=f"int32 or int64 of shape ({members}, n)",
            got=f"{rows.dtype} {tuple(rows.shape)}",
        )
    if reduction not in REDUCTIONS:
        raise DomainError(
            "unknown reduction", path="reduction", expected=", ".join(REDUCTIONS), got=reduction
        )
    # Reading them would stall a device and break a graph; torch's own gather refuses them there.
    if rows.numel() and rows.device.type == "cpu" and not torch.compiler.is_compiling():
        least, most = (int(t) for t in rows.aminmax())
        if least < 0 or most >= len(x):
            raise DomainError(
                f"{name} name rows that do not exist",
                path=name,
                expected=f"0 to {len(x) - 1}",
                got=f"{least} to {most}",
            )
