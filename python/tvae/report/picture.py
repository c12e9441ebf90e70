"""What a figure is drawn from: plain arrays and numbers.

Shapes: N operations, D dimensions of the ball.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Ball:
    """The embedded operations.

    Attributes:
        points: ball points (N, D).
        radii: their hyperbolic radii (N,).
        valuations: their valuations (N,).
        distances: by level k, Poincare distances of sampled pairs with v(i-j) = k.
        counts: operations per valuation in the whole space, which may be larger than N.
        r_max: the largest radius that the model can reach; None: not known.
    """

    points: Floats
    radii: Floats
    valuations: Ints
    distances: list[Floats]
    counts: list[int]
    r_max: float | None = None


@dataclass(frozen=True)
class Curve:
    """One number over the steps of a run."""

    steps: Ints
    values: Floats


@dataclass(frozen=True)
class Picture:
    """All that one figure shows; what a source does not have is None or empty.

    Attributes:
        title: what is drawn.
        facts: short statements for the line below the title.
        metrics: by name, as in a checkpoint's record.
        ceilings: the best value of a metric, by name without branch.
        evaluations: metrics over steps.
        loss: the training loss over steps.
        ball: the embedding; None for a model without one.
        notes: what was assumed of an old file; not drawn.
    """

    title: str
    facts: list[str] = field(default_factory=list)
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    ceilings: Mapping[str, float] = field(default_factory=dict)
    evaluations: Mapping[str, Curve] = field(default_factory=dict)
    loss: Curve | None = None
    ball: Ball | None = None
    notes: list[str] = field(default_factory=list)
