"""Entropy: the decodings of a batch are as varied as the batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from tvae.losses.inputs import LossInputs, LossResult
from tvae.losses.registry import Loss, register


def entropy(p: Tensor) -> Tensor:
    """-sum p ln p over the last dimension, nats; 0 ln 0 = 0, with a finite gradient.

    Example:
        >>> entropy(torch.tensor([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]])).abs()
        tensor([0.6931, 0.0000])
    """
    return -(p * torch.log(p.clamp_min(1e-12))).sum(dim=-1)


@register("entropy")
class EntropyLoss(Loss):
    """Mean over trits k of relu(H(q_k) - H(p_k)), nats per trit.

    p_k is the mean over the batch of the predicted distribution of trit k, q_k the distribution of that
    trit in the batch. A batch that decodes right costs nothing, whichever operations were drawn.

    Metrics:
        entropy: mean over trits of H(p_k), nats; ln 3 = 1.0986 at most.
    """

    on_ball = False
    decodes = True

    def __call__(self, inputs: LossInputs) -> LossResult:
        logits = inputs.logits(self.branch)
        mean = entropy(torch.softmax(logits, dim=-1).mean(dim=(0, 1)))
        drawn = entropy(F.one_hot(inputs.batch.target, 3).to(logits.dtype).mean(dim=0))
        return LossResult(torch.relu(drawn - mean).mean(), {"entropy": mean.mean().detach()})
