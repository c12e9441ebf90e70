"""How far a command is that works through many files: lines on stderr, few where nobody watches."""

from __future__ import annotations

import sys
import time

from tvae.cli.output import note

#: Seconds between lines where stderr is no terminal.
_EVERY = 5.0


class Pace:
    """Says which file comes, and how long the rest will take; to a log only now and then.

    Args:
        total: how many files there are.
        silent: say nothing.
    """

    def __init__(self, total: int, *, silent: bool) -> None:
        self.total, self.silent, self.number = total, silent, 0
        self.started = self.said = time.monotonic()

    def step(self, path: str) -> None:
        """The next file begins."""
        self.number += 1
        now = time.monotonic()
        if self.silent or not (sys.stderr.isatty() or now - self.said >= _EVERY):
            return
        self.said = now
        note(f"[{self.number}/{self.total}] {path}{self._left(now - self.started)}")

    def _left(self, elapsed: float) -> str:
        done = self.number - 1
        if not done or elapsed < _EVERY:
            return ""
        seconds = round(elapsed / done * (self.total - done))
        return f" (about {seconds} s left)" if seconds < 120 else f" (about {seconds // 60} min left)"
