"""Hyperbolic functions where their textbook forms lose digits or gradients."""

from __future__ import annotations

import torch
from torch import Tensor


def arcosh1p(x: Tensor) -> Tensor:
    """arcosh(1 + x) = log1p(x + sqrt(x (x + 2))) for x >= 0, same shape.

    Below 1e-12 it is constant, so that the gradient of its square is finite at 0.

    Example:
        >>> arcosh1p(torch.tensor([0.0, 1.0]))
        tensor([1.4142e-06, 1.3170e+00])
    """
    x = x.clamp_min(1e-12)
    return torch.log1p(x + torch.sqrt(x * (x + 2.0)))


def log_sinhc(x: Tensor) -> Tensor:
    """ln(sinh(x) / x) for x >= 0, 0 at 0; same shape.

    (D - 1) log_sinhc(sqrt(c) r) is the logarithm of the volume that the exponential map gains at distance
    r in D dimensions.

    Example:
        >>> log_sinhc(torch.tensor([0.0, 1.0]))
        tensor([0.0000, 0.1614])
    """
    small = x < 0.3
    squared = torch.where(small, x, 0.3).square()
    # Below 0.3 the next term of the series is under 2e-9 of the result; beyond, nothing cancels.
    series = squared * (1.0 / 6.0 - squared * (1.0 / 180.0 - squared / 2835.0))
    large = torch.where(small, 0.3, x)
    # ln(sinh x) without overflow.
    return torch.where(small, series, large + torch.log(-torch.expm1(-2.0 * large)) - torch.log(2.0 * large))
