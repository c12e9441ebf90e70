"""All-pairs distance with an analytic backward: the inner loop of a trainer.

Separations are direct differences: the Gram form |x|^2 + |y|^2 - 2 <x, y> loses near pairs, in the value
and again in the gradient.

Shapes: x_ND, y_MD points; a name ending in _NM is one scalar a pair, _N and _M one a row of x and of y.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from tvae.autograd import once
from tvae.errors import DomainError
from tvae.geometry.conformal import check_curvature, conformal, rounded, working_dtype
from tvae.geometry.scalar import minus_tanh


def pairwise_distance(x: Tensor, y: Tensor, c: float | Tensor = 1.0) -> Tensor:
    """Geodesic distance of every point of `x` from every point of `y`.

        D[i, j] = (2 / sqrt(c)) asinh(sqrt(c / (alpha_i beta_j)) |x_i - y_j|)

    Args:
        x: points (N, D) with sqrt(c) |x| < 1; past the rim alpha is clamped (see `clamped_rows`).
        y: points (M, D); may be `x` itself, whose gradient then is formed once.
        c: curvature, float or 0-d tensor.

    Returns:
        Distances (N, M). The gradient of a coinciding pair is 0. In float32, separations below 1e-19 count
        as 0.

    Raises:
        DomainError: shapes do not match, points are not floating point, or `c` is not one positive number.

    Source: as `tvae.geometry.distance`.

    Example:
        >>> import torch
        >>> x = torch.tensor([[0.0, 0.0], [0.6, 0.0]])
        >>> pairwise_distance(x, x, 1.0)
        tensor([[0.0000, 1.3863],
                [1.3863, 0.0000]])
    """
    check_curvature(c)
    check_rows(x, y)
    dtype = torch.promote_types(x.dtype, y.dtype)
    work = working_dtype(dtype)
    same = y is x
    x = x.to(work)
    d: Tensor = _Pairwise.apply(x, None if same else y.to(work), c)  # type: ignore[no-untyped-call]
    return d.to(dtype)


def check_rows(x: Tensor, y: Tensor) -> None:
    """Refuse points that are not rows of one dimension."""
    if x.dim() != 2 or y.dim() != 2 or x.shape[1] != y.shape[1]:
        raise DomainError(
            "points do not form pairs",
            expected="shapes (N, D) and (M, D)",
            got=f"{tuple(x.shape)} and {tuple(y.shape)}",
        )


class _Pairwise(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, other: Tensor | None, c: float | Tensor) -> Tensor:
        y = x if other is None else other
        k = rounded(c, x)
        root = k**0.5
        # One pass over the rows of both: at a batch of 128 a dispatch costs more than its arithmetic.
        n_R, alpha_R = conformal(x if other is None else torch.cat((x, y)), k)
        a_R = (root / alpha_R).sqrt_().to(x.dtype)
        a_N, b_M = a_R[: x.shape[0]], a_R[-y.shape[0] :] if y.shape[0] else a_R[:0]
        r_NM = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
        t_NM = (r_NM * a_N.unsqueeze(1)).mul_(b_M)
        q_NM = t_NM * t_NM
        h_NM = (q_NM + 1.0).sqrt_()
        half_NM = t_NM.add_(q_NM.div_(h_NM + 1.0)).log1p_()
        ctx.save_for_backward(x, y, r_NM, a_R, h_NM, half_NM, n_R, alpha_R)
        ctx.c, ctx.k, ctx.same = c, k, other is None
        return half_NM * (2.0 / root)

    @staticmethod
    @once
    def backward(ctx: Any, g_NM: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, y, r_NM, a_R, h_NM, half_NM, n_R, alpha_R = ctx.saved_tensors
        k, n, m = ctx.k, x.shape[0], y.shape[0]
        root = k**0.5
        # 2 g / sqrt(m) = 2 g a b / (sqrt(c) h): a and b each carry a fourth root of c.
        w_NM = (g_NM / h_NM).mul_((a_R[:n] * (2.0 / root)).unsqueeze(1)).mul_(a_R[-m:] if m else a_R[:0])
        wr_NM = w_NM * r_NM
        gx = gy = gc = None
        if ctx.same:
            wr_R = wr_NM.sum(1) + wr_NM.sum(0)
            if ctx.needs_input_grad[0]:
                gx = _unit_sum(w_NM + w_NM.t(), x, x, r_NM).addcmul_(
                    (k / alpha_R * wr_R).to(x.dtype).unsqueeze(1), x
                )
        else:
            wr_R = torch.cat((wr_NM.sum(1), wr_NM.sum(0)))
            row_R = (k / alpha_R * wr_R).to(x.dtype).unsqueeze(1)
            if ctx.needs_input_grad[0]:
                gx = _unit_sum(w_NM, x, y, r_NM).addcmul_(row_R[:n], x)
            if ctx.needs_input_grad[1]:
                gy = _unit_sum(w_NM.t(), y, x, r_NM.t()).addcmul_(row_R[n:], y)
        if ctx.needs_input_grad[2]:
            spread = (wr_R * n_R.square() / alpha_R).sum()
            gc = 0.5 * spread - (minus_tanh(half_NM).mul_(g_NM)).sum() / k**1.5
            gc = gc.to(ctx.c)
        return gx, gy, gc


def _unit_sum(w_NM: Tensor, x_ND: Tensor, y_MD: Tensor, r_NM: Tensor) -> Tensor:
    """Sum over j of w[i, j] (x_i - y_j) / r[i, j], shape (N, D), 0 / 0 taken as 0.

    Differences are formed pair by pair: x_i sum(w) - w @ y would cancel for near pairs.
    """
    result: Tensor = torch.ops.aten._cdist_backward(w_NM.contiguous(), x_ND, y_MD, 2.0, r_NM.contiguous())
    return result
