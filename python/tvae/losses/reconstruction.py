"""Reconstruction: cross-entropy of the trits."""

from __future__ import annotations

from torch.nn import functional as F

from tvae.losses.inputs import LossInputs, LossResult
from tvae.losses.registry import Loss, register


@register("reconstruction")
class ReconstructionLoss(Loss):
    """Cross-entropy in nats, summed over trits and decodings, averaged over operations."""

    on_ball = False

    def __call__(self, inputs: LossInputs) -> LossResult:
        logits = inputs.output.logits
        assert logits is not None, "a run with this loss decodes"
        target = inputs.batch.target
        decodings, operations = logits.shape[0], target.shape[0]
        stacked = logits.reshape(-1, 3)
        value = F.cross_entropy(stacked, target.repeat(decodings, 1).reshape(-1), reduction="sum")
        return LossResult(value / operations)
