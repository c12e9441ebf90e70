"""What the losses' configs refuse."""

from __future__ import annotations

from typing import Literal

import pytest

from tvae.config import load
from tvae.config.consistency import parts_of
from tvae.errors import ConfigError
from tvae.losses import registry
from tvae.losses.spec import DECODED, FLAT, LossSpec
from tvae.nn import ModelSpec, TernaryVAE
from tvae.nn.spec import ProjectionSpec
from tvae.training.part import part_of


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


def test_the_spec_tells_what_each_loss_reads() -> None:
    fields = [name for name in LossSpec.__struct_fields__ if name not in ("bands", "schedules")]
    assert {name for name in fields if not registry._REGISTRY[name].on_ball} == FLAT
    assert {name for name in fields if registry._REGISTRY[name].decodes} == DECODED


@pytest.mark.parametrize("branches", [1, 2])
@pytest.mark.parametrize("learnable", [False, True])
@pytest.mark.parametrize("projection", [{}, {"shared": True}, {"share_direction": True}, None])
def test_the_parts_of_a_spec_are_those_of_its_model(
    branches: Literal[1, 2], learnable: bool, projection: dict[str, bool] | None
) -> None:
    if projection == {"share_direction": True} and branches == 1:
        return
    if projection is None:
        spec = ModelSpec(branches=branches, projection=None, decode="latent")
    else:
        ball = ProjectionSpec(**projection)  # type: ignore[arg-type]
        spec = ModelSpec(branches=branches, learnable_curvature=learnable, projection=ball)
    model = TernaryVAE(spec, depth=2)
    assert sorted({part_of(name) for name, _ in model.named_parameters()}) == parts_of(spec)
