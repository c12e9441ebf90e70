"""A run on a terminal: a live display, or plain lines where there is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tvae.cli.output import note
from tvae.cli.scores import score

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tvae.training import Event, Sink

#: Seconds between two refreshes of the live display.
_REFRESH = 0.1


def progress(*, silent: bool) -> Sink:
    """The sink that suits standard error; alerts are shown by all of them."""
    if silent:
        return Alerts()
    return Live() if sys.stderr.isatty() else Lines()


def alert_line(values: Mapping[str, object]) -> str:
    """An alert in one line.

    Example:
        >>> alert_line({"alert": "nan", "message": "the loss is NaN", "hint": "lower optim.lr"})
        'tvae: alert: the loss is NaN; lower optim.lr'
    """
    hint = values.get("hint")
    return f"tvae: alert: {values.get('message')}" + (f"; {hint}" if hint else "")


def change_line(values: Mapping[str, object]) -> str | None:
    """What a policy or a plan changed in a run, in one line; None for other events.

    Example:
        >>> change_line({"event": "frozen", "part": "encoder_A", "message": "coverage fell"})
        'tvae: encoder_A frozen: coverage fell'
        >>> change_line({"event": "start"})
    """
    if values.get("event") in {"frozen", "thawed"}:
        return f"tvae: {values.get('part')} {values['event']}: {values.get('message')}"
    return f"tvae: {values.get('message')}" if values.get("event") == "rate" else None


def _number(values: Mapping[str, object], *names: str) -> float | None:
    for name in names:
        value = values.get(name)
        if isinstance(value, (int, float)):
            return float(value)
    return None


class Alerts:
    """Nothing but the alerts."""

    def emit(self, event: Event) -> None:
        if event.scope == "alert":
            note(alert_line(event.values))

    def close(self) -> None:
        """Nothing is held open."""


class Lines:
    """One line per evaluation and per alert, for logs and pipes."""

    def __init__(self) -> None:
        self.epochs: object = "?"
        self.rate: float | None = None

    def emit(self, event: Event) -> None:
        values = event.values
        if event.scope == "alert":
            note(alert_line(values))
        elif event.scope == "step":
            self.rate = _number(values, "steps_per_second")
        elif event.scope == "event":
            self.epochs = values.get("epochs", self.epochs)
            if line := change_line(values):
                note(line)
        elif event.scope == "eval":
            shown = "  ".join(
                f"{name} {score(_number(values, f'{name}_B', name))}"
                for name in ("coverage", "hierarchy", "ultrametric", "tree_inversions")
            )
            rate = f"  {self.rate:.0f} steps/s" if self.rate else ""
            final = "best weights" if values.get("final") else f"epoch {event.epoch}/{self.epochs}"
            note(f"{final}  step {event.step}  {shown}{'' if values.get('final') else rate}")

    def close(self) -> None:
        """Nothing is held open."""


class Live:
    """Epoch, loss, coverage, hierarchy against its ceiling, throughput and time left, in place."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live as RichLive

        self.console = Console(stderr=True)
        self.live = RichLive(console=self.console, auto_refresh=False, transient=True)
        self.shown_at = 0.0
        self.start: Mapping[str, object] = {}
        self.step_values: Mapping[str, object] = {}
        self.evaluated: Mapping[str, object] = {}
        self.epoch = self.step = 0

    def emit(self, event: Event) -> None:
        self.epoch, self.step = event.epoch, event.step
        if event.scope == "alert":
            self.console.print(alert_line(event.values), style="yellow", markup=False, highlight=False)
        elif event.scope == "step":
            self.step_values = event.values
        elif event.scope == "eval":
            self.evaluated = event.values
        elif event.values.get("event") == "start":
            self.start = event.values
            self.live.start()
        elif line := change_line(event.values):
            self.console.print(line, markup=False, highlight=False)
        now = time.monotonic()
        if self.live.is_started and (event.scope != "step" or now - self.shown_at >= _REFRESH):
            self.shown_at = now
            self.live.update(self.render(), refresh=True)

    def close(self) -> None:
        self.live.stop()

    def render(self) -> RenderableType:
        """The display as it stands."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        steps = _number(self.start, "steps") or 1.0
        rate = _number(self.step_values, "steps_per_second") or 0.0
        left = _clock((steps - self.step) / rate) if rate else "-"
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            Text(f"epoch {self.epoch}/{self.start.get('epochs')}"),
            ProgressBar(total=steps, completed=self.step, width=30, complete_style="green"),
            Text(f"{self.step / steps:4.0%}  {rate:,.0f} steps/s  {left} left"),
        )
        loss = _number(self.step_values, "loss")
        ceilings = self.start.get("ceilings")
        ceiling = _number(ceilings, "hierarchy_B", "hierarchy") if isinstance(ceilings, Mapping) else None
        of = f" of {score(ceiling)}" if ceiling is not None else ""
        words = [
            f"loss {loss:.4g}" if loss is not None else "loss -",
            f"coverage {score(_number(self.evaluated, 'coverage'))}",
            f"hierarchy {score(_number(self.evaluated, 'hierarchy_B', 'hierarchy'))}{of}",
        ]
        return Group(Text(str(self.start.get("name", "")), style="bold"), bar, Text("  ".join(words)))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
