"""Counts of the distances of all pairs by level and bin on CUDA, without the matrix of pairs.

The reference twin is `tvae.geometry.counts`, which defines the bins. Counts are 64-bit integers, added
atomically: the result does not depend on the order.

Shapes: N points of D coordinates, row i of operation i.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from tvae.errors import DomainError
from tvae.kernels.packed import _WIDTH, _base, _held, _square, _terms, pack, split
from tvae.kernels.scalar import _sqrt
from tvae.kernels.structure import MOST_POINTS, tiling


@triton.jit
def _counts_kernel(
    packed_ptr,
    code_ptr,
    c_ptr,
    counts_ptr,
    n,
    span,
    least,
    BLOCK_I: tl.constexpr,
    BLOCK_J: tl.constexpr,
    DIM: tl.constexpr,
    BINS: tl.constexpr,
    SHIFT: tl.constexpr,
):
    """Bin b of a positive float32 is its bits, shifted, less those of the first edge; bin BINS is for NaN."""
    rows = tl.program_id(0) * BLOCK_I + tl.arange(0, BLOCK_I)
    start = tl.program_id(1) * span
    stop = tl.minimum(tl.minimum(start + span, n), (tl.program_id(0) + 1) * BLOCK_I)
    base = _base(rows, DIM)
    x = _held(packed_ptr, base, DIM)
    a = tl.load(packed_ptr + base + DIM * _WIDTH)
    code = tl.load(code_ptr + rows)
    zero = tl.zeros((BLOCK_I, BLOCK_J), a.dtype)
    twice = 2.0 / (zero + _sqrt(tl.load(c_ptr)))
    for left in range(start, stop, BLOCK_J):
        cols = left + tl.arange(0, BLOCK_J)
        at = _base(cols, DIM)
        square = _square(x, packed_ptr, base, packed_ptr, at, zero, DIM)
        steep = a[:, None] * tl.load(packed_ptr + at + DIM * _WIDTH)[None, :]
        _, _, _, half = _terms(square, steep)
        d = (half * twice).to(tl.float32)
        counted = (cols[None, :] < rows[:, None]) & (rows < n)[:, None]
        apart = code[:, None] ^ tl.load(code_ptr + cols)[None, :]
        lowest = (apart & -apart).to(tl.float32).to(tl.int32, bitcast=True)
        level = tl.where(counted, ((lowest >> 23) - 127) >> 1, 0)
        place = (d.to(tl.int32, bitcast=True) >> SHIFT) - least
        place = tl.minimum(tl.maximum(place, 0), BINS - 1)
        place = tl.where(d == d, place, BINS)  # a NaN differs from itself
        to = level.to(tl.int64) * (BINS + 1) + place
        tl.atomic_add(counts_ptr + to, tl.full(to.shape, 1, tl.int64), mask=counted, sem="relaxed")


def pair_counts(
    x: Tensor, c: Tensor, *, depth: int, resolution: int, first_octave: int, octaves: int
) -> Tensor:
    """Pairs of the rows of `x` (N, D) by level and bin, int64 (depth, octaves resolution + 1).

    Args:
        x: points, D <= 128, N <= 3^15 and <= 3^depth.
        c: 0-d on the device of `x`, in its `working_dtype`.
        depth: number of levels.
        resolution: bins of an octave, a power of two.
        first_octave: the first edge is 2 to this power.
        octaves: how many octaves have bins.

    Raises:
        DomainError: there are more than 3^15 points.
    """
    n = len(x)
    if n > MOST_POINTS:
        raise DomainError("too many points to pair", path="x", expected=f"N <= {MOST_POINTS}", got=str(n))
    bins = octaves * resolution
    counts = torch.zeros((depth, bins + 1), dtype=torch.int64, device=x.device)
    if n:
        packed, code, full = pack(x, c)
        block_i, block_j, warps = tiling(c.dtype, gradient=False)
        splits, span = split(n, n, block_i)
        _counts_kernel[triton.cdiv(n, block_i), splits](
            packed,
            code,
            c,
            counts,
            n,
            span,
            (127 + first_octave) * resolution,
            BLOCK_I=block_i,
            BLOCK_J=block_j,
            DIM=full,
            BINS=bins,
            SHIFT=23 - (resolution.bit_length() - 1),
            num_warps=warps,
        )
    return counts
