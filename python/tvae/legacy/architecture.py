"""A predecessor's layout as a `ModelSpec` that computes the same function, without torch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tvae.legacy.layouts import Found
from tvae.nn.spec import CURVATURE_RANGE, DecoderSpec, EncoderSpec, ModelSpec, ProjectionSpec

#: The constructor's default, for files that do not say.
MAX_RADIUS = 0.95
DROPOUT = 0.1
#: Two curvatures of one file count as one within this.
_SAME = 1e-6
#: As far as float32 tells points of the ball from its rim.
_RIM = 1.0 - 1e-5


@dataclass(frozen=True)
class Settings:
    """What no tensor tells, taken from the config beside the weights.

    Attributes:
        max_radius: the largest norm of a ball point.
        curvature: the config's, which a tensor overrules.
        dropout: rate in the projection.
        decodes_ball: whether the decoder read log0 of A's ball point, as v5.12.1 did, not A's latent.
        notes: what was assumed, and why.
    """

    max_radius: float
    curvature: float | None
    dropout: float
    decodes_ball: bool
    notes: tuple[str, ...]


def settings(config: Mapping[str, object] | None, *, found: Found, decodes_ball: bool) -> Settings:
    """The settings in a file's config: flat options of a command line, or a nested YAML file."""
    notes: list[str] = []
    radius = MAX_RADIUS
    if found.layout.projection:
        said = number(config, "max_radius")
        if said is None:
            notes.append(f"max_radius is not stored; its default, {MAX_RADIUS:g}, is assumed")
        elif not 0.0 < said < 4.0:
            notes.append(f"max_radius {said:g} in the config is no radius; {MAX_RADIUS:g} is assumed")
        else:
            radius = said
    if decodes_ball:
        notes.append("the decoder reads log0 of A's ball point, as v5.12.1 did")
    rate = number(config, "projection_dropout")
    valid = rate is not None and 0.0 < rate < 1.0
    return Settings(
        max_radius=radius,
        curvature=number(config, "curvature"),
        dropout=(rate if valid and rate is not None else DROPOUT) if found.layout.dropout else 0.0,
        decodes_ball=decodes_ball,
        notes=tuple(notes),
    )


def curvature(
    balls: Mapping[str, float], buffers: Mapping[str, float], said: float | None
) -> tuple[float, list[str]]:
    """The curvature c, and remarks on it; NaN if the tensors of a file contradict each other.

    Args:
        balls: values of `isp_c` by name: c = softplus(isp_c).
        buffers: values of curvature buffers by name, which went stale in training.
        said: what the config says.

    Example:
        >>> c, remarks = curvature({"projection.manifold.isp_c": 0.541325}, {}, None)
        >>> round(c, 5), remarks
        (1.0, [])
    """
    notes: list[str] = []
    found = [_softplus(value) for value in balls.values()] or list(buffers.values())
    if not found:
        return (1.0 if said is None else said), notes
    if max(found) - min(found) > _SAME * max(map(abs, found)):
        return math.nan, notes
    for name, value in buffers.items():
        if balls and abs(value - found[0]) > _SAME * found[0]:
            notes.append(f"{name} = {value:g} is stale; the ball's own curvature is {found[0]:g}")
    if said is not None and abs(said - found[0]) > 1e-4 * found[0]:
        notes.append(f"the config says curvature {said:g}, the tensors {found[0]:g}")
    # softplus^-1(1) in float32 is 1 to seven digits: what was meant is exactly 1.
    rounded = float(f"{found[0]:.6g}")
    return (rounded if abs(rounded - found[0]) <= _SAME * rounded else found[0]), notes


def model_spec(found: Found, chosen: Settings, c: float) -> ModelSpec:
    """The spec of a model that computes what the predecessor's did.

    Its norms `max_radius * sigmoid(.)` take no notice of the curvature; here sqrt(c) times them is bounded.
    Where that passes the rim, points outside the ball are held at its edge.
    """
    layout, widths = found.layout, found.widths
    projection = None
    reach = None
    if layout.projection:
        bound = math.sqrt(c) * chosen.max_radius
        reach = 2.0 / math.sqrt(c) * math.atanh(min(bound, _RIM))
        usual = max(32, widths["hidden"] // 2)
        projection = ProjectionSpec(
            radius="euclidean" if bound < 1.0 else "clipped",
            hidden=widths["hidden"],
            radius_hidden=None if widths["radius"] == usual else widths["radius"],
            layers=layout.layers,
            dropout=chosen.dropout,
            max_norm=bound,
            shared=layout.projection == "single",
            share_direction=layout.projection == "shared direction",
        )
    tangent = chosen.decodes_ball and projection is not None
    improved = layout.encoder == "improved", layout.decoder == "improved"
    return ModelSpec(
        latent_dim=widths["latent"],
        branches=2,
        curvature=c,
        r_max=reach,
        decode="tangent" if tangent else "latent",
        encoder=EncoderSpec(
            kind=layout.encoder,
            hidden=(widths["wide"], widths["middle"], widths["narrow"]),
            activation="silu" if improved[0] else "relu",
            dropout=DROPOUT if improved[0] else 0.0,
            skip=False,
        ),
        decoder=DecoderSpec(
            kind=layout.decoder,
            hidden=(widths["first"], widths["second"]),
            activation="silu" if improved[1] else "relu",
            dropout=DROPOUT if improved[1] else 0.0,
            # Here the decoder of a tangent reads 2 log0(x).
            gain=0.5 if tangent else 1.0,
        ),
        projection=projection,
    )


def remarks(found: Found, chosen: Settings, c: float) -> Iterator[str]:
    """What a user should know about a file that loads."""
    yield from chosen.notes
    bound = math.sqrt(c) * chosen.max_radius
    if found.layout.projection and bound >= 1.0:
        yield (
            f"max_radius {chosen.max_radius:g} passes the rim of the ball of curvature {c:g}, whose radius "
            f"is {1 / math.sqrt(c):.4g}: points beyond it are held at the edge"
        )
    if found.layout.flat:
        yield "encoder_B was never trained in files of this layout"
    if found.layout.dropout:
        yield "dropout had shifted the numbers of the projection's layers; they are undone"
    reasons: dict[str, list[str]] = {}
    for name, reason in found.dropped.items():
        reasons.setdefault(reason, []).append(name)
    for reason, names in reasons.items():
        what = names[0] if len(names) == 1 else f"{len(names)} tensors ({names[0]}, ...)"
        yield f"left out: {what}: {reason}"


def in_range(c: float) -> bool:
    """Whether a curvature is one that a `ModelSpec` takes."""
    return CURVATURE_RANGE[0] <= c <= CURVATURE_RANGE[1]


def _softplus(value: float) -> float:
    return value if value > 30.0 else math.log1p(math.exp(value))


def number(config: Mapping[str, object] | None, key: str) -> float | None:
    """A number of an old config: under `model` in a nested one, at the top in a flat one."""
    places = (config.get("model") if config else None, config)
    for place in places:
        value = place.get(key) if isinstance(place, Mapping) else None
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    return None
