"""Plateau: a learning rate that falls when a metric has stopped to improve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tvae.config.schema import PlateauConfig
from tvae.training.policy import Decision, Evaluation, ScaleRate


class Plateau:
    """Multiplies the learning rate by `factor` after `patience` evaluations without an improvement."""

    name = "plateau"

    def __init__(self, config: PlateauConfig) -> None:
        self.config = config
        self.best: float | None = None
        self.waited = 0
        self.cooling = 0
        self.rate = 1.0

    def on_eval(self, evaluation: Evaluation) -> Sequence[Decision]:
        value = evaluation.metrics.get(self.config.metric)
        if value is None or evaluation.epoch < self.config.warmup_epochs:
            return ()
        quality = value if self.config.mode == "max" else -value
        if self.best is None or quality > self.best + self.config.threshold:
            self.best, self.waited = quality, 0
            self.cooling = max(0, self.cooling - 1)
            return ()
        if self.cooling:
            self.cooling -= 1
            return ()
        self.waited += 1
        if self.waited < self.config.patience or self.rate <= self.config.floor:
            return ()
        lowered = max(self.rate * self.config.factor, self.config.floor)
        factor, waited = lowered / self.rate, self.waited
        self.rate, self.waited, self.cooling = lowered, 0, self.config.cooldown
        return (
            ScaleRate(
                name=self.name,
                factor=factor,
                message=f"{self.config.metric} did not improve in {waited} evaluations: "
                f"learning rates at {lowered:.4g} of their schedule",
            ),
        )

    def state(self) -> dict[str, Any]:
        return {"best": self.best, "waited": self.waited, "cooling": self.cooling, "rate": self.rate}

    def restore(self, state: Mapping[str, Any]) -> None:
        best = state["best"]
        self.best = None if best is None else float(best)
        self.waited, self.cooling = int(state["waited"]), int(state["cooling"])
        self.rate = float(state["rate"])
