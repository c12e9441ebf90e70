"""Who has no Triton loses nothing: the package imports, says so, trains and measures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys

sys.modules["triton"] = None  # as if it were not installed: an import and a search find nothing

import torch

from tvae import geometry
from tvae.cli.app import main
from tvae.errors import DependencyError

assert all("Triton is not installed" in line for line in geometry.status().values()), geometry.status()
x = torch.rand(9, 3) / 4
assert geometry.distance(x, -x).isfinite().all()
for call in (geometry.distance, geometry.pairwise_distance):
    try:
        call(x, x, impl="triton")
    except DependencyError:
        continue
    raise AssertionError(call)
sets = ["training.epochs=1", "training.eval_every=1", "training.device=cpu"]
sys.argv = ["tvae", "train", "smoke", "--name", "bare", *[word for s in sets for word in ("--set", s)]]
assert main() == 0
assert sys.modules["triton"] is None
"""


def test_trains_where_triton_is_not_installed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "outputs" / "models" / "bare" / "best.safetensors").exists()
