"""The rules for v5.5 to v5.10, the appetitive variant included: flat files of a model class that is gone.

The predecessor removed the class and with it the StateNet, the phases and the feedback loops that
steered it. What such a file says about losses, schedules and noise is carried over; p-adic losses,
which acted on unbounded latents, act on the ball of a projection.
"""

from __future__ import annotations

import math
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
from tvae.legacy.config.ball import curvature
from tvae.legacy.config.hyperbolic import HYPERBOLIC, prior_on
from tvae.legacy.config.noise import NOISE, peak_beta
from tvae.legacy.config.number import (
    OPERATIONS,
    evaluations,
    fraction,
    number,
    radius,
    ratio,
    steps,
    whole,
)
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
from tvae.legacy.config.steering import APPETITE, STEERING


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
    points = [{"epoch": whole(point["epoch"]), "factor": ratio(point["lr"], peak)} for point in value]
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


def _free_bits(value: object, old: Old) -> Outcome:
    if prior_on(old):
        return Outcome(
            action="dropped", reason="switched off by use_hyperbolic_prior, which replaces that KL"
        )
    return to("loss.kl.free_bits", reason="nats for each latent dimension")(value, old)


def _embedding(value: object, old: Old) -> Outcome:
    if value == 0:
        return Outcome(action="dropped", reason="0 switches it off")
    raise Refused(
        "embeddings are not written while training; `tvae plot` draws them from a checkpoint; write 0"
    )


def _weighted(value: object, old: Old) -> Outcome:
    return to("loss.radial_stratification.weighted")(value, old)


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

PADIC: dict[str, Rule] = {
    **RANKING,
    "padic_losses.enable_metric_loss": switch("loss.padic_metric", also={"loss.padic_metric.branch": "both"}),
    "padic_losses.metric_loss_weight": to("loss.padic_metric.weight"),
    "padic_losses.metric_loss_scale": convert(
        "loss.padic_metric.outer",
        lambda value, old: round(number(value) / reach(old), 6),
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
    c = curvature(old)
    found["model.projection.radius"] = ("euclidean", ball)
    found["model.projection.max_norm"] = (0.95, ball)
    found["model.r_max"] = (reach(old), "the hyperbolic radius of that norm")
    found["model.curvature"] = (c, "the curvature of its hyperbolic losses")
    if old.has("vae_b.entropy_weight"):
        found["loss.entropy.branch"] = ("B", "a term of branch B")
    if old.has("vae_b.repulsion_weight"):
        found["loss.repulsion.branch"] = ("B", "a term of branch B")
    return found


def reach(old: Old) -> float:
    """The hyperbolic radius of a norm of 0.95, relative to the rim of the ball."""
    return round(radius(0.95, 1.0) / math.sqrt(curvature(old)), 6)
