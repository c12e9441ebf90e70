"""Steps per second of the training step, against the same model and losses on eager geoopt operations.

    python benches/bench_training.py               default preset, one thread, rounds interleaved
    python benches/bench_training.py --optimizer   Muon: ours in float32 against torch's in bfloat16

The rival shares encoder, projection, decoder, losses and batches; its ball points come from
`geoopt.PoincareBall.expmap0`, its radii from `dist0`, its distances from `dist` (broadcast over the
pair matrix) and its tangent vectors from `logmap0`. It is measured with our optimizer, so that the
ratio is of the step alone, and with `geoopt.optim.RiemannianAdam`, as hyperbolic VAEs are usually
trained. Correctness comes first: both must give the same loss on the same weights.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from tvae.config import load
from tvae.config.schema import Config
from tvae.losses.inputs import LossInputs
from tvae.nn.projection import Polar
from tvae.nn.vae import Branch, Output, Posterior
from tvae.training.batches import draw_batch
from tvae.training.build import build_state
from tvae.training.muon import Muon
from tvae.training.state import TrainState
from tvae.training.step import Step

with warnings.catch_warnings():
    # geoopt compiles its scalar functions with TorchScript, which torch has deprecated.
    warnings.simplefilter("ignore")
    import geoopt


class GeooptInputs(LossInputs):
    """The same inputs, with radii and distances from geoopt."""

    ball = geoopt.PoincareBall(c=1.0)

    def radius(self, branch: Branch) -> Tensor:
        return self.ball.dist0(self.output.posteriors[branch].polar.radius)

    def distances(self, branch: Branch) -> Tensor:
        points = self.output.posteriors[branch].polar.radius
        half = len(points) // 2
        return self.ball.dist(points[:half, None], points[None, half:])


class Points:
    """Ball points in the place of polar coordinates."""

    def __init__(self, points: Tensor) -> None:
        self.radius = points


def geoopt_objective(state: TrainState, step: Step) -> Callable[..., tuple[Tensor, dict[str, Tensor]]]:
    ball, model = GeooptInputs.ball, state.model

    def objective(batch, noise, progress):
        mu, logvar = model.encode(batch.x, "B")
        sample = mu + torch.exp(0.5 * logvar) * noise["B"]
        polar: Polar = model.project(torch.cat([sample, mu]), "B")
        points = ball.expmap0(0.5 * polar.tangent)
        logits = model.decoder(2.0 * ball.logmap0(points)).view(2, *batch.x.shape, 3)
        posterior = Posterior(mu, logvar, Points(points[len(mu) :]))
        return step.total(GeooptInputs(batch, Output({"B": posterior}, ("B",), logits, 1.0), progress))

    return objective


def contender(config: Config, kind: str) -> Callable[[int], float]:
    """A function that takes one step and returns its loss."""
    torch.manual_seed(0)
    compiled = replace_training(config, compile=kind == "ours, compiled")
    state, step = build_state(compiled, torch.device("cpu"))
    if kind.startswith("geoopt"):
        step.objective = geoopt_objective(state, step)
    if kind == "geoopt, RiemannianAdam":
        state.optimizer.kinds = {"radam": geoopt.optim.RiemannianAdam(state.model.parameters(), lr=0.01)}
        for group in state.optimizer.kinds["radam"].param_groups:
            group.update(peak_lr=group["lr"], part="all")

    def take(k: int) -> float:
        batch = draw_batch(
            state.model.space, config.training.batch_size, seed=0, step=k, high_v=0.25, device=step.device
        )
        torch.manual_seed(k)
        return step(batch, lr_factor=0.1, progress=0.5, step=k)[0]

    return take


def replace_training(config: Config, **changes: object) -> Config:
    import msgspec

    return msgspec.structs.replace(config, training=msgspec.structs.replace(config.training, **changes))


def rate(take: Callable[[int], float], first: int, steps: int) -> float:
    started = time.perf_counter()
    for k in range(first, first + steps):
        take(k)
    return steps / (time.perf_counter() - started)


def training(rounds: int, steps: int) -> None:
    config = load("default", env={}).config
    kinds = ["geoopt, our optimizer", "geoopt, RiemannianAdam", "ours, eager", "ours, compiled"]
    contenders = {kind: contender(config, kind) for kind in kinds}
    losses = {kind: take(0) for kind, take in contenders.items()}
    reference = losses["ours, eager"]
    for kind, loss in losses.items():
        assert abs(loss - reference) < 1e-3 * abs(reference), f"{kind}: loss {loss}, ours {reference}"
    spread = max(losses.values()) - min(losses.values())
    print(f"same loss on the same weights: {reference:.4f}, spread {spread:.1e}\n")
    for take in contenders.values():
        rate(take, 1, 10)
    rates = {kind: [] for kind in kinds}
    for r in range(rounds):
        for kind, take in contenders.items():
            rates[kind].append(rate(take, 20 + r * steps, steps))
    print(f"{'step of 256, one thread':<26}{'steps/s':>9}{'min':>8}{'max':>8}{'x geoopt':>10}{'x RAdam':>9}")
    for kind in kinds:
        own = rates[kind]
        ratios = [
            statistics.median(a / b for a, b in zip(own, rates[rival], strict=True)) for rival in kinds[:2]
        ]
        print(
            f"{kind:<26}{statistics.median(own):>9.1f}{min(own):>8.1f}{max(own):>8.1f}"
            f"{ratios[0]:>10.2f}{ratios[1]:>9.2f}"
        )


def optimizer(rounds: int, steps: int) -> None:
    shapes = [(128, 256), (64, 128), (128, 128), (64, 64)]
    params = [torch.nn.Parameter(0.1 * torch.randn(s)) for s in shapes]
    for p in params:
        p.grad = torch.randn_like(p)
    ours, theirs = (
        Muon(params, lr=1e-3, steps=3),
        torch.optim.Muon(params, lr=1e-3, ns_steps=3, weight_decay=0.0),
    )
    times: dict[str, list[float]] = {"ours, float32": [], "torch.optim.Muon, bfloat16": []}
    for _ in range(rounds):
        for name, optim in zip(times, (ours, theirs), strict=True):
            optim.step()
            started = time.perf_counter()
            for _ in range(steps):
                optim.step()
            times[name].append(1e3 * (time.perf_counter() - started) / steps)
    for name, values in times.items():
        print(f"{name:<28}{statistics.median(values):8.3f} ms ({min(values):.3f} to {max(values):.3f})")
    a, b = (statistics.median(values) for values in times.values())
    print(f"ours takes {a / b:.2f} of torch's time")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--optimizer", action="store_true")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=60)
    options = parser.parse_args()
    torch.set_num_threads(1)
    (optimizer if options.optimizer else training)(options.rounds, options.steps)


if __name__ == "__main__":
    main()
