"""The loop: what a run leaves behind, exact resumption, guards, freezing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import tvae
from training.runs import Memory, tiny
from tvae.checkpoint import read, read_record
from tvae.config import load
from tvae.errors import CheckpointError, ConfigError, DeviceError, GuardStop, MissingError, StorageError
from tvae.training import preflight, train
from tvae.training.build import build_state
from tvae.training.part import part_of


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
    with pytest.raises(ConfigError, match="decoder frozen without weights"):
        train(config, out=out)
    with pytest.raises(ConfigError, match="decoder frozen without weights"):
        preflight(config)
    assert not out.exists()
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
    found = preflight(tiny("parts.decoder.freeze=true", "training.guards.allow_cold_start=true"))
    assert 0.0 <= found["coverage"] <= 1.0
    assert found["trainable"] < found["parameters"]
    assert not out.exists()


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
