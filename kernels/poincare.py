"""Poincare radius on CUDA: one read of the points forward, one read and one write backward.

The reference twin is `tvae.geometry.poincare.radius`, the derivation is in README.md beside this file.
Arithmetic is float32; every product whose rounding matters is an explicit fma, so that no setting of the
compiler changes a digit.

Shapes: x is (N, D) with any strides, one row a lane of the BLOCK_N x BLOCK_D tile; D <= 128 fits one tile.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from tvae.autograd import once

_ALPHA_MIN = tl.constexpr(3.9999996e-07)  # (1 - rho)(1 + rho) at rho = 1 - 2e-7
_GRID = tl.constexpr(3.0)  # adding it rounds a float32 in [0, 1) to a multiple of 2^-22
_TINY = tl.constexpr(1e-18)  # below this, squares lose digits to underflow
_ORIGIN = tl.constexpr(1e-37)  # below this the reciprocal of a norm may overflow
_LIFT = tl.constexpr(1152921504606846976.0)  # 2^60
_TILE = 2048  # elements a program holds, 16 a thread
_ROWS = 256  # beyond that many rows a program, their scalars fill the registers


@triton.jit
def _log1p(u):
    """log(1 + u) for u >= 0 to 1.4 units of 2^-24, infinity and NaN passed on."""
    y = 1.0 + u
    e = (y.to(tl.int32, bitcast=True) - 0x3F400000) & -0x00800000
    m = (u.to(tl.int32, bitcast=True) - e).to(tl.float32, bitcast=True)
    m = tl.where(u == 0.0, 0.0, m)
    quarter = (0x40800000 - e).to(tl.float32, bitcast=True)
    m += tl.fma(quarter, tl.full(u.shape, 0.25, tl.float32), tl.full(u.shape, -1.0, tl.float32))
    p = tl.full(u.shape, -0.045074813067913055, tl.float32)
    p = tl.fma(p, m, tl.full(u.shape, 0.10463079810142517, tl.float32))
    p = tl.fma(p, m, tl.full(u.shape, -0.13161253929138184, tl.float32))
    p = tl.fma(p, m, tl.full(u.shape, 0.14478406310081482, tl.float32))
    p = tl.fma(p, m, tl.full(u.shape, -0.16647306084632874, tl.float32))
    p = tl.fma(p, m, tl.full(u.shape, 0.19990859925746918, tl.float32))
    p = tl.fma(p, m, tl.full(u.shape, -0.2500009536743164, tl.float32))
    p = tl.fma(p, m, tl.full(u.shape, 0.3333345055580139, tl.float32))
    square = m * m
    tail = tl.fma(square * m, p, square * -0.5)
    scale = e.to(tl.float32) * 1.1920928955078125e-07
    result = tl.fma(scale, tl.full(u.shape, 0.6931471805599453, tl.float32), m + tail)
    return tl.where(u < float("inf"), result, u)


@triton.jit
def _row_scalars(x, c):
    """Norm |x|, u = sqrt(c) |x| and the clamped alpha = 1 - c |x|^2 of each row of a tile."""
    # Scale by a power of two: k = c / power^2 in [1, 4), and |z| < 1 inside the ball.
    half = ((c.to(tl.int32, bitcast=True) >> 23) - 127) >> 1
    power = ((half + 127) << 23).to(tl.float32, bitcast=True)
    inverse = ((127 - half) << 23).to(tl.float32, bitcast=True)
    k = c * inverse * inverse
    z = x * power
    lead = tl.fma(z, z, tl.full(x.shape, _GRID, tl.float32)) - _GRID
    rest = tl.fma(z, z, -lead)
    lead_sum = tl.sum(lead, axis=1)
    rest_sum = tl.sum(rest, axis=1)
    minus_k = tl.zeros_like(lead_sum) - k
    alpha = tl.fma(minus_k, lead_sum, tl.full(lead_sum.shape, 1.0, tl.float32))
    alpha = tl.fma(minus_k, rest_sum, alpha)
    alpha = tl.where(alpha < _ALPHA_MIN, _ALPHA_MIN, alpha)  # a NaN passes; tl.maximum would drop it
    square = lead_sum + rest_sum
    lifted = z * _LIFT
    small = tl.sqrt_rn(tl.sum(lifted * lifted, axis=1)) * (1.0 / _LIFT)
    length = tl.where(square < _TINY, small, tl.sqrt_rn(square))
    return length * inverse, length * tl.sqrt_rn(k), alpha


@triton.jit
def _radius_fwd_kernel(
    x_ptr, c_ptr, d_ptr, n, dim, stride_n, stride_d, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr
):
    rows = tl.program_id(0).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)
    cols = tl.arange(0, BLOCK_D).to(tl.int64)
    mask = (rows[:, None] < n) & (cols[None, :] < dim)
    x = tl.load(x_ptr + rows[:, None] * stride_n + cols[None, :] * stride_d, mask=mask, other=0.0)
    c = tl.load(c_ptr)
    _, u, alpha = _row_scalars(x.to(tl.float32), c)
    d = tl.div_rn(_log1p(tl.div_rn(2.0 * u * (1.0 + u), alpha)), tl.zeros_like(u) + tl.sqrt_rn(c))
    tl.store(d_ptr + rows, d.to(d_ptr.dtype.element_ty), mask=rows < n)


@triton.jit
def _radius_bwd_kernel(
    g_ptr,
    x_ptr,
    c_ptr,
    gx_ptr,
    gc_ptr,
    n,
    dim,
    stride_g,
    stride_n,
    stride_d,
    BLOCK_N: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    rows = tl.program_id(0).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)
    cols = tl.arange(0, BLOCK_D).to(tl.int64)
    mask = (rows[:, None] < n) & (cols[None, :] < dim)
    x = tl.load(x_ptr + rows[:, None] * stride_n + cols[None, :] * stride_d, mask=mask, other=0.0)
    x = x.to(tl.float32)
    g = tl.load(g_ptr + rows * stride_g, mask=rows < n, other=0.0).to(tl.float32)
    c = tl.load(c_ptr)
    length, u, alpha = _row_scalars(x, c)
    # 0 / 0 at the origin is the subgradient 0; a length that is NaN stays one.
    at_zero = length < _ORIGIN
    inverse = tl.where(at_zero, 0.0, tl.div_rn(tl.full(u.shape, 1.0, tl.float32), length))
    weight = tl.div_rn(2.0 * g, alpha)
    gx = weight[:, None] * (x * inverse[:, None])
    tl.store(gx_ptr + rows[:, None] * dim + cols[None, :], gx.to(gx_ptr.dtype.element_ty), mask=mask)

    w = u * u
    series = 2.0 / 3.0 + w * (
        4.0 / 5.0 + w * (6.0 / 7.0 + w * (8.0 / 9.0 + w * (10.0 / 11.0 + w * (12.0 / 13.0))))
    )
    full = _log1p(tl.div_rn(2.0 * u * (1.0 + u), alpha))
    growth = tl.where(w < 0.04, u * w * series, tl.div_rn(u, alpha) - 0.5 * full)
    tl.store(gc_ptr + tl.program_id(0), tl.sum(g * growth, axis=0))


# Whether the kernels run in Triton's interpreter (TRITON_INTERPRET=1 at import), which takes CPU tensors.
INTERPRETED = not isinstance(_radius_fwd_kernel, triton.JITFunction)


def radius_fwd(x: Tensor, c: Tensor) -> Tensor:
    """Radii of the rows of `x` (N, D), D <= 128; `c` is a float32 0-d tensor on the same device."""
    n, dim = x.shape
    d = torch.empty(n, dtype=x.dtype, device=x.device)
    grid, block_n, block_d = _tiling(n, dim)
    if n:
        _radius_fwd_kernel[grid](x, c, d, n, dim, *x.stride(), BLOCK_N=block_n, BLOCK_D=block_d)
    return d


def radius_bwd(g: Tensor, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of `radius_fwd` in x (N, D) and in c (0-d, float64) for upstream `g` (N,)."""
    n, dim = x.shape
    grid, block_n, block_d = _tiling(n, dim)
    gx = torch.empty((n, dim), dtype=x.dtype, device=x.device)
    partial = torch.empty(grid[0] if n else 0, dtype=torch.float32, device=x.device)
    if n:
        _radius_bwd_kernel[grid](
            g, x, c, gx, partial, n, dim, g.stride(0), *x.stride(), BLOCK_N=block_n, BLOCK_D=block_d
        )
    return gx, partial.sum(dtype=torch.float64) / c.double() ** 1.5


def _tiling(n: int, dim: int) -> tuple[tuple[int], int, int]:
    block_d = max(2, triton.next_power_of_2(dim))
    block_n = min(_ROWS, _TILE // block_d)
    return (triton.cdiv(n, block_n),), block_n, block_d


class Radius(torch.autograd.Function):
    """`radius_fwd` with its exact backward in the points and in the curvature."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, c: Tensor) -> Tensor:
        k = c.detach().to(device=x.device, dtype=torch.float32)
        ctx.save_for_backward(x, k)
        ctx.c = c
        return radius_fwd(x, k)

    @staticmethod
    @once
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor]:
        gx, gc = radius_bwd(g, *ctx.saved_tensors)
        return gx, gc.to(ctx.c)
