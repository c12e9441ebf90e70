"""The rules for files of a manifold type: `training.manifold_type`, valuation- or frequency-optimal.

A frequency-optimal file wants a positive hierarchy: radii that grow with the valuation. Here that is
a failure, so its wish is dropped and said, and its one loss for the order works the right way round.
"""

from __future__ import annotations

from tvae.legacy.config import architecture
from tvae.legacy.config.action import (
    Old,
    Outcome,
    Refused,
    Rule,
    Rules,
    becomes,
    choose,
    convert,
    drop,
    keys,
    only,
    to,
)
from tvae.legacy.config.architecture import MODEL, rate
from tvae.legacy.config.number import fraction, number
from tvae.legacy.config.section import (
    EVERY_STEP,
    MIXED_PRECISION,
    SAVE_BEST,
    TORCH_COMPILE,
    WISH,
    batch_size,
    switch,
    whole_pass,
)

POSITIVE = (
    "a positive hierarchy puts high valuations outside; here an inverted order is a failure, never the best"
)
_NAMED_ONLY = "named, but there is no such loss in the predecessor"
_NO_TASKS = "there is no such evaluation in the predecessor"


def _target(value: object, old: Old) -> Outcome:
    if number(value) > 0.0:
        return Outcome(action="dropped", reason=POSITIVE)
    return Outcome(
        action="dropped",
        reason="a wish: the order has one direction here, and its best possible value is -0.83205",
    )


def _kind(value: object, old: Old) -> Outcome:
    if value == "valuation_optimal":
        return Outcome(
            action="mapped",
            new="loss.rich_hierarchy",
            reason="the only order there is: high valuations inside",
        )
    if value == "frequency_optimal":
        return Outcome(action="dropped", reason=POSITIVE)
    raise Refused(f"{value!r} is no manifold type; write valuation_optimal")


def _mode(value: object, old: Old) -> Outcome:
    if old.leaves.get("checkpoint.monitor_metric") == "hierarchy_B" and value == "max":
        return Outcome(action="dropped", reason=POSITIVE)
    return to("training.best.mode")(value, old)


def _monitor(value: object, old: Old) -> Outcome:
    values: dict[str, object] = {"training.best.metric": value}
    if value in ("hierarchy_A", "hierarchy_B"):
        values["training.best.mode"] = "min"
    return Outcome(action="mapped", new="training.best.metric", values=values)


def _freeze(part: str) -> Rule:
    return to(f"parts.{part}.freeze")


def _plateau(value: object, old: Old) -> Outcome:
    return Outcome(
        action="converted",
        new="training.plateau",
        values={
            "training.plateau": {},
            "training.plateau.metric": "hierarchy_B",
            "training.plateau.mode": "min",
            "training.plateau.factor": 0.1,
            "training.plateau.patience": 5,
            "training.plateau.floor": 0.0,
            "optim.schedule": "constant",
        },
        reason="torch's own defaults: a tenth of the rate after 10 epochs, which are 5 evaluations",
    )


def _frequency(value: object, old: Old) -> Outcome:
    return Outcome(
        action="converted",
        new="loss.rich_hierarchy.hierarchy_weight",
        values={
            "loss.rich_hierarchy.hierarchy_weight": value,
            "loss.rich_hierarchy.richness_weight": 0.0,
            "loss.rich_hierarchy.separation_weight": 0.0,
        },
        reason="its weight now works for the order that is none of the failures: high valuations inside",
    )


RULES: Rules = {
    **MODEL,
    "training.manifold_type": _kind,
    "training.target_hierarchy": _target,
    "training.loss_weights.reconstruction": to("loss.reconstruction.weight"),
    "training.loss_weights.kl_divergence": to("loss.kl.weight"),
    "training.loss_weights.coverage": becomes(
        "loss.reconstruction.weight", "coverage is what the reconstruction reaches"
    ),
    "training.loss_weights.hierarchy": to("loss.rich_hierarchy.hierarchy_weight"),
    "training.loss_weights.richness": to("loss.rich_hierarchy.richness_weight"),
    "training.loss_weights.separation": to("loss.rich_hierarchy.separation_weight"),
    "training.loss_weights.frequency_hierarchy": _frequency,
    **keys("training.loss_weights", "density_allocation compression retrieval", drop(_NAMED_ONLY)),
    "training.option_c.enabled": choose(
        {True: only(True, "parts", "", reason="the keys beside it say how")},
        "write true, or remove the section",
    ),
    "training.option_c.freeze_encoder_a": _freeze("encoder_A"),
    "training.option_c.freeze_encoder_b": _freeze("encoder_B"),
    "training.option_c.encoder_a_lr_scale": rate("encoder_A"),
    "training.option_c.encoder_b_lr_scale": rate("encoder_B"),
    "training.option_c.decoder_lr_scale": rate("decoder"),
    "training.homeostasis.enabled": switch("training.homeostasis"),
    "training.homeostasis.plateau_patience": to("training.homeostasis.plateau_patience"),
    "training.homeostasis.target_coverage": convert(
        "training.best.coverage", lambda value, old: fraction(value), "percent to a fraction"
    ),
    **keys(
        "training.homeostasis",
        "q_threshold_freeze q_threshold_unfreeze",
        drop("never read: the controller decides by coverage and by the order, not by Q"),
    ),
    "epochs": to("training.epochs"),
    "batch_size": batch_size(whole_pass),
    "learning_rate": to("optim.lr"),
    "optimizer": choose(
        {
            "Adam": becomes("optim.name", "AdamW without decay is Adam", {"optim.name": "adamw"}),
            "AdamW": becomes("optim.name", "", {"optim.name": "adamw"}),
        },
        "there is adamw, and muon; write Adam",
    ),
    "scheduler": choose(
        {
            "ReduceLROnPlateau": _plateau,
            "CosineAnnealingLR": becomes("optim.schedule", "", {"optim.schedule": "cosine"}),
            "CosineAnnealingWarmRestarts": becomes("optim.schedule", "", {"optim.schedule": "restarts"}),
        },
        "no such schedule; write ReduceLROnPlateau, or set optim.schedule in the new file",
    ),
    **TORCH_COMPILE,
    **MIXED_PRECISION,
    "checkpoint.save_best": SAVE_BEST,
    "checkpoint.monitor_metric": _monitor,
    "checkpoint.mode": _mode,
    "checkpoint.save_every": to("training.save_every"),
    "logging.log_level": becomes("--quiet", "what is told is chosen on the command line: --quiet, --debug"),
    "logging.log_metrics_every": becomes("training.eval_every", EVERY_STEP),
    "logging.manifold_analysis": becomes("training.eval_every", "every evaluation measures both branches"),
    "validation.evaluate_downstream": drop(_NO_TASKS),
    "validation.tasks": drop(_NO_TASKS),
    **keys("validation.expected_performance", "hierarchy_B coverage richness compression_ratio", drop(WISH)),
    **keys(
        "frequency_settings",
        "volume_allocation_strategy compression_target retrieval_optimization",
        drop(_NAMED_ONLY),
    ),
    **keys("frequency_settings.frequency_loss_params", "temperature smoothing margin", drop(_NAMED_ONLY)),
}


def implied(old: Old) -> dict[str, tuple[object, str]]:
    """What the class did, and what the recipe needs, without being told."""
    found = architecture.implied(old)
    found |= {
        "optim.name": ("adamw", "AdamW without decay is Adam"),
        "optim.warmup_steps": (0, "the rate began at its peak"),
        "loss.kl.ramp": ("constant", "a weight without a schedule"),
    }
    if not old.has("scheduler"):
        found["optim.schedule"] = ("constant", "no scheduler is named")
    return found
