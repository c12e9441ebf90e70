"""The one interface through which rules watch a run and decide about it.

A policy sees every evaluation (and, cheaply, every step), returns decisions, and keeps its memory in
a JSON-able dict that is saved and restored with the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from tvae.config.schema import Part


class Alert(Struct, frozen=True, kw_only=True):
    """Something the user should know now; the run goes on."""

    name: str
    message: str
    hint: str


class Stop(Struct, frozen=True, kw_only=True):
    """The run ends after this evaluation, in order."""

    name: str
    message: str


class Freeze(Struct, frozen=True, kw_only=True):
    """A part is frozen or thawed; its optimizer keeps its moments."""

    name: str
    part: Part
    frozen: bool
    message: str


class ScaleRate(Struct, frozen=True, kw_only=True):
    """All learning rates are multiplied by `factor` from here on."""

    name: str
    factor: float
    message: str


Decision = Alert | Stop | Freeze | ScaleRate


class Evaluation(Struct, frozen=True, kw_only=True):
    """What a policy is shown."""

    epoch: int
    step: int
    progress: float
    """Share of the run that is over, in (0, 1]."""
    metrics: Mapping[str, Any]
    improved: bool
    """Whether it is better than every evaluation before it; a new best may also tie."""


class Policy(Protocol):
    """A rule that watches a run."""

    name: str

    def on_eval(self, evaluation: Evaluation) -> Sequence[Decision]:
        """Decide about an evaluation. Called once each, before anything is saved."""
        ...

    def state(self) -> dict[str, Any]:
        """The policy's memory, JSON-able."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the memory back."""
        ...
