"""The conformal factor alpha = 1 - c |x|^2, where every digit of the ball is won or lost.

Near the rim alpha is a small difference of numbers close to 1: evaluated in the points' own precision it
keeps no digit at |x| = 1 - 1e-6 in float32. Row scalars are therefore float64 here, and float64 points are
split so that the leading part of |x|^2 is exact. Full-size tensors stay in the points' precision.

Shapes: x_XD is (..., D) points, a name ending in _X is (...), one scalar a row.
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

from tvae.errors import DomainError

# The largest sqrt(c) |x| that counts as inside: three or so spacings below 1 in the points' precision.
RIM = {torch.float32: 1.0 - 2e-7, torch.float64: 1.0 - 4e-16}
_ALPHA_MIN = {dtype: (1.0 - rho) * (1.0 + rho) for dtype, rho in RIM.items()}


def working_dtype(dtype: torch.dtype) -> torch.dtype:
    """The precision in which points of `dtype` are computed: float32 for the half precisions.

    Raises:
        DomainError: `dtype` is not one of float16, bfloat16, float32, float64.
    """
    if dtype in (torch.float16, torch.bfloat16):
        return torch.float32
    if dtype not in RIM:
        raise DomainError(
            "points must be floating point",
            expected="float16, bfloat16, float32 or float64",
            got=str(dtype).removeprefix("torch."),
            hint="call .float() on the tensor",
        )
    return dtype


def check_curvature(c: float | Tensor) -> None:
    """Refuse a curvature that no ball can have.

    The value of a tensor is not read (it would stall a GPU and break a compiled graph): c <= 0 in a tensor
    gives NaN results.

    Raises:
        DomainError: a number that is not positive and finite, or a tensor that is not 0-d.
    """
    if isinstance(c, Tensor):
        if c.dim() != 0:
            raise DomainError(
                "curvature must be one number",
                path="c",
                expected="a float or 0-d tensor",
                got=f"shape {tuple(c.shape)}",
            )
    elif not 0.0 < c < math.inf:
        raise DomainError(
            "curvature is out of range", path="c", expected="a positive finite number", got=str(c)
        )


def rounded(c: float | Tensor, like: Tensor) -> float | Tensor:
    """The curvature rounded to the precision of `like`: a number for a number, else a float64 0-d tensor.

    Rounding first makes the ball of a stored point the ball of its gradient: a float32 point exactly on the
    rim for c = 0.1 in float64 would otherwise lie outside for the float32 c. Numbers stay numbers, which
    spares a dispatch for every use; a compiled graph holds them as tensors, its floats may be symbolic.
    """
    if isinstance(c, Tensor):
        return c.detach().to(like.dtype).double()
    if torch.compiler.is_compiling():
        return torch.full((), c, dtype=like.dtype, device=like.device).double()
    return c if like.dtype == torch.float64 else _rounded_to_float32(c)


@cache
def _rounded_to_float32(c: float) -> float:
    mantissa, exponent = math.frexp(c)
    return math.ldexp(round(math.ldexp(mantissa, 24)), exponent - 24)


def norm(x_XD: Tensor) -> Tensor:
    """Euclidean norm of each row, accumulated and returned in float64, shape (...)."""
    n_X: Tensor = torch.linalg.vector_norm(x_XD, dim=-1, dtype=torch.float64)
    return n_X


def dot(a_XD: Tensor, b_XD: Tensor) -> Tensor:
    """Inner product of each row with products and sum in float64, shape (...)."""
    return (a_XD.double() * b_XD).sum(-1)


def conformal(x_XD: Tensor, c: float | Tensor) -> tuple[Tensor, Tensor]:
    """Row norms |x| and alpha = max(1 - c |x|^2, 1 - rho^2), both float64 of shape (...).

    Args:
        x_XD: float32 or float64 points.
        c: curvature as `rounded` returns it.

    alpha is exact to a few units of float64 for the stored point: float32 squares are exact in float64,
    float64 points take the two-part form of `_alpha_split`. The clamp keeps value and gradient finite on
    and past the rim.
    """
    n_X = norm(x_XD)
    if x_XD.dtype == torch.float32:
        alpha_X = n_X.square().mul_(-c).add_(1.0)
    else:
        alpha_X = _alpha_split(x_XD, torch.as_tensor(c, dtype=x_XD.dtype, device=x_XD.device))
    return n_X, alpha_X.clamp_min_(_ALPHA_MIN[x_XD.dtype])


def clamped_rows(x: Tensor, c: float | Tensor) -> Tensor:
    """Number of points at or past the rim, whose alpha is clamped: worth a line in a training log.

    Args:
        x: points (..., D).
        c: curvature, float or 0-d tensor.

    Returns:
        0-d int64 tensor on the device of `x` (no host synchronisation).

    Raises:
        DomainError: `x` is not floating point, or `c` is not one positive number.

    Example:
        >>> import torch
        >>> int(clamped_rows(torch.tensor([[0.5, 0.0], [1.0, 0.0], [0.0, 3.0]]), 1.0))
        2
    """
    check_curvature(c)
    points = x.detach().to(working_dtype(x.dtype))
    _, alpha_X = conformal(points, rounded(c, points))
    return (alpha_X <= _ALPHA_MIN[points.dtype]).sum()


# Adding and subtracting this keeps a float64 below 2^26 in magnitude to a multiple of 2^-25.
_SPLIT = 1.5 * 2.0**27


def _alpha_split(x_XD: Tensor, c: Tensor) -> Tensor:
    """1 - c |x|^2 for float64 points with the leading parts exact.

    Points are scaled by a power of two so that c lies in [1, 4) and |x| < 1 inside the ball. With
    x = h + l, h a multiple of 2^-25, every h^2 is a multiple of 2^-50 and their sum has no rounding error;
    the rest is smaller by 2^-25. c and the sum are split in the same way (after Rump, Ogita and Oishi,
    Accurate floating-point summation I, 2008: extraction by a fixed power of two).
    """
    power = torch.exp2(torch.floor(torch.log2(c) / 2.0))
    z_XD = x_XD * power
    k = c / (power * power)
    high_XD = (z_XD + _SPLIT) - _SPLIT
    low_XD = z_XD - high_XD
    sum_high_X = (high_XD * high_XD).sum(-1)
    sum_low_X = ((high_XD + z_XD) * low_XD).sum(-1)
    lead_X = (sum_high_X + _SPLIT) - _SPLIT
    k_high = (k + _SPLIT) - _SPLIT
    exact_X = 1.0 - k_high * lead_X
    return exact_X - (k_high * (sum_high_X - lead_X) + (k - k_high) * sum_high_X + k * sum_low_X)
