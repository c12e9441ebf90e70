"""`tvae config`: show, validate, schema, reference, presets, diff."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tvae.checkpoint import Checkpoint, Record, save
from tvae.config import Config, config_hash, dump, load
from tvae.config.presets import names
from tvae.config.reference import json_schema, reference

Run = Callable[..., Any]


def test_show_prints_what_loads_back(tvae: Run, tmp_path: Path) -> None:
    done = tvae("config", "show", "smoke", "--set", "optim.lr=1e-3")
    path = tmp_path / "run.yaml"
    path.write_text(done.out)
    assert load(path, env=None).config == load("smoke", env=None, sets=["optim.lr=1e-3"]).config
    assert "lr: 0.001  # --set" in done.out
    assert "# preset smoke:" in done.out


def test_show_takes_the_environment(tvae: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TVAE_SEED", "7")
    done = tvae("config", "show", "--json")
    assert done.json["config"]["seed"] == 7
    assert done.json["origin"]["seed"] == "TVAE_SEED"
    assert done.json["config_hash"] == config_hash(load("default").config)


def test_validate_judges_the_file_alone(tvae: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("init: no/such/file.safetensors\n")
    monkeypatch.setenv("TVAE_SEED", "nonsense")
    done = tvae("config", "validate", path)
    assert (done.code, done.out) == (0, f"{path}: valid\n")
    assert tvae("config", "validate", path, "--json").json["valid"] is True
    path.write_text("seed: nonsense")
    assert tvae("config", "validate", path).code == 2


def test_schema_and_reference(tvae: Run) -> None:
    assert json.loads(tvae("config", "schema").out) == json_schema()
    assert tvae("config", "schema", "--json").json["json_schema"] == json_schema()
    assert tvae("config", "reference").out == reference()
    assert tvae("config", "reference", "--json").json["keys"][0]["key"] == "seed"


def test_presets(tvae: Run) -> None:
    done = tvae("config", "presets")
    listed = [line.split()[0] for line in done.out.splitlines() if not line.startswith(" ")]
    assert listed == names()
    assert max(map(len, done.out.splitlines())) <= 80
    assert [entry["name"] for entry in tvae("config", "presets", "--json").json["presets"]] == names()


def test_diff_of_equals(tvae: Run) -> None:
    done = tvae("config", "diff", "smoke", "smoke")
    assert (done.code, done.out) == (0, "")
    assert tvae("config", "diff", "smoke", "smoke", "--json").json == {
        "schema": 1,
        "equal": True,
        "differences": [],
    }


def test_diff_goes_leaf_by_leaf(tvae: Run, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("optim: {lr: 0.5}\nloss: {kl: null}\nseed: 0\n")
    done = tvae("config", "diff", "default", path)
    assert done.code == 1
    rows = [line.split() for line in done.out.splitlines()[1:]]
    assert ["optim.lr", "0.01", "0.5"] in rows
    assert ["loss.kl", "(absent)", "null"] in rows
    assert not any(row[0] == "seed" for row in rows)
    found = tvae("config", "diff", "default", path, "--json")
    assert found.code == 1
    assert {"key": "optim.lr", "a": 0.01, "b": 0.5, "in_a": True, "in_b": True} in found.json["differences"]


def test_diff_takes_a_run(tvae: Run, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(dump(Config()))
    assert tvae("config", "diff", "default", tmp_path).code == 0


def test_diff_reads_the_record_of_a_checkpoint(tvae: Run, tmp_path: Path) -> None:
    path, values = tmp_path / "best.safetensors", msgspec.to_builtins(load("smoke", env=None).config)
    save(path, Checkpoint(Record(architecture={}, config=values), {}))
    assert tvae("config", "diff", "smoke", path).code == 0
    assert tvae("config", "diff", path, "default").code == 1
    save(path, Checkpoint(Record(architecture={}), {}))
    done = tvae("config", "diff", "smoke", path)
    assert (done.code, "its record has no config" in done.err) == (3, True)


def test_diff_ignores_the_environment(tvae: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TVAE_SPACE__DEPTH", "3")
    assert tvae("config", "diff", "default", "smoke", "--json").json["equal"] is False
