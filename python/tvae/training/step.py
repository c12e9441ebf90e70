"""One optimisation step: forward, losses, gradients, update."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from tvae.config.schema import OptimConfig, TrainingConfig
from tvae.losses import Batch, LossInputs, Total
from tvae.nn import Branch, TernaryVAE
from tvae.training.guards import check_finite
from tvae.training.optimizer import PartOptimizer
from tvae.training.schedule import steps_of
from tvae.training.temperature import temperature


class Step:
    """Everything a step needs that does not change from one to the next.

    Args:
        model: the model, on its device.
        total: the losses, on the same device.
        optimizer: its optimizer.
        decoded: the branches that are decoded.
        mean_too: decode posterior means as well as samples.
    """

    def __init__(
        self,
        model: TernaryVAE,
        total: Total,
        optimizer: PartOptimizer,
        *,
        decoded: tuple[Branch, ...],
        mean_too: bool,
        training: TrainingConfig,
        optim: OptimConfig,
    ) -> None:
        self.model = model
        self.total = total
        self.optimizer = optimizer
        self.decoded = decoded
        self.mean_too = mean_too
        self.clip_norm = optim.clip_norm
        self.autocast = training.autocast
        self.temperatures = training.temperature
        self.steps, self.steps_per_epoch = steps_of(training), training.steps_per_epoch
        self.device = model.decoder.logits.weight.device
        self.objective = (
            torch.compile(self._objective, dynamic=False, fullgraph=True)
            if training.compile
            else self._objective
        )

    def _objective(
        self, batch: Batch, noise: Mapping[Branch, Tensor], progress: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        with self._precision():
            output = self.model(batch.x, noise, mean_too=self.mean_too)
        return self.total(LossInputs(batch, output, progress))

    def _precision(self) -> AbstractContextManager[object]:
        return torch.autocast(self.device.type, dtype=torch.bfloat16) if self.autocast else nullcontext()

    def __call__(
        self, batch: Batch, *, lr_factor: float, progress: float, step: int
    ) -> tuple[float, dict[str, Tensor]]:
        """Update the weights once; the loss and its terms before the update.

        Raises:
            GuardStop: if the loss is not finite; the weights are left as they were.
        """
        noise: dict[Branch, Tensor] = {
            b: torch.randn(len(batch.x), self.model.spec.latent_dim, device=self.device) for b in self.decoded
        }
        for branch, config in self.temperatures.items():
            noise[branch] *= temperature(
                step, config=config, total=self.steps, steps_per_epoch=self.steps_per_epoch
            )
        loss, logs = self.objective(batch, noise, torch.tensor(progress, device=self.device))
        value = loss.item()
        check_finite(value, logs, step=step)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if self.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip_norm)
        self.optimizer.set_lr(lr_factor)
        self.optimizer.step()
        return value, logs
