"""The distance of paired float32 points on a CPU, compiled: one pass forward, one backward.

The same formulas as `tvae.geometry.poincare.distance`, which remains the reference.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from tvae import _core
from tvae.autograd import once
from tvae.geometry.conformal import rounded


class PairedDistance(Function):
    """Distances (N,) of contiguous float32 rows x and y (N, D), with gradients in x, y and c."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, c: float | Tensor) -> Tensor:
        d = torch.empty(len(x))
        wanted = any(ctx.needs_input_grad)
        slopes = torch.empty(len(x), 4) if wanted else None
        _core.pair_distances(
            x.detach().numpy(),
            y.detach().numpy(),
            float(rounded(c, x)),
            d.numpy(),
            None if slopes is None else slopes.numpy(),
        )
        if slopes is not None:
            ctx.save_for_backward(x, y, slopes)
        ctx.c = c
        return d

    @staticmethod
    @once
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        x, y, slopes = ctx.saved_tensors
        gx, gy = torch.empty_like(x), torch.empty_like(y)
        gc = _core.pair_gradients(
            x.detach().numpy(),
            y.detach().numpy(),
            slopes.numpy(),
            g.contiguous().numpy(),
            gx.numpy(),
            gy.numpy(),
        )
        return gx, gy, ctx.c.new_tensor(gc) if ctx.needs_input_grad[2] else None
