"""Three variants of the p-adic ranking loss, which are one loss today.

Rule: of several that are switched on, the last one that the predecessor wrote is kept, and a second
one is refused. Flat keys, which the code read, win over the nested section that repeats them.
"""

from __future__ import annotations

from tvae.legacy.config.action import Old, Outcome, Refused, Rule, drop, only, to, truth
from tvae.legacy.config.ball import one_ball
from tvae.legacy.config.number import fraction, number, ratio
from tvae.legacy.config.section import GONE, rim_share

_HERE = "loss.padic_ranking"
#: The switch of each variant and the section of its keys, the last one first.
VARIANTS = {
    "padic_losses.enable_ranking_loss_hyperbolic": "padic_losses.ranking_hyperbolic",
    "padic_losses.enable_ranking_loss_v2": "padic_losses.ranking_v2",
    "padic_losses.enable_ranking_loss": "padic_losses.ranking_loss",
}
RANKING_SWITCHES = {
    "padic_losses.ranking_hyperbolic.": "padic_losses.enable_ranking_loss_hyperbolic",
    "padic_losses.ranking_v2.": "padic_losses.enable_ranking_loss_v2",
    "padic_losses.ranking_loss": "padic_losses.enable_ranking_loss",
    "padic_losses.ranking_margin": "padic_losses.enable_ranking_loss",
    "padic_losses.ranking_n_triplets": "padic_losses.enable_ranking_loss",
}


def variant(old: Old) -> str | None:
    """The switch of the variant that is kept."""
    return next((switch for switch in VARIANTS if old.leaves.get(switch) is True), None)


def _enabled(switch: str) -> Rule:
    def rule(value: object, old: Old) -> Outcome:
        kept = variant(old)
        if not truth(value):
            return Outcome(action="mapped", new=_HERE, reason="this variant is off")
        if kept != switch:
            raise Refused(f"there is one ranking loss, and {kept} has it; switch one of the two off")
        values: dict[str, object] = {f"{_HERE}.branch": "both"}
        weights = {
            "padic_losses.enable_ranking_loss_hyperbolic": ("continuous_feedback.base_ranking_weight", 0.5),
            "padic_losses.enable_ranking_loss_v2": ("two_phase_training.phase2.ranking_weight_end", 0.5),
            "padic_losses.enable_ranking_loss": ("padic_losses.ranking_loss_weight", 0.5),
        }
        weight, default = weights[switch]
        if f"{VARIANTS[switch]}.weight" not in old.leaves and weight not in old.leaves:
            values[f"{_HERE}.weight"] = default
        if switch == "padic_losses.enable_ranking_loss":
            # Random triplets with one margin.
            values |= {f"{_HERE}.margin_scale": 0.0, f"{_HERE}.hard_ratio": 0.0, f"{_HERE}.semi_hard": False}
        if switch == "padic_losses.enable_ranking_loss_hyperbolic":
            # Its radial target was (1 - v / 9) of nine tenths of 0.95.
            values[f"{_HERE}.outer"] = rim_share(0.855, old)
        return Outcome(action="mapped", new=_HERE, values={_HERE: {}, **values})

    return rule


def _of(switch: str, rule: Rule) -> Rule:
    """A key of one variant, for nothing where another one is kept."""

    def found(value: object, old: Old) -> Outcome:
        if variant(old) != switch:
            return Outcome(action="dropped", reason=f"switched off with its variant: {variant(old)} is kept")
        return rule(value, old)

    return found


def _feedback(value: object, old: Old) -> Outcome:
    """The weight that the feedback loop began from."""
    if variant(old) == "padic_losses.enable_ranking_loss_hyperbolic" and not old.has(
        "padic_losses.ranking_hyperbolic.weight"
    ):
        return to(f"{_HERE}.weight", reason="the weight that the feedback began from")(value, old)
    return Outcome(action="dropped", reason="the loss brings a weight of its own; the feedback loop is gone")


def _two_phase(name: str) -> Rule:
    """Weights of the phases, as factors on the last one."""

    def rule(value: object, old: Old) -> Outcome:
        if variant(old) is None or not old.on("two_phase_training"):
            return Outcome(action="dropped", reason="there is no ranking loss that it could follow")
        end = old.get("two_phase_training.phase2.ranking_weight_end", 0.8)
        if end <= 0.0:
            raise Refused("a ranking loss that ends at 0 is none; give phase2.ranking_weight_end a weight")
        key = f"loss.schedules.padic_ranking.{name}"
        return Outcome(
            action="converted",
            new=key,
            values={key: ratio(value, end)},
            reason="a factor on the weight",
        )

    return rule


def _phase_end(value: object, old: Old) -> Outcome:
    if variant(old) is None:
        return Outcome(action="dropped", reason="there is no ranking loss that it could follow")
    return to("loss.schedules.padic_ranking.start_epoch")(value, old)


def _ramp(value: object, old: Old) -> Outcome:
    if variant(old) is None:
        return Outcome(action="dropped", reason="there is no ranking loss that it could follow")
    return to("loss.schedules.padic_ranking.ramp_epochs")(value, old)


def _end(value: object, old: Old) -> Outcome:
    if variant(old) is None:
        return Outcome(action="dropped", reason="there is no ranking loss that it could follow")
    if number(value) <= 0.0:
        raise Refused("a ranking loss that ends at 0 is none; switch it off instead")
    return to(f"{_HERE}.weight", reason="the weight that the factors refer to")(value, old)


def _coverage(value: object, old: Old) -> Outcome:
    fraction(value)
    return Outcome(action="dropped", reason=GONE)


def _mined(section: str, switch: str, last: str, rule: Rule) -> dict[str, Rule]:
    """The keys that the two later variants share, and the one that only this one has."""
    named = {
        "base_margin": to(f"{_HERE}.margin", reason="of hyperbolic length"),
        "margin_scale": to(f"{_HERE}.margin_scale", reason="of hyperbolic length"),
        "n_triplets": to(f"{_HERE}.triplets"),
        "hard_negative_ratio": to(f"{_HERE}.hard_ratio"),
        last: rule,
    }
    return {f"{section}.{name}": _of(switch, found) for name, found in named.items()}


_V1 = "padic_losses.enable_ranking_loss"
_HYPERBOLIC = "padic_losses.enable_ranking_loss_hyperbolic"

RANKING: dict[str, Rule] = {
    **{switch: _enabled(switch) for switch in VARIANTS},
    "padic_losses.ranking_loss_weight": _of(_V1, to(f"{_HERE}.weight")),
    "padic_losses.ranking_margin": _of(_V1, to(f"{_HERE}.margin", reason="of hyperbolic length")),
    "padic_losses.ranking_n_triplets": _of(_V1, to(f"{_HERE}.triplets")),
    "padic_losses.ranking_loss.margin": _of(_V1, to(f"{_HERE}.margin", reason="repeats ranking_margin")),
    "padic_losses.ranking_loss.n_triplets": _of(
        _V1, to(f"{_HERE}.triplets", reason="repeats ranking_n_triplets")
    ),
    "padic_losses.ranking_loss.weight": _of(_V1, to(f"{_HERE}.weight", reason="repeats ranking_loss_weight")),
    **_mined(
        "padic_losses.ranking_v2",
        "padic_losses.enable_ranking_loss_v2",
        "semi_hard",
        to(f"{_HERE}.semi_hard"),
    ),
    **_mined("padic_losses.ranking_hyperbolic", _HYPERBOLIC, "weight", to(f"{_HERE}.weight")),
    "padic_losses.ranking_hyperbolic.radial_weight": _of(_HYPERBOLIC, to(f"{_HERE}.radial_weight")),
    "padic_losses.ranking_hyperbolic.curvature": _of(_HYPERBOLIC, one_ball),
    "padic_losses.ranking_hyperbolic.max_norm": _of(
        _HYPERBOLIC,
        only(0.95, "model.projection.max_norm", "the ball is bounded at 0.95; set model.projection.max_norm"),
    ),
    "continuous_feedback.base_ranking_weight": _feedback,
    "two_phase_training.enabled": lambda value, old: Outcome(
        action="mapped", new="loss.schedules", reason="the phases are a schedule of the ranking loss"
    ),
    "two_phase_training.phase1.end_epoch": _phase_end,
    "two_phase_training.phase1.ranking_weight": _two_phase("before"),
    "two_phase_training.phase1.coverage_target": _coverage,
    "two_phase_training.phase2.ranking_weight_start": _two_phase("start"),
    "two_phase_training.phase2.ranking_weight_end": _end,
    "two_phase_training.phase2.ranking_ramp_epochs": _ramp,
    "two_phase_training.phase2.coverage_floor": _coverage,
    "two_phase_training.phase2.coverage_penalty_scale": drop(GONE),
    # The ranking of the appetitive variant, whose later stages are gone.
    "appetite_ranking.initial_weight": lambda value, old: Outcome(
        action="converted",
        new=f"{_HERE}.weight",
        values={f"{_HERE}.weight": value, f"{_HERE}.branch": "both", f"{_HERE}.margin_scale": 0.0},
        reason="its first stage; the later ones are gone",
    ),
    "appetite_ranking.base_margin": to(f"{_HERE}.margin", reason="of hyperbolic length"),
    "appetite_ranking.n_triplets": to(f"{_HERE}.triplets"),
}
