"""`tvae prune`: what it says, what it refuses, and that it can be taken back."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.prunable import archived, content, make, record
from scan.engine import Engine, folder
from tvae import _core, pruning

Run = Callable[..., Any]


def test_a_plan_has_an_item_for_each_file(tree: Path) -> None:
    found = make(tree)
    assert {"schema", "root", "items"} <= found.keys()
    assert found["root"] == str(tree)
    names = {"path", "action", "reason", "size", "mtime_ns", "fingerprint"}
    assert all(names <= item.keys() for item in found["items"])
    assert [(item["action"], os.path.relpath(item["path"], tree)) for item in found["items"]] == [
        ("delete", "crashed/epoch.pt"),
        ("delete", "empty"),
        ("archive", "old/best.pt"),
        ("archive", "old/latest.pt"),
    ]
    first = found["items"][0]
    facts = (tree / "crashed/epoch.pt").stat()
    assert first["fingerprint"].split(":")[:3] == [str(facts.st_dev), str(facts.st_ino), "7"]
    assert first["fingerprint"].endswith(":1234")


def test_scan_writes_the_plan(tvae: Run, tree: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    dirs = [folder(f"{tree}/old", recommendation="archive")]
    engine = Engine(dirs, [record(tree / "old/best.pt")])
    monkeypatch.setattr(_core, "scan", engine.scan, raising=False)
    done = tvae("scan", tree, "--no-cache", "--plan", tmp_path / "plan.json")
    assert done.code == 0
    assert "tvae prune" in done.err
    assert len(pruning.read(tmp_path / "plan.json").items) == 1


def test_without_apply_nothing_happens(tvae: Run, tree: Path, plan: Path) -> None:
    before = content(tree)
    done = tvae("prune", plan)
    assert done.code == 0
    told = " ".join(done.out.split())
    places = f"from {tree} to {tree}-archive"
    sums = "2 to archive (18 B), 1 to delete (7 B); would remove 1 empty folder"
    assert told.endswith(f"would move 3 files, 25 B, {places}: {sums}")
    assert "old/latest.pt" in done.out
    assert "--apply" in done.err
    assert (content(tree), tree.with_name("tree-archive").exists()) == (before, False)
    found = tvae("prune", plan, "--json").json
    assert (found["applied"], found["bytes"]) == (False, {"archive": 18, "delete": 7})


def test_apply_and_undo(tvae: Run, tree: Path, plan: Path) -> None:
    before = content(tree)
    done = tvae("prune", plan, "--apply", "--json")
    assert done.code == 0
    assert content(tree) == {
        "crashed": "folder",
        "crashed/notes.txt": "keep me",
        "good": "folder",
        "good/best.pt": "good",
    }
    assert archived(tree) == {
        "deleted/crashed/epoch.pt": "crashed",
        "old/best.pt": "old best",
        "old/latest.pt": "old latest",
    }
    assert "rm -r" in done.err
    back = tvae("prune", "--undo", done.json["log"])
    assert (back.code, content(tree)) == (0, before)
    assert "3 files, 25 B, are back" in back.out
    assert archived(tree) == {}
    assert (
        tvae("prune", "--undo", done.json["log"]).out
        == f"nothing was moved: everything is in {tree} already\n"
    )
    again = tvae("prune", "--undo", done.json["log"], "--json").json
    assert (again["moved"], again["kept"]) == ([], 3)


def test_a_plan_of_empty_folders(tvae: Run, tree: Path, plan: Path) -> None:
    made = json.loads(plan.read_text())
    made["items"] = [item for item in made["items"] if item.get("folder")]
    plan.write_text(json.dumps(made))
    assert tvae("prune", plan).out.endswith("\n\nwould remove 1 empty folder\n")
    done = tvae("prune", plan, "--apply", "--json")
    assert not (tree / "empty").exists()
    assert tvae("prune", "--undo", done.json["log"]).out == f"the empty folders are back in {tree}\n"


def test_what_is_no_plan_or_no_log_says_what_to_name(tvae: Run, tree: Path) -> None:
    done = tvae("prune", tree)
    assert done.code == 3
    assert done.err == (
        f"tvae: error: {tree} is a folder, and no plan; `tvae scan {tree} --plan FILE` writes one\n"
    )
    done = tvae("prune", "--undo", tree / "good/best.pt")
    assert (done.code, "it is no JSON; name the file that tvae prune --apply printed" in done.err) == (
        3,
        True,
    )


def test_another_archive(tvae: Run, tree: Path, plan: Path, tmp_path: Path) -> None:
    assert tvae("prune", plan, "--apply", "--archive", tmp_path / "a/b").code == 0
    assert (tmp_path / "a/b/old/best.pt").read_text() == "old best"


def change(tree: Path) -> None:
    (tree / "old/best.pt").write_bytes(b"new best")


def lose(tree: Path) -> None:
    (tree / "old/best.pt").unlink()


def link(tree: Path) -> None:
    (tree / "old/best.pt").unlink()
    (tree / "old/best.pt").symlink_to(tree / "good/best.pt")


def link_folder(tree: Path) -> None:
    (tree / "old").rename(tree / "elsewhere")
    (tree / "old").symlink_to(tree / "elsewhere")


def replace(tree: Path) -> None:
    facts = (tree / "old/best.pt").stat()
    (tree / "other").write_bytes(b"old BEST")
    os.utime(tree / "other", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    (tree / "other").rename(tree / "old/best.pt")


def fill(tree: Path) -> None:
    (tree / "empty/new.pt").touch()


def occupy(tree: Path) -> None:
    taken = tree.with_name("tree-archive") / "old/best.pt"
    taken.parent.mkdir(parents=True)
    taken.write_text("older")


@pytest.mark.parametrize("harm", [change, lose, link, link_folder, replace, fill, occupy])
def test_a_plan_that_does_not_hold_is_refused_whole(
    tvae: Run, tree: Path, plan: Path, harm: Callable[[Path], None]
) -> None:
    harm(tree)
    before = content(tree.parent)
    for arguments in ([], ["--apply"]):
        done = tvae("prune", plan, *arguments)
        assert done.code == 3
        assert "the plan does not hold any more" in done.err
        assert content(tree.parent) == before


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"schema": 2, "root": "/", "items": []}',
        b'{"schema": 1, "root": 3, "items": []}',
        b'{"schema": 1, "root": "/x", "items": {}}',
        b'{"schema": 1, "root": "/x", "items": [3]}',
        b'{"schema": 1, "root": "/x", "items": [{"path": "a"}]}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_a_malformed_plan_is_3(tvae: Run, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "plan.json").write_bytes(data)
    done = tvae("prune", tmp_path / "plan.json", "--apply")
    assert done.code == 3
    assert "is no plan" in done.err
    # What Python's reader of JSON says is of no use to anybody.
    assert "char " not in done.err
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("action", "shred"),
        ("path", "../outside.pt"),
        ("path", "{tree}/../outside.pt"),
        ("path", "{tree}"),
        ("path", "/etc/hostname"),
        ("path", "a\0b"),
        ("size", "7"),
        ("size", 8),
        ("mtime_ns", 1),
        ("fingerprint", "1:2"),
        ("fingerprint", ""),
    ],
)
def test_a_plan_that_was_tampered_with_is_refused(
    tvae: Run, tree: Path, plan: Path, name: str, value: object
) -> None:
    (tree.parent / "outside.pt").write_text("outside")
    found = json.loads(plan.read_text())
    found["items"][0][name] = value.format(tree=tree) if isinstance(value, str) else value
    plan.write_text(json.dumps(found))
    before = content(tree)
    assert tvae("prune", plan, "--apply").code == 3
    assert content(tree) == before


def test_missing_is_3_and_wrong_usage_2(tvae: Run, tmp_path: Path, plan: Path) -> None:
    assert tvae("prune", tmp_path / "none.json").code == 3
    assert tvae("prune", "--undo", tmp_path / "none.jsonl").code == 3
    assert tvae("prune").code == 2
    for surplus, told in (
        ([plan], f"got PLAN {plan};"),
        (["--apply"], "got --apply; an undo moves at once"),
        ([plan, "--apply", "--archive", tmp_path], f"got PLAN {plan} and --apply and --archive;"),
    ):
        done = tvae("prune", *surplus, "--undo", plan)
        assert (done.code, told in done.err) == (2, True), done.err
    assert tvae("prune", "--undo", plan).code == 3


@pytest.mark.parametrize("archive", ["tree/archive", ".", "tree", "plan.json"])
def test_an_archive_that_is_no_place_is_refused(tvae: Run, tree: Path, plan: Path, archive: str) -> None:
    assert tvae("prune", plan, "--apply", "--archive", tree.parent / archive).code == 3


def test_undo_overwrites_nothing(tvae: Run, tree: Path, plan: Path) -> None:
    log = tvae("prune", plan, "--apply", "--json").json["log"]
    (tree / "old").mkdir()
    (tree / "old/best.pt").write_text("newer")
    before = content(tree.parent)
    done = tvae("prune", "--undo", log)
    assert (done.code, "is there again" in done.err) == (3, True)
    assert content(tree.parent) == before


def test_undo_notices_a_changed_archive(tvae: Run, tree: Path, plan: Path) -> None:
    log = tvae("prune", plan, "--apply", "--json").json["log"]
    moved = tree.with_name("tree-archive") / "old/best.pt"
    moved.write_text("other")
    assert "changed since it was moved" in tvae("prune", "--undo", log).err
    moved.unlink()
    assert "is gone" in tvae("prune", "--undo", log).err
