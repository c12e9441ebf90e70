"""The live display and its plain and silent forms."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console
from rich.live import Live as RichLive

from tvae.cli.progress import Alerts, Lines, Live, progress
from tvae.training.sinks import Event

START = Event(
    epoch=0,
    step=0,
    scope="event",
    values={
        "event": "start",
        "name": "run-one",
        "steps": 100,
        "epochs": 10,
        "ceilings": {"hierarchy": -0.83205},
        "models_dir": "m",
        "resumed": False,
    },
)
STEP = Event(epoch=4, step=40, scope="step", values={"loss": 3.5, "lr": 0.01, "steps_per_second": 20.0})
EVAL = Event(
    epoch=4, step=40, scope="eval", values={"coverage": 0.75, "hierarchy_B": -0.5, "ultrametric_B": None}
)
ALERT = Event(epoch=4, step=40, scope="alert", values={"alert": "a", "message": "[x] fell", "hint": None})


def live(**keywords: Any) -> tuple[Live, io.StringIO]:
    stream = io.StringIO()
    sink = Live()
    sink.console = Console(file=stream, width=80, force_terminal=True, color_system=None, **keywords)
    sink.live = RichLive(console=sink.console, auto_refresh=False, transient=True)
    return sink, stream


def test_the_display_shows_what_matters() -> None:
    sink, stream = live()
    for event in (START, STEP, EVAL, ALERT):
        sink.emit(event)
    shown = Console(width=80, record=True, file=io.StringIO())
    shown.print(sink.render())
    text = shown.export_text()
    sink.close()
    for words in ("run-one", "epoch 4/10", "40%", "20 steps/s", "0:03 left", "loss 3.5"):
        assert words in text
    assert "coverage 0.75000" in text
    assert "hierarchy -0.50000 of -0.83205" in text
    assert "tvae: alert: [x] fell" in stream.getvalue()
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("plain", [True, False])
def test_changes_of_a_run_are_shown(plain: bool, capsys: pytest.CaptureFixture[str]) -> None:
    frozen = Event(
        epoch=4,
        step=40,
        scope="event",
        values={"event": "frozen", "part": "encoder_A", "message": "[x] fell", "policy": "homeostasis"},
    )
    rate = Event(epoch=4, step=40, scope="event", values={"event": "rate", "rate": 0.5, "message": "slower"})
    sink, stream = (Lines(), None) if plain else live()
    for event in (START, frozen, rate):
        sink.emit(event)
    sink.close()
    text = capsys.readouterr().err if stream is None else stream.getvalue()
    assert "tvae: encoder_A frozen: [x] fell" in text
    assert "tvae: slower" in text


def test_the_display_survives_a_run_without_values() -> None:
    sink, _ = live()
    sink.emit(Event(epoch=0, step=0, scope="event", values={"event": "start"}))
    sink.emit(Event(epoch=0, step=0, scope="eval", values={"coverage": None}))
    sink.close()
    sink.close()


def test_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    sink = Lines()
    final = Event(epoch=4, step=40, scope="eval", values={**EVAL.values, "final": True})
    for event in (START, STEP, EVAL, ALERT, final):
        sink.emit(event)
    assert capsys.readouterr().err.splitlines() == [
        "epoch 4/10  step 40  coverage 0.75000  hierarchy -0.50000  ultrametric -  tree_inversions -"
        "  20 steps/s",
        "tvae: alert: [x] fell",
        "best weights  step 40  coverage 0.75000  hierarchy -0.50000  ultrametric -  tree_inversions -",
    ]


def test_the_terminal_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(progress(silent=True), Alerts)
    assert isinstance(progress(silent=False), Lines)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert isinstance(progress(silent=False), Live)
