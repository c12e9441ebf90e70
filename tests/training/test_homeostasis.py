"""Homeostasis: properties of the pure step, and a run that freezes, thaws and resumes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.runs import Memory, tiny
from tvae.checkpoint import read
from tvae.config.schema import HomeostasisConfig
from tvae.errors import ConfigError
from tvae.training import resume, train
from tvae.training.build import build_state
from tvae.training.homeostasis import Homeostasis, HomeostasisState, Observation, quality, start, step
from tvae.training.policy import Evaluation

FAST = HomeostasisConfig(warmup_epochs=0, hysteresis_epochs=2, window=2, stall_patience=2, plateau_patience=2)

hierarchies = st.one_of(st.none(), st.floats(-1.0, 1.0))
configs = st.builds(
    lambda bounds, **rest: HomeostasisConfig(
        coverage_floor=bounds[0], coverage_freeze=bounds[1], coverage_thaw=bounds[2], **rest
    ),
    st.lists(st.floats(0.5, 1.0), min_size=3, max_size=3).map(sorted),
    warmup_epochs=st.integers(0, 6),
    hysteresis_epochs=st.integers(0, 8),
    window=st.integers(2, 6),
    plateau=st.sampled_from([0.0, 0.001, 0.1]),
    stall_patience=st.integers(1, 4),
    plateau_patience=st.integers(1, 4),
    patience_ceiling=st.integers(4, 9),
    annealing=st.booleans(),
    annealing_step=st.floats(0.001, 0.2),
)
observations = st.lists(
    st.tuples(st.integers(1, 3), st.one_of(st.none(), st.floats(0.0, 1.0)), hierarchies, hierarchies),
    max_size=40,
)


def seen(series: list[tuple[Any, ...]]) -> list[Observation]:
    """Observations at rising epochs."""
    epoch, found = 0, []
    for apart, coverage, a, b in series:
        epoch += apart
        found.append(Observation(epoch=epoch, coverage=coverage, hierarchy_A=a, hierarchy_B=b))
    return found


def replay(config: HomeostasisConfig, series: list[Observation], *, a: bool = True, b: bool = False):
    """Every state and what changed on the way to it."""
    state, path = start(config, frozen_A=a, frozen_B=b), []
    for observation in series:
        state, changes = step(state, observation, config)
        path.append((observation, state, changes))
    return path


@given(configs, observations, st.booleans(), st.booleans())
def test_thresholds_stay_in_their_bounds(config, series, a, b) -> None:
    for _, state, _ in replay(config, seen(series), a=a, b=b):
        assert config.coverage_floor <= state.coverage_freeze <= state.coverage_thaw <= 1.0
        assert config.plateau_patience <= state.plateau_patience <= config.patience_ceiling


@given(configs, observations)
def test_no_encoder_changes_twice_within_the_hysteresis_or_in_the_warm_up(config, series) -> None:
    last: dict[str, int] = {}
    for observation, _, changes in replay(config, seen(series)):
        for change in changes:
            assert observation.epoch >= config.warmup_epochs
            before = last.get(change.part)
            assert before is None or observation.epoch - before >= config.hysteresis_epochs
            last[change.part] = observation.epoch


@given(configs, observations, st.booleans(), st.booleans())
def test_every_change_is_a_change_and_the_state_tells_it(config, series, a, b) -> None:
    frozen = {"encoder_A": a, "encoder_B": b}
    for _, state, changes in replay(config, seen(series), a=a, b=b):
        for change in changes:
            assert change.frozen != frozen[change.part]
            frozen[change.part] = change.frozen
        assert (state.a.frozen, state.b.frozen) == (frozen["encoder_A"], frozen["encoder_B"])


@given(configs, observations)
def test_a_replay_from_any_saved_state_decides_the_same(config, series) -> None:
    path = replay(config, seen(series))
    for k, (_, state, _) in enumerate(path[:-1]):
        saved = msgspec.json.decode(msgspec.json.encode(state), type=HomeostasisState)
        again, changes = step(saved, path[k + 1][0], config)
        assert (again, changes) == path[k + 1][1:]


@given(configs, observations)
def test_an_encoder_with_an_inverted_order_is_never_frozen_for_it(config, series) -> None:
    for observation, _, changes in replay(config, seen(series)):
        for change in changes:
            if change.part == "encoder_B" and change.frozen:
                assert observation.hierarchy_B is not None
                assert observation.hierarchy_B < 0.0


@given(st.floats(0.0, 1.0), st.floats(0.01, 1.0))
def test_an_inverted_order_is_worse_than_none(ultrametric: float, hierarchy: float) -> None:
    assert quality(hierarchy, ultrametric) < quality(0.0, ultrametric) < quality(-hierarchy, ultrametric)


def one(epoch: int, coverage: float = 1.0, a: float = -0.5, b: float = -0.8) -> Observation:
    return Observation(epoch=epoch, coverage=coverage, hierarchy_A=a, hierarchy_B=b)


def changes_of(
    series: list[Observation], config: HomeostasisConfig = FAST, **frozen: bool
) -> list[tuple[int, str, bool]]:
    return [
        (observation.epoch, change.part, change.frozen)
        for observation, _, changes in replay(config, series, **frozen)
        for change in changes
    ]


def test_encoder_a_is_frozen_in_danger_and_thawed_when_safe_and_stalled() -> None:
    falling = [one(e, b=-0.5 - 0.01 * e, coverage=c) for e, c in enumerate([1.0, 0.9, 0.9, 1.0, 1.0, 1.0], 1)]
    assert changes_of(falling, a=False) == [(2, "encoder_A", True), (4, "encoder_A", False)]
    # Frozen at epoch 2, safe from epoch 4 on, stalled since epoch 3 (a full window after freezing).


def test_encoder_b_is_frozen_on_a_plateau_and_thawed_after_a_setback() -> None:
    hierarchy = [-0.5, -0.6, -0.7, -0.7, -0.7, -0.7, -0.695, -0.68]
    series = [one(e, b=h) for e, h in enumerate(hierarchy, 1)]
    of_b = [change for change in changes_of(series) if change[1] == "encoder_B"]
    assert of_b == [(5, "encoder_B", True), (8, "encoder_B", False)]


def test_a_deterioration_is_a_stall_too() -> None:
    series = [one(e, b=h) for e, h in enumerate([-0.7, -0.6, -0.5], 1)]
    assert (3, "encoder_B", True) in changes_of(series)


def test_a_cycle_that_paid_relaxes_and_one_that_cost_tightens() -> None:
    def freeze_after(hierarchy_end: float) -> HomeostasisState:
        config = msgspec.structs.replace(FAST, coverage_freeze=0.98, coverage_thaw=0.99)
        series = [one(1, a=-0.5), one(2, coverage=0.5, a=hierarchy_end)]
        return replay(config, series, a=False)[-1][1]

    paid, cost = freeze_after(-0.7), freeze_after(-0.3)
    assert (paid.coverage_freeze, paid.coverage_thaw) == pytest.approx((0.975, 0.985))
    assert (cost.coverage_freeze, cost.coverage_thaw) == pytest.approx((0.985, 0.995))
    neither = freeze_after(-0.49)
    assert (neither.coverage_freeze, neither.coverage_thaw) == (0.98, 0.99)


def dual(*sets: str):
    return tiny(
        "model.branches=2", "loss.radius_band.branch=both", "training.guards.allow_cold_start=true", *sets
    )


def test_it_needs_two_encoders_and_a_ball() -> None:
    with pytest.raises(ConfigError, match="encoder A"):
        tiny("training.homeostasis.window=2")
    with pytest.raises(ConfigError, match="both decide"):
        dual("training.homeostasis.window=2", "parts.encoder_A.freeze=true", "parts.encoder_A.thaw_epoch=2")


RESTLESS = (
    "training.homeostasis.warmup_epochs=0", "training.homeostasis.hysteresis_epochs=1",
    "training.homeostasis.window=2", "training.homeostasis.plateau=3.0",
    "training.homeostasis.plateau_patience=1", "training.homeostasis.stall_patience=1",
    "training.homeostasis.coverage_floor=0.0",
    "training.homeostasis.coverage_freeze=0.001", "training.homeostasis.coverage_thaw=0.001",
    "parts.encoder_A.freeze=true", "training.epochs=6",
)  # fmt: skip


def events(out: Path, name: str) -> list[tuple[int, object, object]]:
    lines = [json.loads(line) for line in (out / f"runs/{name}/metrics.jsonl").read_text().splitlines()]
    return [
        (line["epoch"], line["values"]["event"], line["values"].get("part"))
        for line in lines
        if line["scope"] == "event" and line["values"]["event"] in ("frozen", "thawed")
    ]


def test_a_run_freezes_thaws_and_resumes_bit_for_bit(out: Path) -> None:
    from training.test_resume import CtrlC

    whole = train(dual(*RESTLESS), out=out, name="whole")
    assert {event[1:] for event in events(out, "whole")} >= {("thawed", "encoder_A")}
    for epoch in (2, 4):
        name = f"broken{epoch}"
        stopped = train(dual(*RESTLESS), out=out, name=name, sinks=[CtrlC(epoch)])
        assert stopped.status == "interrupted"
        assert resume(name, out=out).metrics == whole.metrics
        assert events(out, name) == events(out, "whole")
        a, b = (read(out / f"models/{n}/latest.safetensors") for n in ("whole", name))
        assert all(a.tensors[key].equal(b.tensors[key]) for key in a.tensors)
        assert a.state_tensors.keys() == b.state_tensors.keys()
        assert all(a.state_tensors[key].equal(b.state_tensors[key]) for key in a.state_tensors)
        assert a.state["frozen"] == b.state["frozen"]


def test_a_change_keeps_the_moments() -> None:
    state, _ = build_state(dual(*RESTLESS), torch.device("cpu"))
    policy = next(policy for policy in state.policies if isinstance(policy, Homeostasis))
    groups = [id(group) for kind in state.optimizer.kinds.values() for group in kind.param_groups]
    metrics = {"coverage": 1.0, "hierarchy_A": -0.5, "hierarchy_B": -0.5}
    decided = [
        decision
        for epoch in range(1, 6)
        for decision in policy.on_eval(
            Evaluation(epoch=epoch, step=3 * epoch, progress=0.1, metrics=metrics, improved=False)
        )
    ]
    assert {d.part for d in decided} == {"encoder_A", "encoder_B"}
    for decision in decided:
        state.optimizer.freeze(decision.part, decision.frozen)
    assert [id(group) for kind in state.optimizer.kinds.values() for group in kind.param_groups] == groups
    assert state.optimizer.frozen() == ["encoder_B"]


def test_nothing_happens_without_it(out: Path) -> None:
    memory = Memory()
    train(dual(), out=out, sinks=[memory])
    assert not [e for e in memory.scope("event") if e["event"] in ("frozen", "thawed", "rate")]
