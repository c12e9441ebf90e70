"""The metrics that `tvae.inspect` finds in the dialects of real checkpoints; expected is what was saved."""

from __future__ import annotations

import math
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tvae
from tvae import scanning
from tvae.records import FileRecord

V511 = {
    "coverage": 1.0,
    "geo_loss_A": 0.157,
    "rad_loss_B": 0.015,
    "radial_corr_A": -0.692,
    "radial_corr_B": -0.8317,
    "mean_radius_A": np.float32(0.805),
    "radius_min_A": np.float32(0.068),
    "radius_v0": np.float32(0.881),
    "radius_v9": np.float32(0.093),
    "distance_corr_A": 0.51,
    "distance_corr_B": 0.93,
}
V512 = {
    "coverage": 1.0,
    "hierarchy_A": -0.718,
    "hierarchy_B": np.float64(-0.829),
    "radial_corr_A": -0.718,
    "radial_corr_B": -0.829,
    "richness_A": np.float32(0.0094),
    "dist_corr_B": 0.855,
    "distance_corr_B": 0.855,
    "r_v0_A": np.float32(0.902),
    "radius_v0": np.float32(0.902),
    "std_radius_B": np.float32(0.114),
    "Q_A": 1.728,
    "Q_B": 2.098,
}
SWEEP = {"coverage": 1.0, "hierarchy": -0.7, "richness": 0.003, "dist_corr": 0.02, "Q": 1.07, "r_v0": 0.88}
HISTORIES = {
    "H_A_history": [1.5, 1.2],
    "H_B_history": [0.9],
    "coverage_A_history": [3, 57],
    "coverage_B_history": [100, 17584],
}


def look(folder: Path, content: object) -> FileRecord:
    path = folder / "best.pt"
    torch.save(content, path)
    record = tvae.inspect(path)
    assert record.status == "ok"
    return record


def readings(record: FileRecord) -> dict[str, tuple[object, str, str]]:
    """The value, source and family of every metric."""
    return {name: (one.value, one.source, one.family) for name, one in record.metrics.items()}


def families(record: FileRecord) -> dict[str, str]:
    return {name: one.family for name, one in record.metrics.items()}


def codes(record: FileRecord) -> list[str]:
    return [issue.code for issue in record.issues]


def test_v5_11_has_another_distance_correlation(tmp_path: Path) -> None:
    record = look(
        tmp_path, {"epoch": 26, "metrics": V511, "composite_score": 0.6, "train_metrics": {"loss": 0.1}}
    )
    assert set(record.metrics) == {
        "coverage",
        "geo_loss_A",
        "rad_loss_B",
        "hierarchy_A",
        "hierarchy_B",
        "mean_radius_A",
        "radius_min_A",
        "r_v0_A",
        "r_v9_A",
        "target_distance_corr_A",
        "target_distance_corr_B",
        "composite_score",
        "train_loss",
    }
    told = families(record)
    assert told.pop("train_loss") == "training"
    assert set(told.values()) == {"v5.11"}
    r_v0 = record.metrics["r_v0_A"]
    assert (r_v0.value, r_v0.raw_key, r_v0.dtype) == (float(np.float32(0.881)), "radius_v0", "numpy.float32")


def test_v5_12_repeats_itself_and_its_best_q_is_another_q(tmp_path: Path) -> None:
    record = look(
        tmp_path, {"metrics": V512, "best_Q": 1.95, "best_hierarchy": -0.82, "homeostasis_state": {}}
    )
    told = families(record)
    assert (told.pop("Q"), told.pop("hierarchy")) == ("v5.12 quick", "v5.12 quick")
    assert set(told.values()) == {"v5.12"}
    assert [one.raw_key for one in record.metrics["dist_corr_B"].others] == ["distance_corr_B"]
    assert [one.raw_key for one in record.metrics["hierarchy_A"].others] == ["radial_corr_A"]
    assert "target_distance_corr_B" not in record.metrics


def test_a_radius_above_one_is_hyperbolic(tmp_path: Path) -> None:
    told = families(look(tmp_path, {"metrics": {**V512, "r_v0_A": np.float32(1.2355)}}))
    assert told["r_v0_A"] == told["richness_A"] == told["std_radius_B"] == "v5.12 hyperbolic"
    assert told["hierarchy_B"] == told["Q_B"] == "v5.12"


def test_v5_12_1_measured_coverage_elsewhere(tmp_path: Path) -> None:
    told = families(look(tmp_path, {"metrics": V512, "config": {"version": "5.12.1"}}))
    assert (told["coverage"], told["r_v0_A"], told["Q_B"]) == ("v5.12.1", "v5.12 hyperbolic", "v5.12")


@pytest.mark.parametrize(
    ("beside", "family"),
    [({"config": {"lr": 1e-3, "epochs": 50, "name": "lr_1e3"}}, "sweep"), ({"run_id": 3}, "unqualified")],
)
def test_an_unqualified_branch_stays_unknown(tmp_path: Path, beside: dict[str, Any], family: str) -> None:
    levels = {level: -0.1 * level for level in range(10)}
    metrics = {**SWEEP, "mean_radii": levels, "richness_per_level": levels}
    record = look(tmp_path, {"epoch": 0, "metrics": metrics, **beside})
    assert set(families(record).values()) == {family}
    assert record.metrics["level_mean_radii"].value == {str(k): v for k, v in levels.items()}
    assert "hierarchy_A" not in record.metrics
    assert "hierarchy_B" not in record.metrics


def test_the_coupled_controller_has_its_own_scores(tmp_path: Path) -> None:
    metrics = {"coverage": 1.0, "hierarchy_A": 0.0018, "hierarchy_B": 0.003, "dist_corr_A": 0.27, "Q": 0.277}
    told = families(look(tmp_path, {"metrics": metrics, "composite_score": 1.0018}))
    assert set(told.values()) == {"epsilon coupled"}


def test_nothing_is_guessed(tmp_path: Path) -> None:
    record = look(tmp_path, {"metrics": {"hierarchy": -0.5, "loss": 0.1}, "tau": 0.3, "lambda1": 0.7})
    assert readings(record) == {
        "hierarchy": (-0.5, "metrics", "unknown"),
        "loss": (0.1, "metrics", "unknown"),
    }


@pytest.mark.parametrize(
    ("beside", "expected"),
    [
        pytest.param(
            {"best_val_loss": 0.2, "phase": "2", "lambda1": 0.7},
            {"val_loss": (0.2, "top level", "best so far")},
            id="v5.5",
        ),
        pytest.param(
            {"r_A": 0.6, "r_A_history": [0.1, 0.62], "best_r": 0.7, "ranking_weight_history": [0.5]},
            {
                "ranking_r_A": (0.6, "top level", "unknown"),
                "ranking_r": (0.7, "top level", "best so far"),
            },
            id="v5.7",
        ),
        pytest.param(
            {
                "correlation_history": [0.5, 0.55],
                "coverage_history": [99.9, 97.1],
                "best_corr": 0.6,
                "best_coverage": 99.9,
            },
            {
                "corr": (0.55, "correlation_history[-1]", "unknown"),
                "coverage": (0.971, "coverage_history[-1] / 100", "v5.5 sampled"),
            },
            id="v5.8",
        ),
        pytest.param(
            {"correlation_history_hyp": [0.7], "correlation_history_euc": [0.6], "best_corr_hyp": 0.8},
            {
                "corr_hyperbolic": (0.7, "correlation_history_hyp[-1]", "concordance"),
                "corr_euclidean": (0.6, "correlation_history_euc[-1]", "concordance"),
            },
            id="v5.9",
        ),
        pytest.param(
            {
                "correlation_hyp_history": [0.7],
                "addition_accuracy_history": [0.3, 0.4],
                "self_model_quality": [0.1],
            },
            {
                "corr_hyperbolic": (0.7, "correlation_hyp_history[-1]", "concordance"),
                "addition_accuracy": (0.4, "addition_accuracy_history[-1]", "unknown"),
                "self_model_quality": (0.1, "self_model_quality[-1]", "unknown"),
            },
            id="purposeful",
        ),
    ],
)
def test_files_without_metrics_have_histories(
    tmp_path: Path, beside: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = readings(look(tmp_path, {"epoch": 3, **HISTORIES, **beside}))
    assert found["coverage_A"] == (57 / 19683, "coverage_A_history[-1] / 19683", "v5.5 sampled")
    assert found["coverage_B"] == (17584 / 19683, "coverage_B_history[-1] / 19683", "v5.5 sampled")
    assert found["H_A"] == (1.2, "H_A_history[-1]", "unknown")
    assert {name: found[name] for name in expected} == expected
    assert not {"ranking_weight", "lambda1", "epoch"} & set(found)


def test_the_last_trainer_and_a_run_without_epochs(tmp_path: Path) -> None:
    latest = look(tmp_path, {"best_Q": 1.95, "best_hierarchy": -0.8, "epochs_without_improvement": 4})
    assert set(families(latest).values()) == {"v5.12 quick"}
    lone = look(tmp_path, {"epoch": 99, "corr_hyperbolic": 0.6, "radial_corr": -0.4, "curvature": 1.0})
    assert {name: one.value for name, one in lone.metrics.items()} == {
        "corr_hyperbolic": 0.6,
        "hierarchy": -0.4,
    }


def test_sources_that_differ_are_kept_by_precedence(tmp_path: Path) -> None:
    record = look(
        tmp_path,
        {
            "train_metrics": {"coverage": 0.1},
            "best_coverage": 0.2,
            "coverage_history": [0.25, 0.3],
            "metrics": {"coverage": 0.4},
            "coverage": 50.0,
            "eval_metrics": {"coverage": 0.6},
            "comprehensive_metrics": {"coverage": 0.7},
        },
    )
    coverage = record.metrics["coverage"]
    assert [one.value for one in [coverage, *coverage.others]] == [0.7, 0.6, 0.5, 0.4, 0.3, 0.2]
    assert [one.source for one in coverage.others] == [
        "eval_metrics",
        "top level / 100",
        "metrics",
        "coverage_history[-1]",
        "top level",
    ]
    assert record.metrics["train_coverage"].value == 0.1


@dataclass
class Measured:
    coverage: float
    hierarchy_B: Any


class ComprehensiveMetrics(Measured):
    """By the name of its class, what the full evaluation returned."""


@pytest.mark.parametrize("wrap", [dict, Namespace, Measured, lambda **found: [{"coverage": 0.0}, found]])
def test_metrics_come_in_any_container(tmp_path: Path, wrap: Any) -> None:
    record = look(tmp_path, {"metrics": wrap(coverage=0.9, hierarchy_B=np.float32(-0.5))})
    source = "metrics[-1]" if isinstance(wrap(coverage=0, hierarchy_B=0), list) else "metrics"
    assert {name: one.value for name, one in record.metrics.items()} == {"coverage": 0.9, "hierarchy_B": -0.5}
    assert {one.source for one in record.metrics.values()} == {source}


def test_an_instance_tells_its_definition(tmp_path: Path) -> None:
    record = look(tmp_path, {"metrics": ComprehensiveMetrics(1.0, -0.8)})
    assert set(families(record).values()) == {"v5.12"}


def test_groups_inside_metrics_are_looked_into(tmp_path: Path) -> None:
    metrics = {
        "val": {"coverage": 97.1, "deep": {"richness": 0.1}},
        "vae_A": {"hierarchy": -0.7},
        "B": {"radial_corr_B": -0.8},
        "train": {"coverage": 0.5},
        "loss_history": [0.3, 0.2],
    }
    assert readings(look(tmp_path, {"metrics": metrics})) == {
        "coverage": (0.971, "metrics.val / 100", "unknown"),
        "richness": (0.1, "metrics.val.deep", "unknown"),
        "hierarchy_A": (-0.7, "metrics.vae_A", "unknown"),
        "hierarchy_B": (-0.8, "metrics.B", "unknown"),
        "train_coverage": (0.5, "metrics.train", "training"),
        "loss": (0.2, "metrics.loss_history[-1]", "unknown"),
    }


def test_values_come_in_any_type(tmp_path: Path) -> None:
    metrics = {
        "coverage": torch.tensor(0.5),
        "hierarchy_A": np.array(-0.5),
        "hierarchy_B": np.array([-0.25]),
        "richness": "0.8053189",
        "unique_radii": np.int64(7),
        "Q": None,
        "name": "best",
        "ok": True,
        "latents": torch.zeros(100, 16),
    }
    found = look(tmp_path, {"metrics": metrics}).metrics
    assert {name: (one.value, one.dtype) for name, one in found.items()} == {
        "coverage": (None, "tensor"),
        "hierarchy_A": (-0.5, "numpy.ndarray"),
        "hierarchy_B": ([-0.25], "numpy.ndarray"),
        "richness": (0.8053189, "str"),
        "unique_radii": (7, "numpy.int64"),
        "Q": (None, "other"),
    }


def test_what_is_not_finite_is_kept_and_reported_once(tmp_path: Path) -> None:
    record = look(
        tmp_path,
        {
            "metrics": {"hierarchy_B": math.nan, "radial_corr_B": math.inf, "coverage": 1.0},
            "best_Q": -math.inf,
        },
    )
    value = record.metrics["hierarchy_B"].value
    assert isinstance(value, float)
    assert math.isnan(value)
    assert record.metrics["Q"].value == -math.inf
    messages = [issue.message for issue in record.issues if issue.code == "M001"]
    assert messages == ["metric Q is not finite", "metric hierarchy_B is not finite"]
    many = look(tmp_path, {"metrics": {f"m{number}": math.nan for number in range(99)}})
    assert codes(many).count("M001") == 16
    assert len(many.metrics) == 99


def test_every_family_has_a_meaning() -> None:
    table = scanning.families()
    assert table["unknown"]
    assert table["v5.12 quick"]
    assert all(meaning.endswith(".") for meaning in table.values())
