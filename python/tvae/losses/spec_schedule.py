"""The config of a loss's weight over time, without torch."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

#: What a schedule may be given for: every loss of the spec, and the KL of one branch.
Scheduled = Literal[
    "reconstruction",
    "kl",
    "kl_A",
    "kl_B",
    "radius_band",
    "distance_band",
    "spread",
    "pair_ranking",
    "rich_hierarchy",
    "radial_stratification",
    "radial_hierarchy",
    "monotonic_radial",
    "geodesic",
    "global_rank",
    "padic_metric",
    "padic_ranking",
    "padic_norm",
    "zero_structure",
    "centroid",
    "repulsion",
    "entropy",
    "fisher_rao",
    "hyperbolic_prior",
    "hyperbolic_reconstruction",
]


class WeightSchedule(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A factor on a loss's weight, as a function of the epochs that are over.

    `before` until `start_epoch`; then from `start` linearly to `end` in `ramp_epochs`, and `end` from there
    on; times 1 + amplitude sin(2 pi t / period_epochs), t the epochs since `start_epoch`.
    """

    start_epoch: Annotated[int, Meta(ge=0, description="epochs before the loss joins")] = 0
    before: Annotated[float, Meta(ge=0.0, description="factor before start_epoch")] = 0.0
    start: Annotated[float, Meta(ge=0.0, description="factor at start_epoch, where a ramp begins")] = 1.0
    end: Annotated[float, Meta(ge=0.0, description="factor from the end of the ramp on")] = 1.0
    ramp_epochs: Annotated[
        int, Meta(ge=0, description="epochs of the linear ramp from start to end; 0: end at once")
    ] = 0
    amplitude: Annotated[
        float, Meta(ge=0.0, le=1.0, description="share by which the factor swings around its course")
    ] = 0.0
    period_epochs: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="epochs of one swing; null: it does not swing")
    ] = None

    def __post_init__(self) -> None:
        if self.before != 0.0 and self.start_epoch == 0:
            raise ValueError("before has no effect while start_epoch is 0; give start_epoch")
        if self.ramp_epochs == 0 and self.start not in (1.0, self.end):
            raise ValueError("start has no effect while ramp_epochs is 0; give ramp_epochs, or end alone")
        if (self.amplitude == 0.0) != (self.period_epochs is None):
            raise ValueError("amplitude and period_epochs need each other; give both or neither")
