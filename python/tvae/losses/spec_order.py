"""The configs of the optional losses that order the ball, without torch."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from tvae.losses.fields import Error, Radius, Share, Weight, Which, ordered


class ZeroStructure(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Radii that fall with the zeros of an operation: its leading zero trits, and how many it has.

    Another order than the valuation's (Spearman of the two: -0.48 at depth 9): do not expect both.
    """

    weight: Weight = 1.0
    branch: Which = "B"
    valuation_weight: Annotated[
        float, Meta(ge=0.0, description="factor on the distance to the radius that the leading zeros ask for")
    ] = 1.0
    sparsity_weight: Annotated[
        float, Meta(ge=0.0, description="factor on the squared miss of the target correlation")
    ] = 0.5
    inner: Radius = 0.03
    outer: Radius = 0.95
    target_correlation: Annotated[
        float, Meta(ge=-1.0, le=1.0, description="correlation of the number of zero trits with the radius")
    ] = -0.3
    error: Error = "smooth_l1"

    def __post_init__(self) -> None:
        ordered(self.inner, self.outer)


class PAdicMetric(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Squared error of each distance to a multiple of the 3-adic distance 3^-v(i - j)."""

    weight: Weight = 1.0
    branch: Which = "B"
    outer: Annotated[
        float, Meta(gt=0.0, lt=2.0, description="target distance at v(i - j) = 0, as a share of r_max")
    ] = 1.2


class PAdicRanking(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Hinge on triplets, with a margin that grows with the difference of the two levels, partly mined."""

    weight: Weight = 1.0
    branch: Which = "B"
    margin: Annotated[float, Meta(ge=0.0, description="hyperbolic length by which the order must hold")] = (
        0.05
    )
    margin_scale: Annotated[
        float, Meta(ge=0.0, description="hyperbolic length added per level of difference")
    ] = 0.15
    triplets: Annotated[int, Meta(ge=1, description="triplets per step, drawn inside the batch")] = 500
    hard_ratio: Annotated[
        float, Meta(ge=0.0, le=1.0, description="share of the triplets whose negative is mined")
    ] = 0.5
    semi_hard: Annotated[
        bool,
        Meta(
            description="mine the nearest negative beyond the positive, or the nearest one if there is none"
        ),
    ] = True
    radial_weight: Annotated[
        float, Meta(ge=0.0, description="factor on the squared error of the radii to their targets")
    ] = 0.0
    inner: Radius = 0.03
    outer: Radius = 0.95

    def __post_init__(self) -> None:
        ordered(self.inner, self.outer)


class PAdicNorm(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Squared error of each radius, as a share of the outer one, to the 3-adic norm 3^-v(i)."""

    weight: Weight = 1.0
    branch: Which = "B"
    outer: Radius = 0.95


class MonotonicRadial(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Level means that fall from each level present to the next by a margin."""

    weight: Weight = 1.0
    branch: Which = "B"
    inner: Radius = 0.03
    outer: Radius = 0.95
    margin: Annotated[
        float, Meta(ge=0.0, description="least hyperbolic length between one level mean and the next")
    ] = 0.02
    margin_scale: Annotated[
        float,
        Meta(
            ge=0.0, le=1.0, description="the margin as a share of the spacing of the targets, if that is more"
        ),
    ] = 1.0
    soft: Annotated[bool, Meta(description="softplus instead of a hinge")] = True
    temperature: Annotated[
        float, Meta(gt=0.0, description="hyperbolic length over which the softplus turns")
    ] = 0.05
    target_weight: Annotated[
        float, Meta(ge=0.0, description="factor on the squared error of the level means to their targets")
    ] = 0.5

    def __post_init__(self) -> None:
        ordered(self.inner, self.outer)


class RadialHierarchy(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Squared error of each radius to its target, deep levels weighing most, and pairs kept apart."""

    weight: Weight = 1.0
    branch: Which = "B"
    inner: Radius = 0.03
    outer: Radius = 0.95
    growth: Annotated[
        float, Meta(ge=0.0, le=1.0, description="operations weigh 1 + exp(growth v), scaled to a mean of one")
    ] = 0.4
    margin_weight: Annotated[
        float, Meta(ge=0.0, description="factor on the hinge between operations of different valuation")
    ] = 1.0
    margin: Annotated[
        float,
        Meta(ge=0.0, le=1.0, description="how far such a pair must be apart, as a share of its targets' gap"),
    ] = 0.5

    def __post_init__(self) -> None:
        ordered(self.inner, self.outer)


class Centroid(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Squared distance of each operation to the centroids of the 3-adic balls i mod 3^k around it."""

    weight: Weight = 1.0
    branch: Which = "B"
    max_level: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="smallest balls: k = 1..max_level, below the depth; null: 4, or depth - 1 if less"),
    ] = None
    level_weight: Annotated[Share, Meta(description="weight of a level over the one above it")] = 0.5


class Repulsion(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Gaussian of the distance of different operations: keeps them from falling onto each other."""

    weight: Weight = 1.0
    branch: Which = "B"
    sigma: Annotated[float, Meta(gt=0.0, description="hyperbolic length over which it is felt")] = 0.5
