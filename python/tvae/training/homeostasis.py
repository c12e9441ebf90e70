"""Homeostasis: which encoder is trained, by what evaluations measure.

`step` is a pure function of its state and an observation; `Homeostasis` is the policy around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tvae.config.schema import HomeostasisConfig, Part, PartConfig
from tvae.training.policy import Decision, Evaluation, Freeze

Encoder = Literal["encoder_A", "encoder_B"]
#: A cycle that lost more than this quality tightens the thresholds.
COST = 0.05
#: The thresholds of freezing and thawing stay this far apart, below 1.
GAP = 0.005


class Observation(Struct, frozen=True, kw_only=True):
    """What is known after an evaluation; None is unknown and decides nothing."""

    epoch: int
    coverage: float | None
    hierarchy_A: float | None
    hierarchy_B: float | None
    ultrametric_A: float | None = None
    ultrametric_B: float | None = None


class EncoderState(Struct, frozen=True, kw_only=True):
    """One encoder's memory."""

    frozen: bool
    changed: int | None = None
    """Epoch of the last change."""
    history: tuple[float, ...] = ()
    """The hierarchies of the last evaluations, oldest first."""
    stalls: int = 0
    """Evaluations in a row in which the order did not improve over the window."""
    start: float | None = None
    """Quality when the encoder was thawed."""
    reference: float | None = None
    """Hierarchy when the encoder was frozen."""


class HomeostasisState(Struct, frozen=True, kw_only=True):
    """Everything that the next decision depends on."""

    a: EncoderState
    b: EncoderState
    coverage_freeze: float
    coverage_thaw: float
    plateau_patience: int


class Change(Struct, frozen=True, kw_only=True):
    """An encoder to freeze or to thaw, and why."""

    part: Encoder
    frozen: bool
    reason: str


def start(config: HomeostasisConfig, *, frozen_A: bool, frozen_B: bool) -> HomeostasisState:
    """The state before the first evaluation."""
    return HomeostasisState(
        a=EncoderState(frozen=frozen_A),
        b=EncoderState(frozen=frozen_B),
        coverage_freeze=config.coverage_freeze,
        coverage_thaw=config.coverage_thaw,
        plateau_patience=config.plateau_patience,
    )


def quality(hierarchy: float | None, ultrametric: float | None) -> float:
    """ultrametric - 1.5 hierarchy: 2.08 at the ceilings of depth 9; an inverted order counts against it.

    The predecessor's dist_corr + 1.5 |hierarchy| called an inverted order excellent, and dist_corr
    rewards levels that collapse onto a point; the ultrametric does not.

    Example:
        >>> quality(-0.83, 0.83), quality(0.83, 0.83) < 0
        (2.075, True)
    """
    return (ultrametric or 0.0) - 1.5 * (hierarchy or 0.0)


def step(
    state: HomeostasisState, seen: Observation, config: HomeostasisConfig
) -> tuple[HomeostasisState, tuple[Change, ...]]:
    """The next state, and what changes: a pure function, so a replay decides the same.

    * Encoder A is frozen when coverage falls below `coverage_freeze`, and thawed when coverage has reached
      `coverage_thaw` and branch A's order has stalled `stall_patience` times in a row.
    * Encoder B is frozen when its order, if it is not inverted, has stalled `plateau_patience` times in a
      row, and thawed when it got worse by `setback` since, or is inverted.
    * An order stalls when, over a full window, hierarchy fell by less than `plateau`.
    * Neither changes before `warmup_epochs`, nor twice within `hysteresis_epochs`.
    * When an encoder is frozen again, its cycle is judged by its branch's `quality`: a gain relaxes its
      threshold by one step, a loss of more than 0.05 tightens it; never beyond floor, ceiling and 1.

    Example:
        >>> config = HomeostasisConfig(warmup_epochs=0)
        >>> state = start(config, frozen_A=False, frozen_B=False)
        >>> seen = Observation(epoch=2, coverage=0.9, hierarchy_A=-0.5, hierarchy_B=-0.8)
        >>> _, changes = step(state, seen, config)
        >>> [(change.part, change.frozen) for change in changes]
        [('encoder_A', True)]
    """
    state = replace(
        state,
        a=_observed(state.a, seen.hierarchy_A, quality(seen.hierarchy_A, seen.ultrametric_A), config),
        b=_observed(state.b, seen.hierarchy_B, quality(seen.hierarchy_B, seen.ultrametric_B), config),
    )
    if seen.epoch < config.warmup_epochs:
        return state, ()
    changes: list[Change] = []
    if reason := _reason_A(state, seen, config):
        state = _changed_A(state, seen, config)
        changes.append(Change(part="encoder_A", frozen=state.a.frozen, reason=reason))
    if reason := _reason_B(state, seen, config):
        state = _changed_B(state, seen, config)
        changes.append(Change(part="encoder_B", frozen=state.b.frozen, reason=reason))
    return state, tuple(changes)


def _observed(
    encoder: EncoderState, hierarchy: float | None, now: float, config: HomeostasisConfig
) -> EncoderState:
    # An encoder that was never frozen began its cycle with the first evaluation.
    began = now if encoder.start is None and not encoder.frozen else encoder.start
    if hierarchy is None:
        return replace(encoder, start=began)
    history = (*encoder.history, hierarchy)[-config.window :]
    stalled = len(history) == config.window and history[0] - history[-1] < config.plateau
    return replace(encoder, history=history, start=began, stalls=encoder.stalls + 1 if stalled else 0)


def _settled(encoder: EncoderState, epoch: int, config: HomeostasisConfig) -> bool:
    return encoder.changed is None or epoch - encoder.changed >= config.hysteresis_epochs


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _reason_A(state: HomeostasisState, seen: Observation, config: HomeostasisConfig) -> str | None:
    if seen.coverage is None or not _settled(state.a, seen.epoch, config):
        return None
    if not state.a.frozen and seen.coverage < state.coverage_freeze:
        return f"coverage {seen.coverage:.3%} is below {state.coverage_freeze:.3%}"
    if state.a.frozen and seen.coverage >= state.coverage_thaw and state.a.stalls >= config.stall_patience:
        return f"coverage {seen.coverage:.3%} is safe and hierarchy_A stalled {_times(state.a.stalls)}"
    return None


def _reason_B(state: HomeostasisState, seen: Observation, config: HomeostasisConfig) -> str | None:
    hierarchy, b = seen.hierarchy_B, state.b
    if hierarchy is None or not _settled(b, seen.epoch, config):
        return None
    if not b.frozen:
        if b.stalls >= state.plateau_patience and hierarchy < 0.0:
            return f"hierarchy_B stalled {_times(b.stalls)} at {hierarchy:+.4f}"
        return None
    if hierarchy > 0.0:
        return f"hierarchy_B is inverted, {hierarchy:+.4f}"
    if b.reference is not None and hierarchy > b.reference + config.setback:
        return f"hierarchy_B went from {b.reference:+.4f} to {hierarchy:+.4f}"
    return None


def _turned(encoder: EncoderState, epoch: int, hierarchy: float | None, now: float) -> EncoderState:
    if encoder.frozen:
        return replace(encoder, frozen=False, changed=epoch, stalls=0, start=now, reference=None)
    return replace(encoder, frozen=True, changed=epoch, stalls=0, start=None, reference=hierarchy)


def _gained(encoder: EncoderState, now: float, config: HomeostasisConfig) -> int:
    """1 if the cycle that ends by freezing paid, -1 if it cost, 0 if neither or no cycle ends."""
    if encoder.frozen or encoder.start is None or not config.annealing:
        return 0
    gain = now - encoder.start
    return 1 if gain > 0.0 else -1 if gain < -COST else 0


def _changed_A(state: HomeostasisState, seen: Observation, config: HomeostasisConfig) -> HomeostasisState:
    now = quality(seen.hierarchy_A, seen.ultrametric_A)
    move = -config.annealing_step * _gained(state.a, now, config)
    freeze = min(1.0, state.coverage_freeze + move)
    state = replace(state, a=_turned(state.a, seen.epoch, seen.hierarchy_A, now))
    if move == 0.0 or freeze < config.coverage_floor:
        return state
    thaw = min(1.0, max(state.coverage_thaw + move, freeze + GAP))
    return replace(state, coverage_freeze=freeze, coverage_thaw=thaw)


def _changed_B(state: HomeostasisState, seen: Observation, config: HomeostasisConfig) -> HomeostasisState:
    now = quality(seen.hierarchy_B, seen.ultrametric_B)
    patience = state.plateau_patience + _gained(state.b, now, config)
    patience = min(max(patience, config.plateau_patience), config.patience_ceiling)
    b = _turned(state.b, seen.epoch, seen.hierarchy_B, now)
    return replace(state, b=b, plateau_patience=patience)


class Homeostasis:
    """Freezes and thaws the encoders of a run; moments and the learning-rate schedule stay as they are."""

    name = "homeostasis"

    def __init__(self, config: HomeostasisConfig, parts: Mapping[Part, PartConfig]) -> None:
        self.config = config
        frozen = {part for part, part_config in parts.items() if part_config.freeze}
        self.memory = start(config, frozen_A="encoder_A" in frozen, frozen_B="encoder_B" in frozen)

    def on_eval(self, evaluation: Evaluation) -> Sequence[Decision]:
        seen = Observation(
            epoch=evaluation.epoch,
            **{name: evaluation.metrics.get(name) for name in Observation.__struct_fields__[1:]},
        )
        self.memory, changes = step(self.memory, seen, self.config)
        return [
            Freeze(name=self.name, part=change.part, frozen=change.frozen, message=change.reason)
            for change in changes
        ]

    def state(self) -> dict[str, Any]:
        memory: dict[str, Any] = msgspec.to_builtins(self.memory)
        return memory

    def restore(self, state: Mapping[str, Any]) -> None:
        self.memory = msgspec.convert(state, HomeostasisState)
