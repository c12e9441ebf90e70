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
from tvae.geometry.fresh import fresh


class PairedDistance(Function):
    """Distances (N,) of contiguous float32 rows x and y (N, D), with gradients in x, y and c."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, c: float | Tensor) -> Tensor:
        d = fresh(len(x))
        slopes = fresh(len(x), 4) if any(ctx.needs_input_grad) else None
        _core.pair_distances(x.detach().numpy(), y.detach().numpy(), float(rounded(c, x)), d, slopes)
        if slopes is not None:
            ctx.save_for_backward(x, y, torch.from_numpy(slopes))
        ctx.c = c
        return torch.from_numpy(d)

    @staticmethod
    @once
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        x, y, slopes = ctx.saved_tensors
        both = fresh(2, *x.shape)
        if not len(x):  # numpy takes two empty halves for one
            gx, gy = torch.from_numpy(both)
            return gx, gy, torch.zeros_like(ctx.c) if ctx.needs_input_grad[2] else None
        gc = _core.pair_gradients(
            x.detach().numpy(),
            y.detach().numpy(),
            slopes.numpy(),
            g.contiguous().numpy(),
            both[0],
            both[1],
        )
        gx, gy = torch.from_numpy(both)
        return gx, gy, ctx.c.new_tensor(gc) if ctx.needs_input_grad[2] else None
