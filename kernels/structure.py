"""A loss over every pair of operations on CUDA: value and gradients in one pass, no matrix of pairs.

A program holds 32 rows and runs over columns 32 at a time. Sums of a row are kept lane by lane and reduced
once, after the last column; a pair is visited from both of its ends, so that no program writes another one's
rows and the result is the same every time. Without a gradient only j < i is visited. The reference twin is
`tvae.geometry.structure`, the derivation is in README.md beside this file.

Shapes: N points of D coordinates, row i of operation i.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from tvae.autograd import once
from tvae.errors import DomainError
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

MOST_POINTS = 3**15  # digits of an index that its code holds
_FIRST = 64  # where the exponent of the lowest differing bit puts level 0
_TABLE = _FIRST + 16
_HI, _WEIGHT = tl.constexpr(_TABLE), tl.constexpr(2 * _TABLE)


@triton.jit
def _all_pairs_kernel(
    packed_ptr,
    code_ptr,
    bands_ptr,
    c_ptr,
    gx_ptr,
    sums_ptr,
    n,
    dim,
    span,
    BLOCK_I: tl.constexpr,
    BLOCK_J: tl.constexpr,
    DIM: tl.constexpr,
    SQUARED: tl.constexpr,
    GRAD: tl.constexpr,
    WANT_C: tl.constexpr,
):
    rows = tl.program_id(0) * BLOCK_I + tl.arange(0, BLOCK_I)
    start = tl.program_id(1) * span
    stop = tl.minimum(start + span, n)
    if not GRAD:
        stop = tl.minimum(stop, (tl.program_id(0) + 1) * BLOCK_I)
    c = tl.load(c_ptr)
    base = _base(rows, DIM)
    x = _held(packed_ptr, base, DIM)
    a = tl.load(packed_ptr + base + DIM * _WIDTH)
    code = tl.load(code_ptr + rows)
    zero = tl.zeros((BLOCK_I, BLOCK_J), a.dtype)
    root = zero + _sqrt(c)
    twice = 2.0 / root
    shrink = zero + 0.5 / c
    value = zero
    turn = zero
    bend = zero
    # A constant where all coordinates are held: their differences then are formed once.
    first = tl.program_id(2) * _CHUNK if DIM > _CHUNK else 0
    KEPT: tl.constexpr = DIM if DIM <= _CHUNK else _CHUNK
    pulls = _blank(zero, DIM)
    for left in range(start, stop, BLOCK_J):
        cols = left + tl.arange(0, BLOCK_J)
        at = _base(cols, DIM)
        square = _square(x, packed_ptr, base, packed_ptr, at, zero, DIM)
        steep = a[:, None] * tl.load(packed_ptr + at + DIM * _WIDTH)[None, :]
        inverse, t, flat, half = _terms(square, steep)

        # The level is the place of the lowest digit that differs. A pair that does not count differs nowhere.
        apart = code[:, None] ^ tl.load(code_ptr + cols)[None, :]
        if GRAD:
            apart = tl.where((cols < stop)[None, :], apart, 0)
        else:
            apart = tl.where(cols[None, :] < rows[:, None], apart, 0)
        lowest = (apart & -apart).to(tl.float32).to(tl.int32, bitcast=True)
        level = ((lowest >> 23) + 1) >> 1
        over = _fma(half, twice, -tl.load(bands_ptr + _HI + level))
        under = _fma(half, -twice, tl.load(bands_ptr + level))
        weight = tl.load(bands_ptr + _WEIGHT + level)

        # Selects pass a NaN on, where a maximum would drop it.
        far = over > under
        excess = tl.where(far, over, under)
        inside = excess <= 0.0
        excess = tl.where(inside, 0.0, excess)
        weight = tl.where(inside, 0.0, weight)
        value = _fma(weight * excess if SQUARED else weight, excess, value)
        if GRAD:
            signed = tl.where(far, weight, -weight)
            g = 2.0 * signed * excess if SQUARED else signed
            slope = g * flat
            turned = slope * t
            turn += turned
            if WANT_C:
                bend = _fma(turned, tl.load(packed_ptr + at + (DIM + 1) * _WIDTH)[None, :] + zero, bend)
                bend = _fma(-g * shrink, _minus_tanh(half, t * flat), bend)
            pulls = _added(pulls, slope * steep * inverse, x, packed_ptr, base, packed_ptr, at, first, DIM)

    program = tl.program_id(0) * tl.num_programs(1) + tl.program_id(1)
    programs = tl.num_programs(0) * tl.num_programs(1)
    counts = (rows < n)[:, None]
    if first == 0:
        whole = tl.where(counts, value, 0.0).to(tl.float64)
        tl.store(sums_ptr + program, tl.sum(tl.sum(whole, axis=1), axis=0))
        if WANT_C:
            whole = tl.where(counts, bend, 0.0).to(tl.float64)
            tl.store(sums_ptr + programs + program, tl.sum(tl.sum(whole, axis=1), axis=0))
    if GRAD:
        to = (tl.program_id(1).to(tl.int64) * n + rows) * dim
        turns = 2.0 * tl.sum(turn, axis=1) * a * a
        for d in tl.static_range(KEPT):
            own = tl.load(packed_ptr + base + (first + d) * _WIDTH)
            gx = tl.sum(pulls[d] * twice, axis=1) + turns * own
            tl.store(gx_ptr + to + first + d, gx, mask=(rows < n) & (first + d < dim))


def all_pairs(
    x: Tensor, c: Tensor, bands: Tensor, *, power: int, gradient: bool, bend: bool
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """The loss (0-d, float64) over the rows of `x` (N, D), and on demand its gradients.

    Args:
        x: points, D <= 128, N <= 3^15.
        c: 0-d on the device of `x`, in its `working_dtype`.
        bands: lo, hi and weight of each level, (3, depth), of the dtype and on the device of `c`.
        power: 1 or 2.
        gradient: whether gradients are wanted at all.
        bend: whether that in c is wanted too.

    Returns:
        value, gradient in x (N, D) in the precision of `c`, gradient in c (0-d, float64).

    Raises:
        DomainError: there are more than 3^15 points.
    """
    n, dim = x.shape
    if n > MOST_POINTS:
        raise DomainError("too many points to pair", path="x", expected=f"N <= {MOST_POINTS}", got=str(n))
    packed, code, full = pack(x, c)
    levels = min(bands.shape[1], _TABLE - _FIRST)
    table = torch.zeros((3, _TABLE), dtype=c.dtype, device=x.device)
    table[:, _FIRST : _FIRST + levels] = bands[:, :levels]
    block_i, block_j, warps = tiling(c.dtype, gradient=gradient)
    splits, span = split(n, n, block_i)
    grid = triton.cdiv(n, block_i), splits, triton.cdiv(full, CHUNK) if gradient else 1
    sums = torch.empty((2, grid[0] * splits), dtype=torch.float64, device=x.device)
    gx = torch.empty((splits, n, dim), dtype=c.dtype, device=x.device) if gradient else None
    if n:
        _all_pairs_kernel[grid](
            packed,
            code,
            table,
            c,
            packed if gx is None else gx,
            sums,
            n,
            dim,
            span,
            BLOCK_I=block_i,
            BLOCK_J=block_j,
            DIM=full,
            SQUARED=power == 2,
            GRAD=gradient,
            WANT_C=bend,
            num_warps=warps,
        )
    if gx is None:
        return sums[0].sum(), None, None
    slope = sums[1].sum() / c.double().sqrt() if bend else None
    return 0.5 * sums[0].sum(), gx.sum(0, dtype=torch.float64).to(c.dtype), slope


def tiling(dtype: torch.dtype, *, gradient: bool) -> tuple[int, int, int]:
    """Rows, columns and warps of a program whose sums stay in registers."""
    if dtype == torch.float64:
        return 8, WIDTH, 8
    return 32, WIDTH, 8 if gradient else 4


class AllPairs(torch.autograd.Function):
    """`all_pairs` with the gradients of its one pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, c: Tensor, bands: Tensor, power: int, want: tuple[bool, bool]) -> Tensor:
        k = c.detach().to(device=x.device, dtype=working_dtype(x.dtype))
        gradient, bend = want
        value, gx, slope = all_pairs(x, k, bands.to(k), power=power, gradient=gradient or bend, bend=bend)
        if gradient or bend:
            ctx.save_for_backward(gx, value if slope is None else slope)
        ctx.c, ctx.bend, ctx.dtype = c, bend, x.dtype
        return value.to(x.dtype)

    @staticmethod
    @once
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor | None, None, None, None]:
        gx, slope = ctx.saved_tensors
        gc = (g.double() * slope).to(ctx.c) if ctx.bend else None
        return (g.to(gx.dtype) * gx).to(ctx.dtype), gc, None, None, None
