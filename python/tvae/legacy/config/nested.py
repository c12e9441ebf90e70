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
    choose,
    convert,
    drop,
    keys,
    only,
    to,
)
from tvae.legacy.config.architecture import MODEL, frozen_parts
from tvae.legacy.config.number import number, whole
from tvae.legacy.config.scheduler import SCHEDULER
from tvae.legacy.config.section import (
    DATA,
    EVERY_STEP,
    LABEL,
    MIXED_PRECISION,
    NO_CACHE,
    NO_WORKERS,
    ONE_FOLDER,
    TORCH_COMPILE,
    WISH,
    autocast,
    batch_size,
    device,
    folder,
    name_of,
    pairs,
    same_curvature,
    share,
    switch,
    trits,
    whole_pass,
)

#: Operations of level 4 and deeper that a stratified batch held before the share could be set.
OLD_HIGH_V = 0.2


def radial(old: Old) -> str:
    """The loss that `loss.radial` means: only one of the two has a `margin_weight`."""
    return "radial_hierarchy" if "loss.radial.margin_weight" in old.leaves else "radial_stratification"


def _radial(name: str, kind: str) -> Rule:
    """A key of `loss.radial`, by the loss that it means."""

    def rule(value: object, old: Old) -> Outcome:
        section = f"loss.{radial(old)}"
        if kind == "switch":
            return switch(section, also={f"{section}.branch": "both"} if value is True else None)(value, old)
        key = f"{section}.{name}"
        if kind == "share":
            return convert(key, share, "a Euclidean radius, as a share of the hyperbolic r_max")(value, old)
        return to(key)(value, old)

    return rule


def _weighted(value: object, old: Old) -> Outcome:
    if radial(old) == "radial_hierarchy":
        return only(
            True, "loss.radial_hierarchy.growth", "set loss.radial_hierarchy.growth to 0 in the new file",
            reason="weights grow with the valuation (growth)",
        )(value, old)  # fmt: skip
    return to("loss.radial_stratification.weighted")(value, old)


def _curriculum(end: str) -> Rule:
    """A blend (1 - tau) radial + tau geodesic as factors on the two weights."""

    def rule(value: object, old: Old) -> Outcome:
        tau = number(value)
        if not 0.0 <= tau <= 1.0:
            raise Refused(f"{value!r} is no share; write 0 to 1")
        return Outcome(
            action="converted",
            new=f"loss.schedules.geodesic.{end}",
            values={
                f"loss.schedules.geodesic.{end}": tau,
                f"loss.schedules.{radial(old)}.{end}": 1.0 - tau,
            },
            reason="tau blends the two losses: a factor on each weight",
        )

    return rule


def _curriculum_epochs(value: object, old: Old) -> Outcome:
    return Outcome(
        action="mapped",
        new="loss.schedules.geodesic.ramp_epochs",
        values={
            "loss.schedules.geodesic.ramp_epochs": value,
            f"loss.schedules.{radial(old)}.ramp_epochs": value,
        },
    )


def _phase(value: object, old: Old) -> Outcome:
    """The second phase: the geodesic loss joins, the radial one is halved."""
    epoch = whole(value)
    if epoch == 0:
        return Outcome(action="mapped", new="loss.schedules.geodesic.start_epoch", reason="from the start")
    values: dict[str, object] = {"loss.schedules.geodesic.start_epoch": epoch}
    if old.on("loss.radial"):
        section = f"loss.schedules.{radial(old)}"
        values |= {f"{section}.start_epoch": epoch, f"{section}.before": 1.0, f"{section}.end": 0.5}
    return Outcome(
        action="mapped",
        new="loss.schedules.geodesic.start_epoch",
        values=values,
        reason="the radial loss counts half from there on, as it did",
    )


def _min_spread(value: object, old: Old) -> float:
    ratio = number(value)
    if not 0.0 <= ratio <= 1.0:
        raise Refused(f"{value!r} is no share; write 0 to 1")
    return float(round((ratio / 12.0) ** 0.5, 6))


def _cross_entropy(value: object, old: Old) -> float:
    return round(number(value) / 9.0, 10)


def _target_distance(value: object, old: Old) -> float:
    from tvae.legacy.config.section import reach

    return round(number(value) / reach(old), 6)


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
    if value is True:
        if "training.high_v_budget_ratio" in old.leaves:
            return Outcome(action="mapped", new="training.high_v", reason="high_v_budget_ratio says how much")
        return Outcome(
            action="converted",
            new="training.high_v",
            values={"training.high_v": OLD_HIGH_V},
            reason="a fifth of each batch came from the levels above 3",
        )
    if value is False:
        return Outcome(action="converted", new="training.high_v", values={"training.high_v": 0.0})
    raise Refused(f"{value!r} is neither true nor false; write one of them")


def _high_v(value: object, old: Old) -> Outcome:
    if old.leaves.get("training.use_stratified") is False:
        return Outcome(action="dropped", reason="switched off by training.use_stratified: false")
    return to("training.high_v")(value, old)


def _zero(name: str) -> Rule:
    return to(f"loss.zero_structure.{name}", reason="counts once; the old trainers multiplied it in twice")


_GROK = (
    "the detector could never report: its validation loss was the training loss, and the mean that it waited "
    "for cannot fall below the running minimum"
)
_TAGS = "the trainer wrote eleven fixed tags, none of them from here"
_NO_REMAT = "never implemented: the module that it needs is missing"
_ADAPTIVE = "no trainer builds it: the loss of v5.12 is a fixed sum with two phases"

LOSSES: dict[str, Rule] = {
    "loss.rich_hierarchy.enabled": switch("loss.rich_hierarchy"),
    "loss.rich_hierarchy.hierarchy_weight": to("loss.rich_hierarchy.hierarchy_weight"),
    "loss.rich_hierarchy.richness_weight": to("loss.rich_hierarchy.richness_weight"),
    "loss.rich_hierarchy.separation_weight": to("loss.rich_hierarchy.separation_weight"),
    "loss.rich_hierarchy.coverage_weight": convert(
        "loss.reconstruction.weight",
        _cross_entropy,
        "a cross-entropy averaged over trits; today it is summed over them",
    ),
    "loss.rich_hierarchy.min_richness_ratio": convert(
        "loss.rich_hierarchy.min_spread",
        _min_spread,
        "a share of the variance of an evenly filled level, as a standard deviation: sqrt(ratio / 12)",
    ),
    "loss.radial.enabled": _radial("", "switch"),
    "loss.radial.inner_radius": _radial("inner", "share"),
    "loss.radial.outer_radius": _radial("outer", "share"),
    "loss.radial.radial_weight": _radial("weight", "to"),
    "loss.radial.margin_weight": _radial("margin_weight", "to"),
    "loss.radial.max_valuation": trits,
    "loss.radial.valuation_weighting": _weighted,
    "loss.geodesic.enabled": switch("loss.geodesic", also={"loss.geodesic.branch": "both"}),
    "loss.geodesic.weight": to("loss.geodesic.weight"),
    "loss.geodesic.max_target_distance": convert(
        "loss.geodesic.outer", _target_distance, "a hyperbolic length, as a share of r_max"
    ),
    "loss.geodesic.valuation_scale": convert(
        "loss.geodesic.decay",
        lambda value, old: round(1.0 / number(value), 10),
        "levels per e-fold, inverted",
    ),
    "loss.geodesic.use_smooth_l1": choose(
        {
            True: becomes("loss.geodesic.error", "", {"loss.geodesic.error": "smooth_l1"}),
            False: becomes("loss.geodesic.error", "", {"loss.geodesic.error": "mse"}),
        },
        "neither true nor false; write one of them",
    ),
    "loss.geodesic.phase_start_epoch": _phase,
    "loss.geodesic.curvature": same_curvature,
    "loss.geodesic.n_pairs": pairs("loss.geodesic"),
    "loss.rank.enabled": switch("loss.global_rank", also={"loss.global_rank.branch": "both"}),
    "loss.rank.weight": to("loss.global_rank.weight"),
    "loss.rank.temperature": to("loss.global_rank.temperature"),
    "loss.rank.n_pairs": pairs("loss.global_rank"),
    "loss.zero_structure.enabled": switch("loss.zero_structure", also={"loss.zero_structure.branch": "both"}),
    "loss.zero_structure.valuation_weight": _zero("valuation_weight"),
    "loss.zero_structure.sparsity_weight": _zero("sparsity_weight"),
    "loss.curriculum.initial_tau": _curriculum("start"),
    "loss.curriculum.final_tau": _curriculum("end"),
    "loss.curriculum.warmup_epochs": _curriculum_epochs,
    **keys(
        "loss.adaptive_loss",
        "enabled enable_curriculum enable_difficulty_adaptive enable_performance_rebalancing "
        "curriculum_warmup_epochs curriculum_transition_epochs rebalancing_interval coverage_priority_early "
        "hierarchy_priority_late difficulty_adaptation_rate difficulty_smoothing rebalancing_sensitivity "
        "target_hierarchy_correlation target_richness_ratio",
        drop(_ADAPTIVE),
    ),
}

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
    if value is False:
        return Outcome(action="mapped", new="parts.encoder_A.thaw_epoch", reason="null: never")
    if value is not True:
        raise Refused(f"{value!r} is neither true nor false; write one of them")
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
    "checkpoints.save_best": choose(
        {
            True: only(True, "training.best", ""),
            False: becomes("training.best", "a best checkpoint is always kept; nothing is decided by it"),
        },
        "neither true nor false; write one of them",
    ),
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
