"""The rules for the two autoencoders of v5.5 to v5.10: beta, temperature, entropy and repulsion."""

from __future__ import annotations

from tvae.legacy.config.action import Old, Outcome, Refused, Rule, becomes, drop, keys, to
from tvae.legacy.config.hyperbolic import prior_on
from tvae.legacy.config.number import ratio, whole
from tvae.legacy.config.section import GONE

_ONE_PRIOR = (
    "the hyperbolic prior of both branches has one schedule, that of vae_a; remove it, or switch "
    "use_hyperbolic_prior off"
)


def peak_beta(old: Old) -> float:
    """The weight that the factors of both branches refer to: where A's ramp ends, or B's if that is 0."""
    ends = (old.get(f"vae_{letter}.beta_end", 1.0) for letter in "ab")
    return next((end for end in ends if 0.0 < end < 1e300), 1.0)


def _beta(branch: str, end: str) -> Rule:
    """One end of a warm-up of beta, as a factor on the one weight."""

    def rule(value: object, old: Old) -> Outcome:
        factor = ratio(value, peak_beta(old))
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


def _ultra(value: object, old: Old) -> Outcome:
    return becomes("training.temperature.B.late_epoch", "where temp_phase4 and temp_boost_amplitude begin")(
        value, old
    )


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
