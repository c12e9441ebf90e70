"""`tvae prune` of a plan that was carried out, and one that stops midway."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.prunable import content
from tvae.pruning.move import move

Run = Callable[..., Any]


def test_an_applied_plan_says_so(tvae: Run, tree: Path, plan: Path) -> None:
    before = content(tree)
    log = tvae("prune", plan, "--apply", "--json").json["log"]
    again = tvae("prune", plan)
    assert (again.code, again.err.count("\n")) == (3, 1)
    assert "the plan was applied already" in again.err
    assert log in again.err
    assert tvae("prune", "--undo", tree.with_name("tree-archive")).code == 0
    assert content(tree) == before
    undone = tvae("prune", plan)
    assert (undone.code, undone.err.count("\n")) == (3, 1)
    assert "applied and undone" in undone.err


def test_a_folder_without_a_log(tvae: Run, tree: Path) -> None:
    done = tvae("prune", "--undo", tree)
    assert (done.code, "no log of tvae prune" in done.err) == (3, True)


def test_how_far_it_came(tvae: Run, tree: Path, plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = content(tree)
    calls = iter(range(9))

    def fail(source: str, target: str) -> None:
        if next(calls):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), target)
        move(source, target)

    # The function `apply` hides the module of its name.
    monkeypatch.setattr(sys.modules["tvae.pruning.apply"], "move", fail)
    done = tvae("prune", plan, "--apply", "--quiet")
    assert done.code == 4
    assert " of 4 moved; undo with `tvae prune --undo " in done.err
    assert tvae("prune", "--undo", tree.with_name("tree-archive")).code == 0
    assert content(tree) == before
