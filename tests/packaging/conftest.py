"""Two wheels, built once a session: straight from the checkout, and from the source distribution."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# Quicker to build than `dist`; what lands in the wheel does not depend on the profile.
PROFILE = "release"


@pytest.fixture(scope="session")
def sdist(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution."""
    out = tmp_path_factory.mktemp("sdist")
    _run([sys.executable, "-m", "maturin", "sdist", "--out", str(out)], root)
    return next(out.glob("*.tar.gz"))


@pytest.fixture(scope="session")
def build(root: Path, sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Returns the wheel that is built "direct" or from the "sdist"."""
    built: dict[str, Path] = {}

    def wheel(origin: str) -> Path:
        if origin not in built:
            out = tmp_path_factory.mktemp(origin)
            source = {"direct": root, "sdist": sdist}[origin]
            _run(
                [
                    *(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"),
                    *("--no-cache-dir", "--wheel-dir", str(out), str(source)),
                ],
                out,
                # The two builds share the crates from the registry, with each other and with the next run.
                CARGO_TARGET_DIR=str(root / "target" / "packaging"),
                MATURIN_PEP517_ARGS=f"--profile {PROFILE}",
            )
            built[origin] = next(out.glob("*.whl"))
        return built[origin]

    return wheel


@pytest.fixture(scope="session", params=["direct", "sdist"])
def wheel(request: pytest.FixtureRequest, build: Callable[[str], Path]) -> Path:
    """Each of the two wheels in turn."""
    return build(request.param)


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs Python on the installed wheel, far from the checkout, with this environment's dependencies."""
    site = tmp_path_factory.mktemp("site")
    _run([sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(site), str(wheel)], site)

    def python(*arguments: str, cwd: Path = site) -> str:
        return _run([sys.executable, *arguments], cwd, PYTHONPATH=str(site))

    python("-c", f"import tvae; assert tvae.__file__.startswith({str(site)!r}), tvae.__file__")
    return python


def _run(command: list[str], cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout
