"""Where a run's events go: `metrics.jsonl` always, TensorBoard on demand, whatever else is given."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from msgspec import Struct

from tvae.errors import DependencyError, StorageError

Scope = Literal["step", "epoch", "eval", "event", "alert"]


class Event(Struct, frozen=True, kw_only=True):
    """Something that happened at a step."""

    epoch: int
    step: int
    scope: Scope
    values: dict[str, Any]


class Sink(Protocol):
    """Takes events as they come."""

    def emit(self, event: Event) -> None: ...

    def close(self) -> None: ...


def jsonable(value: object) -> object:
    """`value` with NaN and infinity as null, all the way down."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(v) for v in value]
    return value


class JsonLines:
    """One JSON object a line, flushed line by line; a line torn by a crash is closed on the next opening."""

    def __init__(self, path: Path) -> None:
        try:
            torn = path.exists() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
            self._file = path.open("a", encoding="utf-8")
            if torn:
                self._file.write("\n")
        except OSError as error:
            raise StorageError(f"cannot write {path}: {error.strerror}", path=str(path)) from error

    def emit(self, event: Event) -> None:
        line = {
            "t": round(time.time(), 3),
            "epoch": event.epoch,
            "step": event.step,
            "scope": event.scope,
            "values": jsonable(event.values),
        }
        try:
            self._file.write(json.dumps(line, allow_nan=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise StorageError(
                f"cannot write {self._file.name}: {error.strerror}", path=self._file.name
            ) from error

    def close(self) -> None:
        self._file.close()


class TensorBoard:
    """Scalars by step, named `<scope>/<name>`."""

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise DependencyError(
                "training.tensorboard needs the tensorboard package", hint="pip install 'tvae[tensorboard]'"
            ) from error
        self._writer = SummaryWriter(str(folder))

    def emit(self, event: Event) -> None:
        for name, value in event.values.items():
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
                self._writer.add_scalar(f"{event.scope}/{name}", value, event.step)

    def close(self) -> None:
        self._writer.close()


class LogFile:
    """`logs/<name>.log`: alerts and milestones in words."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            raise StorageError(f"cannot write {path}: {error.strerror}", path=str(path)) from error

    def emit(self, event: Event) -> None:
        if event.scope in {"step", "epoch"}:
            return
        now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
        words = " ".join(
            f"{k}={_short(v)}" for k, v in event.values.items() if not isinstance(v, dict | list)
        )
        self._file.write(f"{now} epoch {event.epoch} step {event.step} {event.scope}: {words}\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


class Fanout:
    """Several sinks as one; closes all of them."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = list(sinks)

    def emit(self, *, epoch: int, step: int, scope: Scope, **values: object) -> None:
        """Send one event to every sink."""
        event = Event(epoch=epoch, step=step, scope=scope, values=values)
        for sink in self._sinks:
            sink.emit(event)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sink in self._sinks:
            sink.close()
