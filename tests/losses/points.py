"""What a model could give a loss, made of free parameters instead of a network."""

from __future__ import annotations

from typing import NamedTuple, get_args, get_type_hints

import torch
from torch import Tensor
from torch.nn.functional import normalize

from tvae import losses
from tvae.losses.inputs import Batch, LossInputs, Scale
from tvae.losses.spec import Bands, LossSpec
from tvae.nn.projection import Polar
from tvae.nn.vae import Output, Posterior
from tvae.space import TernarySpace
from tvae.training.batches import draw_batch

DEPTH = 4
HINTS = get_type_hints(LossSpec)


def config_of(name: str) -> type:
    """The config struct of a loss of `LossSpec`, whose fields are the struct or None."""
    return next(kind for kind in get_args(HINTS[name]) if kind is not type(None))


def a_batch(size: int = 32, depth: int = DEPTH) -> Batch:
    return draw_batch(TernarySpace(depth), size, seed=3, step=0, high_v=0.25, device=torch.device("cpu"))


class Point(NamedTuple):
    """What a model could give a loss: free parameters instead of a network."""

    level: Tensor
    """Radii are 3 sigmoid(level)."""
    direction: Tensor
    mu: Tensor
    logvar: Tensor
    logits: Tensor

    def inputs(self, batch: Batch) -> LossInputs:
        polar = Polar(3.0 * torch.sigmoid(self.level), normalize(self.direction, dim=-1))
        posterior = Posterior(self.mu, self.logvar, polar)
        return LossInputs(batch, Output({"B": posterior}, ("B",), self.logits, 1.0), torch.tensor(0.0))


def a_point(size: int, dim: int, depth: int = DEPTH, dtype: torch.dtype = torch.float32) -> Point:
    """Radii far from order and closer together than any level may be; every operation decoded as class 0."""
    first_class = torch.tensor([2.0, 0.0, 0.0], dtype=dtype)
    return Point(
        *(
            t.requires_grad_()
            for t in (
                0.1 * torch.randn(size, dtype=dtype),
                torch.randn(size, dim, dtype=dtype),
                torch.randn(size, dim, dtype=dtype),
                torch.randn(size, dim, dtype=dtype) - 1.0,
                torch.randn(2, size, depth, 3, dtype=dtype) + first_class,
            )
        )
    )


def made(name: str, depth: int = DEPTH, **settings: object) -> losses.Loss:
    return losses.build(name, config_of(name)(**settings), Scale(depth, 3.0, Bands()))


def inputs_of(batch: Batch, radius: Tensor, direction: Tensor, logits: Tensor | None = None) -> LossInputs:
    mu = torch.full((len(batch.x), 3), 0.5, dtype=radius.dtype)
    posterior = Posterior(mu, torch.zeros_like(mu), Polar(radius, normalize(direction, dim=-1)))
    return LossInputs(batch, Output({"B": posterior}, ("B",), logits, 1.0), torch.tensor(0.0))
