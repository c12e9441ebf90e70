"""The architecture of old models in today's spec, and which of its parts an old config freezes.

An old checkpoint's tensors fit what these rules give: two branches, ReLU layers without a skip, the
decoder on the latent of A, and a projection whose sigmoid bounds the Euclidean norm.
"""

from __future__ import annotations

from tvae.config.suggestion import nearest
from tvae.legacy.config.action import Old, Outcome, Refused, Rule, drop, to
from tvae.legacy.config.number import number
from tvae.legacy.config.section import dual, implied_reach, max_radius
from tvae.legacy.models import warning

SINGLE = "TernaryVAEV5_11"
PARTIAL = "TernaryVAEV5_11_PartialFreeze"
#: Other names of the partly frozen class.
ALIASES = ("TernaryVAEV5_11_OptionC", "TernaryVAEOptionC", "TernaryVAEV5_12")

_LAYERS = "the plain layers of v5.5, in every stored checkpoint since"


def single(old: Old) -> bool:
    """Whether the class keeps both encoders frozen."""
    name = old.leaves.get("model.name", old.leaves.get("model.model_type"))
    if name == SINGLE:
        return True
    return name is None and old.dialect == "5.11"


def improved(old: Old) -> bool:
    """Whether improved parts are built: asked for, and no plain checkpoint named that would not fit.

    The old trainer never handed the types on, so a stored checkpoint holds plain layers unless somebody
    has looked and found others.
    """
    if old.layers is not None:
        return old.layers == "improved"
    return not isinstance(old.leaves.get("frozen_checkpoint.path"), str)


def implied(old: Old) -> dict[str, tuple[object, str]]:
    """What the classes did without being told."""
    found: dict[str, tuple[object, str]] = {
        "model.branches": (2, "two branches, A for coverage and B for the order"),
        "model.decode": ("latent", "the decoder read the latent of A"),
        "model.encoder.hidden": ([256, 128, 64], _LAYERS),
        "model.encoder.activation": ("relu", _LAYERS),
        "model.encoder.skip": (False, _LAYERS),
        "model.encoder.sigma_init": (1.0, "log-variances began near 0"),
        "model.decoder.hidden": ([32, 64], _LAYERS),
        "model.decoder.activation": ("relu", _LAYERS),
        "model.decoder.gain": (1.0, _LAYERS),
        "model.projection.radius": ("euclidean", "the sigmoid bounded the Euclidean norm"),
        "model.projection.layers": (1, "one hidden layer unless projection_layers said more"),
        # Where it stands it has the say; where it is refused, targets are shares of this radius.
        "model.r_max": (implied_reach(old), "the hyperbolic radius of the norm 0.95"),
    }
    if single(old):
        found["model.projection.shared"] = (True, "one projection for both latents unless told otherwise")
    return found


def implied_parts(old: Old) -> dict[str, tuple[object, str]]:
    """What the classes froze without being told."""
    why = "the class keeps it as it was loaded"
    if not old.has("frozen_checkpoint.path"):
        why = "the class keeps it frozen, and the file names no checkpoint: `tvae train` asks for --init"
    found: dict[str, tuple[object, str]] = {
        "parts.encoder_A.freeze": (True, why),
        "parts.decoder.freeze": (True, why),
    }
    if single(old) or old.leaves.get("option_c.enabled") is False:
        found["parts.encoder_B.freeze"] = (True, why)
    return found


def _class(value: object, old: Old) -> Outcome:
    if value not in (SINGLE, PARTIAL, *ALIASES):
        near = nearest(str(value), [SINGLE, PARTIAL, *ALIASES])
        hint = f"did you mean {near}?" if near else "`tvae models` lists the names"
        raise Refused(f"{value!r} is no model of this dialect; {hint}")
    note = warning(str(value))
    return Outcome(
        action="converted",
        new="model.branches",
        values={"model.branches": 2},
        reason=f"one class today, described by `model` and `parts`{f'; {note}' if note else ''}",
    )


def _kind(part: str) -> Rule:
    def rule(value: object, old: Old) -> Outcome:
        if value == "frozen":
            return Outcome(
                action="converted", new=f"model.{part}.kind", values={f"model.{part}.kind": "plain"}
            )
        if value != "improved":
            raise Refused(f"{value!r} is no type (the old code took it for frozen); write frozen or improved")
        if not improved(old):
            return Outcome(
                action="dropped",
                reason="never reached the model: every stored checkpoint holds plain layers, "
                "and plain weights do not fit improved ones",
            )
        return Outcome(
            action="mapped",
            new=f"model.{part}.kind",
            values={f"model.{part}.kind": "improved", f"model.{part}.activation": "silu"},
            reason="the checkpoint has such layers"
            if old.layers
            else "no checkpoint is named that it would not fit",
        )

    return rule


def _dropout(part: str) -> Rule:
    def rule(value: object, old: Old) -> Outcome:
        if improved(old) and old.leaves.get(f"model.{part}_type") == "improved":
            return to(f"model.{part}.dropout")(value, old)
        return Outcome(action="dropped", reason="never reached the model; plain layers have no dropout")

    return rule


def _logvar(bound: float) -> Rule:
    def rule(value: object, old: Old) -> Outcome:
        if not (improved(old) and old.leaves.get("model.encoder_type") == "improved"):
            return Outcome(action="dropped", reason="never reached the model; plain layers have no bound")
        if number(value) != bound:
            raise Refused(f"the improved encoder keeps its log-variance in [-10, 2]; write {bound:g}")
        return Outcome(action="mapped", new="model.encoder.kind", reason="a bound of the improved encoder")

    return rule


def _projection_width(value: object, old: Old) -> Outcome:
    width = old.leaves.get("model.hidden_dim", value)
    if width != value:
        raise Refused(f"model.hidden_dim, the key that the class read, says {width!r}; remove one of the two")
    return to("model.projection.hidden")(value, old)


MODEL: dict[str, Rule] = {
    "model.name": _class,
    "model.model_type": _class,
    "model.latent_dim": to("model.latent_dim"),
    "model.hidden_dim": to("model.projection.hidden", reason="the width of the projection"),
    "model.projection_hidden_dim": _projection_width,
    "model.max_radius": max_radius,
    "model.curvature": to("model.curvature"),
    "model.use_controller": drop(
        "without effect: the trainer never asked the controller, so it never learnt"
    ),
    "model.use_dual_projection": dual,
    "model.learnable_curvature": drop("without effect: no gradient ever reached the curvature"),
    "model.manifold_aware": drop("without effect: accepted and ignored"),
    "model.projection_layers": to("model.projection.layers"),
    "model.projection_dropout": to("model.projection.dropout"),
    "model.encoder_type": _kind("encoder"),
    "model.decoder_type": _kind("decoder"),
    "model.encoder_dropout": _dropout("encoder"),
    "model.decoder_dropout": _dropout("decoder"),
    "model.logvar_min": _logvar(-10.0),
    "model.logvar_max": _logvar(2.0),
}


def _init(value: object, old: Old) -> Outcome:
    if value is None:
        return Outcome(
            action="mapped",
            new="init",
            values={"init": None},
            reason="nothing to load: `tvae train` refuses frozen parts at random weights unless --init or "
            "--allow-cold-start is given",
        )
    return to("init", reason="the whole file is loaded, strictly")(value, old)


def _encoders(value: object, old: Old) -> Outcome:
    if value is not None and value not in ("both", "encoder_A", "encoder_B"):
        raise Refused(f"{value!r} names no encoder; write both")
    values: dict[str, object] = {"parts.encoder_A.freeze": True}
    if single(old):
        values["parts.encoder_B.freeze"] = True
    if value is None:
        return Outcome(
            action="converted",
            new="parts.encoder_A.freeze",
            values=values,
            reason="null loaded nothing, but the class froze it all the same",
        )
    if value != "both":
        raise Refused("a checkpoint is loaded whole; write both, or thaw the other encoder in the new file")
    return Outcome(
        action="converted",
        new="parts.encoder_A.freeze",
        values=values,
        reason="loaded from init; the class keeps it as it is",
    )


def _decoder(value: object, old: Old) -> Outcome:
    if value not in (None, "decoder_A"):
        raise Refused(f"{value!r} is no decoder that is used; write decoder_A")
    return Outcome(
        action="converted",
        new="parts.decoder.freeze",
        values={"parts.decoder.freeze": True},
        reason="null loaded nothing, but the class froze it all the same"
        if value is None
        else "loaded from init; the class keeps it as it is",
    )


def rate(part: str) -> Rule:
    """A factor on the learning rate; zero is a frozen part."""

    def rule(value: object, old: Old) -> Outcome:
        if number(value) == 0.0:
            return Outcome(
                action="converted",
                new=f"parts.{part}.freeze",
                values={f"parts.{part}.freeze": True},
                reason="a rate of zero",
            )
        return to(f"parts.{part}.lr_scale")(value, old)

    return rule


def _option_c(value: object, old: Old) -> Outcome:
    frozen = single(old) or value is not True
    return Outcome(
        action="converted",
        new="parts.encoder_B.freeze",
        values={"parts.encoder_B.freeze": frozen},
        reason="encoder B is trained" if not frozen else "encoder B is frozen too",
    )


def frozen_parts() -> dict[str, Rule]:
    """The rules of `frozen_checkpoint` and `option_c`."""
    return {
        "frozen_checkpoint.path": _init,
        "frozen_checkpoint.encoder_to_load": _encoders,
        "frozen_checkpoint.decoder_to_load": _decoder,
        "option_c.enabled": _option_c,
        "option_c.freeze_encoder_b": to("parts.encoder_B.freeze"),
        "option_c.encoder_a_lr_scale": rate("encoder_A"),
        "option_c.encoder_b_lr_scale": rate("encoder_B"),
    }
