"""The rules for the two schemas that stood in the predecessor's code and that no file was checked with.

One has sections `geometry`, `optimizer`, `loss_weights` and `ranking`; the other repeats the
vocabulary of v5.10, two sections a level higher, so that `canonical` is all it takes.
"""

from __future__ import annotations

from tvae.legacy.config import architecture, flat
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
    either,
    to,
    when,
)
from tvae.legacy.config.noise import peak_beta
from tvae.legacy.config.number import number, ratio, whole
from tvae.legacy.config.section import (
    EVERY_STEP,
    ONE_FOLDER,
    batch_size,
    dual,
    folder,
    implied_share,
    max_radius,
    name_of,
    switch,
    whole_pass,
)


def _schedule(value: object, old: Old) -> Outcome:
    names = {"constant": "constant", "cosine": "cosine", "warmup_cosine": "cosine"}
    if not isinstance(value, str) or value not in names:
        raise Refused(
            f"{value!r} is no schedule today; set optim.schedule in the new file: constant, cosine, "
            "or piecewise with points"
        )
    return Outcome(action="converted", new="optim.schedule", values={"optim.schedule": names[value]})


def _min_lr(value: object, old: Old) -> Outcome:
    if old.leaves.get("optimizer.schedule") not in ("cosine", "warmup_cosine"):
        return Outcome(action="dropped", reason="belongs to a cosine, and optimizer.schedule is none")
    peak = old.get("optimizer.learning_rate", 1e-3)
    return Outcome(
        action="converted",
        new="optim.floor",
        values={"optim.floor": ratio(value, peak)},
        reason="a rate, as a share of the peak rate",
    )


def _warmup(value: object, old: Old) -> Outcome:
    per_epoch = whole_pass(old.leaves.get("batch_size", 256), old)
    return Outcome(
        action="converted",
        new="optim.warmup_steps",
        values={"optim.warmup_steps": whole(value) * per_epoch},
        reason="epochs, counted in steps",
    )


def _betas(value: object, old: Old) -> Outcome:
    if value != [0.9, 0.999]:
        raise Refused("the moments' decays are not a setting: they are 0.9 and 0.99; remove it")
    return Outcome(action="converted", new="optim.name", reason="torch's own defaults; here 0.9 and 0.99")


def _weight(section: str, branch: str = "both") -> Rule:
    """The weight of a loss; zero leaves it off."""

    def rule(value: object, old: Old) -> Outcome:
        if number(value) == 0.0:
            return Outcome(
                action="mapped", new=section, values={section: None}, reason="a weight of 0 switches it off"
            )
        return Outcome(
            action="mapped",
            new=f"{section}.weight",
            values={f"{section}.weight": value, **({f"{section}.branch": branch} if branch else {})},
        )

    return rule


def _in_loss(section: str, rule: Rule) -> Rule:
    """A detail of a loss, for nothing where its weight is 0."""
    weights = {"loss.padic_ranking": ("loss_weights.ranking", 0.5)}
    key, default = weights[section]
    return when(
        lambda old: number(old.leaves.get(key, default)) > 0.0,
        rule,
        drop(f"switched off by {key}: 0"),
    )


def _kl(value: object, old: Old) -> Outcome:
    if number(value) == 0.0:
        return Outcome(
            action="mapped", new="loss.kl", values={"loss.kl": None}, reason="a weight of 0 switches it off"
        )
    return Outcome(
        action="converted",
        new="loss.kl.weight",
        values={"loss.kl.weight": round(number(value) * peak_beta(old), 10)},
        reason="times the beta that the factors in loss.schedules refer to",
    )


def _of_branch(section: str, branch: str) -> Rule:
    """The weight of a loss of one branch; zero leaves it off."""

    def rule(value: object, old: Old) -> Outcome:
        if number(value) == 0.0:
            return Outcome(action="dropped", reason="a weight of 0 switches it off")
        return to(f"{section}.weight", also={f"{section}.branch": branch})(value, old)

    return rule


_UNBUILT = "never read: no trainer was ever started from this schema"

SCHEMA: Rules = {
    "seed": to("seed"),
    "epochs": to("training.epochs"),
    "batch_size": batch_size(whole_pass),
    "grad_clip": to("optim.clip_norm"),
    "patience": to("training.early_stop.patience", reason="counted in evaluations"),
    "free_bits": to("loss.kl.free_bits", reason="nats for each latent dimension"),
    "device": to("training.device"),
    "geometry.curvature": to("model.curvature"),
    "geometry.max_radius": max_radius,
    "geometry.latent_dim": to("model.latent_dim"),
    "geometry.learnable_curvature": drop("without effect: no gradient ever reached the curvature"),
    "optimizer.type": choose(
        {
            name: becomes("optim.name", why, {"optim.name": "adamw"})
            for name, why in {
                "adamw": "",
                "adam": "AdamW without decay is Adam",
                "riemannian_adam": "no parameter lay on the manifold, so it was Adam",
            }.items()
        },
        "there is adamw, and muon; write adamw",
    ),
    "optimizer.learning_rate": to("optim.lr"),
    "optimizer.weight_decay": to("optim.weight_decay"),
    "optimizer.betas": _betas,
    "optimizer.schedule": _schedule,
    "optimizer.warmup_epochs": _warmup,
    "optimizer.min_lr": _min_lr,
    "loss_weights.reconstruction": _weight("loss.reconstruction", ""),
    "loss_weights.kl_divergence": _kl,
    "loss_weights.entropy": _weight("loss.entropy"),
    "loss_weights.repulsion": _weight("loss.repulsion"),
    "loss_weights.ranking": _weight("loss.padic_ranking"),
    "loss_weights.radial": _weight("loss.radial_stratification"),
    "loss_weights.geodesic": _weight("loss.geodesic"),
    "loss_weights.centroid": _weight("loss.centroid"),
    "ranking.margin": _in_loss(
        "loss.padic_ranking", to("loss.padic_ranking.margin", reason="of hyperbolic length")
    ),
    "ranking.n_triplets": _in_loss("loss.padic_ranking", to("loss.padic_ranking.triplets")),
    "ranking.hard_negative_ratio": _in_loss("loss.padic_ranking", to("loss.padic_ranking.hard_ratio")),
    "ranking.radial_weight": _in_loss("loss.padic_ranking", to("loss.padic_ranking.radial_weight")),
    "ranking.use_hyperbolic": either(
        true=becomes("loss.padic_ranking", "distances are hyperbolic"),
        false=becomes("loss.padic_ranking", "they are hyperbolic all the same: the points lie in a ball"),
    ),
    **{
        f"vae_{letter}.{name}": flat.RULES[f"vae_{letter}.{name}"]
        for letter in "ab"
        for name in ("beta_start", "beta_end", "beta_warmup_epochs", "temp_start", "temp_end")
    },
    **{
        f"vae_{letter}.{name}_weight": _of_branch(f"loss.{name}", letter.upper())
        for letter in "ba"
        for name in ("entropy", "repulsion")
    },
    "checkpoint_dir": folder,
    "log_dir": becomes("--out", ONE_FOLDER),
    "tensorboard_dir": convert(
        "training.tensorboard", lambda value, old: value is not None, "events lie below the run's own folder"
    ),
    "log_interval": becomes("training.eval_every", EVERY_STEP),
    "checkpoint_freq": to("training.save_every"),
    "eval_samples": becomes("training.eval_every", "coverage is measured on all operations, not on a sample"),
    "experiment_name": name_of,
    "use_controller": drop("without effect: the trainer never asked the controller, so it never learnt"),
    "use_dual_projection": dual,
    "use_curriculum": either(true=drop(_UNBUILT), false=drop("switched off by itself")),
    "use_homeostasis": switch("training.homeostasis"),
}

#: Where v5.10 has what the second schema has a level higher.
_HIGHER = {
    "ranking_hyperbolic.enabled": "padic_losses.enable_ranking_loss_hyperbolic",
    "ranking_hyperbolic.": "padic_losses.ranking_hyperbolic.",
    "hyperbolic_v10.": "padic_losses.hyperbolic_v10.",
}


def canonical(key: str) -> str:
    """A key of the second schema where v5.10 has it.

    Example:
        >>> canonical("hyperbolic_v10.prior.prior_sigma")
        'padic_losses.hyperbolic_v10.prior.prior_sigma'
    """
    for high, deep in _HIGHER.items():
        if key.startswith(high):
            return deep + key.removeprefix(high)
    return key


def implied(old: Old) -> dict[str, tuple[object, str]]:
    """The first schema's own defaults where today's differ."""
    found = architecture.implied(old)
    if not old.has("use_dual_projection"):
        found["model.projection.shared"] = (True, "the schema's default: no dual projection")
    found |= {
        "optim.name": ("adamw", "AdamW"),
        "optim.lr": (1e-3, "the schema's default"),
        "optim.weight_decay": (1e-4, "the schema's default"),
        "optim.clip_norm": (1.0, "the schema's default"),
        "optim.schedule": ("cosine", "the schema's default"),
        "optim.warmup_steps": (0, "the schema's default"),
        "training.epochs": (300, "the schema's default"),
        "loss.kl.weight": (peak_beta(old), "the beta that the factors in loss.schedules refer to"),
        "loss.kl.ramp": ("constant", "beta has its own schedule"),
        "loss.kl.free_bits": (0.3, "the schema's default"),
        "loss.reconstruction.branches": ("both", "both branches were decoded"),
        "loss.padic_ranking.weight": (0.5, "the schema's default"),
        "loss.padic_ranking.branch": ("both", "both branches"),
        "loss.radial_stratification.weight": (0.3, "the schema's default"),
        "loss.radial_stratification.inner": (implied_share(0.1, "", old), "a Euclidean radius of 0.1"),
        "loss.radial_stratification.outer": (implied_share(0.85, "", old), "a Euclidean radius of 0.85"),
        "loss.radial_stratification.branch": ("both", "both branches"),
    }
    return found
