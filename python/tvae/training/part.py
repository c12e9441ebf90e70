"""The parts of a model that a config can freeze or slow down, by the names of their tensors."""

from __future__ import annotations

from typing import cast

from tvae.config.schema import Part


def part_of(name: str) -> Part:
    """The part that a tensor of `TernaryVAE` belongs to.

    Example:
        >>> part_of("encoder.B.mu.weight"), part_of("decoder.logits.bias")
        ('encoder_B', 'decoder')
    """
    head, _, rest = name.partition(".")
    if head in {"encoder", "projection"}:
        return cast(Part, f"{head}_{rest.partition('.')[0]}")
    return "decoder" if head == "decoder" else "curvature"
