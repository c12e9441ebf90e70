"""The seed and the threads of a run, which the caller keeps as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from tvae.config.schema import Config


@contextmanager
def randomness(config: Config, device: torch.device) -> Iterator[None]:
    """The run's seed and thread count, given back to the caller afterwards."""
    threads = torch.get_num_threads()
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(config.seed)
        torch.set_num_threads(config.training.threads)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
