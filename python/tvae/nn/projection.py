"""A latent into the ball, as a direction and a hyperbolic radius."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tvae.nn.layers import Stack
from tvae.nn.spec import ProjectionSpec

#: Largest sqrt(c) |x| of a clipped point: closer to the rim float32 has no room for a radius.
RIM = 1.0 - 1e-5


class Polar(NamedTuple):
    """A point of the ball: hyperbolic radius R (B,) and unit direction (B, D)."""

    radius: Tensor
    direction: Tensor

    @property
    def tangent(self) -> Tensor:
        """R * direction = 2 log0(point), shape (B, D)."""
        return self.radius.unsqueeze(-1) * self.direction

    def points(self, c: Tensor | float) -> Tensor:
        """The ball points tanh(sqrt(c) R / 2) / sqrt(c) * direction, shape (B, D)."""
        root = c**0.5
        return (torch.tanh(0.5 * root * self.radius) / root).unsqueeze(-1) * self.direction


class Projection(nn.Module):
    """z (B, D) -> `Polar`: direction unit(z + delta(z)), radius r_max * sigmoid(net(z)).

    With `radius = "euclidean"` the sigmoid bounds the norm instead: sqrt(c) |x| = max_norm *
    sigmoid(net(z)), and the hyperbolic radius follows from it. `"clipped"` is the same with a
    max_norm that may pass the rim: points that would lie outside the ball stay at its edge.
    """

    def __init__(
        self, spec: ProjectionSpec, *, latent_dim: int, r_max: float, own_direction: bool = True
    ) -> None:
        super().__init__()
        sizes = (latent_dim, *[spec.hidden] * spec.layers)
        narrow = spec.radius_width
        self.euclidean = spec.radius != "hyperbolic"
        self.r_max = r_max
        self.max_norm = spec.max_norm
        self.direction = Residual(sizes, dropout=spec.dropout) if own_direction else None
        self.radius = Stack(
            (latent_dim, *[narrow] * spec.layers), activation="silu", norm=False, dropout=spec.dropout
        )
        self.radius_out = nn.Linear(narrow, 1)
        # Every run starts without a radial order: a random head would start with one of random sign.
        nn.init.zeros_(self.radius_out.weight)
        nn.init.zeros_(self.radius_out.bias)

    def forward(self, z: Tensor, c: Tensor | float, direction: nn.Module | None = None) -> Polar:
        """Project `z`; `direction` stands in for a direction network that this projection does not own."""
        share = torch.sigmoid(self.radius_out(self.radius(z))).squeeze(-1)
        radius = self.r_max * share
        if self.euclidean:
            norm = self.max_norm * share
            if self.max_norm >= 1.0:
                norm = norm.clamp(max=RIM)
            radius = 2.0 / c**0.5 * torch.atanh(norm)
        towards = self.direction or direction
        assert towards is not None, "a projection without a direction network must be given one"
        return Polar(radius, F.normalize(towards(z), dim=-1))


class Residual(nn.Module):
    """z + delta(z), delta starting at zero: the direction of a point starts as that of its latent."""

    def __init__(self, sizes: tuple[int, ...], *, dropout: float) -> None:
        super().__init__()
        self.hidden = Stack(sizes, activation="silu", norm=True, dropout=dropout)
        self.out = nn.Linear(sizes[-1], sizes[0])
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, z: Tensor) -> Tensor:
        delta: Tensor = self.out(self.hidden(z))
        return z + delta
