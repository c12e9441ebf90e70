"""A code back to logits over the three values of each trit."""

from __future__ import annotations

from torch import Tensor, nn

from tvae.nn.layers import Stack
from tvae.nn.spec import DecoderSpec


class Decoder(nn.Module):
    """code (B, D) -> logits (B, n, 3); class k stands for trit k - 1."""

    def __init__(self, spec: DecoderSpec, *, depth: int, latent_dim: int) -> None:
        super().__init__()
        improved = spec.kind == "improved"
        self.hidden = Stack(
            (latent_dim, *spec.hidden),
            activation=spec.activation,
            norm=improved,
            dropout=spec.dropout if improved else 0.0,
        )
        self.logits = nn.Linear(spec.hidden[-1], 3 * depth)
        self.gain = spec.gain
        self.depth = depth

    def forward(self, code: Tensor) -> Tensor:
        out: Tensor = self.logits(self.hidden(self.gain * code))
        return out.view(*code.shape[:-1], self.depth, 3)
