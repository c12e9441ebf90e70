"""`tvae config migrate`, `tvae models`, old variables, and what the other commands say to old files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from legacy.files import FOLDER
from tvae.config import load

Run = Callable[..., Any]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return Path(shutil.copy(FOLDER / "v5_12.yaml", tmp_path / "old.yaml"))


def test_migrate_writes_the_new_file_and_reports(tvae: Run, old: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.yaml"
    done = tvae("config", "migrate", old, "-o", new)
    assert (done.code, done.err) == (0, "")
    assert "old.yaml: dialect 5.12; 101 keys: " in done.out
    assert f"next:    tvae train {new}" in done.out
    assert load(new, env=None).config.init == "checkpoints/v5_5/latest.pt"
    assert tvae("config", "validate", new).code == 0


def test_without_a_name_the_new_file_goes_to_stdout(tvae: Run, old: Path, tmp_path: Path) -> None:
    done = tvae("config", "migrate", old)
    new = tmp_path / "new.yaml"
    new.write_text(done.out)
    assert load(new, env=None).config.training.epochs > 0
    assert "dialect 5.12" in done.err
    assert tvae("config", "migrate", old, "--quiet").err == ""


def test_json_has_an_entry_for_each_leaf(tvae: Run, old: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.yaml"
    found = tvae("config", "migrate", old, "-o", new, "--json").json
    assert found["schema"] == 1
    assert found["dialect"] == "5.12"
    assert found["written"] == str(new)
    assert found["counts"] == {"mapped": 54, "converted": 23, "dropped": 24, "refused": 0}
    entry = next(entry for entry in found["keys"] if entry["old"] == "training.lr")
    assert entry == {
        "old": "training.lr", "new": "optim.lr", "action": "mapped", "reason": "",
        "old_value": 0.001, "new_value": 0.001, "also": {},
    }  # fmt: skip
    assert found["text"] == new.read_text()


def test_check_writes_nothing_and_tells_old_files_from_new_ones(tvae: Run, old: Path, tmp_path: Path) -> None:
    assert tvae("config", "migrate", old, "--check", "-o", tmp_path / "new.yaml").code == 1
    assert not (tmp_path / "new.yaml").exists()
    new = tmp_path / "today.yaml"
    new.write_text("seed: 1\n")
    assert tvae("config", "migrate", new, "--check").code == 0
    assert tvae("config", "migrate", new, "--check", "--json").json["keys"] == []
    assert tvae("config", "migrate", new).code == 2


def test_refused_leaves_are_listed_and_the_file_is_written(tvae: Run, old: Path, tmp_path: Path) -> None:
    old.write_text(old.read_text().replace("  epochs:", "  epochz:"))
    done = tvae("config", "migrate", old, "-o", tmp_path / "new.yaml")
    assert done.code == 0
    assert "refused: yours to decide (1)\n  unknown key; did you mean training.epochs?:\n" in done.out
    assert (tmp_path / "new.yaml").exists()


def test_an_old_file_is_never_replaced(tvae: Run, old: Path, tmp_path: Path) -> None:
    before = old.read_bytes()
    assert tvae("config", "migrate", old, "-o", old).code == 2
    assert old.read_bytes() == before
    assert tvae("config", "migrate", tmp_path / "none.yaml").code == 2


@pytest.mark.parametrize("command", [("train",), ("config", "validate"), ("config", "show")])
def test_commands_say_which_one_migrates(tvae: Run, old: Path, command: tuple[str, ...]) -> None:
    done = tvae(*command, old)
    assert done.code == 2
    assert "is a config of the predecessor (dialect 5.12)" in done.err
    assert f"`tvae config migrate {old} -o {old.with_suffix('.new.yaml')}` rewrites it" in done.err
    assert done.err.count("\n") == 1


def test_a_broken_file_of_today_is_not_called_old(tvae: Run, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("optim: {learning_rate: 1}\n")
    assert "did you mean optim.lr?" in tvae("config", "validate", path).err


def test_diff_takes_old_files(tvae: Run, old: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.yaml"
    tvae("config", "migrate", old, "-o", new)
    assert tvae("config", "diff", old, new).code == 0
    done = tvae("config", "diff", old, "default", "--json")
    assert done.code == 1
    assert {"key": "optim.name", "a": "adamw", "b": "muon", "in_a": True, "in_b": True} in done.json[
        "differences"
    ]


def test_old_variables_count_and_warn(tvae: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TVAE_EPOCHS", "1")
    done = tvae("config", "show", "smoke", "--json")
    assert done.json["config"]["training"]["epochs"] == 1
    assert done.err == "tvae: warning: TVAE_EPOCHS is an old name; set TVAE_TRAINING__EPOCHS instead\n"
    monkeypatch.setenv("TVAE_TRAINING__EPOCHS", "2")
    done = tvae("config", "show", "smoke")
    assert done.code == 2
    assert "contradicts TVAE_TRAINING__EPOCHS" in done.err


def test_models(tvae: Run) -> None:
    done = tvae("models")
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 132
    found = tvae("models", "--json").json["models"]
    assert {model["status"] for model in found} == {"production", "active", "research", "deprecated"}
    assert tvae("models", "TernaryVAEOptionC", "--json").json["models"][0]["replaced_by"] == "preset v5_12"
    done = tvae("models", "TernaryVAEOptionB")
    assert (done.code, "did you mean TernaryVAEOptionC?" in done.err) == (2, True)


def test_info_tells_old_places(tvae: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert tvae("info", "--json").json["old checkpoints"] is None
    run = tmp_path / "sandbox-training" / "checkpoints" / "v5_5"
    run.mkdir(parents=True)
    (run / "best.pt").touch()
    told = "sandbox-training/checkpoints (1 folder with .pt files)"
    assert tvae("info", "--json").json["old checkpoints"] == told
    # A crashed run has a folder and nothing in it.
    for name, there in (("v5_6", True), ("crashed", False)):
        (run.parent / name).mkdir()
        if there:
            (run.parent / name / "best.pt").touch()
    assert tvae("info", "--json").json["old checkpoints"] == told.replace("1 folder", "2 folders")


def test_an_old_radius_meets_the_curvature_of_the_command_line(
    tvae: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TVAE_MAX_RADIUS", "0.9")
    found = tvae("config", "show", "smoke", "--set", "model.curvature=0.5", "--json").json
    assert found["config"]["model"]["r_max"] == pytest.approx(2.12724)
    assert found["origin"]["model.r_max"] == "TVAE_MAX_RADIUS"
    refused = tvae("config", "show", "smoke", "--set", "model.curvature=2")
    assert refused.code == 2
    assert "TVAE_MAX_RADIUS: 0.9 lies outside the ball of curvature 2" in refused.err


def test_a_file_that_is_there_is_replaced_only_on_demand(tvae: Run, old: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.yaml"
    new.write_text("seed: 3\n")
    refused = tvae("config", "migrate", old, "-o", new)
    assert (refused.code, new.read_text()) == (2, "seed: 3\n")
    assert "exists already; give -o another name, or --overwrite" in refused.err
    done = tvae("config", "migrate", old, "-o", new, "--overwrite", "--quiet")
    assert done.code == 0
    assert done.out.startswith(f"{old}: dialect 5.12; 101 keys: 54 mapped")
    assert done.out.count("\n") == 1
    assert "seed: 3" not in new.read_text()
    assert tvae("config", "migrate", old, "--check", "--quiet").out == done.out


def test_the_account_ends_with_what_is_left_to_decide(tvae: Run, old: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.yaml"
    old.write_text(old.read_text().replace("  max_radius: ", "  max_radius: abc # "))
    done = tvae("config", "migrate", old, "-o", new)
    assert f"next:    1 refused: decide about it first, then\n         tvae train {new}" in done.out


def test_a_narrow_terminal_wraps_reasons_and_cuts_no_key(
    tvae: Run, old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = tvae("config", "migrate", old, "--json").json
    monkeypatch.setenv("COLUMNS", "80")
    shown = tvae("config", "migrate", old, "-o", tmp_path / "new.yaml").out
    account = shown.partition("\n\nwritten: ")[0].splitlines()[1:]
    assert max(map(len, account)) <= 80
    assert all(any(entry["old"] in line for line in account) for entry in wide["keys"])
    models = tvae("models").out
    assert max(map(len, models.splitlines())) <= 80
    assert "status: the predecessor's own" in models
