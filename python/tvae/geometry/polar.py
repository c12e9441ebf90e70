"""Polar coordinates of the ball: hyperbolic radius and unit direction.

A radius keeps its digits where the point itself has run out of them, and bounds are exact in it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from tvae.autograd import once
from tvae.errors import DomainError
from tvae.geometry.conformal import check_curvature, norm, rounded, working_dtype
from tvae.geometry.scalar import coth_excess, minus_tanh, tanh_slope


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


def polar_distance(r: Tensor, u: Tensor, s: Tensor, w: Tensor, c: float | Tensor = 1.0) -> Tensor:
    """Geodesic distance between points given by hyperbolic radius and unit direction.

        sinh^2(sqrt(c) d / 2) = sinh^2((a - b) / 2) + sinh(a) sinh(b) |u - w|^2 / 4
        a = sqrt(c) r,   b = sqrt(c) s

    Args:
        r: radii (...) of the first points, >= 0, in units of the ball; sqrt(c) r up to 300.
        u: unit directions (..., D) of the first points; their length is taken as it is.
        s: radii of the second points, as `r`.
        w: unit directions of the second points, as `u`. Leading shapes broadcast.
        c: curvature, float or 0-d tensor.

    Returns:
        Distances of the broadcast leading shape: those of `distance` inside the ball of float32, and as
        accurate far past its rim, which is at sqrt(c) r of about 15. The gradient of coinciding points is 0.

    Raises:
        DomainError: shapes do not match, inputs are not floating point, or `c` is not one positive number.

    Source: the hyperbolic law of cosines with cosh x = 1 + 2 sinh^2(x / 2), free of its cancellation.

    Example:
        >>> import torch
        >>> east, north = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
        >>> polar_distance(torch.tensor(40.0), east, torch.tensor(40.0), north)
        tensor(79.3069)
    """
    check_curvature(c)
    dtype = torch.promote_types(torch.promote_types(r.dtype, u.dtype), torch.promote_types(s.dtype, w.dtype))
    work = working_dtype(dtype)
    if u.dim() == 0 or w.dim() == 0 or u.shape[-1] != w.shape[-1]:
        raise DomainError(
            "directions do not match",
            expected="shapes (..., D) of one D",
            got=f"{tuple(u.shape)} and {tuple(w.shape)}",
        )
    d: Tensor = _PolarDistance.apply(r.to(work), u.to(work), s.to(work), w.to(work), c)  # type: ignore[no-untyped-call]
    return d.to(dtype)


class _PolarDistance(Function):
    @staticmethod
    def forward(ctx: Any, r: Tensor, u: Tensor, s: Tensor, w: Tensor, c: float | Tensor) -> Tensor:
        k = rounded(c, u)
        root = k**0.5
        ctx.save_for_backward(r, u, s, w)
        ctx.c, ctx.k = c, k
        *_, half_X = _polar_row(r.double() * root, s.double() * root, norm(u - w))
        return (half_X * (2.0 / root)).to(u.dtype)

    @staticmethod
    @once
    def backward(
        ctx: Any, g: Tensor
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None, Tensor | None, Tensor | None]:
        r, u, s, w = ctx.saved_tensors
        k = ctx.k
        root = k**0.5
        a_X, b_X = r.double() * root, s.double() * root
        chord_X = norm(u - w)
        gap_X, side_a_X, side_b_X, scale_X, half_X = _polar_row(a_X, b_X, chord_X)
        wide = g.double()
        per_X = torch.where(scale_X > 0.0, scale_X.reciprocal(), 0.0) * wide
        gr = gu = gs = gw = gc = None
        # e^-(a + b) sinh(a - b) / 2, and the change of sinh(a) sinh(b) in a and in b.
        turn_X = torch.exp(-2.0 * torch.minimum(a_X, b_X)) * torch.expm1(-2.0 * (a_X - b_X).abs()) / 4.0
        turn_X = torch.where(a_X > b_X, -turn_X, turn_X)
        square_X = chord_X.square() / 16.0
        if ctx.needs_input_grad[0]:
            slope_X = turn_X + (1.0 + torch.exp(-2.0 * a_X)) * side_b_X * square_X
            gr = (2.0 * per_X * slope_X).sum_to_size(r.shape).to(r.dtype)
        if ctx.needs_input_grad[2]:
            slope_X = (1.0 + torch.exp(-2.0 * b_X)) * side_a_X * square_X - turn_X
            gs = (2.0 * per_X * slope_X).sum_to_size(s.shape).to(s.dtype)
        if ctx.needs_input_grad[1] or ctx.needs_input_grad[3]:
            weight_X = per_X * side_a_X * side_b_X / (4.0 * root)
            toward_XD = weight_X.unsqueeze(-1).to(u.dtype) * (u - w)
            gu = toward_XD.sum_to_size(u.shape)
            gw = (-toward_XD).sum_to_size(w.shape)
        if ctx.needs_input_grad[4]:
            bend_X = 2.0 * gap_X.square() * coth_excess(0.5 * (a_X - b_X).abs())
            bend_X = bend_X + side_a_X * side_b_X * square_X * (coth_excess(a_X) + coth_excess(b_X))
            gc = ((per_X * bend_X - wide * minus_tanh(half_X)) / k**1.5).sum().to(ctx.c)
        return gr, gu, gs, gw, gc


def _polar_row(a_X: Tensor, b_X: Tensor, chord_X: Tensor) -> tuple[Tensor, ...]:
    """Scalars of a pair at scaled radii a and b, all but the last divided by a power of e^(a + b).

    |sinh((a - b) / 2)|, 2 sinh a, 2 sinh b, 2 sinh(y) cosh(y), and y = sqrt(c) d / 2 itself.
    """
    gap_X = -torch.exp(-torch.minimum(a_X, b_X)) * torch.expm1(-(a_X - b_X).abs()) / 2.0
    side_a_X, side_b_X = -torch.expm1(-2.0 * a_X), -torch.expm1(-2.0 * b_X)
    t_X = torch.sqrt(gap_X.square() + side_a_X * side_b_X * chord_X.square() / 16.0)
    total_X = a_X + b_X
    scale_X = 2.0 * t_X * torch.sqrt(torch.exp(-total_X) + t_X.square())
    # Where sinh(y) is large, y = log(2 sinh y) and the factor comes out of the logarithm.
    sinh_X = t_X * torch.exp(0.5 * total_X)
    large_X = sinh_X > 1e17
    safe_X = torch.where(large_X, 1.0, sinh_X)
    small = torch.log1p(safe_X + safe_X.square() / (1.0 + torch.sqrt(1.0 + safe_X.square())))
    half_X = torch.where(large_X, 0.5 * total_X + torch.log(torch.where(large_X, 2.0 * t_X, 1.0)), small)
    return gap_X, side_a_X, side_b_X, scale_X, half_X


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
