"""What the losses' configs refuse."""

from __future__ import annotations

import pytest

from tvae.config import load
from tvae.errors import ConfigError


@pytest.mark.parametrize(
    "loss",
    [
        "rich_hierarchy", "radial_stratification", "radial_hierarchy", "monotonic_radial", "padic_ranking",
        "zero_structure",
    ],
)  # fmt: skip
def test_targets_must_run_outwards(loss: str) -> None:
    sets = [f"loss.{loss}.inner=0.6", f"loss.{loss}.outer=0.6"]
    with pytest.raises(ConfigError, match=r"inner \(0.6\) must be below outer \(0.6\)"):
        load("default", sets=sets, env=None)
