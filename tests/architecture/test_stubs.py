"""`_core.pyi` says what the compiled extension offers, no more and no less."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_the_stub_agrees_with_the_extension(root: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "tvae._core"],
        cwd=root,
        env={"PATH": "", "MYPY_CACHE_DIR": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
