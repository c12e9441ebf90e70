"""`tvae eval DIR`: a whole tree, past bad files, measured once; and `tvae scan` knows of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tvae as package
from legacy.predecessor import Model, write
from tvae.checks.measured import Measured, Shelf, Way

Run = Callable[..., Any]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two runs, one that claims what it does not reach, and files that no model can be made of."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "sandbox-training"
    for name in ("v5_11", "v5_12", "broken"):
        (root / name).mkdir(parents=True)
    write(root / "v5_11/best.pt", Model().state_dict())
    claims = {"coverage": 1.0, "hierarchy": -0.83}
    write(root / "v5_12/best.pt", Model(layers=2, dropout=0.1).state_dict(), metrics=claims)
    state = Model().state_dict()
    del state["decoder_A.decoder.0.bias"]
    write(root / "broken/missing.pt", state)
    (root / "broken/cut.pt").write_bytes((root / "v5_11/best.pt").read_bytes()[:50_000])
    return root


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were really measured."""
    paths: list[str] = []
    load = package.load

    def counting(path: str) -> Any:
        paths.append(Path(path).parent.name)
        return load(path)

    monkeypatch.setattr(package, "load", counting, raising=False)
    return paths


def test_a_tree_is_measured_past_its_bad_files(tvae: Run, tree: Path) -> None:
    done = tvae("eval", tree, "--pairs", "1")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].split() == ["below", str(tree), "coverage", "hier_B", "hier_A", "ultra_B", "tree_B"]
    assert [line.split()[0] for line in lines[1:3]] == ["v5_11/best.pt", "v5_12/best.pt"]
    assert "COLLAPSED" in lines[1]
    assert "COLLAPSED" in lines[2]
    assert "stored coverage 1" in lines[2]
    assert lines[-1].endswith("1 of them not as stored")
    skipped = [line for line in done.err.splitlines() if line.startswith("tvae: skipped")]
    assert len(skipped) == 2
    assert any("1 tensor does not fit the layout v5.11 dual n1 ball" in line for line in skipped)


@pytest.mark.parametrize("width", [60, 80, 300])
def test_the_table_fits_and_no_number_is_cut(
    tvae: Run, tree: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    (tree / "v5_11").rename(tree / ("v5_11_" + "long" * 9))
    monkeypatch.setenv("COLUMNS", str(width))
    lines = tvae("eval", tree, "--pairs", "1").out.splitlines()
    assert max(map(len, lines)) <= width
    shown = tvae("eval", tree, "--pairs", "1", "--json").json["results"][1]["metrics"]["coverage"]
    claims = next(place for place, line in enumerate(lines) if line.startswith("v5_12/best.pt"))
    assert float(lines[claims].split()[1]) == pytest.approx(shown, rel=0.01)
    # What is remarked about a file stands below it where it does not fit beside.
    assert "stored coverage 1" in (lines[claims] if width == 300 else lines[claims + 1])


def test_json_lists_what_was_skipped(tvae: Run, tree: Path) -> None:
    found = tvae("eval", tree, "--pairs", "1", "--json").json
    assert [Path(one["checkpoint"]).parent.name for one in found["results"]] == ["v5_11", "v5_12"]
    assert found["results"][1]["differs"]["coverage"]["stored"] == 1.0
    assert len(found["skipped"]) == 2


def test_what_is_known_is_not_measured_again(tvae: Run, tree: Path, evaluated: list[str]) -> None:
    first = tvae("eval", tree, "--pairs", "1")
    shutil.copytree(tree / "v5_12", tree / "v5_12_copy")
    assert sorted(set(evaluated)) == ["broken", "v5_11", "v5_12"]
    evaluated.clear()
    again = tvae("eval", tree, "--pairs", "1")
    assert "v5_11" not in evaluated
    assert "v5_12_copy" not in evaluated
    assert again.out.splitlines()[1:3] == first.out.splitlines()[1:3]
    # The same name with another content is another file; other options are another measurement.
    write(tree / "v5_11/best.pt", Model().state_dict())
    evaluated.clear()
    tvae("eval", tree, "--pairs", "1")
    assert "v5_11" in evaluated
    for options in (["--seed", "1"], ["--refresh"], ["--no-cache"]):
        evaluated.clear()
        tvae("eval", tree / "v5_12", "--pairs", "1", *options)
        assert evaluated == ["v5_12"], options


def test_the_same_weights_in_two_files_are_measured_once(
    tvae: Run, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 0
    evaluate = package.evaluate

    def counting(*arguments: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        return evaluate(*arguments, **options)

    monkeypatch.setattr(package, "evaluate", counting, raising=False)
    state = Model().state_dict()
    for epoch in range(3):
        write(tree / f"v5_11/epoch_{epoch}.pt", state, metrics={"coverage": 0.1 * epoch})
    changed = {**state, "encoder_B.fc_mu.bias": state["encoder_B.fc_mu.bias"] + 1.0}
    write(tree / "v5_11/other.pt", changed)
    found = tvae("eval", tree / "v5_11", "--pairs", "1", "--json", "--no-cache").json["results"]
    values = {Path(one["checkpoint"]).stem: one["metrics"] for one in found}
    assert count == 3
    assert values["epoch_0"] == values["epoch_1"] == values["epoch_2"]
    assert values["other"] != values["epoch_0"] != values["best"]


def test_a_scan_shows_what_was_measured(tvae: Run, tree: Path) -> None:
    assert "measured" not in tvae("scan", tree, "--json").json["files"][0]
    tvae("eval", tree, "--pairs", "1")
    done = tvae("scan", tree)
    assert "M a stored metric is not the one that `tvae eval` measured" in done.out
    assert "2 files measured by `tvae eval`" in done.err
    assert "2 stored metrics differ from the measured" in done.err
    found = tvae("scan", tree, "--json").json
    of = {Path(one["path"]).name: one for one in found["dirs"]}
    assert of["v5_12"]["measured"]["differs"].keys() == {"coverage", "hierarchy"}
    assert not of["v5_11"]["measured"]["differs"]
    assert "measured" not in of["broken"]
    assert (
        len(tvae("scan", tree, "--filter", "measured.differs.coverage.stored=1", "--json").json["dirs"]) == 1
    )
    assert "M a stored" not in tvae("scan", tree, "--no-cache").out
    # A file that was touched since is not the one that was measured.
    os.utime(tree / "v5_12/best.pt", ns=(1, 1))
    assert "M a stored" not in tvae("scan", tree).out


def test_advice_follows_what_was_measured(tvae: Run, tree: Path, tmp_path: Path) -> None:
    history = {"coverage_A_history": [19_600], "coverage_B_history": [19_000]}
    write(tree / "v5_11/best.pt", Model().state_dict(), **history)
    before = {Path(one["path"]).name: one for one in tvae("scan", tree, "--json").json["dirs"]}
    assert [before[name]["recommendation"] for name in ("v5_11", "v5_12")] == ["keep", "keep"]
    tvae("eval", tree, "--pairs", "1")
    done = tvae("scan", tree, "--json", "--fail-on", "invalid", "--plan", tmp_path / "plan.json")
    after = {Path(one["path"]).name: one for one in done.json["dirs"]}
    assert done.code == 1
    assert after["v5_12"]["recommendation"] == "review"
    assert after["v5_12"]["reason"].startswith("flagged: coverage_collapse as measured (coverage ")
    # The end of a history counts samples, and is contradicted by a wide gap alone.
    assert after["v5_11"]["reason"].startswith("flagged: coverage_collapse as measured (coverage_A ")
    assert after["v5_11"]["metrics"]["coverage_A"]["value"] == pytest.approx(19_600 / 19_683)
    assert tvae("scan", tree, "--no-cache", "--json", "--fail-on", "invalid").code == 0


def test_the_leaderboard_ranks_by_what_was_measured(tvae: Run, tree: Path, tmp_path: Path) -> None:
    def board(*options: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = tvae("scan", tree, "--best", "9", "--json", *options).json["best"]
        return [one for one in found if Path(one["path"]).name.startswith("claim")]

    shelf = Shelf(tmp_path / "cache/tvae/measured")
    for name, stored, measured in (("a", -0.83, -0.6), ("b", -0.7, -0.7), ("c", -0.82, 0.76)):
        (tree / f"claim_{name}").mkdir()
        claims = {"coverage": 1.0, "hierarchy_B": stored, "richness_B": 0.01}
        path = write(tree / f"claim_{name}/best.pt", Model().state_dict(), metrics=claims)
        metrics = {"coverage": 1.0, "hierarchy_B": measured}
        shelf.keep(
            path,
            Way("exact", 0, False, 1),
            Measured(metric_version=1, pairs="exact", metrics=metrics, ceilings={}, levels=[]),
        )
    assert [Path(one["path"]).name[-1] for one in board("--no-cache")] == ["a", "c", "b"]
    first, second, third = board()
    assert [Path(one["path"]).name[-1] for one in (first, second, third)] == ["b", "a", "c"]
    assert second["values"]["hierarchy_B"] == -0.6
    assert second["stored"] == {"hierarchy_B": -0.83}
    assert "hierarchy_B measured -0.6, stored -0.83" in second["reason"]
    assert "stored" not in first
    assert third["rank"] is None
    assert "flagged as measured" in third["reason"]
    text = tvae("scan", tree, "--best", "9").out
    assert "-0.6000M" in text
    assert "M claim_a: hierarchy_B as measured by `tvae eval`, stored -0.8300" in text
    # Filters leave the measured values in place.
    assert [one["rank"] for one in board("--filter", "path~claim")] == [1, 2, None]


def test_nothing_but_bad_files_is_missing_input(tvae: Run, tree: Path) -> None:
    done = tvae("eval", tree / "broken", "--pairs", "1")
    assert done.code == 3
    assert "could be measured" in done.err.splitlines()[-1]
    assert tvae("eval", tree, "--refresh", "--no-cache").code == 2


def test_a_file_that_is_named_has_to_load_after_the_others(tvae: Run, tree: Path) -> None:
    good, cut = tree / "v5_11/best.pt", tree / "broken/cut.pt"
    (tree / "text.pt").write_text("no weights")
    for named in ([good, cut], [tree / "v5_11", cut], [tree / "v5_11", tree / "text.pt"]):
        done = tvae("eval", *named, "--pairs", "1", "--no-cache")
        assert done.code == 3, named
        assert "coverage" in done.out
        assert f"error: {named[1]}" in done.err
    missing = tvae("eval", tree / "none.pt", good, "--pairs", "1", "--json")
    assert missing.code == 3
    assert [one["checkpoint"] for one in missing.json["results"]] == [str(good)]
    assert missing.json["error"]["path"] == str(tree / "none.pt")
    assert missing.json["skipped"][0]["path"] == str(tree / "none.pt")
