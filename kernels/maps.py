"""Exponential and logarithmic map at the origin and the projection on CUDA: maps along the radius.

Each scales a row, y = f x, and its backward splits the upstream gradient into a part along x and a part
across it: gx = f across + s along, where s is the derivative of |y| in |x|. So the factors are plain products
and nothing cancels however far out the row lies, as long as the parts are right:
<g, x> is a sum in two parts. Reference twins are in `tvae.geometry.poincare`, derivations in README.md.

Shapes: x is (N, D) with any strides; D <= 128 fits one tile.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from tvae.autograd import once
from tvae.kernels.conformal import (
    _conformal,
    _dot,
    _long_norm,
    _norm,
    _row_scale,
    _tile,
    tiling,
    working_dtype,
)
from tvae.kernels.scalar import _div, _fma, _log1p, _sinh_excess, _sqrt, _tanh_ratio

EXPMAP, LOGMAP, PROJECT = 0, 1, 2
_EXPMAP, _LOGMAP, _PROJECT = tl.constexpr(EXPMAP), tl.constexpr(LOGMAP), tl.constexpr(PROJECT)


@triton.jit
def _factors(x, c, RHO: tl.constexpr, MAP: tl.constexpr):
    """Norm of each row, the factor f of the map, and the derivative s of |y| in |x|."""
    if MAP == _EXPMAP:
        length, z, z_low = _long_norm(x, c)
        f, s = _tanh_ratio(z, z_low)
    elif MAP == _LOGMAP:
        length, u, alpha = _conformal(x, c)
        near = u < 1e-30
        y = 0.5 * _log1p(_div(2.0 * u * (1.0 + u), alpha))
        f = tl.where(near, 1.0, _div(y, tl.where(near, 1.0, u)))
        s = _div(tl.full(f.shape, 1.0, x.dtype), alpha)
    else:
        length, _ = _norm(x)
        bound = _div(tl.full(length.shape, RHO, x.dtype), tl.zeros_like(length) + _sqrt(c))
        outside = length > bound
        f = tl.where(outside, _div(bound, tl.where(outside, length, 1.0)), 1.0)
        s = tl.where(outside, 0.0, 1.0)
    return length, f, s


@triton.jit
def _split(g, x, MAP: tl.constexpr):
    """The parts of g along and across each row of x, and <g, x>."""
    power, inverse = _row_scale(x)
    z = x * inverse[:, None]
    inner, _ = _dot(g, z)
    square = tl.sum(z * z, axis=1)
    at_zero = square == 0.0
    safe = tl.where(at_zero, 1.0, square)
    lead = tl.where(at_zero, 0.0, _div(inner, safe))
    across = _fma(-tl.broadcast_to(lead[:, None], x.shape), z, g)
    if MAP != _LOGMAP:
        # s <= f: what the rounded coefficient has left along x must not be scaled by f. For the logarithm
        # s >= f, and a rounding error of `across` must not be scaled by s.
        rest = tl.where(at_zero, 0.0, _div(tl.sum(across * z, axis=1), safe))
        across = _fma(-tl.broadcast_to(rest[:, None], x.shape), z, across)
        lead += rest
    return lead[:, None] * z, across, inner * power


@triton.jit
def _map_fwd_kernel(
    x_ptr,
    c_ptr,
    y_ptr,
    n,
    dim,
    stride_n,
    stride_d,
    BLOCK_N: tl.constexpr,
    BLOCK_D: tl.constexpr,
    WIDE: tl.constexpr,
    RHO: tl.constexpr,
    MAP: tl.constexpr,
):
    rows = tl.program_id(0).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)
    cols = tl.arange(0, BLOCK_D).to(tl.int64)
    mask = (rows[:, None] < n) & (cols[None, :] < dim)
    x = _tile(x_ptr, rows, cols, mask, stride_n, stride_d, WIDE)
    _, f, _ = _factors(x, tl.load(c_ptr), RHO, MAP)
    y = f[:, None] * x
    tl.store(y_ptr + rows[:, None] * dim + cols[None, :], y.to(y_ptr.dtype.element_ty), mask=mask)


@triton.jit
def _map_bwd_kernel(
    g_ptr,
    x_ptr,
    c_ptr,
    gx_ptr,
    gc_ptr,
    n,
    dim,
    stride_gn,
    stride_gd,
    stride_n,
    stride_d,
    BLOCK_N: tl.constexpr,
    BLOCK_D: tl.constexpr,
    WIDE: tl.constexpr,
    RHO: tl.constexpr,
    MAP: tl.constexpr,
):
    rows = tl.program_id(0).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)
    cols = tl.arange(0, BLOCK_D).to(tl.int64)
    mask = (rows[:, None] < n) & (cols[None, :] < dim)
    x = _tile(x_ptr, rows, cols, mask, stride_n, stride_d, WIDE)
    g = _tile(g_ptr, rows, cols, mask, stride_gn, stride_gd, WIDE)
    c = tl.load(c_ptr)
    length, f, s = _factors(x, c, RHO, MAP)
    along, across, inner = _split(g, x, MAP)
    # |y| = f |x| depends on c through c |x|^2, but for the bound of the projection.
    if MAP == _PROJECT:
        growth = tl.where(s == 0.0, _div(f, tl.zeros_like(f) - 2.0 * c), 0.0)
    else:
        # s - f without the difference, while y = 2 artanh(tanh z) is small; then nothing cancels.
        z = length * _sqrt(c) if MAP == _EXPMAP else f * length * _sqrt(c)
        w = 4.0 * z * z
        few = -s if MAP == _EXPMAP else f
        change = tl.where(w < (1.0 if WIDE else 9.0), few * _sinh_excess(w), s - f)
        growth = _div(change, tl.zeros_like(f) + 2.0 * c)
    # Terms of either sign: their sum keeps fewer digits than they have.
    tl.store(gc_ptr + tl.program_id(0), tl.sum(growth.to(tl.float64) * inner.to(tl.float64), axis=0))

    # At the origin the Jacobian is the identity: all of g lies across, and f = s = 1.
    gx = f[:, None] * across + s[:, None] * along
    if MAP == _PROJECT:
        gx = tl.where((s == 0.0)[:, None], gx, g)
    tl.store(gx_ptr + rows[:, None] * dim + cols[None, :], gx.to(gx_ptr.dtype.element_ty), mask=mask)


def map_fwd(x: Tensor, c: Tensor, *, kind: int, rho: float = 0.5) -> Tensor:
    """The rows of `x` (N, D), D <= 128, under EXPMAP, LOGMAP or PROJECT (which alone reads `rho`).

    `c` is 0-d on the device of `x`, in its `working_dtype`.
    """
    n, dim = x.shape
    y = torch.empty((n, dim), dtype=x.dtype, device=x.device)
    grid, block_n, block_d = tiling(n, dim, x.dtype)
    wide = x.dtype == torch.float64
    if n:
        _map_fwd_kernel[grid](
            x, c, y, n, dim, *x.stride(), BLOCK_N=block_n, BLOCK_D=block_d, WIDE=wide, RHO=rho, MAP=kind
        )
    return y


def map_bwd(g: Tensor, x: Tensor, c: Tensor, *, kind: int, rho: float = 0.5) -> tuple[Tensor, Tensor]:
    """Gradients of `map_fwd` in x (N, D) and in c (0-d, float64) for upstream `g` (N, D)."""
    n, dim = x.shape
    gx = torch.empty((n, dim), dtype=x.dtype, device=x.device)
    grid, block_n, block_d = tiling(n, dim, x.dtype)
    partial = torch.empty(grid[0] if n else 0, dtype=torch.float64, device=x.device)
    if n:
        _map_bwd_kernel[grid](
            g,
            x,
            c,
            gx,
            partial,
            n,
            dim,
            *g.stride(),
            *x.stride(),
            BLOCK_N=block_n,
            BLOCK_D=block_d,
            WIDE=x.dtype == torch.float64,
            RHO=rho,
            MAP=kind,
        )
    return gx, partial.sum()


class RadialMap(torch.autograd.Function):
    """`map_fwd` with its exact backward in the points and in the curvature."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, c: Tensor, kind: int, rho: float) -> Tensor:
        k = c.detach().to(device=x.device, dtype=working_dtype(x.dtype))
        ctx.save_for_backward(x, k)
        ctx.c, ctx.kind, ctx.rho = c, kind, rho
        return map_fwd(x, k, kind=kind, rho=rho)

    @staticmethod
    @once
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor, None, None]:
        gx, gc = map_bwd(g, *ctx.saved_tensors, kind=ctx.kind, rho=ctx.rho)
        return gx, gc.to(ctx.c), None, None
