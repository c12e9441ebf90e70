"""Steps in a row without the host: what they need waits on the device, what they say stays there.

On a GPU a step of this size is all launches, so it is captured once and replayed as one CUDA graph. The same
body runs anywhere, step by step: on a CPU it gives the losses of `Step` bit for bit (with AdamW).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from tvae.losses import Batch
from tvae.nn import Branch
from tvae.training.guards import check_finite
from tvae.training.step import Step

#: Steps that run before a capture: they make the optimizer's moments, and are steps like any other.
WARM_UP = 3


class Planned(NamedTuple):
    """What one step needs beside the weights."""

    step: int
    batch: Batch
    """On the host."""
    factor: float
    """The learning rate over its peak."""
    rates: Sequence[float]
    """The learning rate of each group of the optimizer."""
    progress: float


class Outcome(NamedTuple):
    """Loss and terms of one step, before its update."""

    loss: float
    logs: Mapping[str, Tensor]


class ResidentStep:
    """Up to `window` steps of `step` at a time, with one transfer in and one out.

    A loss that is not finite turns the updates of that step and of the rest of the window into nothing, on
    the device; the host then finds it and stops, with the weights as they were.

    Args:
        step: the step, on its device. Its optimizer is made resident.
        window: steps at most in one call.
        graph: capture the body in a CUDA graph.
    """

    def __init__(self, step: Step, *, window: int, graph: bool) -> None:
        self.step = step
        self.window = window
        self.graph = graph
        self.device = step.device
        self.at = torch.zeros((), dtype=torch.int64, device=self.device)
        self.bad = torch.zeros((), device=self.device)
        self.scalars = torch.zeros(window, 0, device=self.device)
        self.batches: list[Tensor] = []
        self.outcomes: dict[str, Tensor] = {}
        self._captured: torch.cuda.CUDAGraph | None = None
        self._signature: tuple[bool, ...] = ()
        self._warm = 0
        step.optimizer.make_resident(self.bad)

    def __call__(self, planned: Sequence[Planned]) -> list[Outcome]:
        """Run the steps; their outcomes in order.

        Raises:
            GuardStop: at the first loss that is not finite; the weights are those before its step.
        """
        assert 0 < len(planned) <= self.window, "a window is filled in part or whole"
        self._stage(planned)
        for _ in planned:
            self._run()
        return self._read(planned)

    def _stage(self, planned: Sequence[Planned]) -> None:
        fields = [torch.stack(field) for field in zip(*(p.batch for p in planned), strict=True)]
        rows = [[p.progress, *p.rates, *self.step.noise_factors(p.step).values()] for p in planned]
        scalars = torch.tensor(rows, dtype=self._scalar_dtype())
        if not self.batches:
            self.batches = [
                torch.zeros(self.window, *t.shape[1:], dtype=t.dtype, device=self.device) for t in fields
            ]
            self.scalars = torch.zeros(self.window, scalars.shape[1], dtype=scalars.dtype, device=self.device)
        for buffer, values in zip((*self.batches, self.scalars), (*fields, scalars), strict=True):
            source = values.pin_memory() if self.device.type == "cuda" else values
            buffer[: len(planned)].copy_(source, non_blocking=True)
        self.at.zero_()
        self.bad.zero_()

    def _scalar_dtype(self) -> torch.dtype:
        # The fused kernels read their rate as float32 on a GPU and as float64 on a CPU.
        return torch.float32 if self.device.type == "cuda" else torch.float64

    def _run(self) -> None:
        """One step: replayed if it can be, captured if it is time, else run."""
        signature = tuple(p.requires_grad for p in self.step.model.parameters())
        if signature != self._signature:  # another set of parameters is trained: another graph
            self._captured, self._signature, self._warm = None, signature, 0
        if self._captured is not None:
            self._captured.replay()
        elif not self.graph:
            self._body()
        elif self._warm < WARM_UP:
            self._warm += 1
            side = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
            side.wait_stream(torch.cuda.current_stream(self.device))
            with torch.cuda.stream(side):
                self._body()
            torch.cuda.current_stream(self.device).wait_stream(side)
        else:
            self.step.optimizer.zero_grad()
            captured = torch.cuda.CUDAGraph()
            with torch.cuda.graph(captured):
                self._body()
            self._captured = captured
            captured.replay()

    def _body(self) -> None:
        """The step that `at` names, from the staged inputs; nothing in it waits for the device."""
        step, row = self.step, self.at.view(1)
        batch = Batch(*(buffer.index_select(0, row).squeeze(0) for buffer in self.batches))
        progress, *scalars = self.scalars.index_select(0, row).squeeze(0).unbind()
        rates, factors = scalars[: step.optimizer.groups], scalars[step.optimizer.groups :]
        step.optimizer.take_rates(rates)
        noise: dict[Branch, Tensor] = {}
        for branch, factor in zip(step.decoded, factors, strict=True):
            drawn = torch.randn(len(batch.x), step.model.spec.latent_dim, device=self.device)
            noise[branch] = drawn.mul_(factor) if branch in step.temperatures else drawn
        loss, logs = step.objective(batch, noise, progress.float())
        self.bad.copy_(torch.maximum(self.bad, (~loss.detach().isfinite()).to(self.bad)))
        step.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        step.clip()
        step.optimizer.step()
        for name, value in {"loss": loss.detach(), **logs}.items():
            if name not in self.outcomes:
                self.outcomes[name] = torch.zeros(self.window, device=self.device)
            self.outcomes[name].index_copy_(0, row, value.detach().view(1).float())
        self.at.add_(1)

    def _read(self, planned: Sequence[Planned]) -> list[Outcome]:
        names = list(self.outcomes)
        table = torch.stack([self.outcomes[name][: len(planned)] for name in names]).cpu()
        outcomes = []
        for column, plan in zip(table.unbind(1), planned, strict=True):
            values = dict(zip(names, column, strict=True))
            loss = values.pop("loss").item()
            check_finite(loss, values, step=plan.step)
            outcomes.append(Outcome(loss, values))
        return outcomes
