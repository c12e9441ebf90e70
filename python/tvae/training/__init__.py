"""Training: `train(config)`, `resume(run)`, `preflight(config)`."""

from __future__ import annotations

from tvae.training.loop import preflight, resume, train
from tvae.training.schedule import total_steps
from tvae.training.sinks import Event, Sink
from tvae.training.writer import RunSummary

__all__ = ["Event", "RunSummary", "Sink", "preflight", "resume", "total_steps", "train"]
