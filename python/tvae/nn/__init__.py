"""Networks: one `TernaryVAE`, described by one `ModelSpec`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tvae.nn.spec import DecoderSpec, EncoderSpec, ModelSpec, ProjectionSpec

if TYPE_CHECKING:
    from tvae.nn.vae import Branch as Branch
    from tvae.nn.vae import Output as Output
    from tvae.nn.vae import TernaryVAE as TernaryVAE

__all__ = ["Branch", "DecoderSpec", "EncoderSpec", "ModelSpec", "Output", "ProjectionSpec", "TernaryVAE"]


def __getattr__(name: str) -> object:
    if name in {"TernaryVAE", "Output", "Branch"}:
        from tvae.nn import vae

        return getattr(vae, name)
    raise AttributeError(f"module 'tvae.nn' has no attribute {name!r}")
