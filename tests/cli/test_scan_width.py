"""The tables of `tvae scan`: in pipes, on narrow terminals, and their marks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scan.engine import Engine, folder
from tvae import _core
from tvae.cli.listing.layout import Column, lay_out

Run = Callable[..., Any]
NAME = "a" * 120


@pytest.fixture
def long(tree: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("COLUMNS", raising=False)
    (tree / "good").rename(tree / NAME)
    return tree


@pytest.mark.parametrize("kind", ["dir", "file"])
def test_a_pipe_gets_whole_paths(tvae: Run, long: Path, tmp_path: Path, kind: str) -> None:
    words = ("scan", long, "--by", kind, "--fail-on", "never")
    assert NAME in tvae(*words).out
    assert tvae(*words, "-o", tmp_path / "table").code == 0
    assert NAME in (tmp_path / "table").read_text()


@pytest.mark.parametrize("width", [40, 60, 100, 300])
def test_columns_are_honoured(tvae: Run, long: Path, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    table = tvae("scan", long, "--fail-on", "never").out.split("\n\n")[0]
    assert max(map(len, table.splitlines())) <= width
    assert (NAME in table) == (width == 300)


def test_written_numbers_that_differ(tvae: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = {"metric": "coverage", "documented": 0.9, "stored": 0.5, "source": "README.md", "differs": True}
    same = {**told, "stored": 0.9, "differs": False}
    branch = {**told, "metric": "hierarchy", "stored_as": "hierarchy_A"}
    dirs = [folder("tree/a", documented=[told, same, branch]), folder("tree/b", documented=[same])]
    engine = Engine(dirs, [])
    monkeypatch.setattr(_core, "scan", engine.scan, raising=False)
    monkeypatch.chdir(tmp_path)
    done = tvae("scan", "tree", "--no-cache")
    assert (
        "2 documented numbers differ from what is stored: tree/a coverage 0.9 (README.md), stored 0.5;"
        in done.err
    )
    assert "tree/a hierarchy 0.9 (README.md), stored as hierarchy_A 0.5\n" in done.err
    assert [("documented" in line) for line in done.out.splitlines()[1:3]] == [True, False]
    assert "* a documented number differs" in done.out


def test_numbers_are_never_cut() -> None:
    columns = [
        Column("path", ["runs/a_long_name/of_a_run"], flexible=True),
        Column("category", ["production"], rank=2),
        Column("size", ["123456789"], right=True),
        Column("hierarchy", ["-0.8320"], right=True, rank=1),
    ]
    assert lay_out(columns, width=45).split("\n")[0].split() == ["path", "size", "hierarchy"]
    for width in range(1, 80):
        text = lay_out(columns, width=width)
        assert "123456789" in text
        assert "-0.8320" in text or "hierarchy" not in text
    assert lay_out(columns, width=13).endswith("123456789")


def test_help_tells_what_a_filter_may_say(tvae: Run) -> None:
    text = " ".join(tvae("scan", "--help").out.split())
    for words in ("1.5MB", "95%", "regular expression", "one of its items"):
        assert words in text
