"""The learning-rate schedules of v5.11 to v5.12.5.

The trainers read `T_0` and `T_mult` and always used warm restarts; what else a file says was written
for nobody. Rule: the schedule that the file names is the one that is used.
"""

from __future__ import annotations

from tvae.config.suggestion import nearest
from tvae.legacy.config.action import Old, Outcome, Refused, Rule, becomes, drop, keys, to
from tvae.legacy.config.number import evaluations, ratio, whole

_TYPE = "training.scheduler.type"
_ADAPTIVE = "training.scheduler.adaptive_lr"
_FALLBACK = "the fallback of adaptive_lr, which is on"
_NO_MODULE = "never implemented: the module that would have read it is missing"


def adaptive(old: Old) -> bool:
    """Whether the rate follows a metric."""
    return old.on(_ADAPTIVE)


def _kind(old: Old) -> object:
    return old.leaves.get(
        _TYPE, "cosine_annealing" if old.has("training.scheduler.T_max") else "cosine_warmup_restart"
    )


def implied(old: Old) -> dict[str, tuple[object, str]]:
    """AdamW without warm-up, and restarts where a file names no schedule."""
    found: dict[str, tuple[object, str]] = {
        "optim.name": ("adamw", "Adam with decoupled decay, Riemannian or not"),
        "optim.warmup_steps": (0, "the rate began at its peak"),
        "optim.schedule": ("restarts", "the trainers' only schedule"),
    }
    if adaptive(old):
        found["optim.schedule"] = ("constant", "adaptive_lr decides")
    elif _TYPE not in old.leaves and old.has("training.scheduler.T_max"):
        found["optim.schedule"] = ("cosine", "T_max is a cosine's")
    elif "training.scheduler.T_0" not in old.leaves and _kind(old) == "cosine_warmup_restart":
        period = 25 if old.dialect.startswith("5.12") else 20
        found["optim.restart_epochs"] = (period, "the trainers' own first period")
    return found


def _type(value: object, old: Old) -> Outcome:
    if adaptive(old):
        return Outcome(action="dropped", reason=_FALLBACK)
    if value == "cosine_warmup_restart":
        return to_schedule("restarts", "")
    if value == "cosine_annealing":
        return to_schedule("cosine", "as the file says; the old trainers used restarts all the same")
    if value == "multi_phase_cosine":
        found = to_schedule("restarts", "it never was more than warm restarts with a first period of 25")
        return Outcome(
            action=found.action,
            new=found.new,
            values={**found.values, "optim.restart_epochs": 25},
            reason=found.reason,
        )
    near = nearest(str(value), ("cosine_warmup_restart", "cosine_annealing", "multi_phase_cosine"))
    raise Refused(
        f"{value!r} is no schedule; "
        + (f"did you mean {near}?" if near else "write cosine_warmup_restart or cosine_annealing")
    )


def to_schedule(name: str, reason: str) -> Outcome:
    """A schedule under its name of today."""
    return Outcome(action="converted", new="optim.schedule", values={"optim.schedule": name}, reason=reason)


def _of(kind: str, rule: Rule) -> Rule:
    """A key of one schedule, dropped where another one is used."""

    def found(value: object, old: Old) -> Outcome:
        if adaptive(old):
            return Outcome(action="dropped", reason=_FALLBACK)
        if _kind(old) != kind:
            return Outcome(action="dropped", reason=f"belongs to another schedule than {_kind(old)}")
        return rule(value, old)

    return found


def _floor(value: object, old: Old) -> Outcome:
    lr = old.get("training.lr", 1e-3)
    return Outcome(
        action="converted",
        new="optim.floor",
        values={"optim.floor": ratio(value, lr)},
        reason="a rate, as a share of the peak rate",
    )


def _metric(value: object, old: Old) -> Outcome:
    if value not in ("hierarchy_correlation", "hierarchy_B"):
        raise Refused(f"{value!r} names no metric; set training.plateau.metric in the new file")
    return Outcome(
        action="converted",
        new="training.plateau.metric",
        values={"training.plateau.metric": "hierarchy_B", "training.plateau.mode": "min"},
        reason="the correlation is negative where the order is right: less is better",
    )


def _in_evaluations(key: str, *, least: int) -> Rule:
    def rule(value: object, old: Old) -> Outcome:
        epochs = whole(value)
        counted = evaluations(epochs, old.get("training.eval_every", 2)) if epochs or least else 0
        return Outcome(
            action="converted", new=key, values={key: counted}, reason="epochs, counted in evaluations"
        )

    return rule


def _threshold_mode(value: object, old: Old) -> Outcome:
    if value not in ("rel", "abs"):
        raise Refused(f"{value!r} is no mode; write rel or abs")
    return Outcome(
        action="converted",
        new="training.plateau.threshold",
        reason="in the metric's own unit; of a correlation near 1, a relative one is the same",
    )


SCHEDULER: dict[str, Rule] = {
    _TYPE: _type,
    "training.scheduler.T_0": _of("cosine_warmup_restart", to("optim.restart_epochs")),
    "training.scheduler.T_mult": _of("cosine_warmup_restart", to("optim.restart_mult")),
    "training.scheduler.T_max": _of("cosine_annealing", to("optim.cosine_epochs")),
    "training.scheduler.eta_min": _of("cosine_annealing", _floor),
    "training.scheduler.phases": drop("never read: the trainer ran warm restarts over all of them"),
    f"{_ADAPTIVE}.enabled": lambda value, old: Outcome(
        action="mapped",
        new="training.plateau",
        values={"training.plateau": {} if value is True else None},
    ),
    f"{_ADAPTIVE}.primary_metric": _metric,
    f"{_ADAPTIVE}.mode": becomes("training.plateau.mode", "follows from the metric, whose sign counts here"),
    f"{_ADAPTIVE}.patience": _in_evaluations("training.plateau.patience", least=1),
    f"{_ADAPTIVE}.cooldown": _in_evaluations("training.plateau.cooldown", least=0),
    f"{_ADAPTIVE}.factor": to("training.plateau.factor"),
    f"{_ADAPTIVE}.threshold": to("training.plateau.threshold"),
    f"{_ADAPTIVE}.threshold_mode": _threshold_mode,
    f"{_ADAPTIVE}.warmup_epochs": to("training.plateau.warmup_epochs"),
    f"{_ADAPTIVE}.min_lr": lambda value, old: Outcome(
        action="converted",
        new="training.plateau.floor",
        values={"training.plateau.floor": ratio(value, old.get("training.lr", 1e-3))},
        reason="a rate, as a share of the peak rate",
    ),
    f"{_ADAPTIVE}.verbose": becomes("training.plateau", "every change of the rate is told and recorded"),
    **keys(
        _ADAPTIVE,
        "secondary_metrics adaptive_patience recovery_detection recovery_factor recovery_threshold "
        "early_stopping early_stopping_patience "
        "metric_weights.hierarchy_correlation metric_weights.coverage_accuracy "
        "metric_weights.richness_ratio",
        drop(_NO_MODULE),
    ),
}
