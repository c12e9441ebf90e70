"""Where a checkpoint's model computes something else than the one that is to start from it."""

from __future__ import annotations

from collections.abc import Iterable

from tvae.nn.spec import ModelSpec, differences

#: What `init` may leave to training if the checkpoint has nothing of the kind at all.
FRESH = ("projection", "curvature")
#: Keys that a model without a ball says nothing about.
_OF_THE_BALL = (*FRESH, "learnable_curvature", "r_max", "decode")


def changed(mine: ModelSpec, theirs: ModelSpec) -> dict[str, tuple[object, object]]:
    """The keys in which the two differ, without those of a ball that the checkpoint never had.

    Example:
        >>> from tvae.nn.spec import DecoderSpec
        >>> base = ModelSpec(projection=None, decode="latent")
        >>> changed(ModelSpec(branches=2), base)
        {'branches': (2, 1)}
        >>> wide = ModelSpec(decoder=DecoderSpec(hidden=(8, 8)))
        >>> changed(wide, base)
        {'decoder.hidden': ((8, 8), (128, 128))}
    """
    found = differences(mine, theirs)
    if theirs.projection is None and mine.projection is not None:
        return {key: values for key, values in found.items() if key.partition(".")[0] not in _OF_THE_BALL}
    return found


def lacking(parts: Iterable[str]) -> tuple[str, ...]:
    """The kinds of parts that may start fresh, since a checkpoint with these parts has none of them.

    Example:
        >>> lacking(["encoder_B", "decoder", "projection_B"])
        ('curvature',)
    """
    have = list(parts)
    return tuple(kind for kind in FRESH if not any(part.startswith(kind) for part in have))


def text(value: object) -> str:
    """A value of a key as YAML has it.

    Example:
        >>> text(None), text(True), text(0.5), text((32, 64))
        ('null', 'true', '0.5', '[32, 64]')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(text, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
