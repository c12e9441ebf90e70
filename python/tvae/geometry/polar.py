"""Polar coordinates of the ball: hyperbolic radius and unit direction.

A radius keeps its digits where the point itself has run out of them, and bounds are exact in it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from tvae.autograd import once
from tvae.geometry.conformal import check_curvature, rounded, working_dtype
from tvae.geometry.scalar import tanh_slope


def from_polar(r: Tensor, w: Tensor, c: float | Tensor = 1.0) -> Tensor:
    """Point of the ball at hyperbolic radius `r` in direction `w`.

        x = tanh(sqrt(c) r / 2) / sqrt(c) * w

    Args:
        r: radii (...), one a row, that broadcast with the leading shape of `w`; in units of the ball.
        w: unit vectors (..., D); their length is taken as it is.
        c: curvature, float or 0-d tensor.

    Returns:
        Points (..., D), with `radius(x, c) == r` up to rounding while sqrt(c) r < 14 in float32.

    Raises:
        DomainError: inputs are not floating point, or `c` is not one positive number.

    Source: exp0(r w / 2), Ganea et al. (2018), lemma 2.

    Example:
        >>> import torch
        >>> from_polar(torch.tensor([0.0, 1.3863]), torch.tensor([0.0, 1.0]), 1.0)
        tensor([[0.0000, 0.0000],
                [0.0000, 0.6000]])
    """
    check_curvature(c)
    dtype = torch.promote_types(r.dtype, w.dtype)
    work = working_dtype(dtype)
    length: Tensor = _BallRadius.apply(r.to(work), c)  # type: ignore[no-untyped-call]
    return (length.unsqueeze(-1) * w.to(work)).to(dtype)


class _BallRadius(Function):
    """tanh(sqrt(c) r / 2) / sqrt(c): the Euclidean length at hyperbolic radius r."""

    @staticmethod
    def forward(ctx: Any, r: Tensor, c: float | Tensor) -> Tensor:
        k = rounded(c, r)
        root = k**0.5
        ctx.save_for_backward(r)
        ctx.c, ctx.k = c, k
        return (torch.tanh(r.double() * (0.5 * root)) / root).to(r.dtype)

    @staticmethod
    @once
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None]:
        (r,) = ctx.saved_tensors
        half = 0.5 * r.double()
        z = half * ctx.k**0.5
        gr = gc = None
        if ctx.needs_input_grad[0]:
            e = torch.exp(-2.0 * z.abs())
            gr = (g * (2.0 * e / (1.0 + e).square())).to(r.dtype)
        if ctx.needs_input_grad[1]:
            w = z.square()
            f = torch.where(z == 0.0, 1.0, z.tanh() / z)
            gc = (g * half * half.square() * tanh_slope(w, f)).sum().to(ctx.c)
        return gr, gc
