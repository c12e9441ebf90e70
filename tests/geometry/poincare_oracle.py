"""The ball in 120 decimal digits, by the textbook forms that need them: acosh, artanh, plain derivatives.

Nothing here is shared with the package: different formulas, different arithmetic. Points are float tensors,
taken digit by digit; results are float64 arrays.
"""

from __future__ import annotations

import mpmath
import numpy as np
import torch
from mpmath import mp, mpf

mp.dps = 120  # acosh(1 + 1e-60) must keep twenty


def _vectors(x: torch.Tensor) -> list[list[mpf]]:
    return [[mpf(value) for value in row] for row in x.detach().double().tolist()]


def _inner(a: list[mpf], b: list[mpf]) -> mpf:
    return mpmath.fdot(zip(a, b, strict=True))


def _float(rows: list) -> np.ndarray:
    return np.array(rows, dtype=object).astype(np.float64)


def distance(x: torch.Tensor, y: torch.Tensor, c: float):
    """d = acosh(1 + 2 c |x - y|^2 / ((1 - c|x|^2)(1 - c|y|^2))) / sqrt(c) with gradients in x, y and c."""
    c = mpf(c)
    rows = [_pair(a, b, c) for a, b in zip(_vectors(x), _vectors(y), strict=True)]
    return tuple(_float([row[i] for row in rows]) for i in range(4))


def _pair(a: list[mpf], b: list[mpf], c: mpf):
    aa, bb = _inner(a, a), _inner(b, b)
    delta = [p - q for p, q in zip(a, b, strict=True)]
    s, alpha, beta = _inner(delta, delta), 1 - c * aa, 1 - c * bb
    excess = 2 * c * s / (alpha * beta)
    root = mpmath.sqrt(c)
    d = mpmath.acosh(1 + excess) / root
    outer = 1 / (root * mpmath.sqrt(excess * (excess + 2)))
    factor = 4 * c / (alpha * beta) * outer
    gx = [factor * (t + c * s * p / alpha) for t, p in zip(delta, a, strict=True)]
    gy = [factor * (c * s * p / beta - t) for t, p in zip(delta, b, strict=True)]
    gc = outer * 2 * s / (alpha * beta) * (1 + c * aa / alpha + c * bb / beta) - d / (2 * c)
    return d, gx, gy, gc


def radius(x: torch.Tensor, c: float):
    """d = 2 artanh(sqrt(c)|x|) / sqrt(c) with gradients in x and c."""
    c = mpf(c)
    rows = []
    for a in _vectors(x):
        n = mpmath.sqrt(_inner(a, a))
        alpha = 1 - c * n * n
        d = 2 * mpmath.atanh(mpmath.sqrt(c) * n) / mpmath.sqrt(c)
        rows.append((d, [2 * p / (alpha * n) for p in a], (n / alpha - d / 2) / c))
    return tuple(_float([row[i] for row in rows]) for i in range(3))


def radial_map(x: torch.Tensor, g: torch.Tensor, c: float, *, inverse: bool):
    """exp0(x), or log0(x) if `inverse`, with the pullback of `g` in x and in c."""
    c = mpf(c)
    rows = []
    for a, upstream in zip(_vectors(x), _vectors(g), strict=True):
        n = mpmath.sqrt(_inner(a, a))
        z = mpmath.sqrt(c) * n
        factor = mpmath.atanh(z) / z if inverse else mpmath.tanh(z) / z
        slope = 1 / (1 - z * z) if inverse else mpmath.sech(z) ** 2
        along = (slope - factor) * _inner(upstream, a)
        gx = [factor * q + along / (n * n) * p for p, q in zip(a, upstream, strict=True)]
        rows.append(([factor * p for p in a], gx, along / (2 * c)))
    return tuple(_float([row[i] for row in rows]) for i in range(3))


def worst(got: torch.Tensor, truth: np.ndarray) -> float:
    """Largest relative error: of each row's vector if there is a last dimension beside the rows."""
    difference = got.detach().double().numpy() - truth
    if truth.ndim == 1:
        return float(np.max(np.abs(difference) / np.abs(truth)))
    return float(np.max(np.linalg.norm(difference, axis=-1) / np.linalg.norm(truth, axis=-1)))
