"""The matrix of Poincare distances on CUDA: one write forward, one read of its gradient a side backward.

The reference twin is `tvae.geometry.pairwise`, the derivation is in README.md beside this file. Nothing but
the points is kept for the backward, which forms the distances again.

Shapes: x is (N, D), y is (M, D), with any strides; D <= 128.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from tvae.autograd import once
from tvae.kernels.conformal import working_dtype
from tvae.kernels.packed import (
    _CHUNK,
    _WIDTH,
    CHUNK,
    WIDTH,
    _added,
    _base,
    _blank,
    _held,
    _square,
    _terms,
    pack,
    split,
)
from tvae.kernels.scalar import _fma, _minus_tanh, _sqrt


@triton.jit
def _pairwise_fwd_kernel(
    x_ptr,
    y_ptr,
    c_ptr,
    d_ptr,
    n,
    m,
    BLOCK_I: tl.constexpr,
    BLOCK_J: tl.constexpr,
    DIM: tl.constexpr,
):
    across = tl.cdiv(m, BLOCK_J)
    rows = tl.program_id(0) // across * BLOCK_I + tl.arange(0, BLOCK_I)
    cols = tl.program_id(0) % across * BLOCK_J + tl.arange(0, BLOCK_J)
    base, at = _base(rows, DIM), _base(cols, DIM)
    a = tl.load(x_ptr + base + DIM * _WIDTH)
    zero = tl.zeros((BLOCK_I, BLOCK_J), a.dtype)
    square = _square(_held(x_ptr, base, DIM), x_ptr, base, y_ptr, at, zero, DIM)
    steep = a[:, None] * tl.load(y_ptr + at + DIM * _WIDTH)[None, :]
    _, _, _, half = _terms(square, steep)
    d = half * (2.0 / (zero + _sqrt(tl.load(c_ptr))))
    mask = (rows < n)[:, None] & (cols < m)[None, :]
    to = rows.to(tl.int64)[:, None] * m + cols[None, :]
    tl.store(d_ptr + to, d.to(d_ptr.dtype.element_ty), mask=mask)


# Known to be 1, a stride would give the matrix a layout of four columns a thread, whose sums do not fit.
@triton.jit(do_not_specialize=["stride_gn", "stride_gm"])
def _pairwise_bwd_kernel(
    g_ptr,
    x_ptr,
    y_ptr,
    c_ptr,
    gx_ptr,
    sums_ptr,
    n,
    m,
    dim,
    span,
    stride_gn,
    stride_gm,
    BLOCK_I: tl.constexpr,
    BLOCK_J: tl.constexpr,
    DIM: tl.constexpr,
    SAME: tl.constexpr,
    WANT_C: tl.constexpr,
):
    """Gradient in x, over the columns of one span. SAME: y is x, whose row i meets g[i, j] and g[j, i]."""
    rows = tl.program_id(0) * BLOCK_I + tl.arange(0, BLOCK_I)
    start = tl.program_id(1) * span
    stop = tl.minimum(start + span, m)
    c = tl.load(c_ptr)
    base = _base(rows, DIM)
    x = _held(x_ptr, base, DIM)
    a = tl.load(x_ptr + base + DIM * _WIDTH)
    zero = tl.zeros((BLOCK_I, BLOCK_J), a.dtype)
    root = zero + _sqrt(c)
    shrink = zero + 1.0 / c
    turn = zero
    bend = zero
    # A constant where all coordinates are held: their differences then are formed once.
    first = tl.program_id(2) * _CHUNK if DIM > _CHUNK else 0
    KEPT: tl.constexpr = DIM if DIM <= _CHUNK else _CHUNK
    pulls = _blank(zero, DIM)
    row_at = rows.to(tl.int64)[:, None]
    for left in range(start, stop, BLOCK_J):
        cols = left + tl.arange(0, BLOCK_J)
        at = _base(cols, DIM)
        square = _square(x, x_ptr, base, y_ptr, at, zero, DIM)
        steep = a[:, None] * tl.load(y_ptr + at + DIM * _WIDTH)[None, :]
        inverse, t, flat, half = _terms(square, steep)
        mask = (rows < n)[:, None] & (cols < stop)[None, :]
        col_at = cols.to(tl.int64)[None, :]
        g = tl.load(g_ptr + row_at * stride_gn + col_at * stride_gm, mask=mask, other=0.0).to(zero.dtype)
        if SAME:
            other = tl.load(g_ptr + col_at * stride_gn + row_at * stride_gm, mask=mask, other=0.0)
            g += other.to(zero.dtype)
        slope = g * flat
        turned = slope * t
        turn += turned
        if WANT_C:
            lean = tl.load(x_ptr + base + (DIM + 1) * _WIDTH)[:, None]
            lean = lean + tl.load(y_ptr + at + (DIM + 1) * _WIDTH)[None, :]
            bend = _fma(turned, lean, bend)
            bend = _fma(-g * shrink, _minus_tanh(half, t * flat), bend)
        pulls = _added(pulls, slope * steep * inverse, x, x_ptr, base, y_ptr, at, first, DIM)

    if WANT_C and first == 0:
        whole = tl.sum(tl.sum(bend.to(tl.float64), axis=1), axis=0)
        tl.store(sums_ptr + tl.program_id(0) * tl.num_programs(1) + tl.program_id(1), whole)
    to = (tl.program_id(1).to(tl.int64) * n + rows) * dim
    turns = 2.0 * tl.sum(turn, axis=1) * a * a
    for d in tl.static_range(KEPT):
        own = tl.load(x_ptr + base + (first + d) * _WIDTH)
        gx = tl.sum(pulls[d] * (2.0 / root), axis=1) + turns * own
        tl.store(gx_ptr + to + first + d, gx, mask=(rows < n) & (first + d < dim))


def pairwise_fwd(x: Tensor, y: Tensor, c: Tensor) -> Tensor:
    """Distances (N, M) of the rows of `x` (N, D) from those of `y` (M, D), of one precision, D <= 128.

    `c` is 0-d on the device of the points, in their `working_dtype`.
    """
    n, m = len(x), len(y)
    d = torch.empty((n, m), dtype=x.dtype, device=x.device)
    if d.numel():
        ours, _, full = pack(x, c)
        theirs = ours if y is x else pack(y, c)[0]
        block_i, block_j, warps = tiling(c.dtype, gradient=False)
        grid = (triton.cdiv(n, block_i) * triton.cdiv(m, block_j),)
        _pairwise_fwd_kernel[grid](
            ours, theirs, c, d, n, m, BLOCK_I=block_i, BLOCK_J=block_j, DIM=full, num_warps=warps
        )
    return d


def pairwise_bwd(
    g: Tensor,
    x: Tensor,
    y: Tensor,
    c: Tensor,
    *,
    want_x: bool = True,
    want_y: bool = True,
    want_c: bool = True,
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Gradients of `pairwise_fwd` in x (N, D), y (M, D) and c (0-d, float64), where wanted, for g (N, M).

    Where `y` is `x` the first gradient is that of both and the second is None.
    """
    same = y is x
    ours = pack(x, c)[0]
    theirs = ours if same else pack(y, c)[0]
    gx = gy = gc = None
    if want_x or want_c:
        gx, gc = _side(g, ours, theirs, x, len(y), c, same=same, bend=want_c)
    if want_y and not same:
        gy, _ = _side(g.t(), theirs, ours, y, len(x), c, same=False, bend=False)
    return gx if want_x else None, gy, gc


def _side(
    g: Tensor, ours: Tensor, theirs: Tensor, x: Tensor, m: int, c: Tensor, *, same: bool, bend: bool
) -> tuple[Tensor, Tensor | None]:
    """Gradient in `x`, packed as `ours`, and in c, from the pairs with the m rows packed as `theirs`."""
    n, dim = x.shape
    block_i, block_j, warps = tiling(c.dtype, gradient=True)
    splits, span = split(n, m, block_i)
    full = ours.shape[1] - 2
    grid = triton.cdiv(n, block_i), splits, triton.cdiv(full, CHUNK)
    gx = torch.empty((splits, n, dim), dtype=c.dtype, device=x.device)
    sums = torch.empty(grid[0] * splits, dtype=torch.float64, device=x.device)
    if n and m:
        _pairwise_bwd_kernel[grid](
            g,
            ours,
            theirs,
            c,
            gx,
            sums,
            n,
            m,
            dim,
            span,
            *g.stride(),
            BLOCK_I=block_i,
            BLOCK_J=block_j,
            DIM=full,
            SAME=same,
            WANT_C=bend,
            num_warps=warps,
        )
    else:
        gx.zero_()
        sums.zero_()
    slope = (0.5 if same else 1.0) * sums.sum() / c.double().sqrt() if bend else None
    return gx.sum(0, dtype=torch.float64).to(x.dtype), slope


def tiling(dtype: torch.dtype, *, gradient: bool) -> tuple[int, int, int]:
    """Rows, columns and warps of a program whose sums stay in registers."""
    if dtype == torch.float64:
        return (8, WIDTH, 8) if gradient else (16, 2 * WIDTH, 4)
    return (32, WIDTH, 8) if gradient else (32, 2 * WIDTH, 4)


class Pairwise(torch.autograd.Function):
    """`pairwise_fwd` with its exact backward; `other` is None for the points with themselves."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, other: Tensor | None, c: Tensor) -> Tensor:
        y = x if other is None else other
        k = c.detach().to(device=x.device, dtype=working_dtype(x.dtype))
        ctx.save_for_backward(x, y, k)
        ctx.c, ctx.same = c, other is None
        return pairwise_fwd(x, y, k)

    @staticmethod
    @once
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, y, k = ctx.saved_tensors
        want_x, want_y, want_c = ctx.needs_input_grad
        gx, gy, gc = pairwise_bwd(g, x, x if ctx.same else y, k, want_x=want_x, want_y=want_y, want_c=want_c)
        return gx, gy, None if gc is None else gc.to(ctx.c)
