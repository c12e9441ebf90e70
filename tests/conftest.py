"""The ground that every test stands on: one thread, fixed seeds, none of the settings of who runs it.

Slow and GPU tests are deselected in pyproject.toml; `-m "slow or not slow"` runs all, and GPU tests skip
themselves where there is no device.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest

# Read by torch and its libraries when they are first imported, which is later than this.
os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", MPLBACKEND="Agg")
#: The inventory that tests/data/inventory.json was derived from, where somebody has it.
RAW_INVENTORY = os.environ.get("TVAE_INVENTORY")
#: A folder of the predecessor's own configs, where somebody has them.
LEGACY_CONFIGS = os.environ.get("TVAE_LEGACY_CONFIGS")
for _name in [name for name in os.environ if name.startswith("TVAE_") or name == "COLUMNS"]:
    del os.environ[_name]

# The same examples every time, and no failure because the machine was busy.
hypothesis.settings.register_profile("tvae", derandomize=True, deadline=None)
hypothesis.settings.load_profile("tvae")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    wanting = [item for item in items if item.get_closest_marker("gpu")]
    if not wanting:
        return
    import torch

    if not torch.cuda.is_available():
        for item in wanting:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture(autouse=True)
def _seeds() -> None:
    random.seed(0)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(0)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the checkout."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def raw_inventory() -> Path:
    """The inventory of the predecessor's checkpoints as its script wrote it."""
    if RAW_INVENTORY is None:
        pytest.skip("TVAE_INVENTORY does not name the raw inventory")
    return Path(RAW_INVENTORY)


@pytest.fixture(scope="session")
def legacy_configs() -> list[Path]:
    """The predecessor's own configs."""
    if LEGACY_CONFIGS is None:
        pytest.skip("TVAE_LEGACY_CONFIGS names no folder of old configs")
    found = sorted(Path(LEGACY_CONFIGS).glob("*.yaml"))
    assert found
    return found


@pytest.fixture(scope="session")
def tracked(root: Path) -> list[Path]:
    """The files that git has, or would have after `git add`, relative to the root; symlinks are one entry."""
    if not (root / ".git").exists():
        pytest.skip("not a git checkout")
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    names = {os.fsdecode(name) for name in listing.stdout.split(b"\0") if name}
    return sorted(Path(name) for name in names if os.path.lexists(root / name))
