"""`TrainState`: everything that a run is, in one object that saves and resumes bit for bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from tvae.checkpoint import Checkpoint, load_into
from tvae.errors import CheckpointError
from tvae.nn import TernaryVAE
from tvae.training.optimizer import PartOptimizer
from tvae.training.policy import Policy


class TrainState:
    """Model, optimizer, random numbers, policies, counters and the best so far.

    The schedule and the batches are pure functions of the step, so the counters hold them too.
    """

    def __init__(
        self,
        model: TernaryVAE,
        optimizer: PartOptimizer,
        policies: Sequence[Policy],
        own_losses: Sequence[str] = (),
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.policies = list(policies)
        self.own_losses = sorted(own_losses)
        """Losses that are not in the config, by name."""
        self.step = 0
        self.seconds = 0.0
        self.best: dict[str, Any] | None = None
        """Epoch, step, key and metrics of the best evaluation."""
        self.last: dict[str, Any] | None = None
        self.finished = False
        self.rate = 1.0
        """Factor on all learning rates that policies have brought about."""
        self.loss: float | None = None
        """Loss of the last step."""

    def counters(self) -> dict[str, Any]:
        """The JSON-able part of the state."""
        return {
            "step": self.step,
            "seconds": self.seconds,
            "best": self.best,
            "last": self.last,
            "finished": self.finished,
            "loss": self.loss,
            "rate": self.rate,
            "frozen": self.optimizer.frozen(),
            "own_losses": self.own_losses,
            "policies": {policy.name: policy.state() for policy in self.policies},
        }

    def tensors(self) -> dict[str, Tensor]:
        """Optimizer moments and random-number states."""
        state = {f"optim/{name}": value for name, value in self.optimizer.state_tensors().items()}
        state["rng/cpu"] = torch.get_rng_state()
        if next(self.model.parameters()).is_cuda:
            state["rng/cuda"] = torch.cuda.get_rng_state()
        return state

    def restore(self, checkpoint: Checkpoint, *, source: str) -> None:
        """Continue from a resume state.

        Raises:
            CheckpointError: if the file has no resume state, or it belongs to another run's config.
        """
        state: Mapping[str, Any] = checkpoint.state
        if "step" not in state:
            raise CheckpointError(
                "holds weights but no state to resume from",
                path=source,
                hint="resume from latest.safetensors, or start a new run from these weights with --init",
            )
        if state["own_losses"] != self.own_losses:
            raise CheckpointError(
                "the run was trained with other losses of its own",
                path=source,
                expected=", ".join(state["own_losses"]) or "none",
                got=", ".join(self.own_losses) or "none",
                hint="register them and give them to tvae.training.resume(..., losses=...)",
            )
        load_into(self.model, checkpoint.tensors, source=source)
        tensors = checkpoint.state_tensors
        self.optimizer.restore(
            {k.removeprefix("optim/"): v for k, v in tensors.items() if k.startswith("optim/")}
        )
        torch.set_rng_state(tensors["rng/cpu"].cpu())
        if "rng/cuda" in tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(tensors["rng/cuda"].cpu())
        self.step = int(state["step"])
        self.seconds = float(state["seconds"])
        self.best, self.last = state["best"], state["last"]
        self.finished = bool(state["finished"])
        self.loss = state["loss"]
        # States saved before there were such policies know neither: what the config says then holds.
        self.rate = float(state.get("rate", 1.0))
        if "frozen" in state:
            for part in self.optimizer.parts:
                self.optimizer.freeze(part, part in state["frozen"])
        for policy in self.policies:
            if policy.name in state["policies"]:
                policy.restore(state["policies"][policy.name])
