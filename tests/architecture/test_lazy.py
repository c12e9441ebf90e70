"""Looking around is quick: neither `import tvae` nor the commands that only read text load an engine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"torch", "numpy", "huggingface_hub", "matplotlib", "scipy", "tensorboard", "triton"}

#: A config of the predecessor.
OLD = Path(__file__).parents[1] / "legacy" / "configs" / "v5_12.yaml"

COMMAND = """
import sys
from tvae.cli.app import main
sys.argv = ["tvae", *{arguments}]
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
"""
REPORT = """
import json, sys
print()
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def loaded(code: str, folder: Path) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", code + REPORT],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import tvae; dir(tvae); tvae.__version__",
        "import tvae; tvae.TvaeError, tvae.config",
        "import tvae; tvae.space, tvae.TernarySpace",
        "import tvae.losses.spec, tvae.nn.spec",
        "import tvae; tvae.inspect, tvae.FileRecord",
        "import tvae; tvae.scan, tvae.ScanResult, tvae.DirRecord",
        "import tvae.pruning",
        "import tvae.checks.measured, tvae.legacy.weights, tvae.checks.validation",
    ],
)
def test_imports_that_stay_light(code: str, tmp_path: Path) -> None:
    heavy = HEAVY - {"numpy"} if "space" in code else HEAVY  # operations come and go as numpy arrays
    assert not loaded(code, tmp_path) & heavy


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["train", "--help"],
        ["config", "show"],
        ["config", "presets"],
        ["config", "schema"],
        ["config", "migrate", str(OLD)],
        ["config", "diff", str(OLD), str(OLD)],
        ["models"],
        ["show", "--help"],
        ["scan", "--help"],
        ["prune", "--help"],
        ["lint-geometry", "--help"],
        ["lint-geometry", __file__],
    ],
    ids=" ".join,
)
def test_commands_that_stay_light(arguments: list[str], tmp_path: Path) -> None:
    assert not loaded(COMMAND.format(arguments=arguments), tmp_path) & HEAVY
