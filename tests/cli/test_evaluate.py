"""`tvae eval` and `tvae plot` over stand-ins for the engines."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import tvae as package
from tvae.cli.scores import faults, score, table
from tvae.errors import CheckpointError
from tvae.metric_names import COLLAPSED, INVERTED

Run = Callable[..., Any]
LEVELS = [{"v": 0, "n": 2, "r_mean": 1.5, "r_std": 0.1, "r_min": 1.4, "r_max": None}]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    called: dict[str, Any] = {"loaded": []}

    def load(path: str) -> SimpleNamespace:
        called["loaded"].append(path)
        return SimpleNamespace(spec=path, space=SimpleNamespace(depth=9), state_dict=dict)

    def evaluate(model: SimpleNamespace, **keywords: Any) -> SimpleNamespace:
        called.update(keywords)
        return SimpleNamespace(
            metrics={"coverage": 1.0, "hierarchy_B": 0.8, "hierarchy_A": -0.5, "Q_B": float("nan")},
            ceilings={"hierarchy_B": -0.83205},
            levels=LEVELS,
            metric_version=1,
            pairs=keywords["pairs"],
        )

    monkeypatch.setattr(package, "load", load, raising=False)
    monkeypatch.setattr(package, "evaluate", evaluate, raising=False)
    return called


def test_json_is_the_contract_s(tvae: Run, engine: dict[str, Any]) -> None:
    done = tvae(
        "eval", "a.safetensors", "b.safetensors", "--pairs", "500", "--seed", "3", "--legacy", "--json"
    )
    assert done.code == 0
    assert (engine["pairs"], engine["seed"], engine["legacy"]) == (500, 3, True)
    first, second = done.json["results"]
    assert (first["checkpoint"], second["checkpoint"]) == ("a.safetensors", "b.safetensors")
    assert set(first) == {"checkpoint", "metric_version", "pairs", "metrics", "ceilings", "levels"}
    assert first["metrics"]["Q_B"] is None
    assert "results[0].metrics.Q_B" in done.json["not_finite"]
    assert first["levels"] == LEVELS
    assert done.err == ""


def test_the_table_says_when_the_order_is_inverted(tvae: Run, engine: dict[str, Any]) -> None:
    done = tvae("eval", "a.safetensors", "--levels")
    assert max(map(len, done.out.splitlines())) <= 80
    assert "metric           B         A      best" in done.out
    row = next(line for line in done.out.splitlines() if line.startswith("hierarchy"))
    assert row.split() == ["hierarchy", "0.80000", "-0.50000", "-0.83205", "B", "INVERTED"]
    assert done.out.splitlines()[-1].split() == ["0", "2", "1.50000", "0.10000", "1.40000", "-", "-"]


def test_a_folder_means_every_checkpoint_of_ours(
    tvae: Run, engine: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("b/best.safetensors", "a/best.safetensors", "other.safetensors", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)

    def read_record(path: Path) -> None:
        if path.name == "other.safetensors":
            raise CheckpointError("has no tvae record", path=str(path))

    monkeypatch.setattr("tvae.checkpoint.read_record", read_record)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    done = tvae("eval", tmp_path)
    ours = [str(tmp_path / "a/best.safetensors"), str(tmp_path / "b/best.safetensors")]
    assert engine["loaded"] == ours
    assert "skipped" in done.err
    found = tvae("eval", tmp_path, "--json").json
    assert [entry["checkpoint"] for entry in found["results"]] == ours
    assert found["skipped"][0]["path"].endswith("other.safetensors")


def test_an_empty_folder_is_missing_input(tvae: Run, engine: dict[str, Any], tmp_path: Path) -> None:
    done = tvae("eval", tmp_path)
    assert done.code == 3
    assert "no checkpoint below this folder" in done.err


@pytest.mark.parametrize(
    "arguments", [["--pairs", "0"], ["--pairs", "all"], ["--pairs", "-3"], ["--seed", "-1"], ["--pairs", "²"]]
)
def test_refused_options(tvae: Run, engine: dict[str, Any], arguments: list[str]) -> None:
    assert tvae("eval", "a.safetensors", *arguments).code == 2
    assert not engine["loaded"]


def test_scores_never_round_up_to_perfection() -> None:
    assert [score(value) for value in (1.0, 0.999999, -0.0, 1e-7, 5e5, float("inf"))] == [
        "1.00000",
        "<1",
        "-0.00000",
        "1.00e-07",
        "5.00e+05",
        "-",
    ]


def test_what_is_decoded_stands_under_the_branch_that_is_decoded() -> None:
    ball = {"hierarchy_A": -0.8, "hierarchy_B": -0.7}
    two, one, none = (
        [line.split() for line in table({"coverage": 0.5, **more}, {}).splitlines()]
        for more in (ball, {"hierarchy_A": None, "hierarchy_B": -0.7}, {})
    )
    assert two[:2] == [["metric", "B", "A", "best"], ["coverage", "-", "0.50000", "1.00000", "COLLAPSED"]]
    assert one[:2] == [["metric", "B", "best"], ["coverage", "0.50000", "1.00000", "COLLAPSED"]]
    assert none[0] == ["metric", "value", "best"]


def test_collapsed_and_inverted_begin_where_the_rules_of_a_scan_say() -> None:
    rules = Path(__file__).parents[2] / "rust/tvae-scan/rules/default.toml"
    limits = tomllib.loads(rules.read_text())["thresholds"]
    assert (limits["coverage_collapse"], limits["inverted"]) == (COLLAPSED, INVERTED)
    assert faults({"coverage": COLLAPSED, "hierarchy_B": INVERTED - 1e-9}) == []
    assert faults({"coverage": COLLAPSED - 1e-9, "hierarchy_B": INVERTED}) == ["COLLAPSED", "INVERTED"]


def test_a_model_without_a_ball_has_a_short_table() -> None:
    text = table({"coverage": 1.0, "hierarchy_B": None, "hierarchy_A": None}, {})
    assert [line.split()[0] for line in text.splitlines()] == ["metric", "coverage"]


def test_plot(tvae: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    called: dict[str, Any] = {}

    def plot(source: str, output: Path | None, *, out: Path, say: Callable[[str], None]) -> Path:
        called.update(source=source, output=output, out=out)
        say("assumed")
        return Path("picture.png")

    def find(source: str, *, out: Path) -> SimpleNamespace:
        return SimpleNamespace(checkpoint=None)

    report = ModuleType("tvae.report")
    report.plot, report.find = plot, find  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tvae.report", report)
    done = tvae("plot", "x")
    assert (done.out, done.err) == ("picture.png\n", "tvae: assumed\n")
    assert called == {"source": "x", "output": None, "out": Path("outputs")}
    done = tvae("plot", "x", "-o", tmp_path / "a.html", "--out", "o", "--json")
    assert done.err == ""
    assert done.json == {"schema": 1, "source": "x", "output": "picture.png"}
    assert called == {"source": "x", "output": tmp_path / "a.html", "out": Path("o")}


def test_info(tvae: Run) -> None:
    found = tvae("info", "--json").json
    assert {"tvae", "python", "torch", "triton", "device", "core", "threads", "geometry", "presets"} <= set(
        found
    )
    assert (Path(found["presets"]) / "default.yaml").is_file()
    assert tvae("info").out.splitlines()[0].split()[0] == "tvae"
