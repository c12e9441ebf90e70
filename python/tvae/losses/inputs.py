"""What a loss is given, and what it gives back.

Shapes: B operations, H = B / 2 rows and columns of the pair matrix, n trits, D latent dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor

from tvae.geometry import pairwise_distance
from tvae.losses.spec import Bands
from tvae.nn.vae import Branch, Output, Posterior


class Batch(NamedTuple):
    """A batch of operations and the facts about it that no weight changes."""

    x: Tensor
    """Trits (B, n), float."""
    target: Tensor
    """Classes (B, n), int64: trit + 1."""
    valuation: Tensor
    """v(i), (B,), int64."""
    pair_level: Tensor
    """v(i - j) of the first half against the second, (H, H), int64; equal operations have v = n."""


class Scale(NamedTuple):
    """The lengths that targets are measured in."""

    depth: int
    r_max: float
    """Largest hyperbolic radius."""
    bands: Bands

    def edges(self) -> Tensor:
        """The n + 2 band edges, outermost first, hyperbolic length; level k owns [edge k+1, edge k].

        The last two are e_n and 0: level n is operation 0 alone, in the centre.

        Example:
            >>> from tvae.losses.spec import Bands
            >>> [round(e, 2) for e in Scale(2, 1.0, Bands(ratio=0.5, outer=0.9, inner=0.3)).edges().tolist()]
            [0.9, 0.5, 0.3, 0.0]
        """
        widths = self.bands.ratio ** torch.arange(self.depth, dtype=torch.float64)
        widths *= (self.bands.outer - self.bands.inner) * self.r_max / widths.sum()
        outer = torch.tensor([self.bands.outer * self.r_max], dtype=torch.float64)
        inner_edges = outer - widths.cumsum(0)
        return torch.cat([outer, inner_edges, torch.zeros(1, dtype=torch.float64)]).float()

    def intervals(self) -> tuple[Tensor, Tensor]:
        """The bands less their margins: lower and upper ends, each (n + 1,)."""
        edges = self.edges()
        width = edges[:-1] - edges[1:]
        lo = edges[1:] + self.bands.margin * width
        hi = edges[:-1] - self.bands.margin * width
        lo[-1] = 0.0
        return lo, hi

    def targets(self, inner: float, outer: float) -> Tensor:
        """Evenly spaced target radii (n + 1,), `outer` of r_max at valuation 0, `inner` at n."""
        return torch.linspace(outer * self.r_max, inner * self.r_max, self.depth + 1)


@dataclass(frozen=True)
class LossInputs:
    """One training pass with its batch."""

    batch: Batch
    output: Output
    progress: Tensor
    """Share of the run that is over, 0-d, in [0, 1]; a tensor, so that a compiled step is compiled once."""
    _distances: dict[Branch, Tensor] = field(default_factory=dict, repr=False)

    def posterior(self, branch: Branch) -> Posterior:
        """The branch's posterior; branch names are checked when losses are built."""
        return self.output.posteriors[branch]

    def radius(self, branch: Branch) -> Tensor:
        """Hyperbolic radii R (B,) of the posterior means."""
        polar = self.posterior(branch).polar
        assert polar is not None, "losses on the ball are refused for models without a projection"
        return polar.radius

    def logits(self, branch: Branch) -> Tensor:
        """Logits (S, B, n, 3) of the branch's S decodings."""
        logits, decoded = self.output.logits, self.output.decoded
        assert logits is not None, "losses that decode are refused for runs that do not"
        each = len(logits) // len(decoded)
        first = decoded.index(branch) * each
        return logits[first : first + each]

    def distances(self, branch: Branch) -> Tensor:
        """Poincare distances (H, H) of the first half against the second, computed once."""
        if branch not in self._distances:
            polar = self.posterior(branch).polar
            assert polar is not None, "losses on the ball are refused for models without a projection"
            c = self.output.curvature
            points = polar.points(c)
            half = len(points) // 2
            self._distances[branch] = pairwise_distance(points[:half], points[half:], c)
        return self._distances[branch]


class LossResult(NamedTuple):
    """The value to minimise (0-d, with gradient) and what else is worth logging."""

    value: Tensor
    metrics: Mapping[str, Tensor] = MappingProxyType({})
