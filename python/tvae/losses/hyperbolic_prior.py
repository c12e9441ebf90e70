"""The hyperbolic prior: the rate of posteriors that live on the ball."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tvae.losses.hyperbolic import arcosh1p, log_sinhc
from tvae.losses.inputs import LossInputs, LossResult
from tvae.losses.registry import Loss, register
from tvae.nn.projection import Polar


def wrapped_kl(polar: Polar, sigma: Tensor, *, prior: float, c: Tensor | float) -> Tensor:
    """KL of wrapped normals at the points of `polar` to one at the centre, nats, (B,).

    The posterior draws v ~ N(0, diag(sigma^2)) in the tangent space of the centre, carries it along the
    radius to the point and follows its geodesic; the prior draws v ~ N(0, prior^2) at the centre. Lengths
    are hyperbolic. With r the length of v, R' the radius where it ends and D dimensions:

        KL = sum_i (ln(prior / sigma_i) - 1/2) + E[R'^2] / (2 prior^2)
             + (D - 1) E[g(sqrt(c) R') - g(sqrt(c) r)],       g(x) = ln(sinh(x) / x)
        cosh(sqrt(c) R') = cosh a cosh b + sinh a sinh b cos t,   a = sqrt(c) R, b = sqrt(c) r,

    t the angle of v with the direction of the point. The expectations have no closed form: they are the
    means over the 2 D points +-sqrt(D) sigma_i e_i, exact for polynomials of degree 3.

    Args:
        polar: radii (B,) and unit directions (B, D) of the posteriors' centres.
        sigma: their standard deviations (B, D), hyperbolic length.
        prior: standard deviation of the prior.
        c: curvature.

    Source:
        Nagano et al., A Wrapped Normal Distribution on Hyperbolic Space (2019), eq. 13;
        Arasaratnam and Haykin, Cubature Kalman Filters (2009), eq. 12.

    Example:
        >>> at = Polar(torch.zeros(1), torch.eye(3)[:1])
        >>> wrapped_kl(at, torch.full((1, 3), 0.7), prior=0.7, c=1.0).abs() < 1e-5
        tensor([True])
    """
    d = sigma.shape[-1]
    root = c**0.5
    a = (root * polar.radius)[:, None, None]
    b = (root * math.sqrt(d) * sigma)[:, :, None]
    along = torch.stack([polar.direction, -polar.direction], dim=-1)
    # cosh(R') - 1, from cosh(a - b) so that nothing cancels where the two ways lead back to the centre.
    excess = 2.0 * torch.sinh(0.5 * (a - b)).square() + torch.sinh(a) * torch.sinh(b) * (1.0 + along)
    ended = arcosh1p(excess)
    scaled = ((ended / root) / prior).square()
    volume = (d - 1) * (log_sinhc(ended) - log_sinhc(b))
    narrowing = (math.log(prior) - torch.log(sigma) - 0.5).sum(dim=-1)
    return narrowing + (0.5 * scaled + volume).mean(dim=(1, 2))


@register("hyperbolic_prior")
class HyperbolicPriorLoss(Loss):
    """Mean over operations of `wrapped_kl`, at least free_bits D: nats per operation.

    The latent's standard deviations are read as hyperbolic lengths around the ball point of the mean. The
    KL of D dimensions that do not separate has one allowance for all of them, free_bits D.
    """

    def __call__(self, inputs: LossInputs) -> LossResult:
        _, logvar, polar = inputs.posterior(self.branch)
        assert polar is not None, "losses on the ball are refused for models without a projection"
        sigma = torch.exp(0.5 * logvar)
        kl = wrapped_kl(polar, sigma, prior=self.config.sigma, c=inputs.output.curvature).mean()
        if self.config.free_bits:
            kl = kl.clamp_min(self.config.free_bits * logvar.shape[-1])
        return LossResult(kl)
