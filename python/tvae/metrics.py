"""`evaluate`: every metric, on every operation, of the posterior mean, deterministically.

Unqualified names mean branch B. Scores keep their sign: an inverted hierarchy is a failure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import torch
from msgspec import Struct

from tvae import _core
from tvae.errors import DomainError
from tvae.geometry import radius
from tvae.losses.kl import kl_to_prior
from tvae.nn import Branch, TernaryVAE
from tvae.space import TernarySpace

#: Version of the definitions below; a record states it.
METRIC_VERSION = 1
#: Operations per forward pass.
CHUNK = 8192
#: Spaces beyond this size are judged on a seeded sample of this many operations.
MAX_OPERATIONS = 3**13

Pairs = Literal["exact"] | int


class Metrics(Struct, frozen=True, kw_only=True):
    """What was measured, how, and how much there is to reach.

    Attributes:
        metrics: by name, the branch as a suffix; None where the model has no such branch or no ball.
        ceilings: the best value each metric can take, where there is one; for `kl_nats` the least
            rate at which every sampled operation can be decoded.
        levels: by valuation, the radii of branch B (hyperbolic), and how many comparisons between
            pairs at v and at v + 1 are in the wrong order.
        metric_version: version of the definitions.
        pairs: "exact", or the number of pairs sampled per level.
        operations: how many operations were judged.
        seed: seed of the posterior sample and of sampled pairs.
    """

    metrics: dict[str, float | None]
    ceilings: dict[str, float]
    levels: list[dict[str, Any]]
    metric_version: int = METRIC_VERSION
    pairs: str | int
    operations: int
    seed: int


def evaluate(model: TernaryVAE, *, pairs: Pairs = "exact", seed: int = 0, legacy: bool = False) -> Metrics:
    """Measure a model.

    Args:
        model: a model; it is put into eval mode and back.
        pairs: "exact" visits every pair of operations up to depth 10; a number samples that many
            pairs per level. Beyond depth 10, and beyond 3^13 operations, samples are all there is,
            and the result says so.
        seed: of the posterior sample behind `coverage_sampled` and of sampled pairs.
        legacy: compute `dist_corr` and `Q` on 1,000 operations, as the predecessor did.

    Returns:
        Metrics of branch B, of A where there is one, and their ceilings.

    Example:
        >>> import tvae
        >>> found = tvae.evaluate(tvae.TernaryVAE(tvae.ModelSpec(), depth=3))
        >>> found.metrics["hierarchy_A"] is None
        True
    """
    if pairs != "exact" and pairs < 1:
        raise DomainError("pairs is too small", path="pairs", expected="exact, or at least 1", got=str(pairs))
    was_training = model.training
    model.eval()
    try:
        return _evaluate(model, pairs, seed, legacy)
    finally:
        model.train(was_training)


@torch.no_grad()
def _evaluate(model: TernaryVAE, pairs: Pairs, seed: int, legacy: bool) -> Metrics:
    space = model.space
    ids = _operations(space, seed)
    values: dict[str, float | None] = _decoding(model, ids, seed)
    levels: list[dict[str, Any]] = []
    method: str | int = pairs
    branches: tuple[Branch, ...] = ("A", "B")
    for branch in branches:
        found: dict[str, float | None] = dict.fromkeys(BALL_METRICS)
        if branch in model.branches and model.projection:
            found, levels, method = _ball(model, branch, ids, pairs, seed, legacy)
        values.update({f"{name}_{branch}": value for name, value in found.items()})
    ceilings = space.ceilings()
    by_name = {
        name: ceilings[base]
        for name in values
        if (base := name.removesuffix("_A").removesuffix("_B")) in ceilings
    }
    by_name["kl_nats"] = space.depth * math.log(3.0)
    return Metrics(
        metrics=values, ceilings=by_name, levels=levels, pairs=method, operations=len(ids), seed=seed
    )


def _operations(space: TernarySpace, seed: int) -> np.ndarray:
    if space.size <= MAX_OPERATIONS:
        return np.arange(space.size, dtype=np.int64)
    drawn = np.random.default_rng(seed).choice(space.size, MAX_OPERATIONS - 1, replace=False, shuffle=False)
    return np.unique(np.append(drawn.astype(np.int64), 0))


def _chunks(model: TernaryVAE, ids: np.ndarray) -> Iterator[torch.Tensor]:
    weight = model.decoder.logits.weight
    for start in range(0, len(ids), CHUNK):
        trits = np.ascontiguousarray(model.space.trits(ids[start : start + CHUNK]))
        yield torch.from_numpy(trits).to(weight.device, weight.dtype)


def _decoding(model: TernaryVAE, ids: np.ndarray, seed: int) -> dict[str, float | None]:
    """coverage, coverage_sampled and kl_nats of the branch that the decoder reads."""
    generator = torch.Generator().manual_seed(seed)
    right = right_sampled = 0
    rate = 0.0
    for x in _chunks(model, ids):
        mu, logvar = model.encode(x, model.decoding)
        noise = torch.randn(mu.shape, generator=generator).to(mu)
        rate += float(kl_to_prior(mu, logvar).sum(dtype=torch.float64))
        both = torch.cat([mu, mu + torch.exp(0.5 * logvar) * noise])
        if model.spec.decode == "tangent":
            both = model.project(both, model.decoding).tangent
        decoded = model.decoder(both).argmax(dim=-1) - 1
        ok = (decoded.view(2, *x.shape) == x).all(dim=-1).sum(dim=-1)
        right += int(ok[0])
        right_sampled += int(ok[1])
    n = len(ids)
    return {"coverage": right / n, "coverage_sampled": right_sampled / n, "kl_nats": rate / n}
