"""The rules for v5.11 to v5.12.5: files of sections, one vocabulary that grew.

Which class a file names decides what is frozen; which loss `loss.radial` means, its own keys decide.
"""

from __future__ import annotations

from tvae.legacy.config.action import (
    Old,
    Outcome,
    Refused,
    Rule,
    Rules,
    becomes,
    convert,
    drop,
    keys,
    to,
    truth,
)
from tvae.legacy.config.architecture import MODEL, frozen_parts
from tvae.legacy.config.number import whole
from tvae.legacy.config.objective import LOSSES
from tvae.legacy.config.scheduler import SCHEDULER
from tvae.legacy.config.section import (
    DATA,
    EVERY_STEP,
    LABEL,
    MIXED_PRECISION,
    NO_CACHE,
    NO_WORKERS,
    ONE_FOLDER,
    SAVE_BEST,
    TORCH_COMPILE,
    WISH,
    autocast,
    batch_size,
    device,
    folder,
    name_of,
    switch,
    whole_pass,
)

#: Operations of level 4 and deeper that a stratified batch held before the share could be set.
OLD_HIGH_V = 0.2


def _adaptive(value: object, old: Old) -> Outcome:
    """The curriculum of the v5.11 trainer: tau grows to 1 in the first 70 % of the run."""
    if old.dialect != "5.11.11" or not old.on("loss.geodesic"):
        return Outcome(action="dropped", reason="the v5.12 trainer has no tau to adapt: its phases are fixed")
    if value is not True:
        return Outcome(action="mapped", new="loss.schedules", reason="no schedule")
    return Outcome(
        action="converted",
        new="loss.schedules.geodesic.ramp_epochs",
        values={
            "loss.schedules.geodesic.start": 0.0,
            "loss.schedules.geodesic.ramp_epochs": max(1, round(0.7 * old.get("training.epochs", 100))),
        },
        reason="tau grew to 1 in the first 70 % of the run: the weight of the geodesic loss does",
    )


def _threshold(value: object, old: Old) -> Outcome:
    if old.dialect == "5.11.11":
        raise Refused(
            "tau was held while the order was worse than this; a schedule follows the epochs alone: "
            "lower loss.schedules.geodesic.end instead"
        )
    return Outcome(action="dropped", reason="the v5.12 trainer has no tau to hold")


def _stratified(value: object, old: Old) -> Outcome:
    if not truth(value):
        return Outcome(action="converted", new="training.high_v", values={"training.high_v": 0.0})
    if "training.high_v_budget_ratio" in old.leaves:
        return Outcome(action="mapped", new="training.high_v", reason="high_v_budget_ratio says how much")
    return Outcome(
        action="converted",
        new="training.high_v",
        values={"training.high_v": OLD_HIGH_V},
        reason="a fifth of each batch came from the levels above 3",
    )


def _high_v(value: object, old: Old) -> Outcome:
    if old.leaves.get("training.use_stratified") is False:
        return Outcome(action="dropped", reason="switched off by training.use_stratified: false")
    return to("training.high_v")(value, old)


_GROK = (
    "the detector could never report: its validation loss was the training loss, and the mean that it waited "
    "for cannot fall below the running minimum"
)
_TAGS = "the trainer wrote eleven fixed tags, none of them from here"
_NO_REMAT = "never implemented: the module that it needs is missing"
HOMEOSTASIS: dict[str, Rule] = {
    "homeostasis.enabled": switch("training.homeostasis"),
    **{
        f"homeostasis.{old}": to(f"training.homeostasis.{new}")
        for old, new in {
            "coverage_freeze_threshold": "coverage_freeze",
            "coverage_unfreeze_threshold": "coverage_thaw",
            "coverage_floor": "coverage_floor",
            "warmup_epochs": "warmup_epochs",
            "hysteresis_epochs": "hysteresis_epochs",
            "enable_annealing": "annealing",
            "annealing_step": "annealing_step",
            "hierarchy_plateau_threshold": "plateau",
            "hierarchy_plateau_patience": "plateau_patience",
            "hierarchy_patience_ceiling": "patience_ceiling",
        }.items()
    },
    **keys(
        "homeostasis",
        "controller_grad_threshold controller_grad_patience controller_patience_ceiling",
        drop("watched the gradient of the controller, which never had one"),
    ),
}


def _unfreeze(value: object, old: Old) -> Outcome:
    if not truth(value):
        return Outcome(action="mapped", new="parts.encoder_A.thaw_epoch", reason="null: never")
    if old.on("homeostasis"):
        raise Refused("both this and homeostasis decide when encoder A thaws; switch one of them off")
    return Outcome(
        action="mapped",
        new="parts.encoder_A.thaw_epoch",
        values={
            "parts.encoder_A.freeze": True,
            "parts.encoder_A.thaw_epoch": whole(old.get("progressive_unfreeze.start_epoch", 5)),
        },
    )


FREEZING: dict[str, Rule] = {
    "progressive_unfreeze.enabled": _unfreeze,
    "progressive_unfreeze.start_epoch": to("parts.encoder_A.thaw_epoch"),
    "progressive_unfreeze.warmup_epochs": to("parts.encoder_A.thaw_warmup_epochs"),
    "progressive_unfreeze.encoder_a_lr_scale": to("parts.encoder_A.lr_scale"),
    **frozen_parts(),
}


def _best(value: object, old: Old) -> Outcome:
    if value == "radial_corr_A":
        return Outcome(
            action="converted",
            new="training.best.metric",
            values={"training.best.metric": "hierarchy_A", "training.best.mode": "min"},
            reason="radial_corr is called hierarchy",
        )
    if value == "composite_score":
        return Outcome(
            action="dropped",
            reason="never read: the trainer kept the lowest hierarchy of branch B, and so does the new file",
        )
    raise Refused(f"{value!r} names no metric; `tvae config reference` lists them at training.best.metric")


TRAINING: dict[str, Rule] = {
    "training.epochs": to("training.epochs"),
    "training.batch_size": batch_size(whole_pass),
    "training.lr": to("optim.lr"),
    "training.weight_decay": to("optim.weight_decay"),
    "training.max_grad_norm": to("optim.clip_norm"),
    "training.eval_every": to("training.eval_every"),
    "training.save_every": to("training.save_every"),
    "training.print_every": becomes("training.eval_every", EVERY_STEP),
    "training.use_stratified": _stratified,
    "training.high_v_budget_ratio": _high_v,
    "training.use_adaptive": _adaptive,
    "training.hierarchy_threshold": _threshold,
    "training.patience": to("training.early_stop.patience", reason="counted in evaluations, as it was"),
    "training.min_epochs": to("training.early_stop.min_epochs"),
    **SCHEDULER,
    **keys(
        "training.grokking_detection",
        "enabled monitor_window plateau_threshold plateau_patience accuracy_jump_threshold "
        "gradient_norm_track representation_analysis",
        drop(_GROK),
    ),
}

SURROUNDINGS: dict[str, Rule] = {
    "riemannian.enabled": drop("without effect: no parameter lay on the manifold, so it was Adam"),
    "riemannian.optimizer": drop("without effect: no parameter lay on the manifold, so it was Adam"),
    "device.name": drop(LABEL),
    "device.cuda_device": convert("training.device", device, "`auto` takes the first GPU, or the CPU"),
    "device.use_amp": autocast,
    "device.pin_memory": drop(NO_WORKERS),
    "device.num_workers": drop(NO_WORKERS),
    "device.empty_cache_freq": drop(NO_CACHE),
    **MIXED_PRECISION,
    **TORCH_COMPILE,
    **keys(
        "gradient_checkpoint",
        "enabled preserve_rng_state segments use_reentrant encoder_checkpoint decoder_checkpoint "
        "projection_checkpoint controller_checkpoint",
        drop(_NO_REMAT),
    ),
    "memory.gradient_checkpointing": drop(_NO_REMAT),
    "memory.cudnn_benchmark": drop("chooses among convolutions, and the model has none"),
    "memory.cudnn_deterministic": drop("chooses among convolutions, and the model has none"),
    "memory.empty_cache_freq": drop(NO_CACHE),
    "memory.max_memory_growth": drop(NO_CACHE),
    **DATA,
    "logging.tensorboard": to("training.tensorboard"),
    "logging.log_dir": becomes("--out", ONE_FOLDER),
    "logging.print_every": becomes("training.eval_every", EVERY_STEP),
    **keys(
        "logging.enhanced_metrics",
        "enabled log_gradients log_weights log_activations gradient_flow_analysis effective_rank "
        "representation_similarity",
        drop(_TAGS),
    ),
    **keys(
        "logging.detailed_logging",
        "save_loss_history save_gradient_norms save_metric_trajectories analysis_window",
        drop(_TAGS),
    ),
    "checkpoints.checkpoint_name": name_of,
    "checkpoints.save_dir": folder,
    "checkpoints.save_best": SAVE_BEST,
    "checkpoints.best_metric": _best,
    "checkpoints.best_mode": to("training.best.mode"),
    "checkpoints.checkpoint_phases": drop("the trainer kept the best, the best Q and the latest, no others"),
    "targets.coverage": to("training.best.coverage", reason="below it, more coverage is always better"),
    **keys(
        "targets",
        "hierarchy_B radial_hierarchy distance_correlation Q_target richness r_v9",
        drop(WISH),
    ),
    **keys(
        "grokking_detection",
        "enabled monitor_window plateau_threshold plateau_patience accuracy_jump_threshold",
        drop(_GROK),
    ),
    **keys(
        "early_stopping",
        "extended_patience plateau_override grokking_patience",
        drop("the trainer stops by training.patience and min_epochs alone"),
    ),
    **keys("analysis.phase_transition_detection", "enabled sensitivity window_size", drop(_TAGS)),
    **keys(
        "analysis.emergent_behavior_tracking",
        "enabled track_complexity track_generalization track_representation_changes",
        drop(_TAGS),
    ),
    **keys("version", "model config date changes", drop(LABEL)),
}

RULES: Rules = {**MODEL, **FREEZING, **HOMEOSTASIS, **LOSSES, **TRAINING, **SURROUNDINGS}
