"""Poincare radius on CUDA: one read of the points forward, one read and one write backward.

The reference twin is `tvae.geometry.poincare.radius`, the derivation is in README.md beside this file.
Arithmetic is float32, or float64 for float64 points; every product whose rounding matters is an explicit
fma, so that no setting of the compiler changes a digit.

Shapes: x is (N, D) with any strides, one row a lane of the BLOCK_N x BLOCK_D tile; D <= 128 fits one tile.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from tvae.autograd import once
from tvae.kernels.conformal import _conformal, _tile, tiling, working_dtype
from tvae.kernels.scalar import _div, _log1p, _sinh_excess, _sqrt

_ORIGIN = tl.constexpr(1e-37)  # below this the reciprocal of a norm may overflow


@triton.jit
def _radius_fwd_kernel(
    x_ptr,
    c_ptr,
    d_ptr,
    n,
    dim,
    stride_n,
    stride_d,
    BLOCK_N: tl.constexpr,
    BLOCK_D: tl.constexpr,
    WIDE: tl.constexpr,
):
    rows = tl.program_id(0).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)
    cols = tl.arange(0, BLOCK_D).to(tl.int64)
    mask = (rows[:, None] < n) & (cols[None, :] < dim)
    x = _tile(x_ptr, rows, cols, mask, stride_n, stride_d, WIDE)
    c = tl.load(c_ptr)
    _, u, alpha = _conformal(x, c)
    d = _div(_log1p(_div(2.0 * u * (1.0 + u), alpha)), tl.zeros_like(u) + _sqrt(c))
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
    WIDE: tl.constexpr,
):
    rows = tl.program_id(0).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)
    cols = tl.arange(0, BLOCK_D).to(tl.int64)
    mask = (rows[:, None] < n) & (cols[None, :] < dim)
    x = _tile(x_ptr, rows, cols, mask, stride_n, stride_d, WIDE)
    g = tl.load(g_ptr + rows * stride_g, mask=rows < n, other=0.0).to(x.dtype)
    c = tl.load(c_ptr)
    length, u, alpha = _conformal(x, c)
    # 0 / 0 at the origin is the subgradient 0; a length that is NaN stays one.
    at_zero = length < _ORIGIN
    one = tl.full(u.shape, 1.0, x.dtype)
    inverse = tl.where(at_zero, 0.0, _div(one, tl.where(at_zero, one, length)))
    weight = _div(2.0 * g, alpha)
    gx = weight[:, None] * (x * inverse[:, None])
    tl.store(gx_ptr + rows[:, None] * dim + cols[None, :], gx.to(gx_ptr.dtype.element_ty), mask=mask)

    # u / alpha - artanh(u), without the difference while y = 2 artanh(u) is small.
    y = _log1p(_div(2.0 * u * (1.0 + u), alpha))
    w = y * y
    growth = tl.where(w < (1.0 if WIDE else 9.0), 0.5 * y * _sinh_excess(w), _div(u, alpha) - 0.5 * y)
    tl.store(gc_ptr + tl.program_id(0), tl.sum((g * growth).to(tl.float64), axis=0))


def radius_fwd(x: Tensor, c: Tensor) -> Tensor:
    """Radii of the rows of `x` (N, D), D <= 128.

    `c` is 0-d on the device of `x`, in its `working_dtype`.
    """
    n, dim = x.shape
    d = torch.empty(n, dtype=x.dtype, device=x.device)
    grid, block_n, block_d = tiling(n, dim, x.dtype)
    wide = x.dtype == torch.float64
    if n:
        _radius_fwd_kernel[grid](x, c, d, n, dim, *x.stride(), BLOCK_N=block_n, BLOCK_D=block_d, WIDE=wide)
    return d


def radius_bwd(g: Tensor, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of `radius_fwd` in x (N, D) and in c (0-d, float64) for upstream `g` (N,)."""
    n, dim = x.shape
    grid, block_n, block_d = tiling(n, dim, x.dtype)
    gx = torch.empty((n, dim), dtype=x.dtype, device=x.device)
    partial = torch.empty(grid[0] if n else 0, dtype=torch.float64, device=x.device)
    wide = x.dtype == torch.float64
    if n:
        _radius_bwd_kernel[grid](
            g,
            x,
            c,
            gx,
            partial,
            n,
            dim,
            g.stride(0),
            *x.stride(),
            BLOCK_N=block_n,
            BLOCK_D=block_d,
            WIDE=wide,
        )
    return gx, partial.sum() / c.double() ** 1.5


class Radius(torch.autograd.Function):
    """`radius_fwd` with its exact backward in the points and in the curvature."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, c: Tensor) -> Tensor:
        k = c.detach().to(device=x.device, dtype=working_dtype(x.dtype))
        ctx.save_for_backward(x, k)
        ctx.c = c
        return radius_fwd(x, k)

    @staticmethod
    @once
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor]:
        gx, gc = radius_bwd(g, *ctx.saved_tensors)
        return gx, gc.to(ctx.c)
