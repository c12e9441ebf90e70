"""The ball of the hyperbolic losses of v5.9 and v5.10: a curvature each then, one for all today."""

from __future__ import annotations

from tvae.legacy.config.action import Old, Outcome, Refused, to
from tvae.legacy.config.number import number
from tvae.legacy.config.section import sane_curvature

#: The sections with a curvature, and what switches each of them on.
_SWITCHES = {
    "padic_losses.ranking_hyperbolic": "padic_losses.enable_ranking_loss_hyperbolic",
    "padic_losses.hyperbolic_v10.prior": "padic_losses.hyperbolic_v10.use_hyperbolic_prior",
    "padic_losses.hyperbolic_v10.recon": "padic_losses.hyperbolic_v10.use_hyperbolic_recon",
    "padic_losses.hyperbolic_v10.centroid": "padic_losses.hyperbolic_v10.use_centroid_loss",
}


def curvature(old: Old) -> float:
    """The curvature of the hyperbolic losses that are on; they share one ball."""
    for section, enabled in _SWITCHES.items():
        found = old.leaves.get(f"{section}.curvature")
        if old.leaves.get(enabled) is True and isinstance(found, (int, float)):
            return sane_curvature(float(found))
    return 1.0


def one_ball(value: object, old: Old) -> Outcome:
    """The curvature of one of them: the model's, where all that are on agree."""
    if number(value) != curvature(old):
        raise Refused(
            f"there is one ball, and another loss gives it curvature {curvature(old):g}; make them agree"
        )
    return to("model.curvature")(value, old)
