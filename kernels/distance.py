"""Poincare distance of paired points on CUDA: one read of both forward, one read and one write backward.

The reference twin is `tvae.geometry.poincare.distance`, the derivation is in README.md beside this file.
Nothing but the points is kept for the backward, which recomputes the scalars of a row from them.

Shapes: x and y are (N, D) with any strides; D <= 128 fits one tile.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from tvae.autograd import once
from tvae.kernels.conformal import _conformal, _norm, _tile, tiling, working_dtype
from tvae.kernels.scalar import _div, _log1p, _minus_tanh, _sqrt


@triton.jit
def _row(r, alpha, beta, c):
    """1 / sqrt(alpha beta), t, sqrt(1 + t^2) and asinh(t) of a pair at separation r."""
    steep = _div(tl.full(r.shape, 1.0, r.dtype), _sqrt(alpha * beta))
    t = r * _sqrt(c) * steep
    q = t * t
    h = _sqrt(1.0 + q)
    return steep, t, h, _log1p(t + _div(q, 1.0 + h))


@triton.jit
def _distance_fwd_kernel(
    x_ptr,
    y_ptr,
    c_ptr,
    d_ptr,
    n,
    dim,
    stride_xn,
    stride_xd,
    stride_yn,
    stride_yd,
    BLOCK_N: tl.constexpr,
    BLOCK_D: tl.constexpr,
    WIDE: tl.constexpr,
):
    rows = tl.program_id(0).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)
    cols = tl.arange(0, BLOCK_D).to(tl.int64)
    mask = (rows[:, None] < n) & (cols[None, :] < dim)
    x = _tile(x_ptr, rows, cols, mask, stride_xn, stride_xd, WIDE)
    y = _tile(y_ptr, rows, cols, mask, stride_yn, stride_yd, WIDE)
    c = tl.load(c_ptr)
    _, _, alpha = _conformal(x, c)
    _, _, beta = _conformal(y, c)
    r, _ = _norm(x - y)
    _, _, _, half = _row(r, alpha, beta, c)
    d = _div(2.0 * half, tl.zeros_like(half) + _sqrt(c))
    tl.store(d_ptr + rows, d.to(d_ptr.dtype.element_ty), mask=rows < n)


@triton.jit
def _distance_bwd_kernel(
    g_ptr,
    x_ptr,
    y_ptr,
    c_ptr,
    gx_ptr,
    gy_ptr,
    gc_ptr,
    n,
    dim,
    stride_g,
    stride_xn,
    stride_xd,
    stride_yn,
    stride_yd,
    BLOCK_N: tl.constexpr,
    BLOCK_D: tl.constexpr,
    WIDE: tl.constexpr,
    WANT_X: tl.constexpr,
    WANT_Y: tl.constexpr,
):
    rows = tl.program_id(0).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)
    cols = tl.arange(0, BLOCK_D).to(tl.int64)
    mask = (rows[:, None] < n) & (cols[None, :] < dim)
    x = _tile(x_ptr, rows, cols, mask, stride_xn, stride_xd, WIDE)
    y = _tile(y_ptr, rows, cols, mask, stride_yn, stride_yd, WIDE)
    g = tl.load(g_ptr + rows * stride_g, mask=rows < n, other=0.0).to(x.dtype)
    c = tl.load(c_ptr)
    nx, _, alpha = _conformal(x, c)
    ny, _, beta = _conformal(y, c)
    r, unit = _norm(x - y)
    steep, t, h, half = _row(r, alpha, beta, c)
    # d(d)/d(r) = w / g; the rest is the change of alpha and of beta.
    w = _div(2.0 * g * steep, h)
    wr = w * r
    at = rows[:, None] * dim + cols[None, :]
    toward = w[:, None] * unit
    if WANT_X:
        gx = toward + _div(c * wr, alpha)[:, None] * x
        tl.store(gx_ptr + at, gx.to(gx_ptr.dtype.element_ty), mask=mask)
    if WANT_Y:
        gy = _div(c * wr, beta)[:, None] * y - toward
        tl.store(gy_ptr + at, gy.to(gy_ptr.dtype.element_ty), mask=mask)
    spread = _div(nx * nx, alpha) + _div(ny * ny, beta)
    root = tl.zeros_like(c) + _sqrt(c)
    growth = 0.5 * wr * spread - g * _minus_tanh(half, _div(t, h)) * (1.0 / (c * root))
    tl.store(gc_ptr + tl.program_id(0), tl.sum(growth.to(tl.float64), axis=0))


def distance_fwd(x: Tensor, y: Tensor, c: Tensor) -> Tensor:
    """Distances of the rows of `x` from those of `y`, both (N, D) of one precision, D <= 128.

    `c` is 0-d on the device of `x`, in its `working_dtype`.
    """
    n, dim = x.shape
    d = torch.empty(n, dtype=x.dtype, device=x.device)
    grid, block_n, block_d = tiling(n, dim, x.dtype)
    wide = x.dtype == torch.float64
    if n:
        _distance_fwd_kernel[grid](
            x, y, c, d, n, dim, *x.stride(), *y.stride(), BLOCK_N=block_n, BLOCK_D=block_d, WIDE=wide
        )
    return d


def distance_bwd(
    g: Tensor, x: Tensor, y: Tensor, c: Tensor, *, want_x: bool = True, want_y: bool = True
) -> tuple[Tensor | None, Tensor | None, Tensor]:
    """Gradients of `distance_fwd` in x and y (N, D), where wanted, and in c (0-d, float64)."""
    n, dim = x.shape
    grid, block_n, block_d = tiling(n, dim, x.dtype)
    gx = torch.empty((n, dim), dtype=x.dtype, device=x.device) if want_x else None
    gy = torch.empty((n, dim), dtype=x.dtype, device=x.device) if want_y else None
    partial = torch.empty(grid[0] if n else 0, dtype=torch.float64, device=x.device)
    if n:
        # What is not wanted is not written: any pointer will do.
        _distance_bwd_kernel[grid](
            g,
            x,
            y,
            c,
            x if gx is None else gx,
            y if gy is None else gy,
            partial,
            n,
            dim,
            g.stride(0),
            *x.stride(),
            *y.stride(),
            BLOCK_N=block_n,
            BLOCK_D=block_d,
            WIDE=x.dtype == torch.float64,
            WANT_X=want_x,
            WANT_Y=want_y,
        )
    return gx, gy, partial.sum()


class Distance(torch.autograd.Function):
    """`distance_fwd` with its exact backward in both points and in the curvature."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, c: Tensor) -> Tensor:
        k = c.detach().to(device=x.device, dtype=working_dtype(x.dtype))
        ctx.save_for_backward(x, y, k)
        ctx.c = c
        return distance_fwd(x, y, k)

    @staticmethod
    @once
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor]:
        want_x, want_y, _ = ctx.needs_input_grad
        gx, gy, gc = distance_bwd(g, *ctx.saved_tensors, want_x=want_x, want_y=want_y)
        return gx, gy, gc.to(ctx.c)
