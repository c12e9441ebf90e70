"""The command line over the engines themselves: small runs, real files, real refusals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tvae.config import load

pytest.importorskip("tvae.training", reason="needs the training engine")

Run = Callable[..., Any]
SMALL = [
    *("train", "smoke", "--device", "cpu", "--set", "space.depth=3", "--set", "training.steps_per_epoch=4"),
    *(
        "--set",
        "model.encoder.hidden=[16]",
        "--set",
        "model.decoder.hidden=[16]",
        "--set",
        "training.eval_every=1",
    ),
    *("--set", "training.save_every=1", "--epochs", "2", "--batch-size", "8"),
]


def test_train_eval_diff_plot_resume(tvae: Run, tmp_path: Path) -> None:
    done = tvae(*SMALL, "--out", tmp_path, "--name", "one")
    assert done.code == 0, done.err
    assert done.out.startswith("metric")
    models = tmp_path / "models" / "one"
    assert {"latest.safetensors", "config.yaml", "summary.json"} <= {path.name for path in models.iterdir()}
    assert load(models / "config.yaml", env=None).config.space.depth == 3

    found = tvae("eval", models / "latest.safetensors", "--json").json["results"][0]
    assert set(found) == {"checkpoint", "metric_version", "pairs", "metrics", "ceilings", "levels"}
    assert 0.0 <= found["metrics"]["coverage"] <= 1.0
    assert [level["v"] for level in found["levels"]] == [0, 1, 2, 3]

    assert tvae("config", "diff", models, models / "latest.safetensors").code == 0
    again = tvae("train", "--resume", "one", "--out", tmp_path)
    assert (again.code, again.err) == (0, "tvae: the run one is finished already\n")


def test_a_name_is_used_once(tvae: Run, tmp_path: Path) -> None:
    assert tvae(*SMALL, "--out", tmp_path, "--name", "one", "--json").json["status"] == "finished"
    done = tvae(*SMALL, "--out", tmp_path, "--name", "one")
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "--overwrite" in done.err
    assert tvae(*SMALL, "--out", tmp_path, "--name", "one", "--overwrite").code == 0


def test_validate_only_writes_nothing(tvae: Run, tmp_path: Path) -> None:
    found = tvae(*SMALL, "--out", tmp_path, "--validate-only", "--json").json
    assert found["valid"] is True
    assert found["steps"] == 8
    assert not list(tmp_path.iterdir())


def test_a_device_that_is_not_there(tvae: Run, tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    done = tvae("train", "smoke", "--device", "cuda", "--out", tmp_path)
    assert (done.code, len(done.err.splitlines())) == (4, 1)
    assert not list(tmp_path.iterdir())


def test_an_output_folder_below_a_file(tvae: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = tvae(*SMALL, "--out", tmp_path / "file" / "below")
    assert (done.code, len(done.err.splitlines())) == (4, 1)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["train", "--resume", "no-such-run"], 3),
        (["train", "smoke", "--init", "no/such.safetensors"], 3),
        (["train", "smoke", "--name", "a/b"], 2),
        (["eval", "no/such.safetensors"], 3),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_is_missing(tvae: Run, tmp_path: Path, arguments: list[str], code: int) -> None:
    if arguments[0] == "train":
        arguments = [*arguments, "--out", str(tmp_path)]
    done = tvae(*arguments, "--json")
    assert (done.code, done.json["error"]["code"]) == (code, code)
    assert len(done.err.splitlines()) == 1


def test_no_checkpoint_at_all(tvae: Run, tmp_path: Path) -> None:
    path = tmp_path / "torn.safetensors"
    path.write_bytes(b"\x10\0\0\0\0\0\0\0{")
    assert tvae("eval", path).code == 3


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_run_is_saved_and_goes_on(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "tvae"]
    long = ["--set", "training.steps_per_epoch=600", "--set", "training.eval_pairs=10"]
    run = subprocess.Popen(
        [*command, *SMALL, *long, "--out", str(tmp_path), "--name", "one"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    events = tmp_path / "runs" / "one" / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and run.poll() is None:
        if events.exists() and '"step"' in events.read_text():
            break
        time.sleep(0.05)
    run.send_signal(number)
    out, err = run.communicate(timeout=120)
    assert run.returncode == 130, err
    assert "interrupted" in out
    folder = tmp_path / "models" / "one"
    assert err.splitlines()[-1].endswith(f"tvae train --resume {folder}")
    assert json.loads((folder / "summary.json").read_text())["status"] == "interrupted"

    done = subprocess.run(
        [*command, "train", "--resume", str(folder), "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "finished"


def test_a_run_shorter_than_an_epoch_is_told_in_steps(tvae: Run, tmp_path: Path) -> None:
    done = tvae("train", "smoke", "--out", tmp_path, "--set", "training.max_steps=1")
    assert "finished after 1 step, " in done.out
