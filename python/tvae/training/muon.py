"""Muon in float32, batched over matrices of one shape.

torch ships a Muon that iterates in bfloat16: on processors without bfloat16 matrix units it is tens
of times slower than this one (`python benches/bench_training.py --optimizer` measures both), and the
matrices here are small enough for the dispatch of one call per matrix to matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

#: Coefficients of the odd quintic a x + b x^3 + c x^5 whose iteration drives singular values towards 1.
QUINTIC = (3.4445, -4.7750, 2.0315)


def orthogonalise(g: Tensor, steps: int) -> Tensor:
    """The nearest semi-orthogonal matrices, roughly: singular values between about 0.5 and 1.2.

    Args:
        g: one matrix (rows, columns), or several (k, rows, columns).
        steps: Newton-Schulz iterations.

    Source:
        Jordan et al., Muon: an optimizer for hidden layers (2024).

    Example:
        >>> q = orthogonalise(torch.diag(torch.tensor([3.0, 1.0])), steps=8)
        >>> bool((q.diagonal() > 0.5).all())
        True
    """
    a, b, c = QUINTIC
    tall = g.size(-2) > g.size(-1)
    x = g.mT if tall else g
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)
    fused = torch.addmm if x.ndim == 2 else torch.baddbmm
    for _ in range(steps):
        square = x @ x.mT
        x = fused(x, fused(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Nesterov momentum whose update is orthogonalised, for 2-D parameters.

    Args:
        params: matrices, or groups of them.
        lr: spectral norm of an update, roughly; times sqrt(rows / columns) for tall matrices.
        momentum: decay of the momentum.
        steps: Newton-Schulz iterations.
        weight_decay: decoupled, per unit of lr.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        *,
        lr: float = 0.04,
        momentum: float = 0.95,
        steps: int = 3,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            params, {"lr": lr, "momentum": momentum, "steps": steps, "weight_decay": weight_decay}
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update of every matrix that has a gradient."""
        assert closure is None, "Muon takes no closure"
        for group in self.param_groups:
            shapes: dict[torch.Size, list[Tensor]] = {}
            for p in group["params"]:
                if p.grad is not None:
                    shapes.setdefault(p.shape, []).append(p)
            for shape, matrices in shapes.items():
                self._update(matrices, shape, group)

    #: 0-d tensor that makes a step leave everything as it is where it is 1; the rate is a tensor then too.
    found_inf: Tensor | None = None

    def _update(self, matrices: list[Tensor], shape: torch.Size, group: dict[str, Any]) -> None:
        directions = []
        for p in matrices:
            state = self.state[p]
            if not state:
                state["momentum"] = torch.zeros_like(p)
            grad = p.grad
            assert grad is not None, "step() passes matrices with a gradient"
            if self.found_inf is None:
                state["momentum"].lerp_(grad, 1.0 - group["momentum"])
            else:
                moved = state["momentum"].lerp(grad, 1.0 - group["momentum"])
                state["momentum"].copy_(torch.where(self.found_inf.bool(), state["momentum"], moved))
            directions.append(torch.lerp(grad, state["momentum"], group["momentum"]))
        stacked = directions[0] if len(directions) == 1 else torch.stack(directions)
        updates = orthogonalise(stacked, group["steps"])
        scale = group["lr"] * max(1.0, shape[0] / shape[1]) ** 0.5
        for p, update in zip(matrices, [updates] if len(directions) == 1 else updates, strict=True):
            if self.found_inf is not None:
                decayed = p * (1.0 - group["lr"] * group["weight_decay"])
                p.copy_(torch.where(self.found_inf.bool(), p, decayed - scale * update).to(p.dtype))
                continue
            if group["weight_decay"]:
                p.mul_(1.0 - group["lr"] * group["weight_decay"])
            p.add_(update, alpha=-scale)
