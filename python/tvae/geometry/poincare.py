"""Poincare ball of curvature -c: distance, radius, exponential and logarithmic map at 0, projection.

The reference of every fast path. Each function is one formula with its exact backward in the points and in c,
defined at 0, for x == y and on the rim. Notation: alpha = 1 - c |x|^2, beta = 1 - c |y|^2, r = |x - y|.

Row scalars are float64 (see conformal.py), tensors of the size of the points keep the points' precision.
Differentiable once: the backward is written by hand, a second derivative raises.

Shapes: x_XD is (..., D) points, a name ending in _X is (...), one scalar a row.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from tvae.autograd import once
from tvae.errors import DomainError
from tvae.geometry.conformal import (
    check_curvature,
    clamped_rows,
    conformal,
    dot,
    norm,
    rounded,
    working_dtype,
)
from tvae.geometry.pairwise import pairwise_distance
from tvae.geometry.polar import from_polar
from tvae.geometry.scalar import minus_tanh, tanh_slope

__all__ = [
    "clamped_rows",
    "distance",
    "expmap0",
    "from_polar",
    "logmap0",
    "pairwise_distance",
    "project",
    "radius",
]


def distance(x: Tensor, y: Tensor, c: float | Tensor = 1.0) -> Tensor:
    """Geodesic distance between paired points.

        d = (2 / sqrt(c)) asinh(t),   t^2 = c |x - y|^2 / (alpha beta)
        asinh(t) = log1p(t + t^2 / (1 + sqrt(1 + t^2)))

    Args:
        x: points (..., D) with sqrt(c) |x| < 1; past the rim alpha is clamped (see `clamped_rows`).
        y: points whose leading shape broadcasts with that of `x`.
        c: curvature, float or 0-d tensor; rounded to the points' precision first.

    Returns:
        Distances of the broadcast leading shape, in units of the ball (curvature -c). NaN for NaN points.
        The gradient at x == y is 0, a valid subgradient; on the rim it is finite and points inward.

    Raises:
        DomainError: shapes do not match, points are not floating point, or `c` is not one positive number.

    Source: the distance of Nickel and Kiela (2017), eq. 1, rewritten with asinh to keep small distances.

    Example:
        >>> import torch
        >>> distance(torch.tensor([0.5, 0.0]), torch.tensor([-0.5, 0.0]), 1.0)
        tensor(2.1972)
    """
    x, y, dtype = _pair(x, y, c)
    d: Tensor = _Distance.apply(x, y, c)  # type: ignore[no-untyped-call]
    return d.to(dtype)


def radius(x: Tensor, c: float | Tensor = 1.0) -> Tensor:
    """Geodesic distance of each point from the origin.

        d0 = (1 / sqrt(c)) log1p(2 u (1 + u) / alpha),   u = sqrt(c) |x|

    Args:
        x: points (..., D) with sqrt(c) |x| < 1; past the rim alpha is clamped.
        c: curvature, float or 0-d tensor.

    Returns:
        Radii of shape (...), >= 0. The gradient at 0 is 0, elsewhere (2 / alpha) x / |x|.

    Raises:
        DomainError: points are not floating point, or `c` is not one positive number.

    Source: 2 artanh(sqrt(c) |x|) / sqrt(c), Ganea et al. (2018), eq. 8, free of the difference 1 - u.

    Example:
        >>> import torch
        >>> radius(torch.tensor([[0.0, 0.0], [0.6, 0.0]]), 1.0)
        tensor([0.0000, 1.3863])
    """
    x, dtype = _single(x, c)
    d: Tensor = _Radius.apply(x, c)  # type: ignore[no-untyped-call]
    return d.to(dtype)


def expmap0(v: Tensor, c: float | Tensor = 1.0) -> Tensor:
    """Point of the ball that the tangent vector `v` at the origin leads to.

        exp0(v) = tanh(z) / z * v,   z = sqrt(c) |v|

    Its radius is 2 |v| exactly, so that a radial loss needs no map when `v` is at hand.

    Args:
        v: tangent vectors (..., D), any length; beyond sqrt(c) |v| of about 9 float32 rounds onto the rim.
        c: curvature, float or 0-d tensor.

    Returns:
        Points of the shape of `v`. The Jacobian at 0 is the identity.

    Raises:
        DomainError: vectors are not floating point, or `c` is not one positive number.

    Source: Ganea et al., Hyperbolic Neural Networks (2018), lemma 2.

    Example:
        >>> import torch
        >>> expmap0(torch.tensor([1.0, 0.0]), 1.0)
        tensor([0.7616, 0.0000])
    """
    v, dtype = _single(v, c)
    x: Tensor = _Expmap0.apply(v, c)  # type: ignore[no-untyped-call]
    return x.to(dtype)


def logmap0(x: Tensor, c: float | Tensor = 1.0) -> Tensor:
    """Tangent vector at the origin that leads to `x`: the inverse of `expmap0`.

        log0(x) = artanh(u) / u * x,   u = sqrt(c) |x|

    Args:
        x: points (..., D) with sqrt(c) |x| < 1; past the rim alpha is clamped.
        c: curvature, float or 0-d tensor.

    Returns:
        Tangent vectors of the shape of `x`. The Jacobian at 0 is the identity.

    Raises:
        DomainError: points are not floating point, or `c` is not one positive number.

    Source: Ganea et al., Hyperbolic Neural Networks (2018), lemma 2.

    Example:
        >>> import torch
        >>> logmap0(torch.tensor([0.6, 0.0]), 1.0)
        tensor([0.6931, 0.0000])
    """
    x, dtype = _single(x, c)
    v: Tensor = _Logmap0.apply(x, c)  # type: ignore[no-untyped-call]
    return v.to(dtype)


def project(x: Tensor, c: float | Tensor = 1.0, *, rho: float) -> Tensor:
    """Nearest point with sqrt(c) |x| <= rho.

        x                  if |x| <= M = rho / sqrt(c)
        M x / |x|          otherwise

    The radial part of the gradient vanishes for points that were moved: they can slide along the sphere,
    not leave it. Bound a parametrisation (`expmap0`, `from_polar`) rather than its result where a gradient
    matters.

    Args:
        x: vectors (..., D), inside the ball or not.
        c: curvature, float or 0-d tensor.
        rho: largest sqrt(c) |x|, in (0, 1).

    Returns:
        Points of the shape of `x`.

    Raises:
        DomainError: `rho` is outside (0, 1), points are not floating point, or `c` is not one positive
            number.

    Example:
        >>> import torch
        >>> project(torch.tensor([3.0, 4.0]), 1.0, rho=0.5)
        tensor([0.3000, 0.4000])
    """
    check_rho(rho)
    x, dtype = _single(x, c)
    p: Tensor = _Project.apply(x, c, rho)  # type: ignore[no-untyped-call]
    return p.to(dtype)


def check_rho(rho: float) -> None:
    """Refuse a bound of `project` outside (0, 1).

    Raises:
        DomainError: so it is.
    """
    if not 0.0 < rho < 1.0:
        raise DomainError("rho is out of range", path="rho", expected="a number in (0, 1)", got=str(rho))


def _single(x: Tensor, c: float | Tensor) -> tuple[Tensor, torch.dtype]:
    check_curvature(c)
    if x.dim() == 0:
        raise DomainError("points need a last dimension", expected="shape (..., D)", got="a 0-d tensor")
    return x.to(working_dtype(x.dtype)), x.dtype


def _pair(x: Tensor, y: Tensor, c: float | Tensor) -> tuple[Tensor, Tensor, torch.dtype]:
    dtype = torch.promote_types(x.dtype, y.dtype)
    work = working_dtype(dtype)
    x, _ = _single(x.to(work), c)
    y, _ = _single(y.to(work), c)
    if x.shape[-1] != y.shape[-1]:
        raise DomainError(
            "points differ in dimension", expected="equal last sizes", got=f"{x.shape[-1]} and {y.shape[-1]}"
        )
    return x, y, dtype


def _scale(s_X: Tensor, x_XD: Tensor) -> Tensor:
    """Each row of x times its scalar, the scalar rounded to the precision of x."""
    return s_X.to(x_XD.dtype).unsqueeze(-1) * x_XD


def _along(s_X: Tensor, x_XD: Tensor, n_X: Tensor) -> Tensor:
    """s x / n for the norm n of x, 0 at n = 0: the factor stays finite where x or its squares vanish."""
    factor_X = n_X.reciprocal().clamp_max_(1e300).mul_(s_X).clamp_(-1e38, 1e38)
    return _scale(factor_X, x_XD)


def _column(s_X: Tensor, factor: float | Tensor, like: Tensor) -> Tensor:
    """factor * s as a column beside the rows of `like`, in its precision; `s_X` is overwritten."""
    return s_X.mul_(factor).to(like.dtype).unsqueeze(-1)


def _curvature_grad(sum_of: Tensor, c: float | Tensor) -> Tensor | None:
    return sum_of.sum().to(c) if isinstance(c, Tensor) else None


class _Distance(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, c: float | Tensor) -> Tensor:
        k = rounded(c, x)
        root = k**0.5
        delta_XD = x - y
        r_X = norm(delta_XD)
        nx_X, alpha_X = conformal(x, k)
        ny_X, beta_X = conformal(y, k)
        # In place where a value is done with: beyond the cache a new buffer costs more than its arithmetic.
        steep_X = (alpha_X * beta_X).rsqrt_()
        t_X = (r_X * steep_X).mul_(root)
        q_X = t_X.square()
        h_X = (q_X + 1.0).sqrt_()
        steep_X.div_(h_X)
        half_X = q_X.div_(h_X.add_(1.0)).add_(t_X).log1p_()
        ctx.save_for_backward(x, y, delta_XD, r_X, nx_X, alpha_X, ny_X, beta_X, steep_X, half_X)
        ctx.c, ctx.k = c, k
        return (half_X * (2.0 / root)).to(x.dtype)

    @staticmethod
    @once
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, y, delta_XD, r_X, nx_X, alpha_X, ny_X, beta_X, steep_X, half_X = ctx.saved_tensors
        k = ctx.k
        w_X = steep_X * g
        wr_X = w_X * r_X
        gx = gy = gc = None
        toward_XD = _along(w_X.mul_(2.0), delta_XD, r_X)
        if ctx.needs_input_grad[0]:
            gx = torch.addcmul(toward_XD, _column(wr_X / alpha_X, 2.0 * k, x), x).sum_to_size(x.shape)
        if ctx.needs_input_grad[1]:
            gy = toward_XD.neg_().addcmul_(_column(wr_X / beta_X, 2.0 * k, y), y).sum_to_size(y.shape)
        if ctx.needs_input_grad[2]:
            spread_X = nx_X.square().div_(alpha_X) + ny_X.square().div_(beta_X)
            gc = _curvature_grad(spread_X.mul_(wr_X).sub_(minus_tanh(half_X).mul_(g).mul_(k**-1.5)), ctx.c)
        return gx, gy, gc


class _Radius(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, c: float | Tensor) -> Tensor:
        k = rounded(c, x)
        root = k**0.5
        n_X, alpha_X = conformal(x, k)
        u_X = n_X * root
        full_X = (u_X + 1.0).mul_(u_X).mul_(2.0).div_(alpha_X).log1p_()
        ctx.save_for_backward(x, n_X, alpha_X, full_X)
        ctx.c, ctx.k = c, k
        return u_X.copy_(full_X).div_(root).to(x.dtype)

    @staticmethod
    @once
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, n_X, alpha_X, full_X = ctx.saved_tensors
        k = ctx.k
        gx = gc = None
        if ctx.needs_input_grad[0]:
            gx = _along((g / alpha_X).mul_(2.0), x, n_X)
        if ctx.needs_input_grad[1]:
            u_X = n_X * k**0.5
            w_X = u_X * u_X
            series_X = u_X * w_X * (2 / 3 + w_X * (4 / 5 + w_X * (6 / 7 + w_X * (8 / 9))))
            growth_X = torch.where(u_X < 1e-2, series_X, u_X / alpha_X - 0.5 * full_X)
            gc = _curvature_grad(growth_X.mul_(g).mul_(k**-1.5), ctx.c)
        return gx, gc


class _Expmap0(Function):
    @staticmethod
    def forward(ctx: Any, v: Tensor, c: float | Tensor) -> Tensor:
        k = rounded(c, v)
        w_X = k * norm(v).square()
        z_X = w_X.sqrt()
        f_X = torch.where(z_X == 0.0, 1.0, z_X.tanh() / z_X)
        ctx.save_for_backward(v, w_X, f_X)
        ctx.c, ctx.k = c, k
        return _scale(f_X, v)

    @staticmethod
    @once
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None]:
        v, w_X, f_X = ctx.saved_tensors
        k = ctx.k
        slope_X = tanh_slope(w_X, f_X)
        return _radial_backward(ctx, g, v, k, f_X, slope_X)


class _Logmap0(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, c: float | Tensor) -> Tensor:
        k = rounded(c, x)
        n_X, alpha_X = conformal(x, k)
        u_X = k**0.5 * n_X
        f_X = 0.5 * torch.log1p(2.0 * u_X * (1.0 + u_X) / alpha_X) / u_X
        f_X = torch.where(u_X == 0.0, 1.0, f_X)
        ctx.save_for_backward(x, u_X, alpha_X, f_X)
        ctx.c, ctx.k = c, k
        return _scale(f_X, x)

    @staticmethod
    @once
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, u_X, alpha_X, f_X = ctx.saved_tensors
        k = ctx.k
        w_X = u_X * u_X
        series_X = 1 / 3 + w_X * (2 / 5 + w_X * (3 / 7 + w_X * (4 / 9 + w_X * (5 / 11))))
        slope_X = torch.where(w_X < 1e-3, series_X, (alpha_X.reciprocal() - f_X) / (2.0 * w_X))
        return _radial_backward(ctx, g, x, k, f_X, slope_X)


class _Project(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, c: float | Tensor, rho: float) -> Tensor:
        k = rounded(c, x)
        n_X = norm(x)
        bound = rho / k**0.5
        shrink_X = torch.where(n_X > bound, bound / n_X, 1.0)
        ctx.save_for_backward(x, n_X, shrink_X)
        ctx.c, ctx.k = c, k
        return _scale(shrink_X, x)

    @staticmethod
    @once
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, n_X, shrink_X = ctx.saved_tensors
        k = ctx.k
        radial_X = torch.where(shrink_X < 1.0, shrink_X * dot(g, x), 0.0)
        gx = gc = None
        if ctx.needs_input_grad[0]:
            inverse_X = torch.where(shrink_X < 1.0, n_X.reciprocal().square(), 0.0)
            gx = (shrink_X.unsqueeze(-1) * g - (radial_X * inverse_X).unsqueeze(-1) * x).to(x.dtype)
        if ctx.needs_input_grad[1]:
            gc = _curvature_grad(radial_X / (-2.0 * k), ctx.c)
        return gx, gc, None


def _radial_backward(
    ctx: Any, g: Tensor, x: Tensor, k: float | Tensor, f_X: Tensor, slope_X: Tensor
) -> tuple[Tensor | None, Tensor | None]:
    """Backward of y = f(c |x|^2) x in x and c; `slope_X` is f'.

    The sum is formed in float64: for a radial g far out the two terms cancel to f + 2 w f', a millionth of f.
    """
    along_X = slope_X * dot(g, x)
    gx = gc = None
    if ctx.needs_input_grad[0]:
        gx = (f_X.unsqueeze(-1) * g + (2.0 * k * along_X).unsqueeze(-1) * x).to(x.dtype)
    if ctx.needs_input_grad[1]:
        gc = _curvature_grad(along_X * norm(x).square(), ctx.c)
    return gx, gc
