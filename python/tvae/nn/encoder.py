"""Trits to the mean and log-variance of a Gaussian posterior."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from tvae.nn.layers import Stack
from tvae.nn.spec import EncoderSpec

#: Where the improved encoder keeps its log-variance.
LOGVAR_RANGE = (-10.0, 2.0)


class Encoder(nn.Module):
    """x (B, n) in {-1, 0, 1} -> mu (B, D), logvar (B, D).

    With `skip`, mu(x) = net(x) + x S. S starts as sqrt(3/2) on the diagonal: each trit, whose
    variance is 2/3, starts in a latent of its own with the variance of the prior.
    """

    def __init__(self, spec: EncoderSpec, *, depth: int, latent_dim: int) -> None:
        super().__init__()
        improved = spec.kind == "improved"
        self.hidden = Stack(
            (depth, *spec.hidden),
            activation=spec.activation,
            norm=improved,
            dropout=spec.dropout if improved else 0.0,
        )
        self.mu = nn.Linear(spec.hidden[-1], latent_dim)
        self.logvar = nn.Linear(spec.hidden[-1], latent_dim)
        self.skip = nn.Parameter(math.sqrt(1.5) * torch.eye(depth, latent_dim)) if spec.skip else None
        self.bounded = improved
        with torch.no_grad():
            self.logvar.weight.zero_()
            self.logvar.bias.fill_(2.0 * math.log(spec.sigma_init))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.hidden(x)
        # Autocast is for the wide layers: the code itself needs more than eight bits.
        with torch.autocast(x.device.type, enabled=False):
            h = h.to(x.dtype)
            mu = self.mu(h)
            if self.skip is not None:
                mu = torch.addmm(mu, x, self.skip)
            logvar = self.logvar(h)
        return mu, logvar.clamp(*LOGVAR_RANGE) if self.bounded else logvar
