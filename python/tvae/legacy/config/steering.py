"""The rules for what steered v5.5 to v5.10, and for the drives of its appetitive variant."""

from __future__ import annotations

from tvae.legacy.config.action import Old, Outcome, Rule, drop, keys
from tvae.legacy.config.section import GONE


def _zero_weight(reason: str) -> Rule:
    def rule(value: object, old: Old) -> Outcome:
        if value == 0:
            return Outcome(action="dropped", reason="a weight of 0 switches it off")
        return Outcome(action="dropped", reason=reason)

    return rule


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
