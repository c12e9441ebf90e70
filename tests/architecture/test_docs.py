"""What the pages promise can be typed: commands and options exist, generated pages are up to date."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def blocks(page: Path) -> Iterator[str]:
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    yield from re.findall(r"^```(?:sh|bash|console)\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def commands(page: Path, program: str) -> list[list[str]]:
    """The calls of one program in the shell blocks of a page, in words."""
    lines = [line for block in blocks(page) for line in block.replace("\\\n", " ").splitlines()]
    calls = [shlex.split(line.removeprefix("$ ").removeprefix(".venv/bin/"), comments=True) for line in lines]
    return [words for words in calls if words[:1] == [program]]


@cache
def usage(*words: str) -> str | None:
    """The help text of a command, or None if there is no such command."""
    done = subprocess.run(
        [sys.executable, "-m", "tvae", *words, "--help"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"PATH": "", "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"},
    )
    return done.stdout if done.returncode == 0 else None


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
CALLS = sorted({shlex.join(words[1:]) for page in PAGES for words in commands(page, "tvae")})


@pytest.mark.parametrize("call", CALLS)
def test_every_command_on_the_pages_exists(call: str) -> None:
    words = shlex.split(call)
    assert words, "`tvae` alone is no example"
    if words == ["--help"]:
        assert usage() is not None
        return
    # One word of command, two for the families such as `tvae config show`.
    name = words[:2] if re.search(r"Usage: .*COMMAND", usage(words[0]) or "") else words[:1]
    text = usage(*name)
    assert text is not None, f"there is no `tvae {' '.join(name)}`"
    options = [word.partition("=")[0] for word in words if re.match(r"-[a-z-]", word)]
    unknown = [option for option in options if not re.search(rf"(?<![\w-]){option}(?![\w-])", text)]
    assert not unknown, f"`tvae {' '.join(name)} --help` does not list {unknown}"


def test_every_make_target_on_the_pages_exists(root: Path) -> None:
    targets = set(
        re.findall(r"^(\w+):.*## ", (root / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    )
    named = {words[1] for page in PAGES for words in commands(page, "make") if len(words) > 1}
    assert named <= targets


def test_the_readme_names_the_two_ways_in(root: Path) -> None:
    named = {" ".join(words[:2]) for words in commands(root / "README.md", "make")}
    assert {"make train", "make test"} <= named


def test_the_reference_of_the_configuration_is_up_to_date(root: Path) -> None:
    page = root / "docs" / "config.md"
    if not page.exists():
        pytest.skip("there is no docs/config.md")
    made = subprocess.run(
        [sys.executable, "-m", "tvae", "config", "reference"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    message = "run `.venv/bin/tvae config reference > docs/config.md`"
    assert made.stdout.decode() == page.read_text(encoding="utf-8"), message
