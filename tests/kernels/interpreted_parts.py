"""The parts that kernels share, in Triton's interpreter: scalar functions and row scalars against float64.

A program of its own, as `interpreted.py`; prints one JSON object, name of a check -> number.
"""

from __future__ import annotations

import json
import math
import sys

import numpy as np
import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.nn.functional import normalize

from tvae.kernels.conformal import _conformal, _dot, _long_norm, _norm
from tvae.kernels.scalar import _exp, _fma, _log1p, _minus_tanh, _tanh_ratio

LENGTH = 4096


@triton.jit
def scalars(x_ptr, out_ptr, n, N: tl.constexpr):
    at = tl.arange(0, N)
    x = tl.load(x_ptr + at)
    less, e = _exp(-x)
    ratio, slope = _tanh_ratio(x, x * 0.0)
    tl.store(out_ptr + at, _log1p(x))
    tl.store(out_ptr + n + at, less)
    tl.store(out_ptr + 2 * n + at, e)
    tl.store(out_ptr + 3 * n + at, ratio)
    tl.store(out_ptr + 4 * n + at, slope)
    tl.store(out_ptr + 5 * n + at, _minus_tanh(x, ratio * x))
    tl.store(out_ptr + 6 * n + at, _fma(x, x, -(x * x)))


@triton.jit
def rows(a_ptr, b_ptr, c_ptr, out_ptr, n, N: tl.constexpr, D: tl.constexpr):
    at = tl.arange(0, N)
    tile = at[:, None] * D + tl.arange(0, D)[None, :]
    a = tl.load(a_ptr + tile)
    b = tl.load(b_ptr + tile)
    c = tl.load(c_ptr)
    high, low = _dot(a, b)
    length, unit = _norm(a)
    _, root, alpha = _conformal(a, c)
    long, z, z_low = _long_norm(a, c)
    tl.store(out_ptr + at, high)
    tl.store(out_ptr + n + at, low)
    tl.store(out_ptr + 2 * n + at, length)
    tl.store(out_ptr + 3 * n + at, tl.sum(unit * unit, axis=1))
    tl.store(out_ptr + 4 * n + at, root)
    tl.store(out_ptr + 5 * n + at, alpha)
    tl.store(out_ptr + 6 * n + at, long)
    tl.store(out_ptr + 7 * n + at, z)
    tl.store(out_ptr + 8 * n + at, z_low)


def units(got: Tensor, truth: np.ndarray) -> float:
    """Largest relative error in units of half the spacing at 1."""
    unit = torch.finfo(got.dtype).eps / 2
    error = np.abs(got.double().numpy().astype(np.longdouble) - truth) / np.abs(truth)
    return float(error.max()) / unit


def scalar_report(dtype: torch.dtype) -> dict[str, float]:
    x = torch.logspace(-6, math.log10(35), LENGTH, dtype=torch.float64).to(dtype)
    out = torch.empty(7, LENGTH, dtype=dtype)
    scalars[(1,)](x, out, LENGTH, N=LENGTH)
    wide = x.double().numpy().astype(np.longdouble)
    tanh = np.tanh(wide)
    small = wide < 0.03
    series = wide**3 / 3 - 2 * wide**5 / 15 + 17 * wide**7 / 315 - 62 * wide**9 / 2835
    series += 1382 * wide**11 / 155925
    exact = {
        "log1p": np.log1p(wide),
        "expm1": np.expm1(-wide),
        "exp": np.exp(-wide),
        "tanh ratio": tanh / wide,
        "sech squared": 1 / np.cosh(wide) ** 2,
        "minus tanh": np.where(small, series, wide - tanh),
    }
    report = {name: units(out[i], truth) for i, (name, truth) in enumerate(exact.items())}
    huge = torch.tensor([0.0, 1e-30, 1e30, math.inf, math.nan], dtype=dtype)
    padded = torch.zeros(LENGTH, dtype=dtype)
    padded[:5] = huge
    scalars[(1,)](padded, out, LENGTH, N=LENGTH)
    log = out[0, :5].tolist()
    report["ends"] = float(log[0] == 0 and log[3] == math.inf and math.isnan(log[4]) and log[1] == huge[1])
    report["nan"] = float(out[:6, 4].isnan().all())
    report["one"] = float((out[3:5, 0] == 1).all() and out[5, 0] == 0)
    if dtype == torch.float32:
        scalars[(1,)](x, out, LENGTH, N=LENGTH)
        report["fma"] = float((x.double().square() - (x * x).double() - out[6].double()).abs().max())
    return report


def row_report(dtype: torch.dtype) -> dict[str, float]:
    n, dim = 64, 16
    r = 1 - torch.logspace(-0.3, -6, n, dtype=torch.float64)
    a = (normalize(torch.randn(n, dim, dtype=torch.float64), dim=-1) * r[:, None]).to(dtype)
    b = torch.randn(n, dim, dtype=torch.float64).to(dtype)
    b -= ((a * b).sum(1) / (a * a).sum(1))[:, None] * a  # nearly orthogonal
    c = torch.tensor(1.0, dtype=dtype)
    out = torch.empty(9, n, dtype=dtype)
    rows[(1,)](a, b, c, out, n, N=n, D=dim)
    wide, other = (t.double().numpy().astype(np.longdouble) for t in (a, b))
    square = (wide * wide).sum(1)
    got = out.double().numpy().astype(np.longdouble)
    digits = float(torch.finfo(dtype).eps) ** 2
    dot = (wide * other).sum(1)
    top = np.abs(wide * other).max(1)
    z = np.sqrt(square)
    report = {
        "norm": units(out[2], z),
        "unit": units(out[3], np.ones_like(z)),
        "root": units(out[4], z),
        "long norm": units(out[6], z),
    }
    if dtype == torch.float32:  # an extended double cannot judge float64
        report |= {
            "alpha": units(out[5], 1 - square),
            "dot": float((np.abs(got[0] + got[1] - dot) / top).max()) / digits,
            "long root": float((np.abs(got[7] + got[8] - z) / z).max()) / digits,
        }
    tiny = torch.finfo(dtype).tiny
    for name, size in (("small", tiny * 2.0**30), ("large", 2.0**-30 / tiny)):
        unit = torch.zeros(n, dim, dtype=dtype)
        unit[:, :2] = torch.tensor([0.6, 0.8], dtype=dtype)
        scaled = unit * size
        rows[(1,)](scaled, unit, c, out, n, N=n, D=dim)
        report[f"norm of the {name}"] = units(out[2], unit.double().norm(dim=1).numpy() * np.longdouble(size))
    return report


if __name__ == "__main__":
    np.seterr(all="ignore")  # of lanes that a select then drops
    torch.manual_seed(0)
    report = {}
    for dtype, name in ((torch.float32, "float32"), (torch.float64, "float64")):
        for key, value in (scalar_report(dtype) | row_report(dtype)).items():
            report[f"{key} {name}"] = value
    json.dump(report, sys.stdout)
