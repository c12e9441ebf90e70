"""The losses' configs, without torch: one frozen struct per loss, null switches a loss off.

The name of a loss is its field in `LossSpec`; `tvae.losses` builds it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from tvae.losses.fields import Error, NonNegative, Radius, Ramp, Share, Weight, Which, ordered
from tvae.losses.spec_order import (
    Centroid,
    MonotonicRadial,
    PAdicMetric,
    PAdicNorm,
    PAdicRanking,
    RadialHierarchy,
    Repulsion,
    ZeroStructure,
)
from tvae.losses.spec_rate import Entropy, FisherRao, HyperbolicPrior, HyperbolicReconstruction
from tvae.losses.spec_schedule import Scheduled, WeightSchedule

__all__ = [
    "DECODED",
    "EVERY_PAIR_DEPTH",
    "FLAT",
    "KL",
    "Bands",
    "Centroid",
    "DistanceBand",
    "Entropy",
    "FisherRao",
    "Geodesic",
    "GlobalRank",
    "HyperbolicPrior",
    "HyperbolicReconstruction",
    "LossSpec",
    "MonotonicRadial",
    "PAdicMetric",
    "PAdicNorm",
    "PAdicRanking",
    "PairRanking",
    "RadialHierarchy",
    "RadialStratification",
    "RadiusBand",
    "Reconstruction",
    "Repulsion",
    "RichHierarchy",
    "Spread",
    "WeightSchedule",
    "ZeroStructure",
]


#: Losses that do not read the ball: a model without a projection can have them.
FLAT = frozenset({"reconstruction", "kl", "entropy", "fisher_rao"})
#: Losses that read logits: their branch has to be decoded.
DECODED = frozenset({"entropy", "hyperbolic_reconstruction"})
#: Beyond this depth every pair is too many for a step.
EVERY_PAIR_DEPTH = 11


class Bands(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Disjoint intervals of hyperbolic length, one per level, outermost for valuation 0.

    Level k owns [e_(k+1), e_k]; the widths shrink by `ratio` per level, inwards.
    """

    ratio: Annotated[
        float, Meta(gt=0.0, le=1.5, description="width of a band over the next one outwards")
    ] = 0.82
    margin: Annotated[
        float, Meta(ge=0.0, lt=0.5, description="share of each band kept free on both sides")
    ] = 0.1
    outer: Annotated[float, Meta(gt=0.0, le=1.0, description="outermost edge, as a share of r_max")] = 0.98
    inner: Annotated[float, Meta(gt=0.0, lt=1.0, description="innermost edge, as a share of r_max")] = 0.03

    def __post_init__(self) -> None:
        if self.inner >= self.outer:
            raise ValueError("bands.inner must be below bands.outer")


class Reconstruction(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Cross-entropy of the trits: summed over trits, averaged over operations, nats."""

    weight: Weight = 1.0
    branches: Annotated[
        Literal["decoding", "both"],
        Meta(description="the branches decoded: the one whose code the decoder reads, or both"),
    ] = "decoding"
    mean: Annotated[
        bool, Meta(description="decode the posterior mean as well as the sample, so that both decode")
    ] = True


class KL(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """KL of the posterior to the standard normal, nats per operation."""

    weight: Annotated[
        NonNegative | None,
        Meta(description="factor in the total; null: 0.026 up to depth 9, less beyond, as (9 / depth)^3"),
    ] = None
    ramp: Ramp = "decay"
    free_bits: Annotated[
        float,
        Meta(ge=0.0, description="nats per latent dimension, averaged over the batch, that cost nothing"),
    ] = 0.0


class RadiusBand(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Hinge on each radius leaving the band of its valuation, hyperbolic length."""

    weight: Weight = 40.0
    branch: Which = "B"


class DistanceBand(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Hinge on each distance d(i, j) leaving the band of v(i - j); level 0 is open above."""

    weight: Weight = 40.0
    branch: Which = "B"
    level_weight: Annotated[
        Share | None,
        Meta(description="weight of a level over the one above it; null: 1 up to depth 9, 0.8 beyond"),
    ] = None
    pairs: Annotated[
        Literal["batch", "all"],
        Meta(
            description="the batch's first half against its second, or every pair of operations, whose means"
            " are encoded anew at every step (depth 11 at most)"
        ),
    ] = "batch"


class Spread(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Hinge on the spread of the radii in a level falling below that of a uniformly filled band."""

    weight: Weight = 10.0
    branch: Which = "B"


class PairRanking(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Hinge on triplets in which the 3-adically nearer pair is not the nearer one in the ball."""

    weight: Weight = 1.0
    branch: Which = "B"
    margin: Annotated[float, Meta(ge=0.0, description="hyperbolic length by which the order must hold")] = 0.1
    triplets: Annotated[int, Meta(ge=1, description="triplets per step, drawn inside the batch")] = 1000


class RichHierarchy(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Level means on evenly spaced target radii, in order, each level keeping a share of its spread."""

    weight: Weight = 1.0
    branch: Which = "B"
    inner: Radius = 0.03
    outer: Radius = 0.95
    hierarchy_weight: Annotated[
        float, Meta(ge=0.0, description="factor on the level means' squared error")
    ] = 5.0
    richness_weight: Annotated[float, Meta(ge=0.0, description="factor on the missing variance")] = 2.0
    separation_weight: Annotated[float, Meta(ge=0.0, description="factor on level means out of order")] = 3.0
    min_spread: Annotated[
        float,
        Meta(
            ge=0.0, le=1.0, description="least standard deviation of a level, as a share of the level spacing"
        ),
    ] = 0.15

    def __post_init__(self) -> None:
        ordered(self.inner, self.outer)


class RadialStratification(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Smooth L1 of each radius to the target radius of its valuation, weighted by 1 + v / n."""

    weight: Weight = 1.0
    branch: Which = "B"
    inner: Radius = 0.03
    outer: Radius = 0.95
    weighted: Annotated[bool, Meta(description="weight operations by 1 + v / depth")] = True
    error: Error = "smooth_l1"

    def __post_init__(self) -> None:
        ordered(self.inner, self.outer)


class Geodesic(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Smooth L1 of each distance to a target that falls exponentially with v(i - j)."""

    weight: Weight = 1.0
    branch: Which = "B"
    outer: Annotated[
        float, Meta(gt=0.0, lt=2.0, description="target distance at v(i - j) = 0, as a share of r_max")
    ] = 1.2
    decay: Annotated[float, Meta(gt=0.0, description="e-folds per level")] = 1.0 / 3.0
    error: Error = "smooth_l1"


class GlobalRank(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Logistic penalty on pairs of operations whose radii are ordered against their valuations."""

    weight: Weight = 1.0
    branch: Which = "B"
    temperature: Annotated[
        float, Meta(gt=0.0, description="hyperbolic length over which the penalty turns")
    ] = 0.1


class LossSpec(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The total loss: a weighted sum of the losses that are not null."""

    bands: Bands = Bands()
    reconstruction: Reconstruction | None = Reconstruction()
    kl: KL | None = KL()
    radius_band: RadiusBand | None = RadiusBand()
    distance_band: DistanceBand | None = DistanceBand()
    spread: Spread | None = Spread()
    pair_ranking: PairRanking | None = None
    rich_hierarchy: RichHierarchy | None = None
    radial_stratification: RadialStratification | None = None
    radial_hierarchy: RadialHierarchy | None = None
    monotonic_radial: MonotonicRadial | None = None
    geodesic: Geodesic | None = None
    global_rank: GlobalRank | None = None
    padic_metric: PAdicMetric | None = None
    padic_ranking: PAdicRanking | None = None
    padic_norm: PAdicNorm | None = None
    zero_structure: ZeroStructure | None = None
    centroid: Centroid | None = None
    repulsion: Repulsion | None = None
    entropy: Entropy | None = None
    fisher_rao: FisherRao | None = None
    hyperbolic_prior: HyperbolicPrior | None = None
    hyperbolic_reconstruction: HyperbolicReconstruction | None = None
    schedules: Annotated[
        dict[Scheduled, WeightSchedule],
        Meta(description="factors on the weights over the epochs, by loss; they multiply ramps"),
    ] = {}

    def __post_init__(self) -> None:
        for name in self.schedules:
            loss = name.partition("_")[0] if name in ("kl_A", "kl_B") else name
            if getattr(self, loss) is None:
                raise ValueError(f"schedules.{name} has no effect, for loss.{loss} is null")
