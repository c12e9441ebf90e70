"""`tvae train --validate-only` and `--auto-fix`: exit codes, one line, and nothing left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from legacy.predecessor import Model, write

Run = Callable[..., Any]
SMALL = ("--set", "space.depth=3", "--device", "cpu")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_null_checkpoint_under_frozen_parts_starts_nothing(tvae: Run, tmp_path: Path) -> None:
    for more in ([], ["--validate-only"], ["--validate-only", "--auto-fix"]):
        done = tvae("train", "frozen", *SMALL, *more, "--quiet")
        assert done.code == 2
        assert done.err.startswith("tvae: error: init: ")
        assert len(done.err.splitlines()) == 1
    assert not [*tmp_path.iterdir()]


def test_cold_starts_are_possible_on_purpose(tvae: Run, tmp_path: Path) -> None:
    found = tvae("train", "frozen", *SMALL, "--allow-cold-start", "--validate-only", "--json").json
    assert found["valid"]
    assert found["trainable"] < found["parameters"]
    assert not [*tmp_path.iterdir()]


def test_what_does_not_fit_is_3_with_a_table(tvae: Run, tmp_path: Path) -> None:
    single = write(tmp_path / "single.pt", Model(projection="single").state_dict())
    assert tvae("train", "dual", "--init", "none.pt", "--validate-only").code == 3
    done = tvae("train", "dual", "--init", single, "--validate-only", "--device", "cpu", "--json")
    assert done.code == 3
    error = done.json["error"]
    assert "projection.A.radius_out.weight" in error["details"]
    assert "model.projection.shared: false in the config, true in the file" in error["details"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["single.pt"]


def test_auto_fix_goes_on_with_what_it_found(tvae: Run, tmp_path: Path) -> None:
    short = (*SMALL, "--batch-size", "32", "--set", "training.steps_per_epoch=40")
    assert tvae("train", "base", *short, "--epochs", "5", "--name", "b", "--quiet").code == 0
    done = tvae("train", "frozen", *short, "--epochs", "1", "--auto-fix", "--name", "f")
    assert done.code == 0
    assert f'+init: "{tmp_path.resolve()}/outputs/models/b/best.safetensors"' in done.err
    assert (tmp_path / "frozen.fixed.yaml").is_file()
    written = (tmp_path / "outputs/models/f/config.yaml").read_text()
    assert "outputs/models/b/best.safetensors" in written
    assert tvae("train", "frozen", "--auto-fix", "--allow-cold-start").code == 2
