"""`tvae scan -o` and `--plan`: links, pipes and devices stay what they are."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture
def scanned(tree: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tree


@pytest.mark.parametrize("option", ["-o", "--plan"])
@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_a_link(tvae: Run, scanned: Path, tmp_path: Path, option: str, there: bool) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to("target")
    if there:
        target.write_text("earlier")
    assert tvae("scan", scanned, "--json", option, link, "--fail-on", "never").code == 0
    assert link.is_symlink()
    assert json.loads(target.read_text())["schema"] == 1


@pytest.mark.parametrize("option", ["-o", "--plan"])
def test_a_pipe_is_written_into(tvae: Run, scanned: Path, tmp_path: Path, option: str) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    assert tvae("scan", scanned, "--json", option, pipe, "--fail-on", "never").code == 0
    reader.join(20)
    assert json.loads(read[0])["schema"] == 1
    assert stat.S_ISFIFO(pipe.lstat().st_mode)


def test_standard_output_by_name(scanned: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tvae", "scan", str(scanned), "--fail-on", "never", "-o"]
    (tmp_path / "stdout").symlink_to("/dev/stdout")
    for name in ("/dev/stdout", str(tmp_path / "stdout")):
        done = subprocess.run([*command, name, "--json"], capture_output=True, check=False, timeout=60)
        assert (done.returncode, json.loads(done.stdout)["schema"]) == (0, 1)
    log = tmp_path / "log"
    log.write_text("earlier\n")
    with log.open("ab") as stream:
        subprocess.run([*command, "/dev/stdout"], stdout=stream, check=True, timeout=60)
    assert log.read_text().startswith("earlier\n")
    assert (tmp_path / "stdout").is_symlink()


@pytest.mark.parametrize("option", ["-o", "--plan"])
def test_a_folder_that_is_not_there_is_refused(tvae: Run, scanned: Path, tmp_path: Path, option: str) -> None:
    done = tvae("scan", scanned, option, tmp_path / "none/out")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert f"there is no folder {tmp_path}/none" in done.err
    assert not (tmp_path / "none").exists()
    assert "is a folder" in tvae("scan", scanned, option, tmp_path).err


def test_a_plan_holds_only_what_is_shown(tvae: Run, scanned: Path, tmp_path: Path) -> None:
    (scanned / "empty_too").mkdir()
    plan = tmp_path / "plan.json"

    def planned(*words: str) -> list[str]:
        assert (
            tvae("scan", scanned, "--plan", plan, "--rules", "legacy", "--fail-on", "never", *words).code == 0
        )
        return [os.path.relpath(one["path"], scanned) for one in json.loads(plan.read_text())["items"]]

    assert {"empty", "empty_too"} <= set(planned())
    assert planned("--filter", "path~empty_too") == ["empty_too"]
    assert planned("--filter", "path~none at all") == []
    assert planned("--by", "file", "--filter", "path~none at all") == []


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("x.csv", "path,"),
        ("x.json", '{"'),
        ("x.jsonl", '{"path"'),
        ("x.md", "# "),
        ("x.SARIF", "{\n"),
        ("x.parquet", "PAR1"),
        ("x.txt", "below"),
        ("csv", "below"),
    ],
)
def test_the_suffix_tells_the_format(
    tvae: Run, scanned: Path, tmp_path: Path, name: str, begins: str
) -> None:
    if name == "x.parquet":
        pytest.importorskip("pyarrow")
    assert tvae("scan", scanned, "-o", tmp_path / name, "--fail-on", "never").code == 0
    assert (tmp_path / name).read_bytes().startswith(begins.encode())
    assert tvae("scan", scanned, "-o", tmp_path / name, "--format", "csv", "--fail-on", "never").code == 0
    assert (tmp_path / name).read_bytes().startswith(b"path,")
