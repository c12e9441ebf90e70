"""Resuming: bit for bit, after whatever ended the run, and found by whatever names it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from training.runs import Memory, tiny
from tvae.checkpoint import read, read_record
from tvae.errors import CheckpointError, MissingError
from tvae.training import Event, resume, train
from tvae.training.loop import _loop


@pytest.mark.parametrize(
    "sets", [(), ("model.encoder.kind=improved", "model.encoder.dropout=0.2"), ("optim.name=adamw",)]
)
def test_resume_is_bit_exact(out: Path, sets: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train(tiny(*sets), out=out, name="whole")
    monkeypatch.setattr("tvae.training.loop._loop", _killed_after(6))
    with pytest.raises(_Kill):
        train(tiny(*sets), out=out, name="broken")
    monkeypatch.undo()
    assert read_record(out / "models/broken/latest.safetensors").step == 6
    resumed = resume("broken", out=out)
    assert resumed.status == whole.status == "finished"
    assert resumed.metrics == whole.metrics
    a, b = (read(out / f"models/{n}/latest.safetensors") for n in ("whole", "broken"))
    for mine, theirs in ((a.tensors, b.tensors), (a.state_tensors, b.state_tensors)):
        assert mine.keys() == theirs.keys()
        assert all(mine[name].equal(theirs[name]) for name in mine)


class _Kill(BaseException):
    """The process dies here."""


def _killed_after(step: int):
    def loop(config, state, one_step, *rest):
        def counted(*args, **kwargs):
            if state.step == step + 1:
                raise _Kill
            return one_step(*args, **kwargs)

        counted.device = one_step.device
        return _loop(config, state, counted, *rest)

    return loop


@pytest.mark.parametrize("how", ["name", "models", "runs", "file"])
def test_a_run_is_found_by_name_folder_or_file(out: Path, how: str) -> None:
    train(tiny(), out=out, name="r")
    source = {
        "name": "r",
        "models": out / "models/r",
        "runs": out / "runs/r",
        "file": out / "models/r/latest.safetensors",
    }[how]
    assert resume(str(source), out=out).status == "finished"


def test_resuming_what_is_not_there_names_what_is(out: Path) -> None:
    train(tiny(), out=out, name="here")
    with pytest.raises(MissingError, match="here"):
        resume("gone", out=out)


class CtrlC(Memory):
    """Ctrl-C at the end of an epoch, before its evaluation."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch = epoch

    def emit(self, event: Event) -> None:
        super().emit(event)
        if event.scope == "epoch" and event.epoch == self.epoch:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("epoch", [1, 2, 4])
def test_an_interrupted_run_ends_like_an_unbroken_one(out: Path, epoch: int) -> None:
    whole = train(tiny("training.eval_every=2"), out=out, name="whole")
    interrupted = train(tiny("training.eval_every=2"), out=out, name="r", sinks=[CtrlC(epoch)])
    assert interrupted.status == "interrupted"
    resumed = resume("r", out=out)
    assert resumed.status == "finished"
    assert resumed.metrics == whole.metrics
    assert (resumed.best or {}).get("epoch") == (whole.best or {}).get("epoch")
    first, second = (read(out / f"models/{n}/latest.safetensors").tensors for n in ("whole", "r"))
    assert all(first[name].equal(second[name]) for name in first)


def test_ctrl_c_saves_and_resumes(out: Path) -> None:
    config = tiny("training.epochs=100000", "training.eval_every=100000", "training.save_every=100000")
    script = (
        "import sys, msgspec\n"
        "from tvae.config.schema import Config\n"
        "from tvae.training import train\n"
        "config = msgspec.json.decode(sys.stdin.read(), type=Config)\n"
        f"print(train(config, out={str(out)!r}, name='r').status)\n"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(config))
        process.stdin.close()
        _wait_for(out / "runs/r/metrics.jsonl", "step")
        process.send_signal(signal.SIGINT)
        assert process.stdout.read().strip() == b"interrupted"
    assert process.returncode == 0
    saved = read_record(out / "models/r/latest.safetensors")
    assert saved.step > 0


@pytest.mark.slow
def test_a_run_killed_at_random_moments_ends_like_an_unbroken_one(out: Path) -> None:
    config = tiny("training.epochs=40", "training.eval_every=2")
    whole = train(config, out=out, name="whole")
    start = (
        "import sys, msgspec\n"
        "from tvae.config.schema import Config\n"
        "from tvae.training import train, resume\n"
        f"out, name = {str(out)!r}, 'r'\n"
        "if sys.argv[1] == 'train':\n"
        "    train(msgspec.json.decode(sys.stdin.read(), type=Config), out=out, name=name, overwrite=True)\n"
        "else:\n"
        "    resume(name, out=out)\n"
    )
    latest = out / "models/r/latest.safetensors"
    for attempt in range(40):
        mode = "resume" if latest.exists() else "train"
        with subprocess.Popen([sys.executable, "-c", start, mode], stdin=subprocess.PIPE) as process:
            assert process.stdin is not None
            process.stdin.write(msgspec.json.encode(config))
            process.stdin.close()
            deadline = time.monotonic() + 3.0 + 0.13 * (attempt % 7)
            while process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.01)
            if process.poll() == 0:
                break
            process.kill()
        if latest.exists():
            read(latest)
    assert resume("r", out=out).metrics == whole.metrics


def _wait_for(path: Path, word: str, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if path.exists() and f'"scope": "{word}"' in path.read_text():
            return
        time.sleep(0.05)
    raise AssertionError(f"no {word} event in {os.fspath(path)}")


def test_losses_of_ones_own_are_missed_on_resume(out: Path) -> None:
    from tvae import losses

    class Shrink(msgspec.Struct, frozen=True):
        weight: float = 0.1
        branch: str = "B"

    @losses.register("shrink_for_this_test")
    class ShrinkLoss(losses.Loss):
        def __call__(self, inputs):
            return losses.LossResult(inputs.radius(self.branch).mean())

    own = {"shrink_for_this_test": Shrink()}
    stopped = train(tiny(), out=out, name="r", losses=own, sinks=[CtrlC(2)])
    assert stopped.status == "interrupted"
    with pytest.raises(CheckpointError, match="shrink_for_this_test"):
        resume("r", out=out)
    assert resume("r", out=out, losses=own).status == "finished"
    logged = [json.loads(line) for line in (out / "runs/r/metrics.jsonl").read_text().splitlines()]
    assert "loss/shrink_for_this_test" in [line for line in logged if line["scope"] == "step"][-1]["values"]
