"""What it costs to inspect a file: seconds, and memory above that of a process that inspected a tiny one.

The files are inspected by a child process, which is asked for one at a time; as a script, this is that child.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

PATIENCE = 20.0
RESET = Path("/proc/self/clear_refs")


class Worker:
    """A child that inspects files."""

    def __init__(self, tiny: Path) -> None:
        self.child = subprocess.Popen(
            [sys.executable, __file__, json.dumps(sys.path), str(tiny)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.child.kill()
        self.child.communicate()

    def cost(self, path: Path) -> tuple[float, float]:
        """Seconds, and megabytes at the peak. Raises TimeoutError if the child hangs, EOFError if it dies."""
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.write(os.fsencode(path) + b"\n")
        self.child.stdin.flush()
        if not select.select([self.child.stdout], [], [], PATIENCE)[0]:
            raise TimeoutError(f"{path.name} takes more than {PATIENCE} s")
        reply = self.child.stdout.readline()
        if not reply:
            raise EOFError(f"{path.name} ends the process")
        seconds, megabytes = json.loads(reply)
        return seconds, megabytes


def status(field: str) -> float:
    """A size of this process in megabytes."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def main() -> None:
    """Inspects the paths that come line by line, and answers with what each cost."""
    sys.path[:] = json.loads(sys.argv[1])
    from tvae import _core

    trim = getattr(ctypes.CDLL(None), "malloc_trim", lambda size: None)
    _core.inspect_file(sys.argv[2])
    idle = status("VmRSS")
    for line in sys.stdin.buffer:
        # What was freed may still count; only the peak of this one file matters.
        trim(0)
        RESET.write_text("5")
        started = time.perf_counter()
        _core.inspect_file(os.fsdecode(line.rstrip(b"\n")))
        seconds = time.perf_counter() - started
        print(json.dumps([seconds, status("VmHWM") - idle]), flush=True)


if __name__ == "__main__":
    main()
