"""Metrics and configurations of every shape, and texts that would draw on a terminal: classes 101 to 107, 119."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from scan.hostile.case import Case

NAN, INF = float("nan"), float("inf")


def case(
    number: int, label: str, content: Any, safety: str = "data_only", epoch: int | None = 7, **facts: Any
) -> Case:
    """What torch saves of this content."""

    def make(path: Path) -> None:
        torch.save(content, path)

    return Case(number, label, make, "ok", safety, epoch=epoch, facts=facts)


KNOWN = "known_types"
DRAWS = "\x1b[31m|<b>`x`\r\n=1+1\u202e"

CASES = [
    case(
        101,
        "metrics that are NaN",
        {"epoch": 7, "metrics": {"coverage": NAN, "hierarchy_B": INF}},
        metrics={"coverage": NAN, "hierarchy_B": INF},
    ),
    case(
        101,
        "numpy's NaN",
        {"epoch": 7, "metrics": {"coverage": np.float32("nan")}},
        KNOWN,
        metrics={"coverage": NAN},
    ),
    case(102, "a negative epoch", {"epoch": -3}, epoch=-3),
    case(102, "an epoch as text", {"epoch": "12"}, epoch=12),
    case(102, "an epoch as float", {"epoch": 12.0}, epoch=12),
    case(102, "an epoch that is not whole", {"epoch": 12.5}, epoch=None),
    case(102, "an epoch of numpy", {"epoch": np.int32(9)}, KNOWN, epoch=9),
    case(102, "an epoch in a tensor", {"epoch": torch.tensor(9)}, KNOWN, epoch=None),
    case(102, "an epoch of 2^70", {"epoch": 1 << 70}, epoch=None),
    case(102, "an epoch that is NaN", {"epoch": NAN}, epoch=None),
    case(102, "an epoch that is a list", {"epoch": [1]}, epoch=None),
    case(103, "metrics as list", {"epoch": 7, "metrics": [0.5, 0.6]}, metrics={}),
    case(
        103,
        "metrics as attributes",
        {"epoch": 7, "metrics": Namespace(coverage=0.5)},
        KNOWN,
        metrics={"coverage": 0.5},
    ),
    case(103, "metrics in tensors", {"epoch": 7, "metrics": {"coverage": torch.tensor(0.5)}}, KNOWN),
    case(103, "nested metrics", {"epoch": 7, "metrics": {"coverage": {"a": {"b": 1.0}}}}),
    case(
        104,
        "three readings",
        {"epoch": 7, "metrics": {"radial_corr_B": -0.8}, "hierarchy_B": -0.7, "best_hierarchy": -0.6},
        metrics={"hierarchy": -0.6, "hierarchy_B": -0.7},
    ),
    case(
        105,
        "histories alone",
        {"epoch": 7, "coverage_B_history": [10, 9841]},
        metrics={"coverage_B": 9841 / 19683},
    ),
    case(105, "an empty history", {"epoch": 7, "coverage_B_history": []}, metrics={}),
    case(106, "collapsed", {"epoch": 7, "metrics": {"coverage": 5e-5}}, metrics={"coverage": 5e-5}),
    case(
        119,
        "texts that draw",
        {"epoch": 7, "config": {"name": DRAWS, DRAWS: 1}},
        config={"name": DRAWS, DRAWS: 1},
    ),
]
