"""Points packed for the all-pairs kernels: blocks of 32 rows, coordinate by coordinate, with their scalars.

A warp that holds one row against 32 others reads one coordinate of all 32 at once, at an offset that is
known at compile time. Block b of a packed buffer is (DIM + 2, 32): the coordinates, then
steep = c^(1/4) / sqrt(alpha), then lean = |x|^2 / alpha. Rows past the last point are zeros: a steep of 0 is
an alpha of infinity, and every slope of such a pair is 0.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from tvae.kernels.conformal import _conformal, _tile
from tvae.kernels.scalar import _div, _fma, _log1p, _sqrt

WIDTH = 32
CHUNK = 16  # coordinates whose sums a program keeps in registers
_WIDTH, _CHUNK = tl.constexpr(WIDTH), tl.constexpr(CHUNK)
_DIGITS = tl.constexpr(15)  # two bits each


@triton.jit
def _pack_kernel(
    x_ptr,
    c_ptr,
    packed_ptr,
    code_ptr,
    n,
    dim,
    stride_n,
    stride_d,
    DIM: tl.constexpr,
    BLOCK_D: tl.constexpr,
    WIDE: tl.constexpr,
):
    """One block of 32 rows, and the base-3 digits of their indices, two bits each."""
    lane = tl.arange(0, _WIDTH)
    rows = tl.program_id(0).to(tl.int64) * _WIDTH + lane
    cols = tl.arange(0, BLOCK_D)
    mask = (rows[:, None] < n) & (cols[None, :] < dim)
    x = _tile(x_ptr, rows, cols.to(tl.int64), mask, stride_n, stride_d, WIDE)
    c = tl.load(c_ptr)
    length, _, alpha = _conformal(x, c)
    root = tl.zeros_like(alpha) + _sqrt(c)
    there = rows < n
    block_ptr = packed_ptr + tl.program_id(0).to(tl.int64) * ((DIM + 2) * _WIDTH)
    tl.store(block_ptr + cols[None, :] * _WIDTH + lane[:, None], x, mask=(cols < DIM)[None, :])
    tl.store(block_ptr + DIM * _WIDTH + lane, tl.where(there, _sqrt(_div(root, alpha)), 0.0))
    tl.store(block_ptr + (DIM + 1) * _WIDTH + lane, tl.where(there, _div(length * length, alpha), 0.0))
    rest = rows.to(tl.int32)
    code = tl.zeros_like(rest)
    for k in tl.static_range(_DIGITS):
        third = rest // 3
        code |= (rest - third * 3) << (2 * k)
        rest = third
    tl.store(code_ptr + rows, code)


def pack(x: Tensor, c: Tensor) -> tuple[Tensor, Tensor, int]:
    """The packed rows of `x` (N, D), the codes of their indices (int32), and the coordinates of a block.

    `c` is 0-d on the device of `x`, in its `working_dtype`.
    """
    n, dim = x.shape
    full = dim if dim <= CHUNK else triton.cdiv(dim, CHUNK) * CHUNK
    blocks = triton.cdiv(n, WIDTH)
    packed = torch.empty((blocks, full + 2, WIDTH), dtype=c.dtype, device=x.device)
    code = torch.empty(blocks * WIDTH, dtype=torch.int32, device=x.device)
    if n:
        _pack_kernel[(blocks,)](
            x,
            c,
            packed,
            code,
            n,
            dim,
            *x.stride(),
            DIM=full,
            BLOCK_D=max(2, triton.next_power_of_2(full)),
            WIDE=x.dtype == torch.float64,
        )
    return packed, code, full


@triton.jit
def _base(rows, DIM: tl.constexpr):
    """Where each row begins in its block."""
    return (rows // _WIDTH).to(tl.int64) * ((DIM + 2) * _WIDTH) + rows % _WIDTH


@triton.jit
def _held(packed_ptr, base, DIM: tl.constexpr):
    """Coordinates of the rows of a program, kept in registers where they fit."""
    x = ()
    if DIM <= _CHUNK:
        for d in tl.static_range(DIM):
            x = x + (tl.load(packed_ptr + base + d * _WIDTH)[:, None],)  # type: ignore[assignment]  # noqa: RUF005
    return x


@triton.jit
def _blank(zero, DIM: tl.constexpr):
    """A tile of zeros for each coordinate whose sum a program keeps."""
    sums = ()
    for _ in tl.static_range(DIM if DIM <= _CHUNK else _CHUNK):
        sums = sums + (zero,)  # type: ignore[assignment]  # noqa: RUF005
    return sums


@triton.jit
def _added(sums, pull, x, x_ptr, base, y_ptr, at, first, DIM: tl.constexpr):
    """The sums with pull (x_i - y_j) added, from coordinate `first` on."""
    added = ()
    for d in tl.static_range(DIM if DIM <= _CHUNK else _CHUNK):
        own = x[d] if DIM <= _CHUNK else tl.load(x_ptr + base + (first + d) * _WIDTH)[:, None]
        gap = own - tl.load(y_ptr + at + (first + d) * _WIDTH)[None, :]
        added = added + (_fma(pull, gap, sums[d]),)  # type: ignore[assignment]  # noqa: RUF005
    return added


@triton.jit
def _square(x, x_ptr, x_base, y_ptr, y_base, zero, DIM: tl.constexpr):
    """|x_i - y_j|^2 of a tile, from direct differences."""
    if DIM <= _CHUNK:
        square = zero
        for d in tl.static_range(DIM):
            gap = x[d] - tl.load(y_ptr + y_base + d * _WIDTH)[None, :]
            square = _fma(gap, gap, square)
    else:
        square = zero
        for first in range(0, DIM, _CHUNK):
            part = zero
            at_x, at_y = x_base + first * _WIDTH, y_base + first * _WIDTH
            for d in tl.static_range(_CHUNK):
                gap = (
                    tl.load(x_ptr + at_x + d * _WIDTH)[:, None] - tl.load(y_ptr + at_y + d * _WIDTH)[None, :]
                )
                part = _fma(gap, gap, part)
            square += part
    return square


@triton.jit
def _reciprocal_root(x):
    """1 / sqrt(x) for x > 0, to one unit."""
    result = 1.0 / tl.sqrt(x) if x.dtype == tl.float64 else tl.rsqrt(x)
    return result


@triton.jit
def _terms(square, steep):
    """Of a tile: 1 / r, t = r steep, 1 / sqrt(1 + t^2) and asinh(t). A coinciding pair has t = 0."""
    floor = 2.2250738585072014e-308 if square.dtype == tl.float64 else 1.1754943508222875e-38
    one = tl.full(square.shape, 1.0, square.dtype)
    # A NaN that the maximum drops comes back through steep.
    inverse = _reciprocal_root(tl.maximum(square, floor))
    t = square * inverse * steep
    less = _fma(t, t, one)
    flat = _reciprocal_root(less)
    # t^2 / (1 + h) as a square, without a quotient
    lift = t * _reciprocal_root(_fma(less, flat, one))
    return inverse, t, flat, _log1p(_fma(lift, lift, t))


def split(rows: int, columns: int, block: int) -> tuple[int, int]:
    """Into how many spans the columns are cut so that programs fill a device, and the columns of a span.

    Each span costs a gradient of its own until they are summed: 4,096 programs suffice.
    """
    blocks = max(triton.cdiv(rows, block), 1)
    wanted = min(triton.cdiv(4096, blocks), max(triton.cdiv(columns, WIDTH), 1))
    span = triton.cdiv(triton.cdiv(max(columns, 1), wanted), WIDTH) * WIDTH
    return max(triton.cdiv(columns, span), 1), span
