"""The rules for the losses of v5.11 to v5.12.5.

Which loss `loss.radial` means, its own keys decide. Targets were Euclidean radii; today they are
shares of the hyperbolic r_max. Weights of the zero structure count once, and not twice.
"""

from __future__ import annotations

from tvae.legacy.config.action import (
    Old,
    Outcome,
    Refused,
    Rule,
    becomes,
    convert,
    drop,
    either,
    keys,
    only,
    to,
)
from tvae.legacy.config.number import number, ratio, whole
from tvae.legacy.config.section import pairs, same_curvature, share, switch, trits


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


def _zero(name: str) -> Rule:
    return to(f"loss.zero_structure.{name}", reason="counts once; the old trainers multiplied it in twice")


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
        lambda value, old: ratio(1.0, number(value)),
        "levels per e-fold, inverted",
    ),
    "loss.geodesic.use_smooth_l1": either(
        true=becomes("loss.geodesic.error", "", {"loss.geodesic.error": "smooth_l1"}),
        false=becomes("loss.geodesic.error", "", {"loss.geodesic.error": "mse"}),
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
