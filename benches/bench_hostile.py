"""What hostile files cost: the slowest of every case of tests/scan/hostile, and a rival on the same files.

    python benches/bench_hostile.py [N]

Prints the N slowest (default 10), how many take more than 250 ms or 64 MB, and, if picklescan is there, the
same files through it, each in its own process with 20 seconds of patience.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from scan.hostile.every import CASES
from scan.hostile.measure import PATIENCE, Worker
from scan.hostile.opcodes import PLAIN

RIVAL = "import sys; from picklescan.cli import main; sys.exit(main())"
GOAL_MS, GOAL_MB = 250.0, 64.0


def rival(path: Path) -> tuple[float, str]:
    """Milliseconds of the picklescan command, and how it ended."""
    started = time.perf_counter()
    try:
        command = [sys.executable, "-c", RIVAL, "-p", str(path)]
        code = subprocess.run(command, capture_output=True, timeout=PATIENCE).returncode
        end = {0: "clean", 1: "found"}.get(code, "failed")
    except subprocess.TimeoutExpired:
        end = "hung"
    return (time.perf_counter() - started) * 1e3, end


def main(worst: int) -> None:
    rows = []
    compare = importlib.util.find_spec("picklescan") is not None
    with tempfile.TemporaryDirectory() as folder:
        tiny = Path(folder) / "tiny.pt"
        tiny.write_bytes(PLAIN)
        with Worker(tiny) as worker:
            for case in CASES:
                path = case.write(Path(folder))
                milliseconds, megabytes = min(worker.cost(path) for _ in range(3))
                other = rival(path) if compare else (0.0, "")
                rows.append((milliseconds * 1e3, megabytes, case, *other))
                path.unlink()
    rows.sort(key=lambda row: row[0], reverse=True)
    print(f"{'ms':>8} {'MB':>6}  {'picklescan ms' if compare else '':>14}  case")
    for milliseconds, megabytes, case, other, end in rows[:worst]:
        told = f"{other:>8.0f} {end}" if compare else ""
        print(f"{milliseconds:8.1f} {megabytes:6.1f}  {told:>14}  {case.label}")
    slow = sum(row[0] > GOAL_MS for row in rows)
    large = sum(row[1] > GOAL_MB for row in rows)
    print(f"{len(rows)} files: {slow} above {GOAL_MS:g} ms, {large} above {GOAL_MB:g} MB")
    if compare:
        evil = [row for row in rows if row[2].safety == "dangerous"]
        for end in ("clean", "failed", "hung"):
            print(f"picklescan, of {len(evil)} dangerous files: {sum(row[4] == end for row in evil)} {end}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
