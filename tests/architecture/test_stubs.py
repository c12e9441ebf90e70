"""`_core.pyi` says what the compiled extension offers, no more and no less."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_the_stub_agrees_with_the_extension(root: Path, tmp_path: Path) -> None:
    # Names and signatures are compared here; the types inside them are the business of `mypy`.
    settings = tmp_path / "mypy.ini"
    settings.write_text("[mypy]\nfollow_imports = skip\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "tvae._core", "--mypy-config-file", str(settings)],
        cwd=root,
        env={"PATH": "", "MYPY_CACHE_DIR": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
