"""Hinges on listed rows of float32 points on a CPU, compiled: value and gradient from one pass.

The same sums as `tvae.geometry.hinge`, which remains the reference.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function

from tvae import _core
from tvae.autograd import once
from tvae.geometry.conformal import rounded
from tvae.geometry.fresh import fresh


class Listed(Function):
    """The float64 sum of hinges over the columns of `rows`, with gradients in x (N, D) and c.

    Triplets held to `margin`, or, with `bands` (levels and their lo, hi, weight), pairs.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        c: float | Tensor,
        rows: Tensor,
        bands: tuple[Tensor, list[list[float]]] | None,
        margin: float,
        squared: bool,
    ) -> Tensor:
        gx = fresh(*x.shape)
        levels = None if bands is None else bands[0].int().contiguous().numpy()
        total, gc = _core.listed_hinge(
            x.detach().numpy(),
            rows.int().contiguous().numpy().view(np.uint32),
            float(rounded(c, x)),
            gx,
            margin=margin,
            levels=levels,
            bands=None if bands is None else [(lo, hi, weight) for lo, hi, weight in bands[1]],
            squared=squared,
        )
        if any(ctx.needs_input_grad):
            ctx.save_for_backward(torch.from_numpy(gx))
        ctx.c, ctx.gc = c, gc
        return x.new_tensor(total, dtype=torch.float64)

    @staticmethod
    @once
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        gc = ctx.c.new_tensor(g.item() * ctx.gc) if ctx.needs_input_grad[1] else None
        return gradient * g.item(), gc, None, None, None, None
