"""A loss over every pair of operations, and its gradient, without the matrix of pairs.

Value and gradient are formed in one pass over tiles, so that memory does not grow with the square of N. The
tree comes from the indices alone: v(i - j) is the number of equal low digits of i and j.

Shapes: N points of D coordinates; names ending in _BM are tiles of rows against columns.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from tvae import _core
from tvae.autograd import once
from tvae.errors import DomainError
from tvae.geometry.conformal import check_curvature, conformal, rounded, working_dtype
from tvae.geometry.pairwise import _unit_sum
from tvae.geometry.scalar import minus_tanh

_ROWS, _COLUMNS = 128, 2048


def all_pairs_loss(
    x: Tensor, c: float | Tensor = 1.0, *, lo: Tensor, hi: Tensor, weight: Tensor, power: int, rust: bool
) -> Tensor:
    """Sum over all pairs i < j of weight[k] e^power, with k = v(i - j) and d the distance of rows i and j.

        e = max(d - hi[k], lo[k] - d, 0)

    Args:
        x: points (N, D), row i of operation i, N <= 3^depth; past the rim alpha is clamped.
        c: curvature, float or 0-d tensor.
        lo: distances below cost, (depth,), one a level; no gradient flows into the bands.
        hi: distances above cost, (depth,).
        weight: factors, (depth,).
        power: 1 for bands and hinges, 2 for stress (lo = hi = target).
        rust: take the compiled loop, for all 3^depth float32 points on a CPU.

    Returns:
        The 0-d sum. The gradient of a coinciding pair is 0; NaN points give NaN.

    Raises:
        DomainError: shapes, precision or power are wrong, or `c` is not one positive number.
    """
    bands = check_bands(x, c, lo, hi, weight, power)
    value: Tensor = _AllPairs.apply(x.to(bands.dtype), c, bands, power, rust)  # type: ignore[no-untyped-call]
    return value.to(x.dtype)


def check_bands(x: Tensor, c: float | Tensor, lo: Tensor, hi: Tensor, weight: Tensor, power: int) -> Tensor:
    """lo, hi and weight as one tensor (3, depth) beside the points, or a refusal of what does not fit."""
    check_curvature(c)
    depth = lo.numel()
    if x.dim() != 2 or not len(x) <= 3**depth:
        raise DomainError(
            "points are not those of a space",
            expected=f"shape (N, D), N <= 3^{depth}",
            got=str(tuple(x.shape)),
        )
    if any(t.shape != (depth,) for t in (lo, hi, weight)) or depth == 0:
        raise DomainError(
            "bands do not match", expected="lo, hi, weight of shape (depth,)", got=str(lo.shape)
        )
    if power not in (1, 2):
        raise DomainError("power is out of range", path="power", expected="1 or 2", got=str(power))
    work = working_dtype(x.dtype)
    return torch.stack([t.detach().to(x.device, work) for t in (lo, hi, weight)])


def agreement(i: Tensor, j: Tensor, depth: int) -> Tensor:
    """v(i - j), the number of equal low digits, of integer tensors that broadcast; `depth` where i = j.

    Example:
        >>> agreement(torch.tensor([0, 1, 9, 5]), torch.tensor([0]), 3)
        tensor([3, 0, 2, 0])
    """
    gap = i - j
    level = torch.zeros_like(gap)
    for k in range(1, depth + 1):
        level += gap % 3**k == 0
    return level


class _AllPairs(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, c: float | Tensor, bands: Tensor, power: int, rust: bool) -> Tensor:
        k = rounded(c, x)
        if rust:
            loop = [tuple(band) for band in bands.t().tolist()]
            total, _, gx, gc = _core.pair_loss(
                x.detach().contiguous().numpy(), bands.shape[1], loop, curvature=float(k), squared=power == 2
            )
            value, slope = x.new_tensor(total, dtype=torch.float64), x.new_tensor(gc, dtype=torch.float64)
            ctx.save_for_backward(torch.from_numpy(gx), slope)
        else:
            value, gradient, slope = _tiled(x, k, bands, power)
            ctx.save_for_backward(gradient, slope)
        ctx.c = c
        return value.to(x.dtype)

    @staticmethod
    @once
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        gradient, slope = ctx.saved_tensors
        gc = (g * slope).to(ctx.c) if ctx.needs_input_grad[1] else None
        return g * gradient, gc, None, None, None


def _tiled(x: Tensor, k: float | Tensor, bands: Tensor, power: int) -> tuple[Tensor, Tensor, Tensor]:
    """The sum, its gradient in x, and in c (0-d, float64)."""
    root = k**0.5
    n_N, alpha_N = conformal(x, k)
    a_N = (root / alpha_N).sqrt()
    depth = bands.shape[1]
    padded = torch.cat((bands, torch.zeros_like(bands[:, :1])), 1)  # a pair with itself weighs nothing
    gradient = torch.zeros_like(x, dtype=torch.float64)
    turn_N, value, bend = (
        torch.zeros_like(a_N),
        torch.zeros_like(a_N[:0].sum()),
        torch.zeros_like(a_N[:0].sum()),
    )
    index = torch.arange(len(x), device=x.device)
    for top in range(0, len(x), _ROWS):
        rows = slice(top, min(top + _ROWS, len(x)))
        for left in range(0, top + _ROWS, _COLUMNS):
            columns = slice(left, min(left + _COLUMNS, rows.stop))
            i, j = index[rows, None], index[columns]
            lo_BM, hi_BM, weight_BM = padded[:, agreement(i, j, depth)]
            weight_BM = torch.where(j < i, weight_BM, 0.0)
            r_BM = torch.cdist(x[rows], x[columns], compute_mode="donot_use_mm_for_euclid_dist")
            steep_BM = (a_N[rows, None] * a_N[columns]).to(x.dtype)
            t_BM = r_BM * steep_BM
            h_BM = (t_BM.square() + 1.0).sqrt()
            half_BM = torch.log1p(t_BM + t_BM.square() / (h_BM + 1.0))
            d_BM = half_BM * (2.0 / root)
            over_BM, under_BM = d_BM - hi_BM, lo_BM - d_BM
            excess_BM = torch.maximum(over_BM, under_BM).clamp_min(0.0)
            value += (weight_BM * excess_BM**power).sum(dtype=torch.float64)
            sign_BM = torch.where(over_BM > under_BM, weight_BM, -weight_BM)
            g_BM = sign_BM * (2.0 * excess_BM if power == 2 else (excess_BM > 0.0).to(x.dtype))
            bend += (g_BM * minus_tanh(half_BM)).sum(dtype=torch.float64)
            slope_BM = g_BM / h_BM
            turn_BM = slope_BM * t_BM
            turn_N[rows] += turn_BM.sum(1, dtype=torch.float64) / root
            turn_N[columns] += turn_BM.sum(0, dtype=torch.float64) / root
            pull_BM = slope_BM * steep_BM * (2.0 / root)
            gradient[rows] += _unit_sum(pull_BM, x[rows], x[columns], r_BM)
            gradient[columns] += _unit_sum(pull_BM.t(), x[columns], x[rows], r_BM.t())
    gradient += (2.0 * k * turn_N / alpha_N).unsqueeze(1) * x
    slope = (turn_N * n_N.square() / alpha_N).sum() - bend / k**1.5
    return value, gradient.to(x.dtype), slope
