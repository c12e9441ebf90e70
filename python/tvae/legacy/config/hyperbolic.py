"""The hyperbolic losses of v5.10: prior, reconstruction and centroids in one ball.

They had a curvature each; today there is one ball, so those that are on must agree. Their own
adaptation, by moving averages that kept the graph of every step, is not reproduced.
"""

from __future__ import annotations

from tvae.legacy.config.action import Old, Outcome, Refused, Rule, drop, keys, only, to
from tvae.legacy.config.ball import one_ball
from tvae.legacy.config.section import switch

_V10 = "padic_losses.hyperbolic_v10"
_ADAPTATION = (
    "not reproduced: its moving averages kept the graph of every step, and its bounds ended where they began"
)
_DRIFT = "without effect but a drift: its inputs were constants, so it walked to a bound"


def prior_on(old: Old) -> bool:
    """Whether the hyperbolic prior has the place of the KL."""
    return old.leaves.get(f"{_V10}.use_hyperbolic_prior") is True


_NORM = only(
    0.95, "model.projection.max_norm", "the ball is bounded at 0.95; set model.projection.max_norm",
    reason="a bound relative to the rim: 0.95 itself lies outside a ball of curvature above 1.108",
)  # fmt: skip


def _mode(value: object, old: Old) -> Outcome:
    factors = {
        "geodesic": {"loss.hyperbolic_reconstruction.cross_entropy_weight": 0.0},
        "weighted_ce": {"loss.hyperbolic_reconstruction.geodesic_weight": 0.0},
        "hybrid": {"loss.hyperbolic_reconstruction.cross_entropy_weight": 1.0},
    }
    if not isinstance(value, str) or value not in factors:
        raise Refused(f"{value!r} is no mode; write geodesic, weighted_ce or hybrid")
    return Outcome(
        action="converted",
        new=next(iter(factors[value])),
        values=factors[value],
        reason="a factor for each of its two terms",
    )


def _geodesic_weight(value: object, old: Old) -> Outcome:
    if old.leaves.get(f"{_V10}.recon.mode") == "weighted_ce":
        return Outcome(action="dropped", reason="switched off by mode: weighted_ce")
    return to("loss.hyperbolic_reconstruction.geodesic_weight")(value, old)


def _weighting(value: object, old: Old) -> Outcome:
    if value is False:
        return Outcome(
            action="converted",
            new="loss.hyperbolic_reconstruction.power",
            values={"loss.hyperbolic_reconstruction.power": 0.0},
            reason="a power of 0 weights all alike",
        )
    return Outcome(
        action="mapped", new="loss.hyperbolic_reconstruction.power", reason="radius_power says how"
    )


def _power(value: object, old: Old) -> Outcome:
    if old.leaves.get(f"{_V10}.recon.radius_weighting") is False:
        return Outcome(action="dropped", reason="switched off by radius_weighting: false")
    return to("loss.hyperbolic_reconstruction.power")(value, old)


HYPERBOLIC: dict[str, Rule] = {
    f"{_V10}.use_hyperbolic_prior": switch("loss.hyperbolic_prior"),
    f"{_V10}.prior.prior_sigma": to("loss.hyperbolic_prior.sigma", reason="of hyperbolic length"),
    f"{_V10}.prior.curvature": one_ball,
    f"{_V10}.prior.max_norm": _NORM,
    f"{_V10}.prior.latent_dim": to("model.latent_dim"),
    **keys(
        f"{_V10}.prior",
        "homeostatic kl_target target_radius sigma_min sigma_max curvature_min curvature_max adaptation_rate "
        "ema_alpha",
        drop(_ADAPTATION),
    ),
    f"{_V10}.use_hyperbolic_recon": switch(
        "loss.hyperbolic_reconstruction", also={"loss.hyperbolic_reconstruction.branch": "both"}
    ),
    f"{_V10}.recon.mode": _mode,
    f"{_V10}.recon.curvature": one_ball,
    f"{_V10}.recon.max_norm": _NORM,
    f"{_V10}.recon.geodesic_weight": _geodesic_weight,
    f"{_V10}.recon.radius_weighting": _weighting,
    f"{_V10}.recon.radius_power": _power,
    f"{_V10}.recon.weight": to("loss.hyperbolic_reconstruction.weight"),
    **keys(
        f"{_V10}.recon",
        "homeostatic geodesic_weight_min geodesic_weight_max radius_power_min radius_power_max "
        "adaptation_rate",
        drop(_DRIFT),
    ),
    f"{_V10}.use_centroid_loss": switch("loss.centroid", also={"loss.centroid.branch": "both"}),
    f"{_V10}.centroid.max_level": to("loss.centroid.max_level"),
    f"{_V10}.centroid.curvature": one_ball,
    f"{_V10}.centroid.max_norm": _NORM,
    f"{_V10}.centroid.weight": to("loss.centroid.weight"),
}
