"""The rate: KL of the posterior to the prior."""

from __future__ import annotations

import torch
from torch import Tensor

from tvae.losses.inputs import LossInputs, LossResult, Scale
from tvae.losses.registry import Loss, register
from tvae.losses.spec import KL
from tvae.nn.vae import Branch


def kl_to_prior(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, exp(logvar)) || N(0, 1)) of each latent, nats, same shape as `mu`.

    0.5 * (mu^2 + exp(logvar) - 1 - logvar); 0 exactly where mu = logvar = 0.

    Source:
        Kingma and Welling, Auto-Encoding Variational Bayes (2014), appendix B.
    """
    return 0.5 * (mu.square() + torch.exp(logvar) - 1.0 - logvar)


@register("kl")
class KLLoss(Loss):
    """KL in nats per operation, summed over latents, over the branches that are decoded.

    Where a schedule is for the KL of one branch, each branch has a term of its own (`alone`).

    With free bits, a latent whose batch mean is below the allowance costs the allowance.

    Source:
        Kingma et al., Improved Variational Inference with Inverse Autoregressive Flow (2016), eq. 15.
    """

    on_ball = False

    def __init__(self, config: KL, scale: Scale, branch: Branch) -> None:
        super().__init__(config, scale, branch)
        self.free_bits = config.free_bits
        # Deep spaces see each operation seldom and cannot also afford noise that is cheap at depth 9.
        self.default_weight = 0.026 * min(1.0, 9.0 / scale.depth) ** 3

    def __call__(self, inputs: LossInputs) -> LossResult:
        total: Tensor | float = 0.0
        for branch in (self.branch,) if self.alone else inputs.output.decoded:
            mu, logvar, _ = inputs.posterior(branch)
            per_latent = kl_to_prior(mu, logvar)
            if self.free_bits:
                total = total + per_latent.mean(dim=0).clamp_min(self.free_bits).sum()
            else:
                total = total + per_latent.sum() / len(mu)
        assert isinstance(total, Tensor)
        return LossResult(total)
