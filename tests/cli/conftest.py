"""The command line in this process, and stand-ins for the engines behind it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from msgspec import Struct, field

from cli.prunable import make, plant
from tvae.cli.app import main

METRICS = {
    "coverage": 0.5,
    "coverage_sampled": 0.4,
    "kl_nats": 12.0,
    "hierarchy_B": -0.8,
    "hierarchy_A": None,
}
CEILINGS = {"coverage": 1.0, "kl_nats": 9.8875, "hierarchy_B": -0.83205, "hierarchy_A": -0.83205}


class Done(Struct, frozen=True):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


@pytest.fixture
def tvae(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run `tvae ARGUMENTS` and return exit code, stdout and stderr."""

    def run(*arguments: str | Path) -> Done:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return run


class Summary(Struct, kw_only=True):
    """The fields of summary.json."""

    schema: int = 1
    status: str = "finished"
    best: dict[str, Any] | None = None
    last: dict[str, Any] | None = None
    metrics: dict[str, float | None] = field(default_factory=METRICS.copy)
    ceilings: dict[str, float] = field(default_factory=CEILINGS.copy)
    seconds: float = 3.25
    epochs: int = 2
    checkpoint: str | None = "outputs/models/x/best.safetensors"
    name: str = "x"
    models_dir: str = "outputs/models/x"
    runs_dir: str = "outputs/runs/x"


class Event(Struct, kw_only=True):
    """What a run tells its sinks."""

    epoch: int = 1
    step: int = 10
    scope: str
    values: dict[str, Any]


START = Event(
    epoch=0,
    step=0,
    scope="event",
    values={"event": "start", "name": "x", "steps": 20, "epochs": 2, "ceilings": {"hierarchy": -0.83205}},
)
COURSE = (
    START,
    Event(scope="step", values={"loss": 3.5, "lr": 0.01, "steps_per_second": 250.0}),
    Event(scope="eval", values=METRICS),
    Event(
        scope="alert", values={"alert": "coverage_drop", "message": "coverage fell", "hint": "lower optim.lr"}
    ),
    Event(epoch=2, step=20, scope="event", values={"event": "finished", "seconds": 3.25}),
)


class Training(ModuleType):
    """Stands for `tvae.training`: keeps what it was called with, and sends the events of a short run."""

    def __init__(self) -> None:
        super().__init__("tvae.training")
        self.called: dict[str, Any] = {}
        self.summary = Summary()
        self.error: Exception | None = None
        self.course: Sequence[Event] = COURSE

    def train(self, config: object, **keywords: Any) -> Summary:
        self.called = {"config": config, **keywords}
        return self._run(keywords["sinks"])

    def resume(self, source: str, **keywords: Any) -> Summary:
        self.called = {"source": source, **keywords}
        return self._run(keywords["sinks"])

    def preflight(self, config: object) -> dict[str, object]:
        self.called = {"config": config}
        return {"coverage": 0.25, "parameters": 12}

    def _run(self, sinks: Sequence[Any]) -> Summary:
        for sink in sinks:
            for event in self.course:
                sink.emit(event)
            sink.close()
        if self.error:
            raise self.error
        return self.summary


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> Training:
    import tvae as package

    module = Training()
    monkeypatch.setitem(sys.modules, "tvae.training", module)
    # Not by setattr: to ask for the name would import what stands in for it, and keep it afterwards.
    monkeypatch.setitem(vars(package), "training", module)
    return module


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with runs to archive, to delete and to keep."""
    return plant(tmp_path / "tree")


@pytest.fixture
def plan(tree: Path, tmp_path: Path) -> Path:
    """The plan for it."""
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(make(tree)))
    return path
