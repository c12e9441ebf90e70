"""A scan of the whole replica says what the predecessor's inventory said, and what it should have said."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import tvae
from scan import known, replica
from scan.replica import Tree
from tvae import pruning

Records = dict[str, dict[str, Any]]


def by_path(tree: Tree, records: list[dict[str, Any]]) -> Records:
    return {Path(record["path"]).relative_to(tree.root).as_posix(): record for record in records}


@pytest.fixture(scope="module")
def legacy(tree: Tree) -> Records:
    return by_path(tree, tvae.scan([tree.root], rules="legacy").to_dicts("dir"))


def test_every_file_has_a_record(tree: Tree) -> None:
    result = tvae.scan([tree.root], rules="legacy")
    files = result.to_dicts("file")
    assert [record["path"] for record in files] == sorted(record["path"] for record in files)
    found = by_path(tree, files)
    assert found.keys() == tree.files.keys()
    assert len(result.files) == 489
    assert Counter(record["status"] for record in files) == {"ok": 489}
    for path, file in tree.files.items():
        assert found[path]["epoch"] == file.epoch
        assert found[path]["size"] == (tree.root / path).stat().st_size
        assert found[path]["metrics"].keys() == tvae.inspect(tree.root / path).metrics.keys()


def test_statuses_and_categories_are_those_of_the_inventory(tree: Tree, legacy: Records) -> None:
    found = {name: (record["status"], record["category"]) for name, record in legacy.items()}
    assert found == tree.directories
    assert Counter(status for status, _ in found.values()) == known.STATUSES
    assert Counter(category for _, category in found.values()) == known.CATEGORIES


def test_directories_count_their_files(tree: Tree, legacy: Records) -> None:
    for name, record in legacy.items():
        sizes = [path.stat().st_size for path in (tree.root / name).iterdir()]
        assert (record["n_files"], record["bytes"]) == (len(sizes), sum(sizes)), name


def flagged(records: Records, flag: str) -> set[str]:
    return {name for name, record in records.items() if flag in record["flags"]}


@pytest.mark.parametrize("rules", ["legacy", None])
def test_what_is_wrong_is_flagged(tree: Tree, rules: str | None) -> None:
    found = by_path(tree, tvae.scan([tree.root], rules=rules).to_dicts("dir"))
    assert Counter(record["status"] for record in found.values()) == known.STATUSES
    assert flagged(found, "coverage_collapse") == known.directories(known.COLLAPSED)
    assert flagged(found, "inverted_hierarchy") == known.directories(known.INVERTED)
    assert flagged(found, "nan") == {replica.BROKEN[0]}
    assert "homeostatic_rich" in flagged(found, "best_latest_divergence")
    assert found["homeostatic_rich"]["best"].endswith("best.pt")
    assert found["homeostatic_rich"]["latest"].endswith("latest.pt")


def test_versions_with_the_weights_of_another_are_named(legacy: Records) -> None:
    """v5_8 and v5_9 hold the weights of v5_6."""
    groups = {name: legacy[name]["duplicates_of"] for name in ("v5_6", "v5_8", "v5_9")}
    assert groups["v5_6"] is None
    assert all(Path(groups[name]).name == "v5_6" for name in ("v5_8", "v5_9"))


def test_recommendations_follow_the_audit(legacy: Records) -> None:
    found = {name: record["recommendation"] for name, record in legacy.items()}
    kept = {"v5_5", "v5_11_homeostasis", "v5_11_structural", "homeostatic_rich", "final_rich_lr3e4"}
    assert {name for name, what in found.items() if what == "keep"} == kept
    for name in ("scratch_run_1", "sweep2_balanced", "stability_run_3", "progressive_conservative"):
        assert found[name] == "delete", name
    for name in ("v5_6", "v5_9_2", "sweep3_cosine", "adamw_test"):
        assert found[name] == "archive", name
    assert all(record["reason"] for record in legacy.values())


def test_a_repeated_version_with_epochs_of_its_own_is_left_to_a_person(tree: Tree) -> None:
    found = by_path(tree, tvae.scan([tree.root]).to_dicts("dir"))
    for name in ("v5_8", "v5_9"):
        told = "its best file holds the weights of v5_6, but no other folder holds those of "
        assert found[name]["recommendation"] == "review", found[name]["reason"]
        assert found[name]["reason"].startswith(told)


@pytest.mark.parametrize("rules", ["legacy", None])
def test_advice_that_was_followed_is_not_followed_by_more(
    tree: Tree, tmp_path: Path, rules: str | None
) -> None:
    root = shutil.copytree(tree.root, tmp_path / "tree")
    found = tvae.scan([root], rules=rules)
    made = pruning.make(found.to_dicts("dir"), found.to_dicts("file"), roots=found.roots)
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(made))
    pruning.apply(pruning.prepare(pruning.read(plan)))
    left = tvae.scan([root], rules=rules).to_dicts("dir")
    assert 0 < len(left) < len(tree.directories)
    assert [one["reason"] for one in left if one["recommendation"] in ("archive", "delete")] == []
    named = {one["better"] for one in found.to_dicts("dir") if one["recommendation"] == "archive"} - {None}
    assert named <= {one["path"] for one in left}


def test_a_leaderboard_of_what_is_shown_says_what_decided(tree: Tree) -> None:
    found = tvae.scan([tree.root])
    shown = {str(tree.root / name) for name in ("v5_5", "v5_6", "v5_11_radial05", "v5_11_radial1")}
    told = {Path(one["path"]).name: (one["rank"], one["reason"]) for one in found.best(1, among=shown)}
    others = "; not compared with those of other families"
    assert told == {
        "v5_6": (1, f"the best of 2{others}"),
        "v5_5": (None, "coverage of the better branch 0.971 (A) against 0.9985 (B) of v5_6"),
        "v5_11_radial1": (1, f"the best of 2{others}"),
        "v5_11_radial05": (None, "hierarchy_B -0.831 against -0.8315 of v5_11_radial1"),
    }
