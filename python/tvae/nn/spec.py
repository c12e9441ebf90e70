"""`ModelSpec`: the whole description of a model, without torch.

A config holds one, a checkpoint's record holds one, and `TernaryVAE(spec, depth=n)` builds from
one, so a checkpoint needs no config to be loaded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

PositiveInt = Annotated[int, Meta(ge=1)]
PositiveFloat = Annotated[float, Meta(gt=0.0)]
Share = Annotated[float, Meta(ge=0.0, lt=1.0)]
Activation = Literal["relu", "silu", "tanh"]

#: The radius budget per trit, chosen so that depth 9 ends at 99 % of the ball of curvature 1.
R_MAX_PER_TRIT = 2.0 * math.atanh(0.99) / 9.0
#: sqrt(c) * R_max beyond this leaves float32 points on the rim.
MAX_SCALED_RADIUS = 14.0
CURVATURE_RANGE = (0.1, 10.0)


class EncoderSpec(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One encoder: trits -> hidden layers -> (mu, logvar)."""

    kind: Annotated[
        Literal["plain", "improved"],
        Meta(description="plain layers, or improved: LayerNorm, dropout and a bounded log-variance"),
    ] = "plain"
    hidden: Annotated[
        tuple[PositiveInt, ...],
        Meta(min_length=1, description="widths of the hidden layers, input side first"),
    ] = (256, 128, 64)
    activation: Annotated[Activation, Meta(description="nonlinearity of the hidden layers")] = "silu"
    dropout: Annotated[Share, Meta(description="dropout rate of the improved encoder")] = 0.0
    skip: Annotated[
        bool,
        Meta(description="add a linear map of the trits to mu, so each trit starts in a latent of its own"),
    ] = True
    sigma_init: Annotated[
        float, Meta(gt=0.0, le=1.0, description="posterior standard deviation at the start, latent units")
    ] = 0.2


class DecoderSpec(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The decoder: code -> hidden layers -> logits over three values per trit."""

    kind: Annotated[
        Literal["plain", "improved"], Meta(description="plain layers, or improved: LayerNorm and dropout")
    ] = "plain"
    hidden: Annotated[
        tuple[PositiveInt, ...],
        Meta(min_length=1, description="widths of the hidden layers, code side first"),
    ] = (128, 128)
    activation: Annotated[Activation, Meta(description="nonlinearity of the hidden layers")] = "tanh"
    dropout: Annotated[Share, Meta(description="dropout rate of the improved decoder")] = 0.0
    gain: Annotated[
        float,
        Meta(
            gt=0.0, description="fixed factor on the code before the first layer; siblings are close together"
        ),
    ] = 1.5


class ProjectionSpec(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The projection of a latent into the ball: a direction and a radius."""

    radius: Annotated[
        Literal["hyperbolic", "euclidean", "clipped"],
        Meta(
            description="what the sigmoid bounds: the hyperbolic radius (r_max) or the norm (max_norm); "
            "clipped: a norm that may pass the rim of the ball, where points are then held"
        ),
    ] = "hyperbolic"
    hidden: Annotated[PositiveInt, Meta(description="width of the hidden layers")] = 64
    radius_hidden: Annotated[
        PositiveInt | None,
        Meta(description="width of the radius network; null: half of hidden, at least 32"),
    ] = None
    layers: Annotated[PositiveInt, Meta(description="number of hidden layers")] = 2
    dropout: Annotated[Share, Meta(description="dropout rate inside the projection")] = 0.0
    max_norm: Annotated[
        float,
        Meta(gt=0.0, le=4.0, description="largest sqrt(c) |x| when radius = euclidean, below 1, or clipped"),
    ] = 0.95
    shared: Annotated[bool, Meta(description="one projection for both branches instead of one each")] = False
    share_direction: Annotated[
        bool, Meta(description="branch B takes A's direction network and owns only its radius network")
    ] = False

    def __post_init__(self) -> None:
        if self.radius != "clipped" and self.max_norm >= 1.0:
            raise ValueError(f"max_norm = {self.max_norm:g} lies outside the ball; it must be below 1")

    @property
    def radius_width(self) -> int:
        """Width of the radius network."""
        return self.radius_hidden or max(32, self.hidden // 2)


class ModelSpec(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A ternary VAE, up to the depth of its space.

    Example:
        >>> ModelSpec(latent_dim=8).branches
        1
    """

    latent_dim: Annotated[
        int, Meta(ge=2, le=128, description="dimension D of the latent and of the ball")
    ] = 16
    branches: Annotated[
        Literal[1, 2], Meta(description="1: branch B alone; 2: A for reconstruction, B for order")
    ] = 1
    curvature: Annotated[
        float, Meta(ge=0.1, le=10.0, description="c > 0; the ball has sectional curvature -c")
    ] = 1.0
    learnable_curvature: Annotated[bool, Meta(description="train c, kept in [0.1, 10]")] = False
    r_max: Annotated[
        PositiveFloat | None,
        Meta(description="largest hyperbolic radius; null: 0.588 per trit, 5.293 at depth 9"),
    ] = None
    decode: Annotated[
        Literal["tangent", "latent"],
        Meta(description="what the decoder reads: the tangent vector of the ball point, or the latent"),
    ] = "tangent"
    encoder: EncoderSpec = EncoderSpec()
    decoder: DecoderSpec = DecoderSpec()
    projection: Annotated[
        ProjectionSpec | None, Meta(description="the map into the ball; null: plain VAEs without a ball")
    ] = ProjectionSpec()

    def __post_init__(self) -> None:
        if self.projection is None and self.decode == "tangent":
            raise ValueError("decode = tangent needs a projection; set decode: latent")
        if self.projection is None and self.learnable_curvature:
            raise ValueError("learnable_curvature needs a projection")
        p = self.projection
        if p is not None and p.share_direction and (self.branches == 1 or p.shared):
            raise ValueError("projection.share_direction needs branches: 2 and projection.shared: false")

    def radius_limit(self, depth: int) -> float:
        """R_max at `depth`: `r_max` if set, else 0.588 per trit.

        Raises:
            ValueError: if sqrt(c) R_max is beyond 14, where float32 points sit on the rim.
        """
        limit = self.r_max if self.r_max is not None else R_MAX_PER_TRIT * depth
        scaled = math.sqrt(self.curvature) * limit
        if scaled > MAX_SCALED_RADIUS:
            raise ValueError(
                f"sqrt(curvature) * r_max = {scaled:.4g} is beyond {MAX_SCALED_RADIUS:g}, the reach of "
                f"float32; lower r_max to {MAX_SCALED_RADIUS / math.sqrt(self.curvature):.4g} or less"
            )
        return limit


def architecture(spec: ModelSpec, depth: int) -> dict[str, object]:
    """The flat description that a checkpoint's record carries; `from_architecture` reads it back."""
    projection = spec.projection
    return {
        "model_class": "TernaryVAE",
        "depth": depth,
        "latent_dim": spec.latent_dim,
        "hidden_dim": projection.hidden if projection else None,
        "branches": spec.branches,
        "dual_projection": projection is not None and spec.branches == 2 and not projection.shared,
        "use_controller": False,
        "encoder": spec.encoder.kind,
        "decoder": spec.decoder.kind,
        "curvature": spec.curvature,
        "r_max": spec.radius_limit(depth) if projection else None,
        "spec": msgspec.to_builtins(spec),
    }


def from_architecture(record: dict[str, object]) -> tuple[ModelSpec, int]:
    """The spec and the depth in a record's `architecture`.

    Raises:
        msgspec.ValidationError: if the description is not one of ours.
    """
    depth = msgspec.convert(record.get("depth"), Annotated[int, Meta(ge=1, le=19)])
    return msgspec.convert(record.get("spec"), ModelSpec), depth


#: Keys of a spec that no output of a trained model depends on.
_TRAINING_ONLY = {"encoder.dropout", "encoder.sigma_init", "decoder.dropout", "projection.dropout"}


def differences(one: ModelSpec, other: ModelSpec) -> dict[str, tuple[object, object]]:
    """The keys in which two models compute something else, with both values; tensors may fit all the same.

    Example:
        >>> differences(ModelSpec(), ModelSpec(encoder=EncoderSpec(activation="relu")))
        {'encoder.activation': ('silu', 'relu')}
    """
    left, right = (dict(_leaves(msgspec.to_builtins(spec), "")) for spec in (one, other))
    keys = dict.fromkeys([*left, *right])
    radii = {p.radius for p in (one.projection, other.projection) if p is not None}
    # A limit that neither projection uses is not a difference.
    unused = {"projection.max_norm"} if radii == {"hyperbolic"} else set()
    unused |= {"r_max"} if "hyperbolic" not in radii else set()
    return {
        key: (left.get(key), right.get(key))
        for key in keys
        if key not in _TRAINING_ONLY | unused and not same(left.get(key), right.get(key))
    }


def same(one: object, other: object) -> bool:
    """Whether two values of a key are the same; numbers up to what a file in float32 rounds.

    Example:
        >>> same(0.95, 0.95 + 1e-9), same(0.95, 0.951), same((32, 64), (32, 64))
        (True, False, True)
    """
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6)
    return one == other


def _leaves(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else key)
    else:
        yield path, value
