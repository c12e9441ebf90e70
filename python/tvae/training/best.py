"""Which evaluation is the best so far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tvae.config.schema import BestConfig


def rank(
    metrics: Mapping[str, Any], config: BestConfig, *, min_coverage: float
) -> tuple[float, float] | None:
    """A key that grows with quality; None for evaluations that must never be called best.

    Coverage decides until it reaches `config.coverage`, then the configured metric. A collapsed
    embedding (coverage below `min_coverage`) or an inverted one (hierarchy_B > 0) is never best. A
    metric that is undefined for the model leaves the decision to coverage, then to coverage_sampled.
    Differences below 1e-6 are noise of sampled pairs: such evaluations tie, and the later one is taken.

    Example:
        >>> metrics = {"coverage": 1.0, "ultrametric_B": 0.8, "hierarchy_B": -0.8}
        >>> rank(metrics, BestConfig(), min_coverage=0.05)
        (0.9999, 0.8)
        >>> rank(metrics | {"hierarchy_B": 0.3}, BestConfig(), min_coverage=0.05)
    """
    coverage = metrics["coverage"]
    hierarchy = metrics.get("hierarchy_B")
    if coverage is None or coverage < min_coverage or (hierarchy is not None and hierarchy > 0.0):
        return None
    value = metrics.get(config.metric)
    if value is None:
        value = metrics.get("coverage_sampled") or 0.0
    elif config.mode == "min":
        value = -value
    return min(coverage, config.coverage), round(value, 6)
