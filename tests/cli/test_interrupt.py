"""Ctrl-C before a command has begun."""

from __future__ import annotations

import subprocess
import sys

import pytest

# The import of a module is the moment of the signal.
SCRIPT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
class Finder:
    def find_spec(self, name, *rest):
        if name == {name!r}:
            {act}
sys.meta_path.insert(0, Finder())
from tvae.__main__ import main
sys.argv = ["tvae", "config", "presets"]
sys.exit(main())
"""


@pytest.mark.parametrize("name", ["tvae.cli.app", "typer", "tvae.cli.config", "tvae.cli.output"])
@pytest.mark.parametrize("act", ["signal.raise_signal(signal.SIGINT)", "exec('raise KeyboardInterrupt')"])
def test_while_importing(name: str, act: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(name=name, act=act)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "tvae: interrupted\n")
