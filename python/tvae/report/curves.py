"""Reading `metrics.jsonl`: what was measured while a run trained."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tvae.checkpoint.atomic import storage_error
from tvae.report.picture import Curve

_Series = dict[int, float]


@dataclass(frozen=True)
class Log:
    """The curves of a run.

    Attributes:
        evaluations: by metric, over steps.
        loss: the training loss over steps; None if none was logged.
        ceilings: what the run said that can be reached.
        last_metrics: the last evaluation.
        last_step: the last step that was logged.
    """

    evaluations: Mapping[str, Curve] = field(default_factory=dict)
    loss: Curve | None = None
    ceilings: Mapping[str, float] = field(default_factory=dict)
    last_metrics: Mapping[str, float | None] = field(default_factory=dict)
    last_step: int = 0


def read_log(path: Path) -> Log:
    """The curves in a `metrics.jsonl`; lines that are torn or not ours are passed over.

    Where a run was resumed from an earlier step, the later line of a step counts.

    Raises:
        StorageError: if the file cannot be read.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "metrics.jsonl"
        ...     _ = path.write_text('{"step": 5, "scope": "step", "values": {"loss": 2.5}}\\n{"st')
        ...     read_log(path).loss.values.tolist()
        [2.5]
    """
    losses: _Series = {}
    series: dict[str, _Series] = {}
    ceilings: dict[str, float] = {}
    last_metrics: dict[str, float | None] = {}
    last_step = 0
    for step, scope, values in _lines(path):
        last_step = max(last_step, step)
        numbers = _numbers(values)
        if scope == "step" and "loss" in numbers:
            losses[step] = numbers["loss"]
        elif scope == "eval":
            last_metrics = {**numbers}
            for name, value in numbers.items():
                series.setdefault(name, {})[step] = value
        elif scope == "event" and isinstance(values.get("ceilings"), dict):
            ceilings.update(_numbers(values["ceilings"]))
    return Log(
        {name: _curve(points) for name, points in series.items()},
        _curve(losses) if losses else None,
        ceilings,
        last_metrics,
        last_step,
    )


def _lines(path: Path) -> Iterator[tuple[int, str, dict[str, object]]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise storage_error(error, path, "read") from error
    for raw in content.splitlines():
        try:
            line = json.loads(raw)
        except (ValueError, RecursionError):
            continue
        if not isinstance(line, dict):
            continue
        step, scope, values = line.get("step"), line.get("scope"), line.get("values")
        if isinstance(step, int) and isinstance(scope, str) and isinstance(values, dict):
            yield step, scope, values


def _numbers(values: object) -> dict[str, float]:
    if not isinstance(values, dict):
        return {}
    return {
        str(name): float(value)
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def _curve(points: _Series) -> Curve:
    steps = sorted(points)
    return Curve(
        np.array(steps, dtype=np.int64), np.array([points[step] for step in steps], dtype=np.float64)
    )
