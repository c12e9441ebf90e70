"""What changes with the step or with the evaluations: rates, noise, frozen parts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from training.runs import Memory, tiny
from tvae.checkpoint import read
from tvae.config.horizon import beyond
from tvae.config.schema import OptimConfig, PlateauConfig, RatePoint, TemperatureConfig
from tvae.errors import ConfigError
from tvae.training import preflight, resume, train
from tvae.training.build import build_state
from tvae.training.part import part_of
from tvae.training.plateau import Plateau
from tvae.training.policy import Evaluation
from tvae.training.schedule import lr_factor
from tvae.training.temperature import temperature


def course(config: OptimConfig, steps: int, *, spe: int = 1) -> list[float]:
    return [lr_factor(s, total=steps, config=config, steps_per_epoch=spe) for s in range(steps)]


def torch_course(make, steps: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler, rates = make(optimizer), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize("mult", [1, 2, 3])
def test_restarts_are_torch_s(mult: int) -> None:
    config = OptimConfig(schedule="restarts", warmup_steps=0, restart_epochs=5, restart_mult=mult, floor=0.1)
    theirs = torch_course(
        lambda o: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(o, 5, T_mult=mult, eta_min=0.1), 60
    )
    assert course(config, 60) == pytest.approx(theirs, abs=1e-9)


def test_the_cosine_falls_to_its_floor_and_stays_there() -> None:
    config = OptimConfig(schedule="cosine", warmup_steps=0, cosine_epochs=20, floor=0.05)
    theirs = torch_course(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 20, eta_min=0.05), 20)
    ours = course(config, 50)
    assert ours[:20] == pytest.approx(theirs, abs=1e-9)
    assert ours[20:] == pytest.approx([0.05] * 30)


def test_piecewise_rates_begin_with_their_epochs() -> None:
    points = (RatePoint(epoch=1, factor=0.5), RatePoint(epoch=3, factor=0.1))
    config = OptimConfig(schedule="piecewise", warmup_steps=0, points=points)
    assert course(config, 8, spe=2) == [1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.1, 0.1]


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (("optim.floor=0.1",), "floor"),
        (("optim.cosine_epochs=3",), "cosine_epochs"),
        (("optim.restart_mult=3",), "restart_mult"),
        (("optim.schedule=piecewise",), "points"),
        (("optim.points=[{epoch: 1, factor: 0.5}]",), "piecewise"),
        (
            ("optim.points=[{epoch: 2, factor: 0.5}, {epoch: 1, factor: 0.5}]", "optim.schedule=piecewise"),
            "rise",
        ),
        (("parts.decoder.thaw_epoch=2",), "freeze"),
        (("training.temperature.A.end=0.5",), "not decoded"),
        (("training.temperature.B.amplitude=0.5",), "period_epochs"),
        (("training.temperature.B.late_epoch=2",), "late_factor"),
        (("loss.schedules.kl_A.end=0.5",), "not decoded"),
        (("training.plateau.metric=covrage",), "covrage"),
        (("training.plateau.factor=1.0",), "factor"),
    ],
)
def test_what_would_be_ignored_is_refused(sets: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        tiny(*sets)


def test_plans_beyond_the_end_are_said_once(out: Path) -> None:
    config = tiny("loss.geodesic.weight=0.1", "loss.schedules.geodesic.start_epoch=50")
    assert "beyond_the_end" in preflight(config)
    assert "beyond_the_end" not in preflight(tiny())
    memory = Memory()
    train(config, out=out, sinks=[memory])
    said = [alert["message"] for alert in memory.scope("alert") if alert["alert"] == "beyond_the_end"]
    assert said == ["loss.schedules.geodesic begins after 50 epochs, but the run has 4"]


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (("optim.schedule=piecewise", "optim.points=[{epoch: 9, factor: 0.5}]"), "points[0]"),
        (("optim.schedule=cosine", "optim.cosine_epochs=9"), "cosine_epochs"),
        (("training.temperature.B.end=0.5", "training.temperature.B.ramp_epochs=9"), "temperature.B"),
        (("training.temperature.B.late_factor=0.5", "training.temperature.B.late_epoch=4"), "late phase"),
        (("parts.decoder.freeze=true", "parts.decoder.thaw_epoch=9"), "parts.decoder"),
        (("training.plateau.warmup_epochs=9",), "plateau"),
        (("loss.schedules.kl.start=0.1", "loss.schedules.kl.ramp_epochs=9"), "ramp of loss.schedules.kl"),
    ],
)
def test_every_plan_is_watched(sets: tuple[str, ...], said: str) -> None:
    sentences = beyond(tiny(*sets))
    assert len(sentences) == 1
    assert said in sentences[0]
    assert beyond(tiny(*sets, "training.epochs=20")) == []


def test_temperature_scales_the_noise_alone(out: Path) -> None:
    config = tiny("training.temperature.B.start=0.0", "training.temperature.B.end=0.0", "loss.kl=null")
    state, step = build_state(config, torch.device("cpu"))
    seen = []
    forward = state.model.forward

    def spied(x, noise, **rest):
        seen.append({branch: value.clone() for branch, value in noise.items()})
        return forward(x, noise, **rest)

    state.model.forward = spied
    from tvae.training.batches import draw_batch

    batch = draw_batch(state.model.space, 16, seed=0, step=0, high_v=0.25, device=torch.device("cpu"))
    step(batch, lr_factor=1.0, progress=0.0, step=0)
    assert not seen[0]["B"].any()
    train(tiny(), out=out, name="plain")
    train(tiny("training.temperature.B.end=0.5"), out=out, name="cooled")
    plain, cooled = (read(out / f"models/{n}/latest.safetensors").tensors for n in ("plain", "cooled"))
    assert not plain["decoder.logits.weight"].equal(cooled["decoder.logits.weight"])


def test_temperature_swings_and_has_a_late_phase() -> None:
    config = TemperatureConfig(
        start=1.0, end=0.3, ramp_epochs=10, amplitude=0.1, period_epochs=4, late_epoch=20, late_amplitude=0.5,
        late_factor=0.4,
    )  # fmt: skip

    def at(epoch: int) -> float:
        return temperature(3 * epoch, config=config, total=300, steps_per_epoch=3)

    assert at(0) == 1.0
    assert at(5) == pytest.approx(0.65 * 1.1)
    assert at(11) == pytest.approx(0.3 * 0.9)
    assert at(21) == pytest.approx(0.4 * 1.5)


def test_a_part_is_thawed_at_its_epoch_and_warms_up(out: Path) -> None:
    sets = (
        "parts.decoder.freeze=true", "parts.decoder.thaw_epoch=2", "parts.decoder.thaw_warmup_epochs=1",
        "training.guards.allow_cold_start=true",
    )  # fmt: skip
    memory = Memory()
    train(tiny(*sets), out=out, name="r", sinks=[memory])
    thawed = [(e.epoch, e.step) for e in memory.events if e.values.get("event") == "thawed"]
    assert thawed == [(2, 6)]
    state, _ = build_state(tiny(*sets), torch.device("cpu"))
    rates = []
    for step in range(10):
        state.optimizer.advance(step, steps_per_epoch=3)
        state.optimizer.set_lr(1.0)
        group = next(g for g in state.optimizer.kinds["adam"].param_groups if g["part"] == "decoder")
        trained = all(p.requires_grad for n, p in state.model.named_parameters() if part_of(n) == "decoder")
        rates.append(group["lr"] / group["peak_lr"] if trained else 0.0)
    assert rates == pytest.approx([0.0] * 6 + [1 / 3, 2 / 3, 1.0, 1.0])


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_thawing_plateau_and_schedules_resume_bit_for_bit(out: Path, epoch: int) -> None:
    from training.test_resume import CtrlC

    sets = (
        "parts.decoder.freeze=true", "parts.decoder.thaw_epoch=2", "parts.decoder.thaw_warmup_epochs=1",
        "training.guards.allow_cold_start=true", "training.plateau.metric=coverage",
        "training.plateau.patience=1", "training.plateau.threshold=2.0", "training.temperature.B.end=0.5",
        "loss.geodesic.weight=0.1", "loss.schedules.geodesic.start_epoch=2",
    )  # fmt: skip
    whole = train(tiny(*sets), out=out, name="whole")
    train(tiny(*sets), out=out, name="r", sinks=[CtrlC(epoch)])
    assert resume("r", out=out).metrics == whole.metrics
    a, b = (read(out / f"models/{n}/latest.safetensors") for n in ("whole", "r"))
    assert a.state["rate"] == b.state["rate"] < 1.0
    for mine, theirs in ((a.tensors, b.tensors), (a.state_tensors, b.state_tensors)):
        assert mine.keys() == theirs.keys()
        assert all(mine[name].equal(theirs[name]) for name in mine)


def test_the_plateau_lowers_rates_waits_and_stops_at_its_floor() -> None:
    policy = Plateau(
        PlateauConfig(metric="hierarchy_B", mode="min", patience=2, factor=0.1, floor=0.02, cooldown=1)
    )
    values = [-0.5, -0.6, -0.6, -0.6, -0.6, -0.6, -0.6, -0.6, -0.6]
    factors = []
    for epoch, value in enumerate(values):
        evaluation = Evaluation(
            epoch=epoch, step=epoch, progress=0.1, metrics={"hierarchy_B": value}, improved=False
        )
        decided = policy.on_eval(evaluation)
        factors.append(decided[0].factor if decided else 1.0)
    # Improved once, waited twice, cooled down once, waited twice; at the floor nothing more happens.
    assert factors == pytest.approx([1.0, 1.0, 1.0, 0.1, 1.0, 1.0, 0.2, 1.0, 1.0])
    again = Plateau(policy.config)
    again.restore(policy.state())
    assert again.state() == policy.state()
