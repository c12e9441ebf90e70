"""Batches: anchors with one partner each, and the facts about them that the losses read."""

from __future__ import annotations

import numpy as np
import torch

from tvae import mining
from tvae.losses.inputs import Batch
from tvae.space import TernarySpace


def draw_batch(
    space: TernarySpace, size: int, *, seed: int, step: int, high_v: float, device: torch.device
) -> Batch:
    """The batch of a step, a pure function of (seed, step).

    The first half are anchors, `high_v` of them multiples of a random power of 3; the second half are
    partners at an even choice of the deeper levels. Random pairs fill the upper levels anyway.
    """
    ids = mining.paired_batch(space, size, seed=seed, step=step, high_v=high_v)
    half = size // 2
    difference = ids[:half, None] - ids[None, half:]
    return Batch(*(t.to(device, non_blocking=True) for t in _facts(space, ids, difference)))


def _facts(space: TernarySpace, ids: np.ndarray, difference: np.ndarray) -> tuple[torch.Tensor, ...]:
    trits = torch.from_numpy(np.ascontiguousarray(space.trits(ids)))
    levels = space.valuation(np.abs(difference).ravel()).reshape(difference.shape)
    return (
        trits.float(),
        trits.long() + 1,
        torch.from_numpy(space.valuation(ids)).long(),
        torch.from_numpy(levels).long(),
    )
