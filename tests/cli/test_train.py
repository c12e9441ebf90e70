"""`tvae train`: flags into a config, a summary into a table, endings into exit codes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tvae.errors import GuardStop

Run = Callable[..., Any]


def test_flags_are_keys(tvae: Run, training: Any) -> None:
    done = tvae(
        *("train", "smoke", "--set", "space.depth=4", "--seed", "3", "--epochs", "7", "--batch-size", "32"),
        *(
            "--lr",
            "1e-3",
            "--device",
            "cpu",
            "--threads",
            "2",
            "--allow-cold-start",
            "--init",
            "default",
        ),
        *("--out", "elsewhere", "--name", "n", "--overwrite"),
    )
    assert done.code == 0, done.err
    config = training.called["config"]
    assert (config.space.depth, config.seed, config.training.epochs, config.training.batch_size) == (
        4,
        3,
        7,
        32,
    )
    assert (config.optim.lr, config.training.device, config.training.threads) == (1e-3, "cpu", 2)
    assert config.training.guards.allow_cold_start
    assert config.init == "default"
    called = training.called
    assert (called["preset"], called["config_path"], called["out"]) == ("smoke", None, Path("elsewhere"))
    assert (called["name"], called["overwrite"]) == ("n", True)
    assert called["command"].startswith("tvae train smoke --set space.depth=4 --seed 3")


def test_without_flags_the_file_decides(tvae: Run, training: Any, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("training: {guards: {allow_cold_start: true}, epochs: 5}\nseed: 8\n")
    assert tvae("train", path).code == 0
    called = training.called
    assert (called["config"].seed, called["config"].training.epochs) == (8, 5)
    assert called["config"].training.guards.allow_cold_start
    assert (called["preset"], called["config_path"]) == ("mine", str(path))
    assert (called["name"], called["overwrite"], called["out"]) == (None, False, Path("outputs"))


def test_without_arguments_it_is_the_preset_default(tvae: Run, training: Any) -> None:
    assert tvae("train").code == 0
    assert training.called["preset"] == "default"


def test_the_end_of_a_run(tvae: Run, training: Any) -> None:
    done = tvae("train", "smoke")
    assert max(map(len, done.out.splitlines())) <= 80
    lines = done.out.splitlines()
    assert lines[0].split() == ["metric", "B", "best"]
    assert any(line.split()[:3] == ["hierarchy", "-0.80000", "-0.83205"] for line in lines)
    assert any(line.split()[:4] == ["kl_nats", "12.00000", ">=", "9.88750"] for line in lines)
    assert "checkpoint: outputs/models/x/best.safetensors" in lines
    assert "next:       tvae eval outputs/models/x/best.safetensors" in lines
    assert lines[-1].strip() == "tvae plot x"


def test_progress_without_a_terminal_is_a_line_per_evaluation(tvae: Run, training: Any) -> None:
    lines = tvae("train", "smoke").err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("epoch 1/2  step 10  coverage 0.50000  hierarchy -0.80000")
    assert lines[1] == "tvae: alert: coverage fell; lower optim.lr"


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_silence_leaves_the_alerts(tvae: Run, training: Any, option: str) -> None:
    assert tvae("train", "smoke", option).err == "tvae: alert: coverage fell; lower optim.lr\n"


def test_json_is_the_summary(tvae: Run, training: Any) -> None:
    training.summary.metrics = {"coverage": 1.0, "richness_B": float("nan")}
    found = tvae("train", "smoke", "--json").json
    assert (found["schema"], found["status"], found["name"]) == (1, "finished", "x")
    assert found["metrics"] == {"coverage": 1.0, "richness_B": None}
    assert found["not_finite"] == ["metrics.richness_B"]


@pytest.mark.parametrize(("out", "how"), [("outputs", "x"), ("o", "outputs/models/x")])
def test_an_interrupt_says_how_to_go_on(tvae: Run, training: Any, out: str, how: str) -> None:
    training.summary.status = "interrupted"
    training.summary.checkpoint = None
    done = tvae("train", "smoke", "--out", out)
    assert done.code == 130
    assert (
        done.err.splitlines()[-1] == f"tvae: interrupted, state saved; go on with: tvae train --resume {how}"
    )


def test_a_guard_stops_with_5_and_one_line(tvae: Run, training: Any) -> None:
    training.error = GuardStop("the loss is NaN", hint="lower optim.lr")
    stopped = msgspec.structs.replace(
        training.course[3], values={"alert": "stopped", "message": "the loss is NaN", "hint": ""}
    )
    training.course = [stopped]
    done = tvae("train", "smoke")
    assert (done.code, done.err) == (5, "tvae: error: the loss is NaN; lower optim.lr\n")


def test_early_stopping_is_a_good_end(tvae: Run, training: Any) -> None:
    training.summary.status = "stopped"
    assert tvae("train", "smoke").code == 0


def test_validate_only(tvae: Run, training: Any) -> None:
    assert tvae("train", "smoke", "--validate-only").out == (
        "coverage    25.00%\nparameters  12\nverdict     valid\n"
    )
    found = tvae("train", "smoke", "--validate-only", "--json").json
    assert (found["valid"], found["parameters"]) == (True, 12)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nope"], "there is no preset 'nope'"),
        (["smoke", "--set", "optim.lrr=1"], "did you mean optim.lr?"),
        (["smoke", "--set", "space.depth=0"], "space.depth: out of range"),
        (["smoke", "--set", "space.depth=40"], "got 40"),
        (["smoke", "--epochs", "0"], "--epochs: training.epochs: out of range"),
        (["smoke", "--lr", "nan"], "--lr: optim.lr"),
        (["smoke", "--device", "gpu"], "--device: training.device"),
        (["smoke", "--seed", "-1"], "--seed: seed: out of range"),
        (["smoke", "--seed", "1", "--set", "seed=2"], "given twice"),
        (["no/such.yaml"], "there is no such file"),
    ],
)
def test_a_refused_config_never_reaches_training(
    tvae: Run, training: Any, arguments: list[str], words: str
) -> None:
    done = tvae("train", *arguments)
    assert done.code == 2
    assert words in done.err
    assert len(done.err.splitlines()) == 1
    assert not training.called


def test_an_empty_checkpoint_is_not_the_default_config(tvae: Run, training: Any, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pt"
    empty.touch()
    for words in (["train", empty], ["train", empty, "--validate-only"], ["config", "validate", empty]):
        done = tvae(*words)
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
        assert f"{empty}: an empty file with the name of a checkpoint" in done.err
    assert not training.called


def test_resume_by_name(tvae: Run, training: Any) -> None:
    done = tvae("train", "--resume", "x", "--out", "o")
    assert done.code == 0
    assert (training.called["source"], training.called["out"]) == ("x", Path("o"))
    assert training.called["command"] == "tvae train --resume x --out o"


def test_a_finished_run_says_so(tvae: Run, training: Any) -> None:
    training.course = []
    done = tvae("train", "--resume", "x")
    assert (done.code, done.err) == (0, "tvae: the run x is finished already\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["smoke", "--resume", "x"],
        ["--resume", "a/x", "--out", "o"],
        ["--resume", "latest.safetensors", "--out", "o"],
        ["--resume", "x", "--name", "y"],
        ["--resume", "x", "--overwrite"],
        ["--resume", "x", "--epochs", "3"],
        ["--resume", "x", "--set", "seed=1"],
        ["--resume", "x", "--init", "y"],
        ["--resume", "x", "--validate-only"],
        ["--resume", "x", "--auto-fix"],
    ],
    ids=" ".join,
)
def test_what_a_resumed_run_would_ignore_is_refused(tvae: Run, training: Any, arguments: list[str]) -> None:
    done = tvae("train", *arguments)
    assert done.code == 2
    assert "beside" in done.err
    assert not training.called
