"""The registry: every loss by name, built from its config, and their weighted sum.

A loss takes its config and a `Scale`, and maps `LossInputs` to a `LossResult`. One whose config has a
`branch` acts on one branch at a time; `Total` sums over the branches asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor

from tvae.errors import ConfigError
from tvae.losses.inputs import LossInputs, LossResult, Scale
from tvae.losses.schedule import ONE_STEP, Clock, factor, ramped
from tvae.losses.spec import LossSpec, WeightSchedule
from tvae.nn.vae import Branch


class Loss(ABC):
    """The base of every loss: made from a config, a scale and the branch it acts on.

    Tables that are plain tensor attributes move with the model.
    """

    #: Whether the loss reads the ball, and so needs a model with a projection.
    on_ball = True
    #: Whether it is confined to its branch, for losses that otherwise sum over the decoded ones.
    alone = False
    #: Whether the loss reads logits, and so needs its branch to be decoded.
    decodes = False
    #: The weight of a config that leaves it out.
    default_weight = 1.0

    def __init__(self, config: Any, scale: Scale, branch: Branch) -> None:
        self.config = config
        self.scale = scale
        self.branch: Branch = branch

    @abstractmethod
    def __call__(self, inputs: LossInputs) -> LossResult:
        """The value to minimise, and what else is worth logging."""

    def to(self, device: torch.device) -> None:
        """Move the loss's tables."""
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(self, name, value.to(device))


_REGISTRY: dict[str, type[Loss]] = {}
L = TypeVar("L", bound=type[Loss])


def register(name: str) -> Callable[[L], L]:
    """Class decorator: make a loss available under `name`.

    Raises:
        ConfigError: if the name is taken.

    Example:
        >>> from tvae import losses
        >>> "radius_band" in losses.names()
        True
    """

    def add(cls: L) -> L:
        if name in _REGISTRY:
            raise ConfigError(f"a loss named {name!r} is registered already", hint="choose another name")
        _REGISTRY[name] = cls
        return cls

    return add


def names() -> list[str]:
    """The names of all registered losses, sorted."""
    return sorted(_REGISTRY)


def build(name: str, config: object, scale: Scale, branch: Branch = "B") -> Loss:
    """One loss, ready to be called.

    Raises:
        ConfigError: if no loss has this name.
    """
    if name not in _REGISTRY:
        raise ConfigError(f"unknown loss {name!r}", expected=", ".join(names()))
    return _REGISTRY[name](config, scale, branch)


class Term:
    """One loss on one branch, with its weight over time."""

    def __init__(
        self,
        name: str,
        loss: Loss,
        config: Any,
        schedule: WeightSchedule | None = None,
        clock: Clock = ONE_STEP,
    ) -> None:
        self.name = name
        self.loss = loss
        self.weight: float = loss.default_weight if config.weight is None else config.weight
        self.ramp: str = getattr(config, "ramp", "constant")
        self.schedule = schedule
        self.clock = clock

    def weight_at(self, progress: Tensor) -> Tensor | float:
        """The weight when `progress` (0-d) of the run is over."""
        weight = self.weight * ramped(progress, ramp=self.ramp)
        if self.schedule is None:
            return weight
        return weight * factor(self.clock.epochs(progress), self.schedule)


class Total:
    """The weighted sum of the losses of a spec.

    Args:
        spec: which losses, with which weights.
        scale: depth, r_max and bands.
        branches: the branches of the model; the first one decodes.
        on_ball: whether the model has a projection.
        decoded: the branches that the run decodes; None: the first one.
        clock: how long the run is, for schedules.
        extra: losses of your own, registered by `register`, as name -> config.

    Raises:
        ConfigError: if a loss asks for a branch, a ball or a decoding that is not there.
    """

    def __init__(
        self,
        spec: LossSpec,
        scale: Scale,
        *,
        branches: tuple[Branch, ...],
        on_ball: bool,
        decoded: tuple[Branch, ...] | None = None,
        clock: Clock = ONE_STEP,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        self.terms: list[Term] = []
        decoded = branches[:1] if decoded is None else decoded
        schedules: dict[str, WeightSchedule] = {str(name): s for name, s in spec.schedules.items()}
        configs: dict[str, Any] = {
            field: getattr(spec, field)
            for field in spec.__struct_fields__
            if field not in ("bands", "schedules")
        }
        for name, config in {**configs, **(extra or {})}.items():
            if config is None or config.weight == 0.0:
                continue
            apart = any(f"{name}_{branch}" in schedules for branch in branches)
            chosen = decoded if apart else self._branches(name, config, branches)
            for branch in chosen:
                loss = build(name, config, scale, branch)
                self._check(name, loss, on_ball=on_ball, decoded=decoded)
                if apart:
                    loss.alone = True
                suffix = f"_{branch}" if len(chosen) == 2 else ""
                schedule = schedules.get(f"{name}_{branch}", schedules.get(name))
                self.terms.append(Term(name + suffix, loss, config, schedule, clock))
        if not self.terms:
            raise ConfigError("no loss is left", path="loss", hint="give at least one loss a weight above 0")

    @staticmethod
    def _check(name: str, loss: Loss, *, on_ball: bool, decoded: tuple[Branch, ...]) -> None:
        if loss.on_ball and not on_ball:
            raise ConfigError(
                f"loss {name} acts on the ball, but the model has no projection",
                path=f"loss.{name}",
                hint=f"set loss.{name} to null, or give the model a projection",
            )
        if loss.decodes and loss.branch not in decoded:
            raise ConfigError(
                f"loss {name} reads what branch {loss.branch} decodes, but the run does not decode it",
                path=f"loss.{name}.branch",
                expected=", ".join(decoded) or "a run that decodes",
                got=loss.branch,
                hint="set loss.reconstruction.branches to both, or choose a branch that is decoded",
            )

    @staticmethod
    def _branches(name: str, config: Any, branches: tuple[Branch, ...]) -> tuple[Branch, ...]:
        asked = getattr(config, "branch", "decoding")
        if asked == "decoding":
            return branches[:1]
        if asked == "both":
            return branches
        if asked not in branches:
            raise ConfigError(
                f"loss {name} asks for branch {asked}, but the model has one branch, B",
                path=f"loss.{name}.branch",
                expected="B",
                got=asked,
                hint="set model.branches to 2",
            )
        return (asked,)

    def to(self, device: torch.device) -> Total:
        """Move the losses' tables to `device`."""
        for term in self.terms:
            term.loss.to(device)
        return self

    def __call__(self, inputs: LossInputs) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted sum and, by name, each loss's unweighted value and metrics (detached)."""
        total: Tensor | float = 0.0
        logs: dict[str, Tensor] = {}
        for term in self.terms:
            value, metrics = term.loss(inputs)
            total = total + term.weight_at(inputs.progress) * value
            logs[f"loss/{term.name}"] = value.detach()
            logs.update({f"loss/{term.name}/{key}": metric for key, metric in metrics.items()})
        assert isinstance(total, Tensor)
        return total, logs
