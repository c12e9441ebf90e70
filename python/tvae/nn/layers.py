"""The two kinds of hidden stack that encoders, decoders and projections share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "silu": F.silu,
    "tanh": torch.tanh,
}


class Stack(nn.Module):
    """Linear (and LayerNorm), activation, dropout; once per hidden layer.

    Layers are named by what they are, and dropout has no parameters and no index, so a model with
    dropout and one without have the same tensor names.

    Args:
        sizes: input width, then the width of each hidden layer.
        activation: a key of `ACTIVATIONS`.
        norm: LayerNorm after each linear map.
        dropout: rate after each activation.
    """

    def __init__(self, sizes: Sequence[int], *, activation: str, norm: bool, dropout: float = 0.0) -> None:
        super().__init__()
        widths = list(pairwise(sizes))
        self.linear = nn.ModuleList(nn.Linear(a, b) for a, b in widths)
        self.norm = nn.ModuleList(nn.LayerNorm(b) for _, b in widths) if norm else None
        self.activation = ACTIVATIONS[activation]
        self.dropout = dropout

    def forward(self, h: Tensor) -> Tensor:
        for k, linear in enumerate(self.linear):
            h = linear(h)
            if self.norm is not None:
                h = self.norm[k](h)
            h = self.activation(h)
            if self.dropout:
                h = F.dropout(h, self.dropout, self.training)
        return h
