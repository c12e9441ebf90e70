"""Scalar functions of the kernels in float32 and float64, without libdevice, which the interpreter lacks.

`_fma` rounds once everywhere: Triton's interpreter rounds the product first, so there the exact product is
taken. With it the interpreter and a device give the same digits.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _fma(x, y, z):
    """x y + z of tensors of one precision, rounded once."""
    if _EMULATED:
        if x.dtype == tl.float64:
            result = _two_sum_fma(x, y, z)
        else:
            result = (x.to(tl.float64) * y.to(tl.float64) + z.to(tl.float64)).to(x.dtype)
    else:
        result = tl.fma(x, y, z)
    return result


@triton.jit
def _two_sum_fma(x, y, z):
    # Veltkamp and Dekker: the product in two parts, then the sum in two.
    x_high = x * 134217729.0
    x_high = x_high - (x_high - x)
    y_high = y * 134217729.0
    y_high = y_high - (y_high - y)
    p = x * y
    p_low = ((x_high * y_high - p) + x_high * (y - y_high) + (x - x_high) * y_high) + (x - x_high) * (
        y - y_high
    )
    s = p + z
    b = s - p
    return s + (((p - (s - b)) + (z - b)) + p_low)


# Whether kernels run in Triton's interpreter (TRITON_INTERPRET=1 at import), which takes CPU tensors.
INTERPRETED = not isinstance(_fma, triton.JITFunction)
_EMULATED = tl.constexpr(INTERPRETED)


@triton.jit
def _step(p, x, A: tl.constexpr):
    """p x + A: one step of Horner's rule."""
    return _fma(p, x, tl.full(x.shape, A, x.dtype))


@triton.jit
def _div(x, y):
    """Quotient, correctly rounded in either precision."""
    result = x / y if x.dtype == tl.float64 else tl.div_rn(x, y)
    return result


@triton.jit
def _sqrt(x):
    """Root, correctly rounded in either precision."""
    result = tl.sqrt(x) if x.dtype == tl.float64 else tl.sqrt_rn(x)
    return result


@triton.jit
def _log1p(u):
    """log(1 + u) for u >= 0, infinity and NaN passed on: 1.4 units of 2^-24, or 2 of 2^-53."""
    y = 1.0 + u
    if u.dtype == tl.float64:
        e = (y.to(tl.int64, bitcast=True) - 0x3FE8000000000000) & -0x0010000000000000
        m = (u.to(tl.int64, bitcast=True) - e).to(tl.float64, bitcast=True)
        quarter = (0x4010000000000000 - e).to(tl.float64, bitcast=True)
        m = tl.where(u == 0.0, 0.0, m) + _step(quarter, tl.full(u.shape, 0.25, u.dtype), -1.0)
        # log(1 + m) = 2 artanh(s), |s| <= 1/5
        s = m / (2.0 + m)
        w = s * s
        p = tl.full(u.shape, 1 / 25, u.dtype)
        p = _step(p, w, 1 / 23)
        p = _step(p, w, 1 / 21)
        p = _step(p, w, 1 / 19)
        p = _step(p, w, 1 / 17)
        p = _step(p, w, 1 / 15)
        p = _step(p, w, 1 / 13)
        p = _step(p, w, 1 / 11)
        p = _step(p, w, 1 / 9)
        p = _step(p, w, 1 / 7)
        p = _step(p, w, 1 / 5)
        p = _step(p, w, 1 / 3)
        tail = 2.0 * s * (w * p)
        scale = (e >> 52).to(tl.float64)
        result = _fma(scale, tl.full(u.shape, 0.6931471805599453, u.dtype), 2.0 * s + tail)
    else:
        e = (y.to(tl.int32, bitcast=True) - 0x3F400000) & -0x00800000
        m = (u.to(tl.int32, bitcast=True) - e).to(tl.float32, bitcast=True)
        m = tl.where(u == 0.0, 0.0, m)
        quarter = (0x40800000 - e).to(tl.float32, bitcast=True)
        m += _step(quarter, tl.full(u.shape, 0.25, u.dtype), -1.0)
        p = tl.full(u.shape, -0.045074813067913055, u.dtype)
        p = _step(p, m, 0.10463079810142517)
        p = _step(p, m, -0.13161253929138184)
        p = _step(p, m, 0.14478406310081482)
        p = _step(p, m, -0.16647306084632874)
        p = _step(p, m, 0.19990859925746918)
        p = _step(p, m, -0.2500009536743164)
        p = _step(p, m, 0.3333345055580139)
        square = m * m
        tail = _fma(square * m, p, square * -0.5)
        scale = e.to(tl.float32) * 1.1920928955078125e-07
        result = _fma(scale, tl.full(u.shape, 0.6931471805599453, u.dtype), m + tail)
    return tl.where(u < float("inf"), result, u)


@triton.jit
def _exp(x):
    """exp(x) - 1 and exp(x) for x <= 0, each to 2 units; NaN is passed on.

    Arguments below -80 are taken as -80, in float64 those below -700 as -700.

    x = n log 2 + r: 2^n comes from the low bits of x / log 2 + 1.5 2^p, without a cast that NaN would upset.
    """
    if x.dtype == tl.float64:
        x = tl.where(x < -700.0, -700.0, x)
        shifted = _step(x, tl.full(x.shape, 1.4426950408889634, x.dtype), 6755399441055744.0)
        n = shifted - 6755399441055744.0
        power = ((shifted.to(tl.int64, bitcast=True) - 0x4338000000000000 + 1023) << 52).to(
            tl.float64, bitcast=True
        )
        r = _fma(n, tl.full(x.shape, -0.6931471805599453, x.dtype), x)
        r = _fma(n, tl.full(x.shape, -2.3190468138462996e-17, x.dtype), r)
        p = tl.full(x.shape, 1 / 87178291200, x.dtype)
        p = _step(p, r, 1 / 6227020800)
        p = _step(p, r, 1 / 479001600)
        p = _step(p, r, 1 / 39916800)
        p = _step(p, r, 1 / 3628800)
        p = _step(p, r, 1 / 362880)
        p = _step(p, r, 1 / 40320)
        p = _step(p, r, 1 / 5040)
        p = _step(p, r, 1 / 720)
    else:
        x = tl.where(x < -80.0, -80.0, x)
        shifted = _step(x, tl.full(x.shape, 1.4426950408889634, x.dtype), 12582912.0)
        n = shifted - 12582912.0
        power = ((shifted.to(tl.int32, bitcast=True) - 0x4B400000 + 127) << 23).to(tl.float32, bitcast=True)
        r = _fma(n, tl.full(x.shape, -0.6931471824645996, x.dtype), x)
        r = _fma(n, tl.full(x.shape, 1.904654323148236e-09, x.dtype), r)
        p = tl.full(x.shape, 1 / 40320, x.dtype)
        p = _step(p, r, 1 / 5040)
        p = _step(p, r, 1 / 720)
    p = _step(p, r, 1 / 120)
    p = _step(p, r, 1 / 24)
    p = _step(p, r, 1 / 6)
    p = _step(p, r, 0.5)
    p = _fma(r * r, p, r)
    return _fma(power, p, power - 1.0), _fma(power, p, power)


@triton.jit
def _tanh_ratio(z, z_low):
    """tanh(z) / z and 1 / cosh(z)^2 for z + z_low >= 0: far out, the second one needs the digits beyond z."""
    less, e = _exp(-2.0 * z)
    change = tl.where(z > 100.0, 0.0, -2.0 * z_low * e)
    less += change
    e += change
    both = 2.0 + less
    near = z < 1e-30
    ratio = tl.where(near, 1.0, _div(-less, both * tl.where(near, 1.0, z)))
    return ratio, _div(4.0 * e, both * both)


@triton.jit
def _minus_tanh(y, tanh):
    """y - tanh(y) for y >= 0, given tanh(y): its own series where the difference has lost two digits."""
    w = y * y
    series = 1382 / 155925 - w * (21844 / 6081075)
    series = y * w * (1 / 3 + w * (-2 / 15 + w * (17 / 315 + w * (-62 / 2835 + w * series))))
    if y.dtype == tl.float64:
        result = tl.where(y < 0.03, series, y - tanh)
    else:
        result = tl.where(y < 0.3, series, y - tanh)
    return result


@triton.jit
def _sinh_excess(w):
    """(sinh y - y) / y for w = y^2 up to 9, in float64 up to 1: a sum of positive terms."""
    p = 1.0 + w * (1 / 272) * (1.0 + w * (1 / 342))
    p = 1.0 + w * (1 / 110) * (1.0 + w * (1 / 156) * (1.0 + w * (1 / 210) * p))
    return w * (1 / 6) * (1.0 + w * (1 / 20) * (1.0 + w * (1 / 42) * (1.0 + w * (1 / 72) * p)))


@triton.jit
def _coth_excess(z):
    """z coth(z) - 1 for float64 z >= 0."""
    w = z * z
    series = w * (1 / 3 + w * (-1 / 45 + w * (2 / 945 + w * (-1 / 4725 + w * (2 / 93555)))))
    away = tl.where(z < 0.1, 1.0, z)
    less, e = _exp(-2.0 * away)
    return tl.where(z < 0.1, series, away * (1.0 + e) / -less - 1.0)
