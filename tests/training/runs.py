"""Small configs and a sink that remembers, for the tests of the loop."""

from __future__ import annotations

from tvae.config import load
from tvae.config.schema import Config
from tvae.training import Event


def tiny(*sets: str) -> Config:
    """Depth 3, 12 steps of 16, an evaluation and a save every 3 steps."""
    short = (
        "space.depth=3",
        "training.epochs=4",
        "training.steps_per_epoch=3",
        "training.batch_size=16",
        "training.eval_every=1",
        "training.save_every=1",
        "training.eval_pairs=50",
        "model.latent_dim=4",
        "model.encoder.hidden=[40,36]",
        "model.decoder.hidden=[34,34]",
        "training.device=cpu",
    )
    return load("default", sets=[*short, *sets], env={}).config


class Memory:
    """A sink that keeps every event; `on_step` is called with each step's number."""

    def __init__(self, on_step: object = None) -> None:
        self.events: list[Event] = []
        self.closed = False

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def close(self) -> None:
        self.closed = True

    def scope(self, scope: str) -> list[dict[str, object]]:
        return [event.values for event in self.events if event.scope == scope]
