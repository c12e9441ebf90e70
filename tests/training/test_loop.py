"""The loop: what a run leaves behind, exact resumption, guards, freezing."""

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
import torch

import tvae
from training.runs import Memory, tiny
from tvae.checkpoint import read, read_record
from tvae.config import load
from tvae.errors import CheckpointError, ConfigError, DeviceError, GuardStop, MissingError, StorageError
from tvae.training import Event, preflight, resume, train
from tvae.training.build import build_state
from tvae.training.loop import _loop
from tvae.training.part import part_of


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "outputs"


def test_a_run_leaves_the_files_of_the_contract(out: Path) -> None:
    memory = Memory()
    summary = train(tiny(), preset="tiny", out=out, name="first", sinks=[memory])
    models, runs = out / "models/first", out / "runs/first"
    assert {p.name for p in models.iterdir()} >= {"latest.safetensors", "config.yaml", "summary.json"}
    lines = [json.loads(line) for line in (runs / "metrics.jsonl").read_text().splitlines()]
    assert {line["scope"] for line in lines} >= {"event", "step", "epoch", "eval"}
    assert all(set(line) == {"t", "epoch", "step", "scope", "values"} for line in lines)
    assert (out / "logs/first.log").read_text()
    written = json.loads((models / "summary.json").read_text())
    assert written["status"] == summary.status == "finished"
    assert set(written) >= {
        "schema", "status", "best", "last", "metrics", "ceilings", "seconds", "epochs", "checkpoint",
    }  # fmt: skip
    record = read_record(models / "latest.safetensors")
    assert (record.seed, record.step, record.epoch) == (0, 12, 4)
    assert record.architecture["model_class"] == "TernaryVAE"
    assert memory.closed
    assert memory.scope("event")[0]["event"] == "start"
    assert memory.scope("event")[-1]["event"] == "finished"


def test_the_config_that_a_run_writes_starts_the_same_run(out: Path) -> None:
    config = tiny()
    train(config, out=out, name="a")
    again = load(out / "models/a/config.yaml", env={}).config
    assert again == config
    train(again, out=out, name="b")
    first, second = (read(out / f"models/{n}/latest.safetensors").tensors for n in "ab")
    assert all(first[name].equal(second[name]) for name in first)


def test_another_seed_is_another_run(out: Path) -> None:
    train(tiny(), out=out, name="a")
    train(tiny("seed=1"), out=out, name="b")
    first, second = (read(out / f"models/{n}/latest.safetensors").tensors for n in "ab")
    assert not first["decoder.logits.weight"].equal(second["decoder.logits.weight"])


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


def test_an_existing_name_is_refused(out: Path) -> None:
    train(tiny(), out=out, name="r")
    before = (out / "models/r/latest.safetensors").read_bytes()
    with pytest.raises(ConfigError, match="--overwrite"):
        train(tiny(), out=out, name="r")
    assert (out / "models/r/latest.safetensors").read_bytes() == before
    assert train(tiny("training.epochs=1"), out=out, name="r", overwrite=True).epochs == 1


def test_an_output_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="folder"):
        train(tiny(), out=tmp_path / "file" / "outputs")


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(DeviceError):
        train(tiny("training.device=cuda:99"))


def test_a_frozen_part_is_bit_identical_and_the_others_keep_their_moments() -> None:
    torch.manual_seed(0)
    config = tiny("parts.decoder.freeze=true", "training.epochs=20")
    state, step = build_state(config, torch.device("cpu"))
    before = {name: p.clone() for name, p in state.model.named_parameters()}
    _take(state, step, 50)
    after = dict(state.model.named_parameters())
    frozen = [name for name in before if part_of(name) == "decoder"]
    assert all(before[name].equal(after[name]) for name in frozen)
    assert all(not before[name].equal(after[name]) for name in before.keys() - set(frozen))
    moments = state.optimizer.state_tensors()
    state.optimizer.freeze("encoder_B")
    kept = {name: m.clone() for name, m in moments.items() if "encoder.B" in name}
    _take(state, step, 5)
    assert kept
    assert all(state.optimizer.state_tensors()[name].equal(m) for name, m in kept.items())
    state.optimizer.freeze("encoder_B", False)
    encoder = {n: p.clone() for n, p in state.model.named_parameters() if n.startswith("encoder")}
    _take(state, step, 1)
    assert any(not p.equal(encoder[n]) for n, p in state.model.named_parameters() if n in encoder)


def _take(state, step, count: int) -> None:
    from tvae.training.batches import draw_batch

    for k in range(count):
        batch = draw_batch(state.model.space, 16, seed=0, step=k, high_v=0.25, device=torch.device("cpu"))
        step(batch, lr_factor=1.0, progress=0.0, step=k)


def test_a_learning_rate_scale_slows_a_part() -> None:
    state, _ = build_state(tiny("parts.encoder_B.lr_scale=0.1"), torch.device("cpu"))
    rates = {g["part"]: g["lr"] for g in state.optimizer.kinds["adam"].param_groups}
    assert rates["encoder_B"] == pytest.approx(0.1 * rates["decoder"])


def test_a_loss_that_is_not_finite_stops_before_the_step(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tvae.losses.bands import SpreadLoss
    from tvae.losses.inputs import LossResult

    calls = []

    def broken(self, inputs):
        calls.append(1)
        value = inputs.radius("B").sum() * (float("nan") if len(calls) > 7 else 0.0)
        return LossResult(value)

    monkeypatch.setattr(SpreadLoss, "__call__", broken)
    memory = Memory()
    with pytest.raises(GuardStop, match="spread") as caught:
        train(tiny(), out=out, name="r", sinks=[memory])
    assert caught.value.code == 5
    assert json.loads((out / "models/r/summary.json").read_text())["status"] == "stopped"
    saved = read(out / "models/r/latest.safetensors")
    assert saved.record.step == 6
    assert all(t.isfinite().all() for t in saved.tensors.values())
    assert memory.scope("alert")


def test_frozen_parts_at_random_weights_are_refused(out: Path) -> None:
    config = tiny("space.depth=5", "parts.decoder.freeze=true")
    with pytest.raises(GuardStop, match="frozen at random weights"):
        train(config, out=out)
    allowed = tiny("space.depth=5", "parts.decoder.freeze=true", "training.guards.allow_cold_start=true")
    assert train(allowed, out=out).status == "finished"


def test_init_loads_strictly(out: Path) -> None:
    first = train(tiny("training.epochs=40"), out=out, name="first")
    assert first.checkpoint is not None
    again = train(tiny(f"init={first.checkpoint}", "training.epochs=1"), out=out, name="second")
    record = read_record(out / "models/second/latest.safetensors")
    assert record.base_checkpoint == first.checkpoint
    assert len(record.base_sha256) == 64
    assert again.status == "finished"
    with pytest.raises(CheckpointError, match="of another depth"):
        train(tiny(f"init={first.checkpoint}", "space.depth=4"), out=out)
    with pytest.raises(CheckpointError) as caught:
        train(tiny(f"init={first.checkpoint}", "model.decoder.hidden=[34,50]"), out=out)
    assert "decoder.hidden.linear.1.weight" in str(caught.value)
    with pytest.raises(MissingError):
        train(tiny(f"init={out}/none.safetensors"), out=out)


def test_frozen_from_base_keeps_its_coverage(out: Path) -> None:
    small = ("space.depth=3", "training.batch_size=32", "training.device=cpu", "training.steps_per_epoch=40")
    base = train(load("base", sets=[*small, "training.epochs=5"], env={}).config, out=out, name="base")
    assert base.metrics["coverage"] == 1.0
    assert base.metrics["hierarchy_B"] is None
    with pytest.raises(tvae.TvaeError, match="no projection"):
        tvae.load(base.checkpoint).embed([0])
    config = load("frozen", sets=[*small, "training.epochs=4", f"init={base.checkpoint}"], env={}).config
    frozen = train(config, out=out, name="frozen")
    assert frozen.metrics["coverage"] == 1.0
    assert frozen.metrics["hierarchy_B"] < -0.5
    before, after = tvae.load(base.checkpoint).state_dict(), tvae.load(frozen.checkpoint).state_dict()
    assert all(before[name].equal(after[name]) for name in before)


def test_preflight_trains_nothing(out: Path) -> None:
    found = preflight(tiny("parts.decoder.freeze=true"))
    assert 0.0 <= found["coverage"] <= 1.0
    assert found["trainable"] < found["parameters"]
    assert not out.exists()


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


def test_a_tie_goes_to_the_later_evaluation() -> None:
    from tvae.config.schema import BestConfig
    from tvae.training.best import rank

    def key(ultrametric: float) -> tuple[float, float] | None:
        return rank({"coverage": 1.0, "ultrametric_B": ultrametric}, BestConfig(), min_coverage=0.05)

    assert key(0.83202203) == key(0.83202201)
    assert key(0.832025) > key(0.832020)


def test_init_takes_the_shipped_weights() -> None:
    assert preflight(load("default", sets=["init=default"], env={}).config)["coverage"] == 1.0


def test_early_stopping(out: Path) -> None:
    config = tiny(
        "training.epochs=30", "training.early_stop.patience=2", "optim.lr=1e-9", "optim.muon_lr=1e-9",
        "training.best.coverage=0.0", "training.best.metric=coverage", "training.guards.min_coverage=0.0",
    )  # fmt: skip
    memory = Memory()
    summary = train(config, out=out, sinks=[memory])
    assert summary.epochs < 30
    assert any(alert["alert"] == "early_stopping" for alert in memory.scope("alert"))


@pytest.mark.parametrize(
    "sets", [("optim.clip_norm=0.1",), ("training.autocast=true",), ("optim.name=adamw",)]
)
@pytest.mark.parametrize("schedule", ["constant", "one_cycle", "cosine", "restarts"])
def test_options_change_the_run(out: Path, sets: tuple[str, ...], schedule: str) -> None:
    train(tiny(), out=out, name="plain")
    train(tiny(f"optim.schedule={schedule}"), out=out, name="scheduled")
    train(tiny(f"optim.schedule={schedule}", *sets), out=out, name="both")
    plain, scheduled, both = (
        read(out / f"models/{n}/latest.safetensors").tensors["decoder.logits.weight"]
        for n in ("plain", "scheduled", "both")
    )
    assert not plain.equal(scheduled)
    assert not scheduled.equal(both)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, while it traces
@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")  # dynamo's own, while tracing
def test_a_compiled_step_is_the_same_step(out: Path) -> None:
    train(tiny("training.epochs=1"), out=out, name="eager")
    train(tiny("training.epochs=1", "training.compile=true"), out=out, name="compiled")
    eager, compiled = (read(out / f"models/{n}/latest.safetensors").tensors for n in ("eager", "compiled"))
    for name in eager:
        assert compiled[name] == pytest.approx(eager[name], abs=1e-3), name


def test_tensorboard_is_an_option(out: Path) -> None:
    train(tiny("training.epochs=1", "training.tensorboard=true"), out=out, name="r")
    assert list((out / "runs/r/tensorboard").glob("events*"))


def test_a_learned_curvature_moves(out: Path) -> None:
    train(tiny("model.learnable_curvature=true", "training.epochs=10"), out=out, name="r")
    model = tvae.load(out / "models/r/latest.safetensors")
    assert abs(model.curvature - 1.0) > 1e-3
    assert model.record.architecture["curvature"] == pytest.approx(model.curvature)


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
