"""Ctrl-C before a command has begun."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import tvae

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


def test_nothing_is_imported_before_an_interrupt_is_one_line() -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); before = set(sys.modules)\n"
        "from tvae.__main__ import main\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    package = Path(tvae.__file__).parents[1]
    # Without what sites and development installs import at the start of Python.
    found = subprocess.run([sys.executable, "-IS", "-c", script, package], capture_output=True, text=True)
    assert found.stdout.split() == ["tvae", "tvae.__main__"], found.stderr


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
