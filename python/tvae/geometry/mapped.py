"""Radius, maps at the origin and projection of float32 points on a CPU, compiled: one pass each way.

The same functions as in `tvae.geometry.poincare`, which remains the reference.
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


class Mapped(Function):
    """Radii (N,), or images (N, D), of contiguous float32 rows x (N, D), with gradients in x and c.

    `kind` is the name of the function in `tvae.geometry`; `rho` is read by `project` alone.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, c: float | Tensor, kind: str, rho: float) -> Tensor:
        out = fresh(len(x)) if kind == "radius" else fresh(*x.shape)
        slopes = fresh(len(x), 3) if any(ctx.needs_input_grad) else None
        k = float(rounded(c, x))
        _core.map_points(kind, x.detach().numpy(), k, out, slopes, rho)
        if slopes is not None:
            ctx.save_for_backward(x, torch.from_numpy(slopes))
        ctx.c, ctx.k, ctx.kind = c, k, kind
        return torch.from_numpy(out)

    @staticmethod
    @once
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        x, slopes = ctx.saved_tensors
        gx = fresh(*x.shape)
        gc = _core.map_gradient(
            ctx.kind, x.detach().numpy(), ctx.k, slopes.numpy(), g.contiguous().numpy(), gx
        )
        return torch.from_numpy(gx), ctx.c.new_tensor(gc) if ctx.needs_input_grad[1] else None, None, None
