"""The field types that several losses' configs share, without torch."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

NonNegative = Annotated[float, Meta(ge=0.0)]
Share = Annotated[float, Meta(gt=0.0, le=1.0)]
Weight = Annotated[float, Meta(ge=0.0, description="factor on this loss in the total")]
Which = Annotated[Literal["A", "B", "both"], Meta(description="the branches it acts on")]
Decoded = Annotated[
    Literal["decoding", "A", "B", "both"],
    Meta(description="the branches it acts on; decoding: the one whose code the decoder reads"),
]
Ramp = Annotated[
    Literal["constant", "decay", "warmup"],
    Meta(description="weight over training: constant, linearly to zero, or up from zero in the first tenth"),
]
Radius = Annotated[float, Meta(gt=0.0, lt=1.0, description="target radius, as a share of r_max")]
Error = Annotated[
    Literal["smooth_l1", "mse"],
    Meta(description="how a distance from its target counts: linearly beyond a length of 1, or squared"),
]


def ordered(inner: float, outer: float) -> None:
    """Check the target radii of a loss.

    Raises:
        ValueError: if the inner one is not below the outer one.
    """
    if inner >= outer:
        raise ValueError(f"inner ({inner:g}) must be below outer ({outer:g})")
