"""Guards: what silently ruins a run is said at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from tvae.config.schema import Config, GuardConfig
from tvae.errors import GuardStop
from tvae.training.policy import Alert, Decision, Evaluation

#: Alerts wait for this share of the run: before it, every run from random weights looks collapsed.
PATIENCE = 0.1


class CollapseGuard:
    """Alerts on low coverage, an inverted hierarchy and a drop of coverage below its best."""

    name = "guards"

    def __init__(self, config: Config) -> None:
        self.config = config.training.guards
        decoder = config.parts.get("decoder")
        cures = ["lower loss.kl.weight"] if config.loss.kl is not None else []
        cures += ["lower optim.lr"]
        cures += ["thaw the decoder (parts.decoder.freeze)"] if decoder is not None and decoder.freeze else []
        self.against_collapse = ", or ".join(cures)
        orders = "raise loss.radius_band.weight"
        if config.loss.radius_band is None:
            orders = "switch loss.radius_band on"
        self.against_inversion = f"{orders}, or start from other weights (--seed)"
        self.best_coverage = 0.0

    def on_eval(self, evaluation: Evaluation) -> Sequence[Decision]:
        coverage = evaluation.metrics["coverage"] or 0.0
        drop = self.best_coverage - coverage
        self.best_coverage = max(self.best_coverage, coverage)
        if evaluation.progress < PATIENCE:
            return ()
        alerts = []
        if coverage < self.config.min_coverage:
            alerts.append(
                Alert(
                    name="coverage_collapse",
                    message=f"coverage is {coverage:.2%}, below {self.config.min_coverage:.0%}",
                    hint=self.against_collapse,
                )
            )
        hierarchy = evaluation.metrics.get("hierarchy_B")
        if hierarchy is not None and hierarchy > 0.0:
            alerts.append(
                Alert(
                    name="inverted_hierarchy",
                    message=f"hierarchy_B is {hierarchy:+.4f}: radii grow with the valuation",
                    hint=self.against_inversion,
                )
            )
        if drop > self.config.max_drop:
            alerts.append(
                Alert(
                    name="coverage_drop",
                    message=f"coverage fell to {coverage:.2%}, {100 * drop:.1f} points below its best",
                    hint="lower optim.lr, or freeze the decoding branch (parts.encoder_A.freeze)",
                )
            )
        return alerts

    def state(self) -> dict[str, Any]:
        return {"best_coverage": self.best_coverage}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.best_coverage = float(state["best_coverage"])


def check_finite(loss: float, logs: Mapping[str, Tensor], *, step: int) -> None:
    """Stop before a step on a loss that is not a number.

    Raises:
        GuardStop: naming the terms that are NaN or infinite.
    """
    if math.isfinite(loss):
        return
    bad = [name for name, value in logs.items() if name.count("/") == 1 and not math.isfinite(float(value))]
    raise GuardStop(
        f"the loss is {loss} at step {step}, before the update",
        path=", ".join(bad) or "loss",
        expected="a finite number",
        got=", ".join(f"{name} = {float(logs[name])}" for name in bad) or str(loss),
        hint="lower optim.lr, set optim.clip_norm, or lower that loss's weight",
    )


def check_start(coverage: float, config: GuardConfig, *, why: str) -> None:
    """Refuse to train on weights that decode nothing.

    Raises:
        GuardStop: if coverage is below `min_coverage` and a cold start is not allowed.
    """
    if coverage >= config.min_coverage or config.allow_cold_start:
        return
    raise GuardStop(
        f"coverage before the first step is {coverage:.2%} {why}",
        expected=f"at least {config.min_coverage:.0%}",
        hint="give --init a checkpoint that decodes with this model, or --allow-cold-start",
    )
