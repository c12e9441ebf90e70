"""`tvae scan -o`, `--plan` and `--cache`: links, pipes, devices and checkpoints stay what they are."""

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

import tvae as package
from tvae.errors import ConfigError

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


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    path = tmp_path / "notes"
    path.write_text("what was measured in May\n")
    return path


def test_a_cache_replaces_nothing_but_a_cache(tvae: Run, scanned: Path, stranger: Path) -> None:
    best = next(scanned.rglob("*.pt"))
    before = best.read_bytes(), stranger.read_bytes()
    for path, told in ((best, "is no cache"), (stranger, "is no cache"), (scanned, "is a folder")):
        done = tvae("scan", scanned, "--cache", path)
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
        assert f"{path}: {told}" in done.err
        with pytest.raises(ConfigError, match=told):
            package.scan(scanned, cache=path)
    assert (best.read_bytes(), stranger.read_bytes()) == before
    stranger.write_bytes(b"tvae scan facts 1 0.0.1\n")
    assert tvae("scan", scanned, "--cache", stranger, "--fail-on", "never").code == 0


@pytest.mark.parametrize("option", ["-o", "--plan"])
def test_no_checkpoint_is_replaced(
    tvae: Run, scanned: Path, stranger: Path, tmp_path: Path, option: str
) -> None:
    best = next(scanned.rglob("*.pt"))
    (tmp_path / "link").symlink_to(best)
    (tmp_path / "weights").write_bytes(b"\x80\x02}X\x05\x00\x00\x00epochK\x07s.")
    (tmp_path / "x.SAFETENSORS").write_bytes(b"a cut one")
    before = best.read_bytes()
    for target in (best, tmp_path / "link", tmp_path / "weights", tmp_path / "x.SAFETENSORS"):
        done = tvae("scan", scanned, option, target)
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
        assert f"{target}: is a checkpoint" in done.err
    done = tvae("scan", scanned, stranger, option, stranger)
    assert (done.code, "is one of the paths to scan" in done.err) == (2, True)
    assert best.read_bytes() == before
    # An earlier report is.
    for _ in range(2):
        assert tvae("scan", scanned, option, tmp_path / "report.json", "--fail-on", "never").code == 0
    assert tvae("scan", scanned, option, tmp_path / "new.bin", "--fail-on", "never").code == 0


@pytest.mark.parametrize(
    "options", [("-o", "--plan"), ("-o", "--cache"), ("--plan", "--cache")], ids=" ".join
)
def test_two_options_never_name_one_file(
    tvae: Run, scanned: Path, tmp_path: Path, options: tuple[str, str]
) -> None:
    (tmp_path / "link").symlink_to("x.json")
    done = tvae("scan", scanned, options[0], tmp_path / "x.json", options[1], tmp_path / "link")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert "name the same file" in done.err
    assert not (tmp_path / "x.json").exists()
