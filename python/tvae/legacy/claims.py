"""Which definitions the metrics in a file are of: a .pt that was written here says so itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: The key in the config of a .pt that was written here: it tells that the metrics are of our definitions.
OURS = "tvae"
#: Settings that say over how many pairs a run measured its metrics.
PAIRS = ("final_pairs", "eval_pairs")


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
