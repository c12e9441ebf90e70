"""`tvae lint-geometry`: exit codes, the three formats, and this project itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "b.py").write_text("r = z_hyp.norm()\n")
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "notes.txt").write_text("r = z_hyp.norm()\n")
    for hidden in (".git", "__pycache__", "env"):
        (tmp_path / hidden).mkdir()
        (tmp_path / hidden / "c.py").write_text("r = z_hyp.norm()\n")
    (tmp_path / "env" / "pyvenv.cfg").write_text("")
    return tmp_path


def test_findings_are_lines(tvae: Run, tree: Path) -> None:
    done = tvae("lint-geometry", tree)
    assert done.code == 1
    (line,) = done.out.splitlines()
    assert line.startswith(f"{tree}/b.py:1:5: G001 Euclidean norm of ball points")
    assert "; use the hyperbolic radius" in line
    assert done.err == "1 finding in 2 files\n"
    assert tvae("lint-geometry", tree, "--quiet").err == ""


def test_clean(tvae: Run, tree: Path) -> None:
    done = tvae("lint-geometry", tree / "a.py")
    assert (done.code, done.out, done.err) == (0, "", "0 findings in 1 file\n")


def test_a_file_is_taken_whatever_its_name_and_once(tvae: Run, tree: Path) -> None:
    done = tvae("lint-geometry", tree / "notes.txt", tree / "b.py", tree)
    assert [line.split(":")[0] for line in done.out.splitlines()] == [f"{tree}/notes.txt", f"{tree}/b.py"]


def test_json(tvae: Run, tree: Path) -> None:
    for option in (["--format", "json"], ["--json"]):
        done = tvae("lint-geometry", tree, *option)
        assert done.code == 1
        assert done.json["schema"] == 1
        assert done.json["files"] == 2
        (one,) = done.json["findings"]
        assert one.keys() == {"path", "line", "column", "end_line", "end_column", "code", "message", "hint"}
        assert (one["line"], one["column"], one["end_column"], one["code"]) == (1, 5, 17, "G001")


def test_sarif(tvae: Run, tree: Path) -> None:
    done = tvae("lint-geometry", tree, "--format", "sarif")
    assert done.code == 1
    log = json.loads(done.out)
    (run,) = log["runs"]
    (one,) = run["results"]
    assert log["version"] == "2.1.0"
    assert run["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"] == "G001"
    place = one["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == f"file://{tree}/b.py"
    assert place["region"] == {"startLine": 1, "startColumn": 5, "endLine": 1, "endColumn": 17}


def test_a_syntax_error_is_a_line(tvae: Run, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def f(:\n")
    done = tvae("lint-geometry", tmp_path)
    assert done.code == 1
    assert "broken.py:1:7: G000 this file could not be parsed (invalid syntax)" in done.out


def test_usage_and_missing_paths(tvae: Run, tree: Path) -> None:
    assert tvae("lint-geometry").code == 2
    assert tvae("lint-geometry", tree, "--format", "xml").code == 2
    done = tvae("lint-geometry", tree, tree / "nowhere")
    assert (done.code, done.out) == (3, "")
    assert "does not exist" in done.err


def test_this_project(tvae: Run, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    done = tvae("lint-geometry", "python/tvae", "kernels", "benches")
    assert (done.code, done.out) == (0, "")
