"""Early stopping: the best evaluation is long past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tvae.config.schema import EarlyStopConfig
from tvae.training.policy import Decision, Evaluation, Stop


class EarlyStopping:
    """Stops after `patience` evaluations in a row without an improvement, from `min_epochs` on."""

    name = "early_stopping"

    def __init__(self, config: EarlyStopConfig) -> None:
        self.config = config
        self.waited = 0

    def on_eval(self, evaluation: Evaluation) -> Sequence[Decision]:
        self.waited = 0 if evaluation.improved else self.waited + 1
        if self.waited < self.config.patience or evaluation.epoch < self.config.min_epochs:
            return ()
        return (Stop(name=self.name, message=f"no improvement in {self.waited} evaluations"),)

    def state(self) -> dict[str, Any]:
        return {"waited": self.waited}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.waited = int(state["waited"])
