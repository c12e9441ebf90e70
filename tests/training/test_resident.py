"""Steps without the host: what plain steps give, a stop that leaves the weights, nothing read, the graph."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch

from tvae.config import load
from tvae.errors import GuardStop
from tvae.training.batches import draw_batch
from tvae.training.build import build_state
from tvae.training.resident import Planned, ResidentStep
from tvae.training.state import TrainState
from tvae.training.step import Step

HOST = torch.device("cpu")


def a_run(optimizer: str, device: torch.device = HOST) -> tuple[TrainState, Step]:
    config = load("smoke", sets=[f"optim.name={optimizer}", "optim.weight_decay=0.01"], env={}).config
    torch.manual_seed(0)
    return build_state(config, device)


def plans(state: TrainState, count: int, *, first: int = 0) -> list[Planned]:
    return [
        Planned(
            number,
            draw_batch(state.model.space, 32, seed=0, step=number, high_v=0.25, device=HOST),
            0.5,
            state.optimizer.rates(0.5),
            number / 20,
        )
        for number in range(first, first + count)
    ]


def weights(state: TrainState) -> list[torch.Tensor]:
    return [p.detach().clone() for p in state.model.parameters()]


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_it_gives_what_plain_steps_give(optimizer: str) -> None:
    state, step = a_run(optimizer)
    torch.manual_seed(1)
    plain = [step(p.batch, lr_factor=p.factor, progress=p.progress, step=p.step) for p in plans(state, 8)]
    there = weights(state)
    state, step = a_run(optimizer)
    resident = ResidentStep(step, window=5, graph=False)
    torch.manual_seed(1)
    ahead = plans(state, 8)
    outcomes = [*resident(ahead[:5]), *resident(ahead[5:])]
    if optimizer == "adamw":
        assert [o.loss for o in outcomes] == [loss for loss, _ in plain]
        assert all(torch.equal(a, b) for a, b in zip(weights(state), there, strict=True))
    for (loss, logs), outcome in zip(plain, outcomes, strict=True):
        assert outcome.loss == pytest.approx(loss, rel=1e-4)
        assert {k: float(v) for k, v in outcome.logs.items()} == pytest.approx(
            {k: float(v) for k, v in logs.items()}, rel=1e-2, abs=1e-4
        )


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_loss_that_is_not_finite_stops_with_the_weights_before_it(optimizer: str) -> None:
    state, step = a_run(optimizer)
    resident = ResidentStep(step, window=4, graph=False)
    resident(plans(state, 2))
    before, moments = weights(state), {k: v.clone() for k, v in state.optimizer.state_tensors().items()}
    ahead = plans(state, 3, first=2)
    ahead[0].batch.x[0, 0] = torch.nan
    with pytest.raises(GuardStop, match="at step 2, before the update"):
        resident(ahead)
    assert all(torch.equal(a, b) for a, b in zip(weights(state), before, strict=True))
    after = state.optimizer.state_tensors()
    assert all(torch.equal(after[name], moment) for name, moment in moments.items())


@pytest.mark.parametrize("preset", ["default", "dual"])
def test_nothing_in_a_step_reads_the_device(preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the meta device there is nothing to read, so whatever would stall a GPU raises."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # knows no meta device
    ranking = ["loss.pair_ranking={weight: 1}", "loss.global_rank={weight: 1}", "loss.geodesic={weight: 1}"]
    config = load(preset, sets=["model.learnable_curvature=true", *ranking], env={}).config
    torch.manual_seed(0)
    _, step = build_state(config, HOST)
    meta = torch.device("meta")
    step.model.to(meta)
    step.total.to(meta)
    batch = draw_batch(step.model.space, 32, seed=0, step=0, high_v=0.25, device=meta)
    noise = {b: torch.randn(32, step.model.spec.latent_dim, device=meta) for b in step.decoded}
    loss, _ = step.objective(batch, noise, torch.zeros((), device=meta))
    loss.backward()
    assert any(p.grad is not None for p in step.model.parameters())


@pytest.mark.gpu
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_captured_step_is_the_same_step(optimizer: str) -> None:
    results = []
    for graph in (False, True):
        state, step = a_run(optimizer, torch.device("cuda"))
        resident = ResidentStep(step, window=8, graph=graph)
        torch.manual_seed(1)
        outcomes = resident(plans(state, 8)) + resident(plans(state, 8, first=8))
        results.append([o.loss for o in outcomes])
    assert results[1] == pytest.approx(results[0], rel=1e-3)
