"""The configs of the optional losses on posteriors and decodings, without torch."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from tvae.losses.fields import Decoded, Ramp, Weight


class Entropy(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Entropy that the batch has and its mean decoding lacks, nats per trit."""

    weight: Weight = 1.0
    branch: Decoded = "decoding"


class FisherRao(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Half the squared Fisher-Rao distance of each posterior to the standard normal, nats near it."""

    weight: Weight = 0.01
    branch: Decoded = "decoding"
    ramp: Ramp = "constant"


class HyperbolicPrior(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """KL of a wrapped normal at each ball point to a wrapped normal at the centre, nats per operation."""

    weight: Weight = 0.01
    branch: Decoded = "decoding"
    ramp: Ramp = "constant"
    sigma: Annotated[
        float,
        Meta(gt=0.0, description="standard deviation of the prior in each direction, hyperbolic length"),
    ] = 1.0
    free_bits: Annotated[
        float,
        Meta(ge=0.0, description="nats per latent dimension, averaged over the batch, that cost nothing"),
    ] = 0.0


class HyperbolicReconstruction(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Cross-entropy that counts more near the centre, and the distance to what is decoded instead."""

    weight: Weight = 1.0
    branch: Decoded = "decoding"
    cross_entropy_weight: Annotated[
        float, Meta(ge=0.0, description="factor on the cross-entropy, nats per operation")
    ] = 1.0
    floor: Annotated[
        float, Meta(gt=0.0, description="an operation counts floor + (1 - R / r_max)^power, mean one")
    ] = 0.5
    power: Annotated[float, Meta(ge=0.0, description="how fast the count falls with the radius")] = 2.0
    geodesic_weight: Annotated[
        float,
        Meta(
            ge=0.0,
            description="factor on the mean squared distance, in r_max^2, to what is decoded instead",
        ),
    ] = 0.3

    def __post_init__(self) -> None:
        if self.cross_entropy_weight == 0.0 and self.geodesic_weight == 0.0:
            raise ValueError("give cross_entropy_weight or geodesic_weight a value above 0")
