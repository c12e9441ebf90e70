"""No hostile file costs more than 64 MB, and none hangs. The time of each is for benches/bench_hostile.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from scan.hostile.every import CASES
from scan.hostile.measure import RESET, Worker
from scan.hostile.opcodes import PLAIN

MEGABYTES = 64


@pytest.mark.skipif(not RESET.exists(), reason="the peak of a process cannot be reset here")
def test_no_file_takes_much_memory_or_hangs(tmp_path: Path) -> None:
    tiny = tmp_path / "tiny.pt"
    tiny.write_bytes(PLAIN)
    costs = {}
    with Worker(tiny) as worker:
        for case in CASES:
            path = case.write(tmp_path)
            _, costs[case.label] = worker.cost(path)
            path.unlink()
    assert {label: size for label, size in costs.items() if size >= MEGABYTES} == {}
