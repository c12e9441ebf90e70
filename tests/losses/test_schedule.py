"""Weights over time: what old curricula ask for, at the steps where they ask for it."""

from __future__ import annotations

import msgspec
import pytest
import torch

from losses.points import DEPTH
from tvae.losses.inputs import Bands, Scale
from tvae.losses.registry import Total
from tvae.losses.schedule import Clock, factor
from tvae.losses.spec import KL, Geodesic, LossSpec, WeightSchedule


def course(schedule: WeightSchedule, *epochs: float) -> list[float]:
    return [factor(torch.tensor(e), schedule).item() for e in epochs]


def test_a_phase_begins_at_its_epoch() -> None:
    assert course(WeightSchedule(start_epoch=50), 0, 49.99, 50, 80) == [0.0, 0.0, 1.0, 1.0]
    assert course(WeightSchedule(start_epoch=50, before=1.0, end=0.5), 0, 49.99, 50, 80) == [
        1.0,
        1.0,
        0.5,
        0.5,
    ]


def test_a_ramp_goes_from_start_to_end() -> None:
    tau = WeightSchedule(start=0.0, end=1.0, ramp_epochs=70)
    assert course(tau, 0, 35, 70, 100) == pytest.approx([0.0, 0.5, 1.0, 1.0])
    assert course(WeightSchedule(start=1.0, end=0.0, ramp_epochs=70), 35) == pytest.approx([0.5])
    two_phase = WeightSchedule(start_epoch=100, start=0.375, ramp_epochs=50)
    assert course(two_phase, 99, 100, 125, 150, 299) == pytest.approx([0.0, 0.375, 0.6875, 1.0, 1.0])


def test_a_swing_goes_around_its_course() -> None:
    cyclic = WeightSchedule(end=0.5, amplitude=1.0, period_epochs=50)
    assert course(cyclic, 0, 12.5, 25, 37.5) == pytest.approx([0.5, 1.0, 0.5, 0.0], abs=1e-6)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"before": 0.5}, "start_epoch"),
        ({"start": 0.5}, "ramp_epochs"),
        ({"amplitude": 0.5}, "period_epochs"),
        ({"period_epochs": 3}, "amplitude"),
    ],
)
def test_what_would_have_no_effect_is_refused(settings: dict[str, float], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert(settings, WeightSchedule)


def test_every_step_of_a_long_run_is_in_its_epoch() -> None:
    # Progress is a float32: without rounding, some first steps would fall into the epoch before.
    clock = Clock(total=300 * 77, steps_per_epoch=77)
    for epoch in range(300):
        progress = torch.tensor(77 * epoch / clock.total)
        assert clock.epochs(progress).item() == epoch


def total_of(spec: LossSpec, *, decoded: tuple[str, ...] = ("B",)) -> Total:
    return Total(
        spec,
        Scale(DEPTH, 3.0, Bands()),
        branches=("A", "B") if len(decoded) == 2 else ("B",),
        on_ball=True,
        decoded=decoded,
        clock=Clock(total=100, steps_per_epoch=10),
    )


def test_the_total_weighs_a_loss_by_its_schedule() -> None:
    spec = LossSpec(geodesic=Geodesic(weight=0.3), schedules={"geodesic": WeightSchedule(start_epoch=5)})
    term = next(t for t in total_of(spec).terms if t.name == "geodesic")
    weights = [float(term.weight_at(torch.tensor(step / 100))) for step in (0, 49, 50, 99)]
    assert weights == pytest.approx([0.0, 0.0, 0.3, 0.3])


def test_a_schedule_multiplies_the_ramp() -> None:
    spec = LossSpec(kl=KL(weight=2.0), schedules={"kl": WeightSchedule(start=0.0, ramp_epochs=10)})
    term = next(t for t in total_of(spec).terms if t.name == "kl")
    assert float(term.weight_at(torch.tensor(0.25))) == pytest.approx(2.0 * 0.75 * 0.25)


def test_each_branch_can_have_a_kl_of_its_own() -> None:
    spec = LossSpec(
        kl=KL(weight=0.8, ramp="constant"),
        schedules={
            "kl": WeightSchedule(start=0.375, ramp_epochs=5),
            "kl_B": WeightSchedule(start=0.0, end=0.625, ramp_epochs=5),
        },
    )
    terms = {t.name: t for t in total_of(spec, decoded=("A", "B")).terms if t.name.startswith("kl")}
    assert set(terms) == {"kl_A", "kl_B"}
    assert all(term.loss.alone for term in terms.values())
    start, end = torch.tensor(0.0), torch.tensor(1.0)
    assert float(terms["kl_A"].weight_at(start)) == pytest.approx(0.3)
    assert float(terms["kl_B"].weight_at(start)) == 0.0
    assert float(terms["kl_B"].weight_at(end)) == pytest.approx(0.5)


def test_a_schedule_of_a_loss_that_is_off_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="geodesic is null"):
        msgspec.convert({"schedules": {"geodesic": {"start_epoch": 3}}}, LossSpec)
