"""`evaluate`: every metric, on every operation, of the posterior mean, deterministically.

Metrics of decoding are of the branch that the decoder reads; other unqualified names mean branch B. Scores
keep their sign: an inverted hierarchy is a failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from msgspec import Struct

from tvae import _core
from tvae.errors import DomainError
from tvae.losses.kl import kl_to_prior
from tvae.metric_names import BALL_METRICS
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
        pairs: "exact", or how many pairs were sampled, all levels together.
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
            pairs per level. Beyond depth 10 pairs are always sampled; beyond depth 13 decoding is
            judged on a sample of 3^13 operations, and metrics of the ball, which need whole levels,
            are None. The result says what was done.
        seed: of the posterior sample behind `coverage_sampled` and of sampled pairs.
        legacy: compute `dist_corr` and `Q` on 1,000 operations, as the predecessor did.

    Raises:
        DomainError: if `model` is none, such as the path of one, or `pairs` is no choice of pairs.

    Returns:
        Metrics of branch B, of A where there is one, and their ceilings.

    Example:
        >>> import tvae
        >>> found = tvae.evaluate(tvae.TernaryVAE(tvae.ModelSpec(), depth=3))
        >>> found.metrics["hierarchy_A"] is None
        True
    """
    given: object = model
    if not isinstance(getattr(given, "space", None), TernarySpace):
        raise DomainError(
            "this is no model",
            path="model",
            expected="a TernaryVAE",
            got=repr(given) if isinstance(given, str) else type(given).__name__,
            hint="`tvae.load(...)` gives one",
        )
    if pairs != "exact" and not (isinstance(pairs, int) and pairs >= 1):
        raise DomainError(
            "this is no choice of pairs",
            path="pairs",
            expected="exact, or a whole number, at least 1",
            got=str(pairs),
        )
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
    # Posterior means by branch, in chunks: what is decoded is not encoded again for the ball.
    means: dict[Branch, list[torch.Tensor]] = {}
    values: dict[str, float | None] = _decoding(model, ids, seed, means)
    levels: list[dict[str, Any]] = []
    method: str | int = pairs
    branches: tuple[Branch, ...] = ("A", "B")
    for branch in branches:
        found: dict[str, float | None] = dict.fromkeys(BALL_METRICS)
        if branch in model.branches and model.projection:
            found, levels, method = _ball(model, branch, ids, pairs, seed, legacy, means)
        values.update({f"{name}_{branch}": value for name, value in found.items()})
    return Metrics(
        metrics=values, ceilings=ceilings(space), levels=levels, pairs=method, operations=len(ids), seed=seed
    )


def ceilings(space: TernarySpace) -> dict[str, float]:
    """The best value of each metric that has one, by its full name; of `kl_nats` the least useful rate.

    Example:
        >>> round(ceilings(TernarySpace(9))["ultrametric_B"], 4)
        0.832
    """
    of_space = space.ceilings()
    suffixed = {
        f"{name}_{branch}": of_space[name] for branch in "AB" for name in BALL_METRICS if name in of_space
    }
    return {name: value for name, value in of_space.items() if name not in BALL_METRICS} | suffixed


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


def _decoding(
    model: TernaryVAE, ids: np.ndarray, seed: int, means: dict[Branch, list[torch.Tensor]]
) -> dict[str, float | None]:
    """coverage, coverage_sampled and kl_nats of the branch that the decoder reads, whose means it keeps."""
    kept = means.setdefault(model.decoding, [])
    generator = torch.Generator().manual_seed(seed)
    right = right_sampled = 0
    rate = 0.0
    for x in _chunks(model, ids):
        mu, logvar = model.encode(x, model.decoding)
        kept.append(mu)
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


def _ball(
    model: TernaryVAE,
    branch: Branch,
    ids: np.ndarray,
    pairs: Pairs,
    seed: int,
    legacy: bool,
    means: Mapping[Branch, Sequence[torch.Tensor]],
) -> tuple[dict[str, float | None], list[dict[str, Any]], str | int]:
    """Metrics of a branch in the ball, its levels, and how pairs were visited."""
    space, c = model.space, model.curvature
    if len(ids) < space.size:
        # Order and distance need whole levels: nothing is better than a number that means less.
        return dict.fromkeys(BALL_METRICS), [], 0
    known = means.get(branch)
    radii, points = _embedding(
        model, branch, known or (model.encode(x, branch)[0] for x in _chunks(model, ids))
    )
    norms = np.linalg.norm(points.astype(np.float64), axis=1)  # norm: euclidean-ok reported as such
    radial = _core.radial_statistics(radii, space.depth)
    among = _core.pair_statistics(
        points,
        space.depth,
        curvature=c,
        pairs=_request(space, pairs),
        seed=seed,
        threads=torch.get_num_threads(),
    )
    dist_corr = _dist_corr_of_sample(space, points, seed) if legacy else among.dist_corr
    tree = [*among.tree_inversions_by_level, None, None]
    levels = [
        {"v": v, "n": n, "r_mean": mean, "r_std": std, "r_min": lo, "r_max": hi, "tree_inversions": tree[v]}
        for v, n, mean, std, lo, hi in radial.levels
    ]
    nine = levels[9] if space.depth >= 9 else None
    of_nine = space.valuation(ids) == 9 if nine else None
    found: dict[str, float | None] = {
        "hierarchy": radial.hierarchy,
        "inversions": radial.inversions,
        "ultrametric": among.ultrametric,
        "tree_inversions": among.tree_inversions + 0.0,
        "richness": radial.richness,
        "uniformity": radial.uniformity,
        "dist_corr": dist_corr,
        "Q": None if dist_corr is None else dist_corr + 1.5 * abs(radial.hierarchy),
        "r_v0": levels[0]["r_mean"],
        "r_v9": nine["r_mean"] if nine else None,
        "mean_radius": float(radii.mean()),
        "std_radius": float(radii.std()),
        "r_v0_euclidean": float(norms[space.valuation(ids) == 0].mean()),
        "r_v9_euclidean": float(norms[of_nine].mean()) if of_nine is not None else None,
        "mean_radius_euclidean": float(norms.mean()),
        "std_radius_euclidean": float(norms.std()),
    }
    return found, levels, among.pairs if isinstance(among.pairs, str) else int(among.pairs)


def _embedding(
    model: TernaryVAE, branch: Branch, means: Iterable[torch.Tensor]
) -> tuple[np.ndarray, np.ndarray]:
    """Hyperbolic radii (N,) float64 and ball points (N, D) float32 of the posterior means."""
    radii, points = [], []
    for mu in means:
        polar = model.project(mu, branch)
        radii.append(polar.radius.double().cpu())
        points.append(polar.points(model.curvature_tensor()).cpu())
    return torch.cat(radii).numpy(), torch.cat(points).numpy()


def _request(space: TernarySpace, pairs: Pairs) -> Literal["exact"] | int | None:
    """Beyond depth 10 all pairs are too many: the engine then takes its own sample."""
    return None if pairs == "exact" and space.depth > 10 else pairs


def _dist_corr_of_sample(space: TernarySpace, points: np.ndarray, seed: int) -> float:
    """The predecessor's dist_corr: Spearman(|z_i - z_j|, |v_i - v_j|) over the pairs of 1,000 operations."""
    chosen = np.random.default_rng(seed).choice(len(points), min(1000, len(points)), replace=False)
    i, j = np.triu_indices(len(chosen), k=1)
    z, v = points[chosen].astype(np.float64), np.asarray(space.valuation(chosen), dtype=np.int64)
    distances = np.linalg.norm(z[i] - z[j], axis=1)  # norm: euclidean-ok the predecessor's definition
    gaps = np.abs(v[i] - v[j])
    ranks = np.stack([_tie_averaged_ranks(distances), _tie_averaged_ranks(gaps)])
    return float(np.corrcoef(ranks)[0, 1]) if (ranks.std(axis=1) > 0).all() else 0.0


def _tie_averaged_ranks(values: np.ndarray) -> np.ndarray:
    _, group, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks: np.ndarray = (np.cumsum(count) - 0.5 * (count - 1))[group]
    return ranks
