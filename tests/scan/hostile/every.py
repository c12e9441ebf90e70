"""Every case."""

from __future__ import annotations

from scan.hostile import (
    archives,
    directories,
    excess,
    malice,
    nested,
    safetensors,
    streams,
    values,
    weights,
    wrappers,
)
from scan.hostile.case import Case

CASES: list[Case] = [
    case
    for module in (
        archives,
        directories,
        wrappers,
        safetensors,
        streams,
        nested,
        malice,
        weights,
        values,
        excess,
    )
    for case in module.CASES
]
