"""Metrics as a table: each value beside the best it can be, within 80 columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tvae.cli.output import columns
from tvae.metric_names import BALL_METRICS, COLLAPSED, DECODING_METRICS, INVERTED

#: What perfection is where no depth enters; the others' ceilings come with the metrics.
_BEST = {
    "coverage": 1.0,
    "coverage_sampled": 1.0,
    "inversions": 0.0,
    "tree_inversions": 0.0,
    "uniformity": 1.0,
}
#: Where other orders than the hierarchy are none; beyond it, they are the wrong way round.
_CHANCE = {"inversions": 0.5, "ultrametric": 0.0, "tree_inversions": 0.5}
_ORDER = (
    *DECODING_METRICS,
    *(name for name in BALL_METRICS if not name.startswith("r_v") and not name.endswith("_euclidean")),
)
_MEANING = {
    "coverage": "operations decoded right",
    "coverage_sampled": "the same, one sample each",
    "kl_nats": "KL to the prior; a floor",
    "hierarchy": "Spearman(valuation, radius)",
    "inversions": "pairs of radii out of order",
    "ultrametric": "-Spearman(v(i-j), distance)",
    "tree_inversions": "pairs of distances, likewise",
    "richness": "variance inside the levels",
    "uniformity": "evenness inside the levels",
    "dist_corr": "legacy",
    "Q": "legacy",
    "mean_radius": "hyperbolic",
    "std_radius": "hyperbolic",
}


def score(value: float | None) -> str:
    """A metric in five decimals, never rounded up to a perfect one.

    Example:
        >>> score(-0.83205029), score(0.9999999), score(None)
        ('-0.83205', '<1', '-')
    """
    if value is None or not math.isfinite(value):
        return "-"
    text = f"{value:.5f}"
    if text == "1.00000" and value < 1.0:
        return "<1"
    small = value != 0.0 and (abs(value) < 1e-4 or abs(value) >= 1e4)
    return f"{value:.2e}" if small else text


def table(metrics: Mapping[str, float | None], ceilings: Mapping[str, float]) -> str:
    """The metrics of branch B, of A where there is one, and the best that can be reached.

    The decoder of a model with two branches reads A, so what it decodes stands there.

    Example:
        >>> print(table({"coverage": 1.0}, {}))
        metric      value     best
        coverage  1.00000  1.00000  operations decoded right
        >>> print(table({"coverage": 1.0, "Q_A": 2.0, "Q_B": 1.0}, {}))
        metric          B        A     best
        coverage        -  1.00000  1.00000  operations decoded right
        Q         1.00000  2.00000           legacy
    """
    measured = {name[-2:] for name, value in metrics.items() if value is not None}
    both = "_A" in measured
    header = ("metric", *(["B", "A"] if both else ["B" if "_B" in measured else "value"]), "best", "")
    rows: list[Sequence[str]] = [header]
    for name in _ORDER:
        b, a = metrics.get(f"{name}_B", metrics.get(name)), metrics.get(f"{name}_A")
        branches = {f"{name}_B": b, f"{name}_A": a}
        if name in DECODING_METRICS:
            branches = {name: b}
            b, a = (None, b) if both else (b, None)
        if b is None and a is None:
            continue
        best = ceilings.get(f"{name}_B", ceilings.get(name, _BEST.get(name)))
        reach = "" if best is None else f">= {score(best)}" if name == "kl_nats" else score(best)
        remark = faults(branches) or [_MEANING[name]]
        rows.append((name, score(b), *([score(a)] if both else []), reach, remark[0]))
    return columns(rows, right=range(1, len(header) - 1))


def faults(metrics: Mapping[str, float | None]) -> list[str]:
    """What metrics say against a model, with the branch if it is one of two.

    Example:
        >>> faults({"coverage": 0.5, "hierarchy_B": -0.8, "hierarchy_A": 0.2})
        ['COLLAPSED', 'A INVERTED']
    """
    both = any(name.endswith("_A") and value is not None for name, value in metrics.items())
    found: dict[str, set[str]] = {"COLLAPSED": set(), "INVERTED": set()}
    for name, value in metrics.items():
        stem, branch = (name[:-2], name[-1]) if name.endswith(("_A", "_B")) else (name, "")
        if value is None:
            continue
        if stem == "coverage" and value < COLLAPSED:
            found["COLLAPSED"].add(branch)
        elif _inverted(stem, value):
            found["INVERTED"].add(branch)
    return [
        f"{of.pop()} {word}" if both and len(of) == 1 and "" not in of else word
        for word, of in found.items()
        if of
    ]


def _inverted(stem: str, value: float) -> bool:
    if stem == "hierarchy":
        return value >= INVERTED
    chance = _CHANCE.get(stem)
    if chance is None:
        return False
    return value < chance if stem == "ultrametric" else value > chance


def level_table(levels: Sequence[Mapping[str, object]]) -> str:
    """Level by level, valuation 0 outermost: radii, and pairs at v against pairs at v + 1."""
    names = ("v", "n", "r_mean", "r_std", "r_min", "r_max", "tree_inversions")
    rows: list[Sequence[str]] = [names]
    for level in levels:
        cells = [level.get(name) for name in names]
        rows.append(
            [score(cell) if isinstance(cell, float) else "-" if cell is None else str(cell) for cell in cells]
        )
    return columns(rows, right=range(len(names)))
