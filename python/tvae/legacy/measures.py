"""The predecessor's metrics, measured in the definitions that it used, so that stored values can be verified.

It evaluated sampled latents, so a stored value has noise: what is measured here is the mean over a few
seeded draws, and a tolerance of four of their standard deviations, but not less than a floor. A metric whose
definition is not told has several readings; it agrees if one of them does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tvae.nn import Branch, TernaryVAE

#: The key in the config of a .pt that was written here: it tells that the metrics are of our definitions.
OURS = "tvae"
#: Settings that say over how many pairs a run measured its metrics.
PAIRS = ("final_pairs", "eval_pairs")
#: Draws of the latents that a mean is taken over.
DRAWS = 5
#: Why the values of a family cannot be measured from the weights that stand beside them.
UNTOLD = {
    "v5.12 quick": "the best that the run had seen, which other weights may have had",
    "best so far": "the best that the run had seen, which other weights may have had",
    "v5.5 sampled": "distinct operations in random samples of the prior",
    "concordance": "random triplets, where ties are coin flips",
    "training": "a mean over batches of the last epoch",
}
#: Operations behind a dist_corr.
PAIRED = 1000
#: The least tolerance of a metric, by unsuffixed name; relative for richness and radii.
FLOORS = {"coverage": 2e-3, "hierarchy": 2e-3, "dist_corr": 0.03, "Q": 0.03}
_RELATIVE = 0.02
#: As geoopt, which keeps the argument of artanh this far from 1 in float32.
_EDGE = 1.0 - 1e-7

#: The family of what nothing tells the definition of: every reading counts.
UNKNOWN = "unknown"
_HYPERBOLIC = ("v5.12 hyperbolic", "v5.12.1")
_EUCLIDEAN = ("v5.11", "epsilon coupled", "sweep", "unqualified")
#: Ranks of radii are the same in both spaces, and dist_corr is of points.
_RANKED = ("hierarchy", "dist_corr", "Q")
_STEMS = ("coverage", "hierarchy", "richness", "dist_corr", "Q", "r_v0", "r_v9", "mean_radius", "std_radius")


def readings(facts: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """The stored metrics of a file, with our family where the file says that they were measured here.

    Args:
        facts: the scanner's record of the file.

    Example:
        >>> stored = {"Q_B": {"value": 1.0, "family": "unknown"}}
        >>> readings({"config": {"tvae": {"metric_version": 1}}, "metrics": stored})
        {'Q_B': {'value': 1.0, 'family': 'tvae 1'}}
    """
    metrics: Mapping[str, Mapping[str, Any]] = facts["metrics"]
    config = facts["config"]
    told = config.get(OURS) if isinstance(config, Mapping) else None
    version = told.get("metric_version") if isinstance(told, Mapping) else None
    if not isinstance(version, int):
        return metrics
    return {name: {**reading, "family": f"tvae {version}"} for name, reading in metrics.items()}


@dataclass(frozen=True)
class Measure:
    """A metric in one definition.

    Attributes:
        definition: what it is, in words.
        value, tolerance: the mean over the draws, and how far a stored value may be from it.
    """

    definition: str
    value: float
    tolerance: float


@dataclass(frozen=True)
class Draw:
    """One set of latents: ball points (N, D) of each branch, and the share that each decoding gets right."""

    points: dict[str, np.ndarray]
    latent_coverage: float
    ball_coverage: float | None


class Definitions:
    """Measures a model in the predecessor's definitions; every draw is made once.

    Args:
        model: the model, in eval mode, of depth 9.
        seed: of the draws.
    """

    def __init__(self, model: TernaryVAE, *, seed: int = 0) -> None:
        self.valuations = np.asarray(model.space.valuation(np.arange(model.space.size)), dtype=np.int64)
        self.draws = [_draw(model, seed + k) for k in range(DRAWS)]
        self.seed = seed
        self._known: dict[tuple[int, str, str, str, str], float] = {}

    def measures(self, name: str, family: str) -> list[Measure]:
        """What `name`, stored by `family`, could mean; empty if that cannot be measured from the weights.

        Args:
            name: a canonical name, such as `hierarchy_B`.
            family: a family of definitions, as `tvae.scanning.families` has them.
        """
        stem = name[:-2] if name.endswith(("_A", "_B")) else name
        if stem not in _STEMS or family not in (*_HYPERBOLIC, *_EUCLIDEAN, "v5.12", UNKNOWN):
            return []
        if stem == "coverage":
            return self._coverage(family)
        return [
            self._measure(stem, branch, space, gaps)
            for branch in _branches(name, family)
            if branch in self.draws[0].points
            for space in _spaces(stem, family)
            for gaps in _gaps(stem, family)
        ]

    def _coverage(self, family: str) -> list[Measure]:
        found = []
        if family != "v5.12.1":
            values = [draw.latent_coverage for draw in self.draws]
            found.append(_measure("decoder of mu_A", values, "coverage"))
        through = [draw.ball_coverage for draw in self.draws if draw.ball_coverage is not None]
        if through and family in ("v5.12.1", UNKNOWN):
            found.append(_measure("decoder of log0(z_A)", through, "coverage"))
        return found

    def _measure(self, stem: str, branch: str, space: str, gaps: str) -> Measure:
        values = [self._value(stem, draw, branch, space, gaps) for draw in self.draws]
        words = {
            "hierarchy": f"Spearman(v, r_{branch})",
            "richness": f"mean variance in levels, {space} r_{branch}",
            "dist_corr": f"Spearman(|v - v'|, distance of {gaps}_{branch})",
            "Q": f"dist_corr of {gaps}_{branch} + 1.5 |hierarchy_{branch}|",
        }
        return _measure(words.get(stem, f"{space} r_{branch}"), values, stem)

    def _value(self, stem: str, draw: Draw, branch: str, space: str, gaps: str) -> float:
        key = (id(draw), stem, branch, space, gaps)
        if key not in self._known:
            self._known[key] = self._computed(stem, draw, branch, space, gaps)
        return self._known[key]

    def _computed(self, stem: str, draw: Draw, branch: str, space: str, gaps: str) -> float:
        points, v = draw.points[branch], self.valuations
        norms = np.linalg.norm(points, axis=1)
        radii = norms if space == "Euclidean" else 2.0 * np.arctanh(np.minimum(norms, _EDGE))
        match stem:
            case "hierarchy":
                return spearman(v, radii)
            case "richness":
                return float(np.mean([radii[v == level].var() for level in range(10)]))
            case "dist_corr":
                return self._dist_corr(points, radii, gaps)
            case "Q":
                parts = (self._value(part, draw, branch, space, gaps) for part in ("dist_corr", "hierarchy"))
                dist_corr, hierarchy = parts
                return dist_corr + 1.5 * abs(hierarchy)
            case "r_v0":
                return float(radii[v == 0].mean())
            case "r_v9":
                return float(radii[v == 9].mean())
            case "mean_radius":
                return float(radii.mean())
            case _:
                return float(radii.std())

    def _dist_corr(self, points: np.ndarray, radii: np.ndarray, gaps: str) -> float:
        chosen = np.random.default_rng(self.seed).choice(len(points), PAIRED, replace=False)
        i, j = np.triu_indices(PAIRED, k=1)
        levels = self.valuations[chosen]
        if gaps == "radii":
            values = np.abs(radii[chosen][i] - radii[chosen][j])
        else:
            z = points[chosen]
            values = np.linalg.norm(z[i] - z[j], axis=1)
        return spearman(np.abs(levels[i] - levels[j]), values)


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's correlation with tie-averaged ranks; 0 where one side is constant.

    Example:
        >>> round(spearman(np.array([0, 0, 1]), np.array([3.0, 2.0, 1.0])), 5)
        -0.86603
    """
    ranks = np.stack([_ranks(a), _ranks(b)])
    return float(np.corrcoef(ranks)[0, 1]) if (ranks.std(axis=1) > 0).all() else 0.0


def _ranks(values: np.ndarray) -> np.ndarray:
    _, group, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks: np.ndarray = (np.cumsum(count) - 0.5 * (count - 1))[group]
    return ranks


def _measure(definition: str, values: Sequence[float], stem: str) -> Measure:
    mean = float(np.mean(values))
    floor = FLOORS.get(stem, _RELATIVE * abs(mean))
    return Measure(definition, mean, max(floor, 4.0 * float(np.std(values, ddof=1))))


def _branches(name: str, family: str) -> Iterator[str]:
    """The branches that a metric can be of: its suffix, or what an unqualified name meant to the family."""
    if name.endswith(("_A", "_B")):
        yield name[-1]
    elif family in ("unqualified", UNKNOWN):
        yield from "AB"
    else:
        yield "A" if family == "epsilon coupled" else "B"


def _spaces(stem: str, family: str) -> Iterator[str]:
    """The spaces that a radius can have been in: v5.12 does not tell which."""
    if stem in _RANKED or family not in _HYPERBOLIC:
        yield "Euclidean"
    if stem not in _RANKED and family in (*_HYPERBOLIC, "v5.12", UNKNOWN):
        yield "hyperbolic"


def _gaps(stem: str, family: str) -> Iterator[str]:
    """What a dist_corr compared: distances of points, or by some scripts differences of radii."""
    yield "points"
    if stem in ("dist_corr", "Q") and family not in (*_HYPERBOLIC, "v5.12"):
        yield "radii"


def _draw(model: TernaryVAE, seed: int) -> Draw:
    import torch

    generator = torch.Generator().manual_seed(seed)
    gain = model.spec.decoder.gain
    trits = np.ascontiguousarray(model.space.trits(np.arange(model.space.size)))
    x = torch.from_numpy(trits).to(model.decoder.logits.weight)

    def share(decode: Callable[[], torch.Tensor]) -> float:
        return float(((model.decoder(decode() / gain).argmax(dim=-1) - 1) == x).all(dim=-1).float().mean())

    points: dict[str, np.ndarray] = {}
    latent, ball = 0.0, None
    branches: tuple[Branch, ...] = ("A", "B")
    with torch.no_grad():
        for branch in branches:
            mu, logvar = model.encode(x, branch)
            z = mu + torch.exp(0.5 * logvar) * torch.randn(mu.shape, generator=generator).to(mu)
            if branch == "A":
                latent = share(lambda mu=mu: mu)  # type: ignore[misc]
            if model.projection:
                polar = model.project(z, branch)
                points[branch] = polar.points(model.curvature_tensor()).double().cpu().numpy()
                if branch == "A":
                    # log0(x) is half of R * direction.
                    ball = share(lambda polar=polar: 0.5 * polar.tangent)  # type: ignore[misc]
    return Draw(points, latent, ball)
