"""Row scalars of the kernels: norms, inner products in two parts, and the conformal factor.

Everything here takes a tile (rows, BLOCK_D) of float32 or float64 and returns one number a row. The
derivations are in README.md.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from tvae.kernels.scalar import _div, _fma, _sqrt

_TILE = 2048  # elements a program holds, 16 a thread
_ROWS = 256  # beyond that many rows a program, their scalars fill the registers


@triton.jit
def _curvature_scale(c):
    """A power of two p and k = c / p^2 in [1, 4); returns p, 1 / p and k."""
    if c.dtype == tl.float64:
        half = ((c.to(tl.int64, bitcast=True) >> 52) - 1023) >> 1
        power = ((half + 1023) << 52).to(tl.float64, bitcast=True)
        inverse = ((1023 - half) << 52).to(tl.float64, bitcast=True)
    else:
        half = ((c.to(tl.int32, bitcast=True) >> 23) - 127) >> 1
        power = ((half + 127) << 23).to(tl.float32, bitcast=True)
        inverse = ((127 - half) << 23).to(tl.float32, bitcast=True)
    return power, inverse, c * inverse * inverse


@triton.jit
def _row_scale(x):
    """For each row a power of two p with the largest |x| / p in [1, 2); returns p and 1 / p."""
    top = tl.max(tl.abs(x), axis=1)
    if x.dtype == tl.float64:
        field = tl.minimum(tl.maximum(top.to(tl.int64, bitcast=True) >> 52, 1), 2045)
        power = (field << 52).to(tl.float64, bitcast=True)
        inverse = ((2046 - field) << 52).to(tl.float64, bitcast=True)
    else:
        field = tl.minimum(tl.maximum(top.to(tl.int32, bitcast=True) >> 23, 1), 253)
        power = (field << 23).to(tl.float32, bitcast=True)
        inverse = ((254 - field) << 23).to(tl.float32, bitcast=True)
    return power, inverse


@triton.jit
def _norm(x):
    """Norm of each row, whatever its size, and the unit vectors, 0 for the row 0."""
    power, inverse = _row_scale(x)
    scaled = x * inverse[:, None]
    length = _sqrt(tl.sum(scaled * scaled, axis=1))
    at_zero = length == 0.0
    shrink = tl.where(at_zero, 0.0, _div(tl.full(length.shape, 1.0, x.dtype), tl.where(at_zero, 1.0, length)))
    return length * power, scaled * shrink[:, None]


@triton.jit
def _dot(a, b):
    """Inner product of each row in two parts, to some 2^-40 of its largest product (2^-95 in float64).

    Products are split at a power of two so large that the leading parts add without rounding.
    """
    top = tl.max(tl.abs(a * b), axis=1)
    bits: tl.constexpr = 2 if a.shape[1] <= 2 else 5 if a.shape[1] <= 16 else 8
    if a.dtype == tl.float64:
        field = (top.to(tl.int64, bitcast=True) >> 52) + 1 + bits
        grid = (tl.minimum(field, 2046) << 52).to(tl.float64, bitcast=True)
    else:
        field = (top.to(tl.int32, bitcast=True) >> 23) + 1 + bits
        grid = (tl.minimum(field, 254) << 23).to(tl.float32, bitcast=True)
    grid = tl.broadcast_to(grid[:, None], a.shape)
    lead = _fma(a, b, grid) - grid
    rest = _fma(a, b, -lead)
    lead_sum = tl.sum(lead, axis=1)
    rest_sum = tl.sum(rest, axis=1)
    total = lead_sum + rest_sum
    return total, rest_sum - (total - lead_sum)


@triton.jit
def _long_norm(x, c):
    """Norm of each row, and sqrt(c) times it as a sum of two numbers, right to twice the digits of one."""
    power, inverse = _row_scale(x)
    scaled = x * inverse[:, None]
    high, low = _dot(scaled, scaled)
    k = tl.zeros_like(high) + c
    w = k * high
    w_low = _fma(k, high, -w) + k * low
    z = _sqrt(w)
    z_low = _div(_fma(-z, z, w) + w_low, tl.where(z == 0.0, 1.0, 2.0 * z))
    return _sqrt(high) * power, z * power, z_low * power


@triton.jit
def _conformal(x, c):
    """Norm |x|, u = sqrt(c) |x| and alpha = 1 - c |x|^2, not below its value at the rim."""
    # Scaled by a power of two, |z| < 1 inside the ball: 3 + z^2 rounds z^2 to a fixed grid.
    power, inverse, k = _curvature_scale(c)
    z = x * power
    lead = _fma(z, z, tl.full(x.shape, 3.0, x.dtype)) - 3.0
    rest = _fma(z, z, -lead)
    lead_sum = tl.sum(lead, axis=1)
    rest_sum = tl.sum(rest, axis=1)
    minus_k = tl.zeros_like(lead_sum) - k
    alpha = _fma(minus_k, lead_sum, tl.full(lead_sum.shape, 1.0, x.dtype))
    alpha = _fma(minus_k, rest_sum, alpha)
    square = lead_sum + rest_sum
    if x.dtype == tl.float64:
        lifted = z * 2.5822498780869086e120  # 2^400
        small = tl.sqrt(tl.sum(lifted * lifted, axis=1)) * 3.8725919148493183e-121
        alpha = tl.where(alpha < 8.88178419700125e-16, 8.88178419700125e-16, alpha)
        length = tl.where(square < 1e-290, small, tl.sqrt(square))
        root = length * tl.sqrt(k)
    else:
        lifted = z * 1152921504606846976.0  # 2^60
        small = tl.sqrt_rn(tl.sum(lifted * lifted, axis=1)) * 8.673617379884035e-19
        # (1 - rho)(1 + rho) at rho = 1 - 2e-7; a NaN passes, where tl.maximum would drop it
        alpha = tl.where(alpha < 3.9999996e-07, 3.9999996e-07, alpha)
        length = tl.where(square < 1e-18, small, tl.sqrt_rn(square))
        root = length * tl.sqrt_rn(k)
    return length * inverse, root, alpha


@triton.jit
def _tile(x_ptr, rows, cols, mask, stride_n, stride_d, WIDE: tl.constexpr):
    """A tile of points in the precision of the arithmetic."""
    x = tl.load(x_ptr + rows[:, None] * stride_n + cols[None, :] * stride_d, mask=mask, other=0.0)
    result = x if WIDE else x.to(tl.float32)
    return result


def working_dtype(dtype: torch.dtype) -> torch.dtype:
    """The precision of the arithmetic for points of `dtype`: float32, or float64 for float64."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def tiling(n: int, dim: int, dtype: torch.dtype = torch.float32) -> tuple[tuple[int], int, int]:
    """Grid, rows and columns of a tile for (n, dim) points."""
    block_d = max(2, triton.next_power_of_2(dim))
    block_n = min(_ROWS, _TILE // block_d) // (4 if dtype == torch.float64 else 1)
    return (triton.cdiv(n, block_n),), block_n, block_d
