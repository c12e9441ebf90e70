"""Configs of the predecessor: recognised, accounted for leaf by leaf, and rewritten.

Example:
    >>> from tvae.config.yaml import parse
    >>> old = parse("model: {name: TernaryVAEV5_11, latent_dim: 8}\\ntraining: {epochs: 3}", name="old.yaml")
    >>> found = migrate(old)
    >>> found.dialect, found.values["training"]
    ('5.11', {'epochs': 3})
"""

from __future__ import annotations

from tvae.legacy.config.dialect import recognise
from tvae.legacy.config.migration import Migration, migrate

__all__ = ["Migration", "migrate", "recognise"]
