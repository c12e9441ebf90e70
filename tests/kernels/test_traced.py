"""Every op that has a kernel traces into one graph on CUDA tensors, without a device."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tvae.geometry.choice import status

pytest.importorskip("triton", reason="Triton is not installed")


@pytest.mark.slow
def test_traced_into_one_graph() -> None:
    program = Path(__file__).with_name("traced.py")
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    shapes = json.loads(done.stdout)
    assert {name.split()[0] for name in shapes} == set(status())
    assert shapes["pairwise_distance"] == [60, 60]
    assert shapes["all_pairs_loss"] == []
