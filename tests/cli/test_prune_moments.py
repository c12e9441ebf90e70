"""`tvae.pruning`: at every moment one whole copy of every file exists, and every moment can be undone."""

from __future__ import annotations

import base64
import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.prunable import archived, content, make, record
from scan.engine import folder
from tvae import pruning
from tvae.errors import PlanError, StorageError
from tvae.pruning import log as logs
from tvae.pruning import move as moving


class Killed(BaseException):
    """Stands for the end of the process."""


def kill_at(patch: pytest.MonkeyPatch, moment: int) -> None:
    """From the `moment`-th call on, nothing changes the disk any more, as if the process were gone."""
    calls = iter(range(1, 1000))

    def guard(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            if next(calls) >= moment:
                raise Killed
            return None if function is os.fsync else function(*arguments, **keywords)

        return call

    functions = {
        name: getattr(os, name) for name in ("rename", "unlink", "rmdir", "makedirs", "fsync", "write")
    }
    for name, function in functions.items():
        patch.setattr(os, name, guard(function))


@pytest.mark.parametrize("across", [False, True], ids=["same", "across"])
def test_every_moment_can_be_undone(
    tree: Path, plan: Path, monkeypatch: pytest.MonkeyPatch, across: bool
) -> None:
    before = content(tree)
    for moment in range(1, 1000):
        plan.write_text(json.dumps(make(tree)))
        prepared = pruning.prepare(pruning.read(plan))
        logs_of_it: list[str] = []
        over = True
        with monkeypatch.context() as patch:
            if across:
                other_file_system(patch)
            kill_at(patch, moment)
            try:
                pruning.apply(prepared, begun=logs_of_it.append)
            except Killed:
                over = False
        for log in logs_of_it:
            pruning.undo(log)
        assert content(tree) == before, moment
        assert archived(tree) == {}, moment
        if over:
            break
    assert moment > 20


def other_file_system(patch: pytest.MonkeyPatch) -> None:
    """The archive is on another file system: nothing from outside can be renamed into it, or out of it."""
    real = os.rename

    def rename(source: str, target: str) -> None:
        if os.path.dirname(source) != os.path.dirname(target):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), source)
        real(source, target)

    patch.setattr(os, "rename", rename)


def test_across_file_systems(tree: Path, plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, facts = content(tree), (tree / "old/best.pt").stat()
    other_file_system(monkeypatch)
    log = pruning.apply(pruning.prepare(pruning.read(plan)))
    moved = tree.with_name("tree-archive") / "old/best.pt"
    assert (moved.read_text(), moved.stat().st_mtime_ns) == ("old best", facts.st_mtime_ns)
    assert moved.stat().st_mode == facts.st_mode
    pruning.undo(log)
    assert content(tree) == before


def test_a_copy_that_differs_removes_nothing(tree: Path, plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other_file_system(monkeypatch)
    monkeypatch.setattr(moving, "sha256", lambda path: "0" * 64)
    prepared = pruning.prepare(pruning.read(plan))
    before = content(tree)
    with pytest.raises(StorageError, match="nothing was removed"):
        pruning.apply(prepared)
    assert content(tree) == before
    assert archived(tree) == {}


def test_a_log_cannot_lead_out_of_its_folders(tree: Path, plan: Path) -> None:
    log = Path(pruning.apply(pruning.prepare(pruning.read(plan))))
    lines = log.read_text().splitlines()
    step = json.loads(lines[1]) | {"source": str(tree.parent / "outside.pt")}
    log.write_text("\n".join([lines[0], json.dumps(step), ""]))
    with pytest.raises(PlanError, match="outside of"):
        pruning.undo(log)


def test_a_log_may_end_in_the_middle_of_a_line(tree: Path, plan: Path) -> None:
    before = content(tree)
    log = Path(pruning.apply(pruning.prepare(pruning.read(plan))))
    with log.open("a") as out:
        out.write('{"do": "mo')
    assert len(logs.read(log).steps) == 5
    pruning.undo(log)
    assert content(tree) == before


def test_hard_links_move_both(tree: Path, tmp_path: Path) -> None:
    os.link(tree / "old/best.pt", tree / "old/epoch.pt")
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(make(tree)))
    pruning.apply(pruning.prepare(pruning.read(path)))
    assert archived(tree)["old/epoch.pt"] == "old best"


def test_names_that_are_not_utf_8(tree: Path, tmp_path: Path) -> None:
    name = os.fsencode(tree / "old") + b"/\xff\n.pt"
    os.rename(tree / "old/best.pt", os.fsdecode(name))
    before = sorted(os.listdir(tree / "old"))
    told = record(Path(os.fsdecode(name)))
    told.update(path=name.decode(errors="replace"), path_b64=base64.b64encode(name).decode())
    dirs = [folder(f"{tree}/old", recommendation="delete")]
    (tmp_path / "plan.json").write_text(json.dumps(pruning.make(dirs, [told], roots=[str(tree)])))
    log = pruning.apply(pruning.prepare(pruning.read(tmp_path / "plan.json")))
    assert os.listdir(tree / "old") == ["latest.pt"]
    pruning.undo(log)
    assert sorted(os.listdir(tree / "old")) == before
