"""The rules for v5.5 to v5.10, the appetitive variant included: flat files of a model class that is gone.

The predecessor removed the class and with it the StateNet, the phases and the feedback loops that
steered it. What such a file says about losses, schedules and noise is carried over; p-adic losses,
which acted on unbounded latents, act on the ball of a projection.
"""

from __future__ import annotations

from collections.abc import Mapping

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
from tvae.legacy.config.hyperbolic import HYPERBOLIC, prior_on
from tvae.legacy.config.number import OPERATIONS, evaluations, fraction, number, steps, whole
from tvae.legacy.config.ranking import RANKING, RANKING_SWITCHES
from tvae.legacy.config.section import (
    EVERY_STEP,
    GONE,
    NO_WORKERS,
    ONE_FOLDER,
    TORCH_COMPILE,
    WISH,
    batch_size,
    depth_of,
    folder,
    name_of,
    rim_share,
    switch,
    trits,
)


def _steps(value: object, old: Old) -> int:
    return steps(old.get("train_split", 1.0) * OPERATIONS, max(1, whole(value)))


def _split(value: object, old: Old) -> Outcome:
    share = number(value)
    if not 0.0 < share <= 1.0:
        raise Refused(f"{value!r} is no share; write one in (0, 1]")
    return Outcome(
        action="converted",
        new="training.steps_per_epoch",
        values={"training.steps_per_epoch": steps(share * OPERATIONS, old.get("batch_size", 256))},
        reason="an epoch keeps its number of batches; they are drawn from all operations",
    )


_HELD_OUT = becomes(
    "training.steps_per_epoch", "nothing is held out: every evaluation measures all operations"
)


def _schedule(value: object, old: Old) -> Outcome:
    """Steps of the learning rate, as factors on the first one."""
    if not isinstance(value, list) or not all(
        isinstance(point, dict) and set(point) == {"epoch", "lr"} for point in value
    ):
        raise Refused("no list of {epoch, lr}; write one, or remove it")
    peak = old.get("optimizer.lr_start", 1e-3)
    points = [
        {"epoch": whole(point["epoch"]), "factor": round(number(point["lr"]) / peak, 10)} for point in value
    ]
    if points and points[0] == {"epoch": 0, "factor": 1.0}:
        del points[0]
    if not points:
        return Outcome(
            action="converted", new="optim.schedule", values={"optim.schedule": "constant"}, reason="one rate"
        )
    beyond = [point["epoch"] for point in points if point["epoch"] >= old.get("total_epochs", 300)]
    note = f"; the steps at {', '.join(map(str, beyond))} lie beyond the last epoch" if beyond else ""
    return Outcome(
        action="converted",
        new="optim.points",
        values={"optim.points": points, "optim.schedule": "piecewise"},
        reason=f"rates, as factors on lr_start{note}",
    )


def _patience(value: object, old: Old) -> Outcome:
    """The shorter of two patiences, counted in evaluations."""
    epochs = min(whole(value), whole(old.leaves.get("coverage_plateau_patience", value)))
    return Outcome(
        action="converted",
        new="training.early_stop.patience",
        values={"training.early_stop.patience": evaluations(epochs, old.get("eval_interval", 1))},
        reason="epochs, counted in evaluations",
    )


_ONE_PRIOR = (
    "the hyperbolic prior of both branches has one schedule, that of vae_a; remove it, or switch "
    "use_hyperbolic_prior off"
)


def peak_beta(old: Old) -> float:
    """The weight that the factors of both branches refer to: where A's ramp ends, or B's if that is 0."""
    return old.get("vae_a.beta_end", 1.0) or old.get("vae_b.beta_end", 1.0) or 1.0


def _beta(branch: str, end: str) -> Rule:
    """One end of a warm-up of beta, as a factor on the one weight."""

    def rule(value: object, old: Old) -> Outcome:
        factor = round(number(value) / peak_beta(old), 10)
        if prior_on(old):
            if branch == "B":
                raise Refused(_ONE_PRIOR)
            key = f"loss.schedules.hyperbolic_prior.{end}"
        else:
            key = f"loss.schedules.kl_{branch}.{end}"
        values: dict[str, object] = {key: factor}
        if end == "start" and not old.get(f"vae_{branch.lower()}.beta_warmup_epochs", 0):
            return Outcome(action="dropped", reason="no epochs of warm-up: beta begins at its end")
        return Outcome(
            action="converted", new=key, values=values, reason=f"a factor on the weight {peak_beta(old):g}"
        )

    return rule


def _beta_epochs(branch: str) -> Rule:
    def rule(value: object, old: Old) -> Outcome:
        if prior_on(old):
            if branch == "B":
                raise Refused(_ONE_PRIOR)
            return to("loss.schedules.hyperbolic_prior.ramp_epochs")(value, old)
        return to(f"loss.schedules.kl_{branch}.ramp_epochs")(value, old)

    return rule


def _cyclic(value: object, old: Old) -> Outcome:
    if value is not True:
        return Outcome(action="mapped", new="training.temperature.A.amplitude", reason="no swing")
    return Outcome(
        action="converted",
        new="training.temperature.A.amplitude",
        values={
            "training.temperature.A.amplitude": 0.1,
            "training.temperature.A.period_epochs": whole(old.leaves.get("controller.temp_lag", 30)),
        },
        reason="a tenth up and down in each period",
    )


def _late(branch: str, key: str) -> Rule:
    """What holds from the last phase on."""

    def rule(value: object, old: Old) -> Outcome:
        if branch == "A" and old.leaves.get("vae_a.temp_cyclic") is not True:
            return Outcome(
                action="dropped", reason="switched off by vae_a.temp_cyclic: there is no swing to boost"
            )
        where = f"training.temperature.{branch}"
        late = old.get("phase_transitions.ultra_exploration_start", 250)
        return Outcome(
            action="mapped",
            new=f"{where}.{key}",
            values={f"{where}.{key}": value, f"{where}.late_epoch": late},
            reason="beyond the last epoch, so it never comes" if late >= old.get("total_epochs", 300) else "",
        )

    return rule


def _lag(value: object, old: Old) -> Outcome:
    if old.leaves.get("vae_a.temp_cyclic") is not True:
        return Outcome(action="dropped", reason="switched off by vae_a.temp_cyclic: nothing swings")
    return to("training.temperature.A.period_epochs")(value, old)


def _free_bits(value: object, old: Old) -> Outcome:
    if prior_on(old):
        return Outcome(
            action="dropped", reason="switched off by use_hyperbolic_prior, which replaces that KL"
        )
    return to("loss.kl.free_bits", reason="nats for each latent dimension")(value, old)


def _ultra(value: object, old: Old) -> Outcome:
    return becomes("training.temperature.B.late_epoch", "where temp_phase4 and temp_boost_amplitude begin")(
        value, old
    )


def _embedding(value: object, old: Old) -> Outcome:
    if value == 0:
        return Outcome(action="dropped", reason="0 switches it off")
    raise Refused(
        "embeddings are not written while training; `tvae plot` draws them from a checkpoint; write 0"
    )


def _weighted(value: object, old: Old) -> Outcome:
    return to("loss.radial_stratification.weighted")(value, old)


def _zero_weight(reason: str) -> Rule:
    def rule(value: object, old: Old) -> Outcome:
        if value == 0:
            return Outcome(action="dropped", reason="a weight of 0 switches it off")
        return Outcome(action="dropped", reason=reason)

    return rule


MODEL: dict[str, Rule] = {
    "model.input_dim": to("space.depth"),
    "model.latent_dim": to("model.latent_dim"),
    **keys(
        "model",
        "rho_min rho_max lambda3_base lambda3_amplitude eps_kl gradient_balance adaptive_scheduling "
        "use_statenet statenet_lr_scale statenet_lambda_scale statenet_ranking_scale statenet_version "
        "statenet_hyp_sigma_scale statenet_hyp_curvature_scale statenet_curriculum_scale base_ranking_weight",
        drop(GONE),
    ),
}

TRAINING: dict[str, Rule] = {
    "seed": to("seed"),
    "total_epochs": to("training.epochs"),
    "train_split": _split,
    "val_split": _HELD_OUT,
    "test_split": _HELD_OUT,
    "batch_size": batch_size(_steps),
    "num_workers": drop(NO_WORKERS),
    "gpu_resident": drop(NO_WORKERS),
    "grad_clip": to("optim.clip_norm"),
    "optimizer.type": choose(
        {
            "adamw": becomes("optim.name", "", {"optim.name": "adamw"}),
            "adam": becomes("optim.name", "AdamW without decay is Adam", {"optim.name": "adamw"}),
        },
        "there is adamw, and muon; write adamw",
    ),
    "optimizer.lr_start": to("optim.lr"),
    "optimizer.weight_decay": to("optim.weight_decay"),
    "optimizer.lr_schedule": _schedule,
    "eval_interval": to("training.eval_every"),
    "coverage_check_interval": becomes("training.eval_every", "coverage is part of every evaluation"),
    "eval_num_samples": becomes(
        "training.eval_every", "coverage is measured on all operations, not on a sample"
    ),
    "checkpoint_freq": to("training.save_every"),
    "patience": _patience,
    "coverage_plateau_patience": becomes(
        "training.early_stop.patience", "one patience today, the shorter one; coverage comes first in `best`"
    ),
    "min_delta": becomes(
        "training.best", "evaluations are compared by metrics, to 1e-6, and not by the loss"
    ),
    "min_coverage_delta": drop("never read: the code looked for another name"),
    "target_coverage_percent": convert(
        "training.best.coverage", lambda value, old: fraction(value), "percent to a fraction"
    ),
    **keys(
        "",
        "target_kld_min target_kld_max target_recon_accuracy target_ranking_correlation target_correlation",
        drop(WISH),
    ),
    "free_bits": _free_bits,
    "ternary_dataset.num_samples": convert("space.depth", depth_of, "3^depth operations"),
    "ternary_dataset.exhaustive": only(
        True, "space.depth", "all operations are trained on; remove it", reason="all operations, always"
    ),
    "ternary_dataset.seed": to("seed"),
}

NOISE: dict[str, Rule] = {
    "vae_a.beta_start": _beta("A", "start"),
    "vae_a.beta_end": _beta("A", "end"),
    "vae_a.beta_warmup_epochs": _beta_epochs("A"),
    "vae_b.beta_start": _beta("B", "start"),
    "vae_b.beta_end": _beta("B", "end"),
    "vae_b.beta_warmup_epochs": _beta_epochs("B"),
    "vae_a.temp_start": to("training.temperature.A.start"),
    "vae_a.temp_end": to("training.temperature.A.end"),
    "vae_a.temp_cyclic": _cyclic,
    "vae_a.temp_boost_amplitude": _late("A", "late_amplitude"),
    "vae_b.temp_start": to("training.temperature.B.start"),
    "vae_b.temp_end": to("training.temperature.B.end"),
    "vae_b.temp_phase4": _late("B", "late_factor"),
    "vae_b.entropy_weight": to("loss.entropy.weight"),
    "vae_b.repulsion_weight": to("loss.repulsion.weight"),
    "controller.temp_lag": _lag,
    **keys("controller", "beta_phase_lag entropy_ema_alpha dH_dt_threshold", drop(GONE)),
    "phase_transitions.ultra_exploration_start": _ultra,
    **keys(
        "phase_transitions",
        "entropy_expansion_end consolidation_end resonant_coupling_end statenet_warm_start",
        drop(GONE),
    ),
}

PADIC: dict[str, Rule] = {
    **RANKING,
    "padic_losses.enable_metric_loss": switch("loss.padic_metric", also={"loss.padic_metric.branch": "both"}),
    "padic_losses.metric_loss_weight": to("loss.padic_metric.weight"),
    "padic_losses.metric_loss_scale": convert(
        "loss.padic_metric.outer",
        lambda value, old: round(number(value) / 3.663562, 6),
        "a hyperbolic length, as a share of r_max",
    ),
    "padic_losses.metric_n_pairs": becomes(
        "loss.padic_metric",
        "every pair of the two halves of the batch is used, a larger sample of the same mean",
    ),
    "padic_losses.enable_norm_loss": switch("loss.padic_norm", also={"loss.padic_norm.branch": "both"}),
    "padic_losses.norm_loss_weight": to("loss.padic_norm.weight"),
    **HYPERBOLIC,
    "radial_stratification.enabled": switch(
        "loss.radial_stratification", also={"loss.radial_stratification.branch": "both"}
    ),
    "radial_stratification.inner_radius": convert(
        "loss.radial_stratification.inner",
        rim_share,
        "a Euclidean radius, as a share of the hyperbolic r_max",
    ),
    "radial_stratification.outer_radius": convert(
        "loss.radial_stratification.outer",
        rim_share,
        "a Euclidean radius, as a share of the hyperbolic r_max",
    ),
    "radial_stratification.max_valuation": trits,
    "radial_stratification.valuation_weighting": _weighted,
    "radial_stratification.loss_type": to("loss.radial_stratification.error"),
    "radial_stratification.base_weight": to("loss.radial_stratification.weight"),
}

_NO_GRADIENT = "without effect: the correlation was a cached constant, so it had no gradient"

STEERING: dict[str, Rule] = {
    **keys(
        "continuous_feedback",
        "enabled coverage_threshold coverage_sensitivity coverage_trend_sensitivity min_ranking_weight "
        "max_ranking_weight coverage_ema_alpha",
        drop(GONE),
    ),
    **keys("curriculum", "enabled initial_tau tau_min tau_max tau_scale tau_momentum", drop(GONE)),
    **keys(
        "exploration_boost",
        "enabled coverage_stall_threshold coverage_stall_patience temp_boost_factor temp_boost_max "
        "ranking_reduction_factor ranking_reduction_min",
        drop(GONE),
    ),
    **keys("correlation_loss", "enabled weight warmup_epochs use_cached", drop(_NO_GRADIENT)),
    **keys("correlation_feedback", "correlation_loss_weight target_correlation", drop(_NO_GRADIENT)),
    **keys("correlation_feedback", "enabled correlation_drop_threshold correlation_patience", drop(GONE)),
}

APPETITE: dict[str, Rule] = {
    "appetite_hierarchy.n_groups": drop(GONE),
    "appetite_hierarchy.target_ratio": drop(GONE),
    "appetite_hierarchy.initial_weight": _zero_weight(GONE),
    **keys("appetite_curiosity", "bandwidth max_history", drop(GONE)),
    "appetite_curiosity.initial_weight": _zero_weight(GONE),
    "appetite_closure.num_pairs": drop(GONE),
    "appetite_closure.initial_weight": _zero_weight(GONE),
    **keys("appetite_symbiosis", "hidden_dim temperature", drop(GONE)),
    "appetite_symbiosis.initial_weight": _zero_weight(GONE),
    **keys("phase_gates", "phase_1a_to_1b phase_1b_to_2a phase_2a_to_2b phase_2b_to_3", drop(GONE)),
    **keys("violation_buffer", "capacity decay", drop(GONE)),
}

SURROUNDINGS: dict[str, Rule] = {
    "config_version": drop("a label; no number depends on it"),
    "experiment_name": name_of,
    "checkpoint_dir": folder,
    "log_dir": becomes("--out", ONE_FOLDER),
    "tensorboard_dir": convert(
        "training.tensorboard", lambda value, old: value is not None, "events lie below the run's own folder"
    ),
    "log_interval": becomes("training.eval_every", EVERY_STEP),
    "histogram_interval": lambda value, old: _histograms(value),
    "embedding_interval": _embedding,
    "embedding_n_samples": lambda value, old: _embedding(
        value if old.leaves.get("embedding_interval", 1) else 0, old
    ),
    **TORCH_COMPILE,
}


def _histograms(value: object) -> Outcome:
    if value == 0:
        return Outcome(action="dropped", reason="0 switches it off")
    raise Refused(
        "histograms of the weights are not written; `tvae show FILE --tensors` lists a checkpoint's; write 0"
    )


RULES: Rules = {**MODEL, **TRAINING, **NOISE, **PADIC, **STEERING, **APPETITE, **SURROUNDINGS}

#: By the beginning of a key: the leaf that switches it off.
SWITCHES: Mapping[str, str] = {
    **RANKING_SWITCHES,
    "padic_losses.metric_": "padic_losses.enable_metric_loss",
    "padic_losses.norm_loss_weight": "padic_losses.enable_norm_loss",
    "padic_losses.hyperbolic_v10.prior.": "padic_losses.hyperbolic_v10.use_hyperbolic_prior",
    "padic_losses.hyperbolic_v10.recon.": "padic_losses.hyperbolic_v10.use_hyperbolic_recon",
    "padic_losses.hyperbolic_v10.centroid.": "padic_losses.hyperbolic_v10.use_centroid_loss",
}


def implied(old: Old) -> dict[str, tuple[object, str]]:
    """What the class and its trainer did without being told."""
    plain = "the plain layers of v5.5"
    ball = "p-adic losses acted on latents; they act on a ball that the latents are projected into"
    found: dict[str, tuple[object, str]] = {
        "model.branches": (2, "two variational autoencoders"),
        "model.decode": ("latent", "each was decoded from its latent"),
        "model.encoder.hidden": ([256, 128, 64], plain),
        "model.encoder.activation": ("relu", plain),
        "model.encoder.skip": (False, plain),
        "model.encoder.sigma_init": (1.0, "log-variances began near 0"),
        "model.decoder.hidden": ([32, 64], plain),
        "model.decoder.activation": ("relu", plain),
        "model.decoder.gain": (1.0, plain),
        "loss.reconstruction.branches": ("both", "both branches were decoded"),
        "optim.name": ("adamw", "AdamW"),
        "optim.warmup_steps": (0, "the rate began at its peak"),
        "optim.schedule": ("constant", "one rate unless lr_schedule says more"),
    }
    if prior_on(old):
        found["loss.kl"] = (None, "the hyperbolic prior has its place")
        found["loss.hyperbolic_prior.weight"] = (peak_beta(old), "the weight of the KL that it replaces")
        found["loss.hyperbolic_prior.branch"] = ("both", "both branches")
        found["loss.hyperbolic_prior.ramp"] = ("constant", "beta has its own schedule")
    else:
        found["loss.kl.weight"] = (peak_beta(old), "the beta that the factors in loss.schedules refer to")
        found["loss.kl.ramp"] = ("constant", "beta has its own schedule")
    reach, c = 2.0 * 1.8317808230648232, curvature(old)
    found["model.projection.radius"] = ("euclidean", ball)
    found["model.projection.max_norm"] = (0.95, ball)
    found["model.r_max"] = (round(reach / c**0.5, 6), "the hyperbolic radius of that norm")
    found["model.curvature"] = (c, "the curvature of its hyperbolic losses")
    if old.has("vae_b.entropy_weight"):
        found["loss.entropy.branch"] = ("B", "a term of branch B")
    if old.has("vae_b.repulsion_weight"):
        found["loss.repulsion.branch"] = ("B", "a term of branch B")
    return found


def curvature(old: Old) -> float:
    """The curvature of the hyperbolic losses that are on; they share one ball."""
    on = {
        "padic_losses.ranking_hyperbolic": "padic_losses.enable_ranking_loss_hyperbolic",
        "padic_losses.hyperbolic_v10.prior": "padic_losses.hyperbolic_v10.use_hyperbolic_prior",
        "padic_losses.hyperbolic_v10.recon": "padic_losses.hyperbolic_v10.use_hyperbolic_recon",
        "padic_losses.hyperbolic_v10.centroid": "padic_losses.hyperbolic_v10.use_centroid_loss",
    }
    for section, enabled in on.items():
        found = old.leaves.get(f"{section}.curvature")
        if old.leaves.get(enabled) is True and isinstance(found, (int, float)):
            return float(found)
    return 1.0
