"""The advice of guards: nothing that the config has not."""

from __future__ import annotations

import pytest

from tvae.config import load
from tvae.config.horizon import beyond
from tvae.training.guards import CollapseGuard
from tvae.training.policy import Alert, Evaluation


def _hints(*sets: str) -> dict[str, str | None]:
    guard = CollapseGuard(load("default", sets=sets, env=None).config)
    seen = Evaluation(
        epoch=5, step=9, progress=1.0, improved=False, metrics={"coverage": 0.01, "hierarchy_B": 0.5}
    )
    alerts = [decision for decision in guard.on_eval(seen) if isinstance(decision, Alert)]
    return {alert.name: alert.hint for alert in alerts}


def test_advice_names_losses_that_are_on() -> None:
    hints = _hints()
    assert hints["coverage_collapse"] == "lower loss.kl.weight, or lower optim.lr"
    assert str(hints["inverted_hierarchy"]).startswith("raise loss.radius_band.weight")
    hints = _hints("loss.kl=null", "loss.radius_band=null", "parts.decoder.freeze=true", "init=x.pt")
    assert hints["coverage_collapse"] == "lower optim.lr, or thaw the decoder (parts.decoder.freeze)"
    assert "raise loss.radius_band" not in str(hints["inverted_hierarchy"])


@pytest.mark.parametrize(
    ("sets", "words"), [([], "the run has 13"), (["training.max_steps=20"], "max_steps")]
)
def test_what_ends_the_run_is_named(sets: list[str], words: str) -> None:
    sets = [*sets, "loss.geodesic.weight=0.3", "loss.schedules.geodesic.start_epoch=50"]
    (sentence,) = beyond(load("default", sets=sets, env=None).config)
    assert words in sentence
