"""The optimizer of a run: Muon for large matrices, AdamW for the rest, one group per part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from tvae.config.schema import OptimConfig, Part, PartConfig
from tvae.errors import CheckpointError
from tvae.nn import TernaryVAE
from tvae.training.muon import Muon
from tvae.training.part import part_of

#: Moments that are saved, by kind of optimizer.
MOMENTS = {"muon": ("momentum",), "adam": ("exp_avg", "exp_avg_sq", "step")}


class PartOptimizer:
    """Every parameter of the model in a group of its part, frozen or not.

    A frozen part keeps its groups: its tensors get no gradient, so they are left alone bit for bit,
    and so are their moments, until it is thawed.
    """

    def __init__(self, model: TernaryVAE, config: OptimConfig, parts: Mapping[Part, PartConfig]) -> None:
        self.model = model
        self.parts: dict[Part, PartConfig] = {
            part: parts.get(part, PartConfig())
            for part in sorted({part_of(name) for name, _ in model.named_parameters()})
        }
        self._rising: dict[Part, float] = {}
        self.names: dict[Tensor, str] = {p: name for name, p in model.named_parameters()}
        muon: dict[Part, list[Tensor]] = {}
        adam: dict[Part, list[Tensor]] = {}
        for name, p in model.named_parameters():
            large = config.name == "muon" and p.ndim == 2 and min(p.shape) >= config.muon_min_side
            (muon if large else adam).setdefault(part_of(name), []).append(p)
        self.kinds: dict[str, torch.optim.Optimizer] = {}
        if muon:
            self.kinds["muon"] = Muon(
                self._groups(muon, config.muon_lr, parts), weight_decay=config.weight_decay
            )
        if adam:
            self.kinds["adam"] = torch.optim.AdamW(
                self._groups(adam, config.lr, parts),
                betas=(0.9, 0.99),
                weight_decay=config.weight_decay,
                fused=True,
            )
        for part, part_config in parts.items():
            self.freeze(part, part_config.freeze)

    @staticmethod
    def _groups(
        by_part: Mapping[Part, list[Tensor]], lr: float, parts: Mapping[Part, PartConfig]
    ) -> list[dict[str, Any]]:
        scale = {part: parts.get(part, PartConfig()).lr_scale for part in by_part}
        return [
            {"params": p, "part": part, "lr": lr * scale[part], "peak_lr": lr * scale[part]}
            for part, p in by_part.items()
        ]

    def freeze(self, part: Part, frozen: bool = True) -> None:
        """Freeze a part, or thaw it."""
        for name, p in self.model.named_parameters():
            if part_of(name) == part:
                p.requires_grad_(not frozen)
                p.grad = None

    def frozen(self) -> list[Part]:
        """The parts that are frozen, sorted."""
        trained = {part_of(name) for name, p in self.model.named_parameters() if p.requires_grad}
        return [part for part in self.parts if part not in trained]

    def advance(self, step: int, *, steps_per_epoch: int) -> list[Part]:
        """Thaw the parts whose `thaw_epoch` begins with `step`, and return them.

        The rate of a thawed part rises linearly over its `thaw_warmup_epochs`: a function of the step
        alone, so a resumed run goes on with the same rates.
        """
        due: list[Part] = []
        for part, config in self.parts.items():
            if config.thaw_epoch is None:
                continue
            since = step - config.thaw_epoch * steps_per_epoch
            if since == 0:
                self.freeze(part, False)
                due.append(part)
            warmup = config.thaw_warmup_epochs * steps_per_epoch
            self._rising[part] = min(1.0, (since + 1) / warmup) if warmup and since >= 0 else 1.0
        return due

    def set_lr(self, factor: float) -> None:
        """Set every group's rate to `factor` times its peak, less while its part is warming up."""
        for optimizer in self.kinds.values():
            for group in optimizer.param_groups:
                group["lr"] = factor * group["peak_lr"] * self._rising.get(group["part"], 1.0)

    def zero_grad(self) -> None:
        for optimizer in self.kinds.values():
            optimizer.zero_grad()

    def step(self) -> None:
        for optimizer in self.kinds.values():
            optimizer.step()

    def state_tensors(self) -> dict[str, Tensor]:
        """The moments, as `<kind>/<parameter>/<moment>`."""
        return {
            f"{kind}/{self.names[p]}/{moment}": state[moment]
            for kind, optimizer in self.kinds.items()
            for p, state in optimizer.state.items()
            for moment in MOMENTS[kind]
        }

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take the moments back.

        Raises:
            CheckpointError: if they belong to other parameters or another optimizer.
        """
        by_name = dict(self.model.named_parameters())
        for key, value in tensors.items():
            kind, _, rest = key.partition("/")
            name, _, moment = rest.rpartition("/")
            if kind not in self.kinds or name not in by_name or moment not in MOMENTS[kind]:
                raise CheckpointError(
                    f"optimizer state {key} belongs to no parameter of this run",
                    hint="resume with the config that the run was started with",
                )
            # Steps are counters without a device of their own; moments live beside their parameter.
            p = by_name[name]
            self.kinds[kind].state[p][moment] = (
                value.clone() if moment == "step" else value.to(p.device).clone()
            )
