"""How far values are from their targets, as the configs' `error` counts it."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def deviation(values: Tensor, target: Tensor, error: str) -> Tensor:
    """Each value's cost: with e = |value - target|, e^2 ("mse"), or e^2 / 2 below 1 and e - 1/2 beyond.

    Example:
        >>> import torch
        >>> deviation(torch.tensor([3.0]), torch.tensor([1.0]), "smooth_l1")
        tensor([1.5000])
    """
    if error == "mse":
        return (values - target).square()
    return F.smooth_l1_loss(values, target, reduction="none")
