"""Losses by name: `names()`, `register(name)`, `build(name, config, scale)`.

The configs in `tvae.losses.spec` are importable without torch; the losses are loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tvae.losses.inputs import Batch as Batch
    from tvae.losses.inputs import LossInputs as LossInputs
    from tvae.losses.inputs import LossResult as LossResult
    from tvae.losses.inputs import Scale as Scale
    from tvae.losses.registry import Loss as Loss
    from tvae.losses.registry import Total as Total
    from tvae.losses.registry import build as build
    from tvae.losses.registry import names as names
    from tvae.losses.registry import register as register

_HOMES = {
    "Batch": "inputs",
    "Loss": "registry",
    "LossInputs": "inputs",
    "LossResult": "inputs",
    "Scale": "inputs",
    "Total": "registry",
    "build": "registry",
    "names": "registry",
    "register": "registry",
}
_IDEAS = (
    "bands",
    "centroid",
    "entropy",
    "fisher_rao",
    "geodesic",
    "hyperbolic_prior",
    "hyperbolic_reconstruction",
    "kl",
    "monotonic_radial",
    "padic",
    "padic_ranking",
    "radial",
    "ranking",
    "reconstruction",
    "repulsion",
    "rich_hierarchy",
    "zeros",
)

__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'tvae.losses' has no attribute {name!r}")
    for idea in _IDEAS:
        import_module(f"tvae.losses.{idea}")
    return getattr(import_module(f"tvae.losses.{_HOMES[name]}"), name)
