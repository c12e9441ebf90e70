"""`tvae scan` and `tvae prune` on real files, hostile names among them, and `tvae.scan` from Python."""

from __future__ import annotations

import csv
import io
import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import tvae as package
from tvae.errors import ConfigError, DomainError, MissingError

Run = Callable[..., Any]
NAMES = ["new\nline", "\x1b[31mred", "\u202ertl", "=cmd()", "a|b`c`<i>", "ü" * 80]


class Evil:
    """Runs a command when it is unpickled by Python."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("true",)


def save(path: Path, **changes: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    metrics = {"coverage": 1.0, "hierarchy_B": -0.8}
    torch.save({"epoch": 3, "model_state": {"w": torch.zeros(2)}, "metrics": metrics, **changes}, path)
    return path


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("COLUMNS", raising=False)
    root = tmp_path / "runs"
    save(root / "good/best.pt")
    save(root / "nan/best.pt", metrics={"coverage": float("nan"), "loss": float("inf")})
    (root / "empty").mkdir()
    return root


@pytest.fixture
def hostile(runs: Path) -> Path:
    for name in NAMES:
        save(runs / name / "best.pt", config={"name": name})
    os.mkdir(os.fsencode(runs) + b"/\xff")
    data = (runs / "good/best.pt").read_bytes()
    with open(os.fsencode(runs) + b"/\xff/best.pt", "wb") as file:
        file.write(data)
    os.mkfifo(runs / "good/pipe.pt")
    return runs


def paths(done: Any, kind: str) -> list[str]:
    return [one["path"] for one in done.json[kind]]


def test_records(tvae: Run, runs: Path) -> None:
    done = tvae("scan", runs, "--json")
    assert done.code == 0
    assert paths(done, "dirs") == [f"{runs}/empty", f"{runs}/good", f"{runs}/nan"]
    assert paths(done, "files") == [f"{runs}/good/best.pt", f"{runs}/nan/best.pt"]
    assert done.json["files"][1]["metrics"]["coverage"]["value"] is None
    assert "metrics.coverage.value" in done.json["files"][1]["not_finite"]
    again = tvae("scan", runs, "--json").json["files"]
    timeless = [[{**one, "elapsed_us": 0} for one in found] for found in (again, done.json["files"])]
    assert timeless[0] == timeless[1]
    assert tvae("scan", runs, "--fail-on", "invalid").code == 1


def test_what_is_dangerous_fails(tvae: Run, runs: Path) -> None:
    save(runs / "bad/best.pt", x=Evil())
    done = tvae("scan", runs)
    assert done.code == 1
    assert "bad/best.pt  dangerous: imports posix.system" in done.out
    assert tvae("scan", runs, "--filter", "path~good").code == 1
    assert tvae("scan", runs / "good").code == 0
    (runs / "cut.pt").write_bytes(pickle.dumps({"a": 1})[:-3])
    assert tvae("scan", runs / "cut.pt").code == 1


@pytest.mark.parametrize("form", ["table", "md", "csv", "quiet", "jsonl", "json", "sarif"])
@pytest.mark.parametrize("kind", ["dir", "file", "tensor"])
def test_no_name_escapes(
    tvae: Run, hostile: Path, form: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    done = tvae("scan", hostile, "--format", form, "--by", kind)
    assert done.code in (0, 1)
    assert all(line.isprintable() for line in done.out.split("\n"))
    assert all(line.isprintable() for line in done.err.split("\n"))
    assert "\u202e" not in done.out
    assert "<i>" not in done.out or form not in ("md", "sarif")
    if form == "csv":
        cells = [cell for row in csv.reader(io.StringIO(done.out)) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "@"))]
    if form == "table":
        assert max(map(len, done.out.splitlines())) <= 80


def test_bytes_of_a_name_that_is_not_utf_8(tvae: Run, hostile: Path) -> None:
    import base64

    for kind, name in (("dirs", b"/\xff"), ("files", b"/\xff/best.pt")):
        (raw,) = [one["path_b64"] for one in tvae("scan", hostile, "--json").json[kind] if "path_b64" in one]
        assert base64.b64decode(raw) == os.fsencode(hostile) + name


def test_missing_is_2_and_unreadable_too(tvae: Run, tmp_path: Path) -> None:
    done = tvae("scan", tmp_path / "none", "--json", "--no-cache")
    assert (done.code, done.json["error"]["path"]) == (2, f"{tmp_path}/none")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can become somebody else")
def test_a_folder_that_cannot_be_listed_is_not_analysed() -> None:
    script = (
        "import os, sys\nfrom tvae.cli.app import main\n"
        "words = sys.argv[1:]\nassert main([*words, '--strict']) == 0\n"
        "os.chmod(words[1] + '/good', 0)\nos.setgroups([])\nos.setgid(65534)\nos.setuid(65534)\n"
        "assert main(words) == 0\nassert main([*words, '--strict']) == 2"
    )
    # The folders of pytest are closed to others.
    with tempfile.TemporaryDirectory() as root:
        os.chmod(root, 0o755)
        save(Path(root) / "good/best.pt")
        done = subprocess.run(
            [sys.executable, "-c", script, "scan", root, "--no-cache"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    assert f"skipped {root}/good: the folder cannot be listed" in done.stderr
    assert "not analysed: 1 skipped" in done.stderr


def test_a_tree_without_checkpoints(tvae: Run, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/notes.txt").touch()
    done = tvae("scan", tmp_path / "tree", "--no-cache")
    assert (done.code, "no checkpoints in" in done.err) == (0, True)


def test_rules(tvae: Run, runs: Path) -> None:
    assert {one["category"] for one in tvae("scan", runs, "--rules", "legacy", "--json").json["dirs"]} == {
        "OTHER"
    }
    (runs / ".tvae-rules.toml").write_text("nonsense = 1")
    refused = tvae("scan", runs)
    assert (refused.code, ".tvae-rules.toml" in refused.err) == (2, True)
    with pytest.raises(ConfigError):
        package.scan(runs)


def test_a_plan_from_end_to_end(tvae: Run, runs: Path, tmp_path: Path) -> None:
    before = sorted(str(path) for path in runs.rglob("*"))
    plan = tmp_path / "plan.json"
    (runs / "empty/keep").touch()
    assert tvae("scan", runs, "--rules", "legacy", "--plan", plan, "--quiet").code == 0
    (runs / "empty/keep").unlink()
    assert tvae("scan", runs, "--rules", "legacy", "--plan", plan, "--quiet").code == 0
    assert [one["path"] for one in json.loads(plan.read_text())["items"]] == [f"{runs}/empty"]
    log = tvae("prune", plan, "--apply", "--json").json["log"]
    assert not (runs / "empty").exists()
    assert tvae("prune", "--undo", log).code == 0
    assert sorted(str(path) for path in runs.rglob("*")) == before


def test_from_python(runs: Path) -> None:
    found = package.scan([runs / "good", runs / "nan"])
    assert [one.path for one in found.files] == [f"{runs}/good/best.pt", f"{runs}/nan/best.pt"]
    assert [one.status for one in found.dirs] == ["complete", "complete"]
    assert found.files[0].metrics["coverage"].value == 1.0
    assert found.files[0].identity is not None
    assert found.summary["n_files"] == 2
    assert json.loads(found.to_json())["files"][0]["path"] == found.files[0].path
    assert [one["path"] for one in found.to_dicts("file")] == [one.path for one in found.files]
    assert found.to_dicts("tensor")[0]["name"] == "model_state.w"
    assert found.best(1)[0]["path"]
    assert repr(found) == "ScanResult(2 files, 2 directories)"
    with pytest.raises(MissingError):
        package.scan(runs / "none")


@pytest.mark.parametrize("kind", ["dir", "file", "tensor"])
def test_tables_for_others(runs: Path, kind: Any) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    found = package.scan(runs)
    table = pyarrow.table(found.table(kind))
    assert table.column("path").to_pylist() == [one["path"] for one in found.to_dicts(kind)]
    assert pyarrow.table(found).num_rows == 2


def test_a_scan_is_a_table_of_polars(runs: Path) -> None:
    polars = pytest.importorskip("polars")
    assert polars.DataFrame(package.scan(runs))["coverage"].to_list()[0] == 1.0


def test_parquet(tvae: Run, runs: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    out = tmp_path / "x.parquet"
    arguments = ["scan", runs, "--by", "file", "--format", "parquet", "-o", out, "--sort", "path:desc"]
    assert tvae(*arguments, "--filter", "path~best").code == 0
    assert parquet.read_table(out).column("path").to_pylist() == [
        f"{runs}/nan/best.pt",
        f"{runs}/good/best.pt",
    ]


def test_parquet_says_what_to_install(tvae: Run, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = tvae("scan", runs, "--format", "parquet", "-o", "x")
    assert (done.code, "pip install 'tvae[parquet]'" in done.err) == (2, True)


@pytest.mark.parametrize("form", ["table", "json", "csv", "quiet"])
def test_nothing_heavy_is_imported(runs: Path, form: str) -> None:
    script = (
        "import sys\nfrom tvae.cli.app import main\nassert main() == 0\n"
        "heavy = {'torch', 'numpy', 'rich', 'msgspec', 'pyarrow', 'tvae.config', 'tvae.records'}\n"
        "print(heavy & set(sys.modules), file=sys.stderr)"
    )
    arguments = ["scan", str(runs), "--no-cache", "--quiet", "--format", form]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr.strip()) == (0, "set()")


@pytest.mark.parametrize("kind", ["foo", "files", None, []])
def test_a_kind_that_there_is_not(runs: Path, kind: Any) -> None:
    found = package.scan(runs)
    for records in (found.to_dicts, found.table):
        with pytest.raises(DomainError, match="file, dir or tensor"):
            records(kind)


def test_files_alone_are_listed_by_file(tvae: Run, runs: Path) -> None:
    one, other = runs / "good/best.pt", runs / "nan/best.pt"
    for words in ([one], [one, other]):
        done = tvae("scan", *words)
        assert done.out.splitlines()[0].split()[:3] == ["path", "kind", "status"]
        lines = done.out.splitlines()[1 : len(words) + 1]
        assert [line.split()[0] for line in lines] == list(map(str, words))
    assert tvae("scan", one, runs / "empty").out.startswith("path ")
    assert "good/best.pt" not in tvae("scan", one, "--by", "dir").out


def test_a_path_is_copied_from_the_table(tvae: Run, runs: Path) -> None:
    shown = tvae("scan", runs).out.splitlines()[2].split()[0]
    assert shown == "good"
    done = tvae("scan", runs, "--filter", f"path={shown}", "--format", "quiet")
    assert done.out == f"{runs}/good\n"
    done = tvae("scan", runs, "--by", "file", "--filter", "path=good/best.pt", "--format", "quiet")
    assert done.out == f"{runs}/good/best.pt\n"


def test_files_are_not_ranked(tvae: Run, runs: Path) -> None:
    done = tvae("scan", runs / "good/best.pt", runs / "nan/best.pt", "--best", "2")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert "--best ranks directories, and every PATH is a file; name the folder" in done.err
    assert "rank" in tvae("scan", runs / "good", "--best", "2").out


def test_the_rules_of_the_package_by_name(tvae: Run, runs: Path) -> None:
    (runs / ".tvae-rules.toml").write_text("nonsense")
    for name in ("default", "none"):
        assert tvae("scan", runs, "--rules", name).code == 0
        assert package.scan(runs, rules=name).rules == "default"
    assert tvae("scan", runs).code == 2
    done = tvae("scan", runs, "--rules", "legasy")
    assert done.code == 2
    assert "did you mean legacy?" in done.err


@pytest.mark.parametrize("wrong", [3, None, b"x", "", [None], [""]])
def test_what_is_no_path(tvae: Run, runs: Path, wrong: Any) -> None:
    with pytest.raises(DomainError, match="no path to scan"):
        package.scan(wrong)
    with pytest.raises(DomainError, match="progress"):
        package.scan(runs, progress=wrong or 3)
    assert "a PATH is empty" in tvae("scan", "").err
