"""Poincare distance of points given by radius and direction on CUDA, accurate far past the rim of the ball.

The reference twin is `tvae.geometry.polar.polar_distance`, the derivation is in README.md beside this file.
The scalars of a row are float64, as in the reference: they span e^-300 to 1, which float32 does not hold. The
directions, nearly all of the bytes, stay in their precision.

Shapes: r and s are (N,), u and w (N, D) with any strides; D <= 128 fits one tile.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from tvae.autograd import once
from tvae.kernels.conformal import _norm, _tile, tiling, working_dtype
from tvae.kernels.scalar import _coth_excess, _exp, _log1p, _minus_tanh


@triton.jit
def _polar_row(a, b, chord):
    """What `tvae.geometry.polar._polar_row` returns, and the exponentials on the way."""
    less_a, e_a = _exp(-2.0 * a)
    less_b, e_b = _exp(-2.0 * b)
    _, nearer = _exp(-tl.where(a < b, a, b))
    less, _ = _exp(-tl.abs(a - b))
    gap = -nearer * less * 0.5
    chord_part = less_a * less_b * chord * chord * 0.0625
    t = tl.sqrt(gap * gap + chord_part)
    _, shrink = _exp(-0.5 * (a + b))
    scale = 2.0 * t * tl.sqrt(shrink * shrink + t * t)
    sinh = t / shrink
    large = sinh > 1e17
    safe = tl.where(large, 1.0, sinh)
    small = _log1p(safe + safe * safe / (1.0 + tl.sqrt(1.0 + safe * safe)))
    # log(2 t) = -log1p(1 / (2 t) - 1) for t below 1/2, where all of them are
    inverse = 0.5 / tl.where(large, t, 0.5)
    half = tl.where(large, 0.5 * (a + b) - _log1p(inverse - 1.0), small)
    return gap, less_a, less_b, e_a, e_b, nearer, less, scale, half, safe, large


@triton.jit
def _polar_fwd_kernel(
    r_ptr,
    u_ptr,
    s_ptr,
    w_ptr,
    c_ptr,
    d_ptr,
    n,
    dim,
    stride_r,
    stride_un,
    stride_ud,
    stride_s,
    stride_wn,
    stride_wd,
    BLOCK_N: tl.constexpr,
    BLOCK_D: tl.constexpr,
    WIDE: tl.constexpr,
):
    rows = tl.program_id(0).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)
    cols = tl.arange(0, BLOCK_D).to(tl.int64)
    mask = (rows[:, None] < n) & (cols[None, :] < dim)
    u = _tile(u_ptr, rows, cols, mask, stride_un, stride_ud, WIDE)
    w = _tile(w_ptr, rows, cols, mask, stride_wn, stride_wd, WIDE)
    root = tl.sqrt(tl.load(c_ptr).to(tl.float64))
    a = tl.load(r_ptr + rows * stride_r, mask=rows < n, other=0.0).to(tl.float64) * root
    b = tl.load(s_ptr + rows * stride_s, mask=rows < n, other=0.0).to(tl.float64) * root
    chord, _ = _norm(u - w)
    _, _, _, _, _, _, _, _, half, _, _ = _polar_row(a, b, chord.to(tl.float64))
    d = 2.0 * half / root
    tl.store(d_ptr + rows, d.to(d_ptr.dtype.element_ty), mask=rows < n)


@triton.jit
def _polar_bwd_kernel(
    g_ptr,
    r_ptr,
    u_ptr,
    s_ptr,
    w_ptr,
    c_ptr,
    gr_ptr,
    gu_ptr,
    gs_ptr,
    gw_ptr,
    gc_ptr,
    n,
    dim,
    stride_g,
    stride_r,
    stride_un,
    stride_ud,
    stride_s,
    stride_wn,
    stride_wd,
    BLOCK_N: tl.constexpr,
    BLOCK_D: tl.constexpr,
    WIDE: tl.constexpr,
):
    rows = tl.program_id(0).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)
    cols = tl.arange(0, BLOCK_D).to(tl.int64)
    mask = (rows[:, None] < n) & (cols[None, :] < dim)
    u = _tile(u_ptr, rows, cols, mask, stride_un, stride_ud, WIDE)
    w = _tile(w_ptr, rows, cols, mask, stride_wn, stride_wd, WIDE)
    c = tl.load(c_ptr).to(tl.float64)
    root = tl.sqrt(c)
    g = tl.load(g_ptr + rows * stride_g, mask=rows < n, other=0.0).to(tl.float64)
    a = tl.load(r_ptr + rows * stride_r, mask=rows < n, other=0.0).to(tl.float64) * root
    b = tl.load(s_ptr + rows * stride_s, mask=rows < n, other=0.0).to(tl.float64) * root
    length, unit = _norm(u - w)
    chord = length.to(tl.float64)
    gap, less_a, less_b, e_a, e_b, nearer, less, scale, half, sinh, large = _polar_row(a, b, chord)
    at_zero = scale == 0.0
    per = tl.where(at_zero, 0.0, g / tl.where(at_zero, 1.0, scale))
    # less (2 + less) = e^(-2 |a - b|) - 1
    turn = nearer * nearer * less * (2.0 + less) * 0.25
    turn = tl.where(a > b, -turn, turn)
    square = chord * chord * 0.0625
    gr = 2.0 * per * (turn - (1.0 + e_a) * less_b * square)
    gs = 2.0 * per * (-turn - (1.0 + e_b) * less_a * square)
    tl.store(gr_ptr + rows, gr.to(gr_ptr.dtype.element_ty), mask=rows < n)
    tl.store(gs_ptr + rows, gs.to(gs_ptr.dtype.element_ty), mask=rows < n)
    weight = per * less_a * less_b * chord / (4.0 * root)
    toward = weight.to(unit.dtype)[:, None] * unit
    at = rows[:, None] * dim + cols[None, :]
    tl.store(gu_ptr + at, toward.to(gu_ptr.dtype.element_ty), mask=mask)
    tl.store(gw_ptr + at, (-toward).to(gw_ptr.dtype.element_ty), mask=mask)
    bend = 2.0 * gap * gap * _coth_excess(0.5 * tl.abs(a - b))
    bend += less_a * less_b * square * (_coth_excess(a) + _coth_excess(b))
    tanh = tl.where(large, 1.0, sinh / tl.sqrt(1.0 + sinh * sinh))
    growth = per * bend - g * _minus_tanh(half, tanh)
    tl.store(gc_ptr + tl.program_id(0), tl.sum(growth, axis=0) / (c * root))


def polar_fwd(r: Tensor, u: Tensor, s: Tensor, w: Tensor, c: Tensor) -> Tensor:
    """Distances of points at radii `r`, `s` (N,) in directions `u`, `w` (N, D), all of one precision."""
    n, dim = u.shape
    d = torch.empty(n, dtype=u.dtype, device=u.device)
    grid, block_n, block_d = tiling(n, dim, torch.float64)
    wide = u.dtype == torch.float64
    strides = (*r.stride(), *u.stride(), *s.stride(), *w.stride())
    if n:
        _polar_fwd_kernel[grid](
            r, u, s, w, c, d, n, dim, *strides, BLOCK_N=block_n, BLOCK_D=block_d, WIDE=wide
        )
    return d


def polar_bwd(g: Tensor, r: Tensor, u: Tensor, s: Tensor, w: Tensor, c: Tensor) -> tuple[Tensor, ...]:
    """Gradients of `polar_fwd` in r, u, s, w and in c (0-d, float64) for upstream `g` (N,)."""
    n, dim = u.shape
    grid, block_n, block_d = tiling(n, dim, torch.float64)
    gr, gs = (torch.empty(n, dtype=u.dtype, device=u.device) for _ in range(2))
    gu, gw = (torch.empty((n, dim), dtype=u.dtype, device=u.device) for _ in range(2))
    partial = torch.empty(grid[0] if n else 0, dtype=torch.float64, device=u.device)
    strides = (*g.stride(), *r.stride(), *u.stride(), *s.stride(), *w.stride())
    wide = u.dtype == torch.float64
    outputs = (gr, gu, gs, gw, partial)
    if n:
        _polar_bwd_kernel[grid](
            g, r, u, s, w, c, *outputs, n, dim, *strides, BLOCK_N=block_n, BLOCK_D=block_d, WIDE=wide
        )
    return gr, gu, gs, gw, partial.sum()


class PolarDistance(torch.autograd.Function):
    """`polar_fwd` with its exact backward in radii, directions and curvature."""

    @staticmethod
    def forward(ctx: Any, r: Tensor, u: Tensor, s: Tensor, w: Tensor, c: Tensor) -> Tensor:
        k = c.detach().to(device=u.device, dtype=working_dtype(u.dtype))
        ctx.save_for_backward(r, u, s, w, k)
        ctx.c = c
        return polar_fwd(r, u, s, w, k)

    @staticmethod
    @once
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, ...]:
        *gradients, gc = polar_bwd(g, *ctx.saved_tensors)
        return (*gradients, gc.to(ctx.c))
