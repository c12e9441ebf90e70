"""Hinges on the distances of listed triplets and pairs of rows on CUDA: gather, distances, hinge and sum.

Where a gradient is wanted the same pass adds it to the rows that it read, with atomic additions: its last
digits depend on their order. The reference twin is `tvae.geometry.hinge`, the derivation is in README.md
beside this file.

Shapes: x is (N, D) with any strides, D <= 128; indices are (3, T) or (2, P). A row that does not exist reads
NaN.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from tvae.autograd import once
from tvae.kernels.conformal import _conformal, _norm, working_dtype
from tvae.kernels.scalar import _div, _log1p, _minus_tanh, _sqrt

_TILE = 1024  # elements of a gathered tile, of which a program holds up to eight
_ROWS = 128


@triton.jit
def _gather(x_ptr, index, listed, cols, n, dim, stride_n, stride_d, WIDE: tl.constexpr):
    """Rows of the points, NaN for one that does not exist and 0 past the end of the list; where they may be
    written to."""
    exists = (index >= 0) & (index < n)
    mask = (listed & exists)[:, None] & (cols[None, :] < dim)
    x = tl.load(x_ptr + index[:, None] * stride_n + cols[None, :] * stride_d, mask=mask, other=0.0)
    x = x if WIDE else x.to(tl.float32)
    x = tl.where((listed & ~exists)[:, None] & (cols[None, :] < dim), float("nan"), x)
    return x, mask


@triton.jit
def _geodesic(x, y, nx, ny, alpha, beta, c):
    """Distance of paired rows, its slopes, and its derivative in c.

    The slopes are w (x - y) / r, the change with the separation, and what multiplies x and y in the change of
    alpha and beta.
    """
    r, unit = _norm(x - y)
    steep = _div(tl.full(r.shape, 1.0, r.dtype), _sqrt(alpha * beta))
    root = tl.zeros_like(r) + _sqrt(c)
    t = r * root * steep
    q = t * t
    h = _sqrt(1.0 + q)
    half = _log1p(t + _div(q, 1.0 + h))
    w = _div(2.0 * steep, h)
    wr = w * r
    growth = 0.5 * wr * (_div(nx * nx, alpha) + _div(ny * ny, beta))
    growth -= _div(_minus_tanh(half, _div(t, h)), c * root)
    return _div(2.0 * half, root), w[:, None] * unit, _div(c * wr, alpha), _div(c * wr, beta), growth


@triton.jit
def _triplet_kernel(
    x_ptr,
    index_ptr,
    c_ptr,
    margin_ptr,
    gx_ptr,
    sums_ptr,
    n,
    dim,
    listed,
    stride_n,
    stride_d,
    stride_m,
    stride_t,
    BLOCK_N: tl.constexpr,
    BLOCK_D: tl.constexpr,
    WIDE: tl.constexpr,
    GRAD: tl.constexpr,
):
    at = tl.program_id(0).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)
    cols = tl.arange(0, BLOCK_D).to(tl.int64)
    there = at < listed
    at *= stride_t
    a = tl.load(index_ptr + at, mask=there, other=0).to(tl.int64)
    p = tl.load(index_ptr + stride_m + at, mask=there, other=0).to(tl.int64)
    q = tl.load(index_ptr + 2 * stride_m + at, mask=there, other=0).to(tl.int64)
    x, x_mask = _gather(x_ptr, a, there, cols, n, dim, stride_n, stride_d, WIDE)
    c = tl.load(c_ptr)
    nx, _, alpha = _conformal(x, c)
    y, y_mask = _gather(x_ptr, p, there, cols, n, dim, stride_n, stride_d, WIDE)
    ny, _, beta = _conformal(y, c)
    near, pull_y, x_y, y_x, growth_y = _geodesic(x, y, nx, ny, alpha, beta, c)
    z, z_mask = _gather(x_ptr, q, there, cols, n, dim, stride_n, stride_d, WIDE)
    nz, _, gamma = _conformal(z, c)
    far, pull_z, x_z, z_x, growth_z = _geodesic(x, z, nx, nz, alpha, gamma, c)
    excess = near - far + tl.load(margin_ptr).to(near.dtype)
    idle = (excess <= 0.0) | ~there
    cost = tl.where(idle, 0.0, excess)
    programs = tl.num_programs(0)
    tl.store(sums_ptr + tl.program_id(0), tl.sum(cost.to(tl.float64), axis=0))
    if GRAD:
        growth = tl.where(idle, 0.0, growth_y - growth_z)
        tl.store(sums_ptr + programs + tl.program_id(0), tl.sum(growth.to(tl.float64), axis=0))
        live = ~idle[:, None]
        to = cols[None, :]
        gx = pull_y - pull_z + (x_y - x_z)[:, None] * x
        tl.atomic_add(gx_ptr + a[:, None] * dim + to, gx, mask=live & x_mask, sem="relaxed")
        tl.atomic_add(
            gx_ptr + p[:, None] * dim + to, y_x[:, None] * y - pull_y, mask=live & y_mask, sem="relaxed"
        )
        tl.atomic_add(
            gx_ptr + q[:, None] * dim + to, pull_z - z_x[:, None] * z, mask=live & z_mask, sem="relaxed"
        )


@triton.jit
def _pair_kernel(
    x_ptr,
    index_ptr,
    level_ptr,
    bands_ptr,
    c_ptr,
    gx_ptr,
    sums_ptr,
    n,
    dim,
    listed,
    levels,
    stride_n,
    stride_d,
    stride_m,
    stride_p,
    stride_l,
    BLOCK_N: tl.constexpr,
    BLOCK_D: tl.constexpr,
    WIDE: tl.constexpr,
    SQUARED: tl.constexpr,
    GRAD: tl.constexpr,
):
    at = tl.program_id(0).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)
    cols = tl.arange(0, BLOCK_D).to(tl.int64)
    there = at < listed
    level = tl.load(level_ptr + at * stride_l, mask=there, other=-1)
    at *= stride_p
    i = tl.load(index_ptr + at, mask=there, other=0).to(tl.int64)
    j = tl.load(index_ptr + stride_m + at, mask=there, other=0).to(tl.int64)
    x, x_mask = _gather(x_ptr, i, there, cols, n, dim, stride_n, stride_d, WIDE)
    c = tl.load(c_ptr)
    nx, _, alpha = _conformal(x, c)
    y, y_mask = _gather(x_ptr, j, there, cols, n, dim, stride_n, stride_d, WIDE)
    ny, _, beta = _conformal(y, c)
    d, pull, x_y, y_x, growth = _geodesic(x, y, nx, ny, alpha, beta, c)
    ranked = (level >= 0) & (level < levels)
    over = d - tl.load(bands_ptr + levels + level, mask=ranked, other=0.0)
    under = tl.load(bands_ptr + level, mask=ranked, other=0.0) - d
    weight = tl.load(bands_ptr + 2 * levels + level, mask=ranked, other=0.0)
    # Selects pass a NaN on, where a maximum would drop it.
    far = over > under
    excess = tl.where(far, over, under)
    idle = (excess <= 0.0) | ~there
    excess = tl.where(idle, 0.0, excess)
    weight = tl.where(idle, 0.0, weight)
    cost = weight * excess * excess if SQUARED else weight * excess
    programs = tl.num_programs(0)
    tl.store(sums_ptr + tl.program_id(0), tl.sum(cost.to(tl.float64), axis=0))
    if GRAD:
        signed = tl.where(far, weight, -weight)
        g = 2.0 * signed * excess if SQUARED else signed
        growth = tl.where(idle, 0.0, g * growth)
        tl.store(sums_ptr + programs + tl.program_id(0), tl.sum(growth.to(tl.float64), axis=0))
        live = ~idle[:, None]
        to = cols[None, :]
        tl.atomic_add(
            gx_ptr + i[:, None] * dim + to,
            g[:, None] * (pull + x_y[:, None] * x),
            mask=live & x_mask,
            sem="relaxed",
        )
        tl.atomic_add(
            gx_ptr + j[:, None] * dim + to,
            g[:, None] * (y_x[:, None] * y - pull),
            mask=live & y_mask,
            sem="relaxed",
        )


def tiling(listed: int, dim: int, dtype: torch.dtype = torch.float32) -> tuple[tuple[int], int, int]:
    """Grid, members and columns of a tile for a list over points of `dim` coordinates."""
    block_d = max(2, triton.next_power_of_2(dim))
    block_n = max(min(_ROWS, _TILE // block_d) // (4 if dtype == torch.float64 else 1), 1)
    return (triton.cdiv(listed, block_n),), block_n, block_d


def triplet_hinge(
    x: Tensor, triplets: Tensor, c: Tensor, margin: Tensor, *, gradient: bool
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Sum of the hinges (0-d, float64), and on demand its gradients in x (N, D) and in c (0-d, float64).

    `c` is 0-d on the device of `x`, in its `working_dtype`; `margin` is 0-d there.
    """
    listed = triplets.shape[1]
    grid, block_n, block_d = tiling(listed, x.shape[1], x.dtype)
    gx, sums = _buffers(x, c, grid[0], gradient)
    if listed:
        _triplet_kernel[grid](
            x,
            triplets,
            c,
            margin,
            gx,
            sums,
            *x.shape,
            listed,
            *x.stride(),
            *triplets.stride(),
            BLOCK_N=block_n,
            BLOCK_D=block_d,
            WIDE=x.dtype == torch.float64,
            GRAD=gradient,
        )
    return _results(gx, sums, gradient)


def pair_hinge(
    x: Tensor, pairs: Tensor, level: Tensor, c: Tensor, bands: Tensor, *, power: int, gradient: bool
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Sum over listed pairs (0-d, float64), and on demand its gradients, as `triplet_hinge`.

    `bands` holds lo, hi and weight of each level, (3, L), beside `c` and in its precision.
    """
    listed = pairs.shape[1]
    grid, block_n, block_d = tiling(listed, x.shape[1], x.dtype)
    gx, sums = _buffers(x, c, grid[0], gradient)
    if listed:
        _pair_kernel[grid](
            x,
            pairs,
            level,
            bands.contiguous(),
            c,
            gx,
            sums,
            *x.shape,
            listed,
            bands.shape[1],
            *x.stride(),
            *pairs.stride(),
            level.stride(0),
            BLOCK_N=block_n,
            BLOCK_D=block_d,
            WIDE=x.dtype == torch.float64,
            SQUARED=power == 2,
            GRAD=gradient,
        )
    return _results(gx, sums, gradient)


def _buffers(x: Tensor, c: Tensor, programs: int, gradient: bool) -> tuple[Tensor, Tensor]:
    gx = torch.zeros(x.shape if gradient else (0,), dtype=c.dtype, device=x.device)
    return gx, torch.empty((2, programs), dtype=torch.float64, device=x.device)


def _results(gx: Tensor, sums: Tensor, gradient: bool) -> tuple[Tensor, Tensor | None, Tensor | None]:
    return sums[0].sum(), gx if gradient else None, sums[1].sum() if gradient else None


class TripletHinge(torch.autograd.Function):
    """`triplet_hinge` times `scale`, with the gradients of its one pass."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, triplets: Tensor, c: Tensor, margin: float, scale: float, gradient: bool
    ) -> Tensor:
        k = c.detach().to(device=x.device, dtype=working_dtype(x.dtype))
        far = torch.full((), margin, dtype=torch.float64, device=x.device)
        return _keep(ctx, x, c, scale, triplet_hinge(x, triplets, k, far, gradient=gradient))

    @staticmethod
    @once
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, Tensor | None, None, None, None]:
        gx, gc = _scaled(ctx, g)
        return gx, None, gc, None, None, None


class PairHinge(torch.autograd.Function):
    """`pair_hinge` times `scale`, with the gradients of its one pass."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        pairs: Tensor,
        level: Tensor,
        c: Tensor,
        bands: Tensor,
        power: int,
        scale: float,
        gradient: bool,
    ) -> Tensor:
        k = c.detach().to(device=x.device, dtype=working_dtype(x.dtype))
        return _keep(
            ctx, x, c, scale, pair_hinge(x, pairs, level, k, bands.to(k), power=power, gradient=gradient)
        )

    @staticmethod
    @once
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None, Tensor | None, None, None, None, None]:
        gx, gc = _scaled(ctx, g)
        return gx, None, None, gc, None, None, None, None


def _keep(
    ctx: Any, x: Tensor, c: Tensor, scale: float, found: tuple[Tensor, Tensor | None, Tensor | None]
) -> Tensor:
    value, gx, slope = found
    if gx is not None:
        ctx.save_for_backward(gx, slope)
    ctx.c, ctx.scale, ctx.dtype = c, scale, x.dtype
    return (value * scale).to(x.dtype)


def _scaled(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor]:
    gx, slope = ctx.saved_tensors
    g = g.double() * ctx.scale
    return (g.to(gx.dtype) * gx).to(ctx.dtype), (g * slope).to(ctx.c)
