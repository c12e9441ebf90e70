"""Every preset loads, and says at its head what it is, what it needs and what it gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from tvae.config import load, presets
from tvae.config.presets import names, text

NAMES = names()


def test_default_comes_first_and_all_files_are_there(root: Path) -> None:
    assert NAMES[0] == "default"
    assert set(NAMES) == {path.stem for path in (root / "configs").glob("*.yaml")}
    assert [name for name, _ in presets()] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_loads(name: str) -> None:
    assert load(name, env=None).name == name


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_begins_with_its_command(name: str) -> None:
    content = text(name)
    assert content is not None
    lines = content.splitlines()
    head = [
        line.removeprefix("#").strip()
        for line in lines[: next(i for i, x in enumerate(lines) if x[:1] != "#")]
    ]
    assert head[0].split()[:2] == ["tvae", "train"]
    assert head[0] == "tvae train" or head[0].split()[2] == name
    for word in ("hardware", "time", "metrics"):
        assert any(
            word in line.partition(":")[0].lower() and line.partition(":")[2].strip() for line in head
        ), word


@pytest.mark.parametrize(("name", "summary"), presets())
def test_a_summary_is_one_short_line(name: str, summary: str) -> None:
    assert 10 < len(summary) <= 120
    assert not summary.startswith("tvae")


def test_there_is_no_other_preset() -> None:
    assert text("../configs/default") is None
    assert text("") is None
