"""`tvae scan`: options, exit codes, streams, and what is never imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scan.engine import Engine, file, folder, issue, metric, system
from tvae import _core
from tvae.errors import MissingError

Run = Callable[..., Any]
Install = Callable[[Engine], Engine]


def tree() -> Engine:
    """A good run, a collapsed one with a dangerous file, and an empty one."""
    return Engine(
        dirs=[
            folder("tree/bad", flags=["coverage_collapse"], safety="dangerous", recommendation="delete"),
            folder("tree/empty", status="empty", metrics={}, n_files=0, bytes=0),
            folder("tree/good"),
        ],
        files=[
            file(
                "tree/bad/best.pt",
                safety="dangerous",
                imports=[system()],
                issues=[issue()],
                metrics={"coverage": metric(0.1)},
            ),
            file("tree/good/best.pt", metrics={"coverage": metric(float("nan"), family="v5")}),
        ],
        tensors=[
            {
                "path": "tree/good/best.pt",
                "name": "w",
                "dtype": "float32",
                "shape": [3],
                "stride": [1],
                "file_offset": 64,
                "nbytes": 12,
            }
        ],
    )


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Install:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)

    def use(engine: Engine) -> Engine:
        monkeypatch.setattr(_core, "scan", engine.scan)
        monkeypatch.setattr(_core, "explain", lambda code: None)
        return engine

    return use


@pytest.fixture
def engine(install: Install) -> Engine:
    return install(tree())


def good() -> Engine:
    return Engine([folder("tree/good")], [file("tree/good/best.pt")])


def test_a_table_on_stdout_and_the_numbers_on_stderr(tvae: Run, engine: Engine) -> None:
    done = tvae("scan", "tree")
    assert done.code == 1
    assert done.out.splitlines()[1].split()[0] == "bad"
    assert "bad/best.pt  dangerous: imports posix.system at 9" in done.out
    assert "tvae: 3 directories (2 complete, 1 empty), 2 files, 2 kB" in done.err
    assert "findings: 1 unsafe file, 1 flagged directory" in done.err
    assert "tvae scan tree --plan plan.json" in done.err
    assert "tvae scan tree --rules legacy --plan" in tvae("scan", "tree", "--rules", "legacy").err
    assert tvae("scan", "tree", "--quiet").err == ""


@pytest.mark.parametrize(
    ("changes", "arguments", "code"),
    [
        ({}, [], 0),
        ({"safety": "dangerous"}, [], 1),
        ({"safety": "unparsed"}, [], 1),
        ({"safety": "dangerous"}, ["--fail-on", "never"], 0),
        ({"safety": "dangerous"}, ["--fail-on", "corrupt,invalid"], 0),
        ({"safety": "unknown_code"}, [], 0),
        ({"safety": "unknown_code"}, ["--fail-on", "unknown"], 1),
        ({"status": "corrupt"}, [], 0),
        ({"status": "unsupported"}, ["--fail-on", "corrupt"], 1),
        ({"status": "unreadable"}, ["--fail-on", "any"], 1),
        ({"status": "salvaged"}, ["--fail-on", "any", "--strict"], 0),
        ({"status": "corrupt"}, ["--strict"], 2),
        ({"safety": "unparsed"}, ["--strict"], 2),
        ({"safety": "dangerous"}, ["--filter", "path=nothing"], 1),
    ],
)
def test_exit_codes(
    tvae: Run, install: Install, changes: dict[str, str], arguments: list[str], code: int
) -> None:
    install(Engine([folder("tree/a")], [file("tree/a/best.pt", **changes)]))
    assert tvae("scan", "tree", *arguments).code == code


def test_a_flag_of_a_directory_is_invalid(tvae: Run, engine: Engine) -> None:
    assert tvae("scan", "tree", "--fail-on", "invalid").code == 1


def test_damaged_files_are_named(tvae: Run, install: Install) -> None:
    cut = issue("Z010", "error", message="cut")
    engine = install(Engine([folder("tree/a")], [file("tree/a/best.pt", status="salvaged", issues=[cut])]))
    assert "\n\nDamaged:\n  a/best.pt  salvaged: Z010 cut\n" in tvae("scan", "tree").out
    assert "Damaged" not in tvae("scan", "tree", "--by", "file").out
    assert "Damaged" not in tvae("scan", "tree", "--filter", "path~b").out
    assert engine.called


def test_skipped_is_named_and_not_strict(tvae: Run, install: Install) -> None:
    engine = install(good())
    engine.left = [{"path": "tree/pipe\x1b[0m.pt", "code": "F001", "message": "a pipe"}]
    done = tvae("scan", "tree")
    assert (done.code, "skipped tree/pipe\\x1b[0m.pt: a pipe (F001)" in done.err) == (0, True)
    done = tvae("scan", "tree", "--strict", "--json")
    assert (done.code, done.json["schema"], "error" in done.json) == (2, 1, False)
    assert "not analysed: 1 skipped" in done.err
    assert tvae("scan", "tree", "--json").json["skipped"] == engine.left


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["tree", "--by", "folder"],
        ["tree", "--format", "xml"],
        ["tree", "--json", "--format", "csv"],
        ["tree", "--filter", "size"],
        ["tree", "--filter", "sise>1"],
        ["tree", "--sort", "sise"],
        ["tree", "--sort", "path:up"],
        ["tree", "--fail-on", "nothing"],
        ["tree", "--best", "0"],
        ["tree", "--best", "1", "--format", "sarif"],
        ["tree", "--best", "1", "--by", "tensor"],
        ["tree", "--best", "1", "--by", "file"],
        ["tree", "--filter", "category=producton"],
        ["tree", "--best", "1", "--sort", "hierachy"],
        ["tree", "--best", "1", "--sort", "bytes"],
        ["tree", "--threads", "0"],
        ["tree", "--no-cache", "--refresh"],
        ["tree", "--no-cache", "--cache", "x"],
        ["tree", "--rules", "none.toml"],
        ["tree", "-o", "afile/x"],
        ["afile", "--best", "1"],
        ["afile", "afile", "--best", "1", "--by", "dir"],
    ],
    ids=" ".join,
)
def test_what_is_refused_is_one_line_and_2(tvae: Run, engine: Engine, arguments: list[str]) -> None:
    Path("afile").touch()
    done = tvae("scan", *arguments)
    assert done.code == 2
    assert done.err.startswith("tvae: error: ")
    assert len(done.err.splitlines()) == 1
    assert done.out == "" or done.json["error"]["code"] == 2


@pytest.mark.parametrize(
    "error", [MissingError("tree: no such file"), OSError(5, "I/O error"), RuntimeError("x")]
)
def test_every_failure_is_2(
    tvae: Run, install: Install, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    install(good())
    monkeypatch.setattr(_core, "scan", fail)
    done = tvae("scan", "tree", "--json")
    assert (done.code, done.json["error"]["code"]) == (2, 2)


def test_an_interrupt_is_130(tvae: Run, install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    install(good())
    monkeypatch.setattr(_core, "scan", interrupt)
    assert tvae("scan", "tree").code == 130


def test_an_empty_tree_is_no_error(tvae: Run, install: Install) -> None:
    install(Engine())
    done = tvae("scan", "tree")
    assert (done.code, done.out) == (0, "")
    assert "no checkpoints in tree" in done.err
    assert tvae("scan", "tree", "--json").json["files"] == []


def test_json(tvae: Run, engine: Engine) -> None:
    found = tvae("scan", "tree", "--json").json
    assert list(found) == ["schema", "scanner", "summary", "dirs", "files"]
    assert found == tvae("scan", "tree", "--format", "json").json
    assert found["files"][1]["metrics"]["coverage"]["value"] is None
    assert found["files"][1]["not_finite"] == ["metrics.coverage.value"]


@pytest.mark.parametrize(
    ("arguments", "dirs", "files"),
    [
        (["--filter", "coverage<0.5"], [], []),
        (["--filter", "recommendation=delete"], ["tree/bad"], ["tree/bad/best.pt"]),
        (["--filter", "status=empty"], ["tree/empty"], []),
        (["--by", "file", "--filter", "coverage<0.5"], ["tree/bad"], ["tree/bad/best.pt"]),
        (["--by", "tensor", "--filter", "shape=3"], ["tree/good"], ["tree/good/best.pt"]),
    ],
)
def test_filters_shrink_both(
    tvae: Run, engine: Engine, arguments: list[str], dirs: list[str], files: list[str]
) -> None:
    found = tvae("scan", "tree", "--json", *arguments).json
    assert [one["path"] for one in found["dirs"]] == dirs
    assert [one["path"] for one in found["files"]] == files
    assert found["summary"]["n_files"] == 2
    assert found["shown"] == {"dirs": len(dirs), "files": len(files)}


def test_a_field_that_no_record_has_is_named(tvae: Run, engine: Engine) -> None:
    told = "tvae: no file has a field config.lrr; did you mean config.lr?\n"
    for words in (["--filter", "config.lrr>0"], ["--filter", "config.lrr!=x"], ["--sort", "config.lrr"]):
        done = tvae("scan", "tree", "--by", "file", *words)
        assert (done.code, done.err.count(told)) == (1, 1)
    assert "has a field" not in tvae("scan", "tree", "--by", "file", "--filter", "config.lr>1").err
    assert "no directory has a field measured\n" in tvae("scan", "tree", "--filter", "measured.at>0").err


@pytest.mark.parametrize(("kind", "count"), [("dir", 3), ("file", 2), ("tensor", 1)])
def test_lines_of_json(tvae: Run, engine: Engine, kind: str, count: int) -> None:
    lines = tvae("scan", "tree", "--format", "jsonl", "--by", kind).out.splitlines()
    paths = [json.loads(line)["path"] for line in lines]
    assert (len(paths), paths) == (count, sorted(paths))


def test_quiet_prints_paths(tvae: Run, engine: Engine) -> None:
    done = tvae("scan", "tree", "--format", "quiet", "--filter", "status=complete", "--sort", "path:desc")
    assert done.out == "tree/good\ntree/bad\n"


def test_a_file_is_written_whole(tvae: Run, engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for form in ("table", "csv", "md", "sarif", "json"):
        done = tvae("scan", "tree", "--format", form, "-o", f"out/{form}", "--quiet")
        assert (done.out, done.err) == ("", "")
        assert (tmp_path / "out" / form).stat().st_size > 100
    assert "\x1b" not in (tmp_path / "out/table").read_text()
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]


def test_sorting_by_a_metric_of_several_definitions_says_so(tvae: Run, engine: Engine) -> None:
    done = tvae("scan", "tree", "--by", "file", "--sort", "size")
    assert "definitions" not in done.err
    engine._files[1]["metrics"] = {"coverage": metric(0.5, family="v5")}
    done = tvae("scan", "tree", "--by", "file", "--sort", "coverage:desc", "--format", "quiet")
    assert "coverage has 2 definitions (tvae 1, v5); sorted within each" in done.err
    assert done.out == "tree/bad/best.pt\ntree/good/best.pt\n"


def test_each_definition_of_a_sorted_table_has_a_heading(tvae: Run, engine: Engine) -> None:
    for record in engine._files[1:]:
        record["metrics"] = {}
    engine._files[1]["metrics"] = {"coverage": metric(0.5, family="v5")}
    words = ("scan", "tree", "--by", "file", "--sort", "coverage:desc", "--no-cache")
    head, *lines = tvae(*words).out.splitlines()
    assert head.split()[0] == "below"
    places = [lines.index(line) for line in ("Definition tvae 1:", "Definition v5:")]
    assert [lines[place + 1].split()[0] for place in places] == ["bad/best.pt", "good/best.pt"]
    assert [lines[place - 1] for place in places] == ["", ""]
    for form in ("csv", "jsonl"):
        assert "Definition" not in tvae(*words, "--format", form).out
    assert "Definition tvae 1:" not in tvae(*words[:-3], "--sort", "size", "--no-cache").out


def test_the_leaderboard(tvae: Run, engine: Engine) -> None:
    engine.ranked = [
        {"family": "tvae 1", "rank": 1, "path": "tree/good", "values": {"Q": 2.0}, "reason": None},
        {"family": "tvae 1", "rank": 2, "path": "tree/bad", "values": {"Q": 1.0}, "reason": "less"},
        {"family": "tvae 1", "rank": None, "path": "tree/empty", "values": {}, "reason": "it is empty"},
    ]
    done = tvae("scan", "tree", "--best", "1", "--sort", "Q:desc")
    assert [engine.called[name] for name in ("best", "field", "descending")] == [1, "Q", True]
    assert "empty  it is empty" in done.out
    tvae("scan", "tree", "--best", "1", "--json", "--filter", "path!=tree/good")
    assert engine.called["among"] == {"tree/bad", "tree/empty"}
    assert tvae("scan", "tree", "--best", "2", "--format", "quiet").out == "tree/good\ntree/bad\n"


def test_options_reach_the_engine(tvae: Run, engine: Engine, tmp_path: Path) -> None:
    tvae("scan", "tree", "b", "--threads", "3", "--follow", "--verify-crc", "--refresh", "--rules", "legacy")
    called = engine.called
    assert called["paths"] == ["tree", "b"]
    assert [called[name] for name in ("threads", "follow", "verify_crc", "refresh")] == [3, True, True, True]
    assert [called[name] for name in ("rules", "rules_origin")] == ["legacy", "legacy"]
    assert called["cache"] == str(tmp_path / "cache/tvae/scan")
    assert called["progress"] is None
    tvae("scan", "tree", "--no-cache")
    assert engine.called["cache"] is None
    tvae("scan", "tree", "--cache", "here")
    assert engine.called["cache"] == "here"


@pytest.mark.parametrize("place", ["runs/tree", "runs"])
def test_rules_are_found_in_the_tree_or_beside_it(
    tvae: Run, engine: Engine, tmp_path: Path, place: str
) -> None:
    (tmp_path / "runs/tree").mkdir(parents=True)
    (tmp_path / place / ".tvae-rules.toml").write_text("x = 1")
    done = tvae("scan", "runs/tree")
    assert engine.called["rules"] == "x = 1"
    assert engine.called["rules_origin"] == f"{place}/.tvae-rules.toml"
    assert f"rules: {place}/.tvae-rules.toml" in done.err
    (tmp_path / "other").mkdir()
    (tmp_path / "other/.tvae-rules.toml").write_text("x = 2")
    refused = tvae("scan", "runs/tree", "other")
    assert (refused.code, "two files with rules apply" in refused.err) == (2, True)


def test_a_pipe_is_no_file_with_rules(tvae: Run, engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    os.mkfifo(tmp_path / "tree/.tvae-rules.toml")
    assert tvae("scan", "tree").code == 2


def test_a_full_disk_is_2() -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    script = "import sys; from tvae.cli.app import main; sys.exit(main())"
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", script, "scan", "--no-cache", "--format", "json", "."],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 2, done.stderr


def test_a_terminal_gets_notes_in_lines_that_fit(
    tvae: Run, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"metric": "coverage", "documented": 0.9, "stored": 0.5, "source": "README.md", "differs": True}
    engine.dirs()[2]["documented"] = [told] * 5
    assert max(map(len, tvae("scan", "tree").err.splitlines())) > 200
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    lines = tvae("scan", "tree").err.splitlines()
    commands = [line for line in lines if "`" in line]
    assert max(len(line) for line in lines if line not in commands) <= 60
    assert all(line.count("`") == 2 for line in commands)
    assert sum(line.startswith("tvae: ") for line in lines) < len(lines)


def test_progress_is_for_slow_scans_on_terminals(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from tvae.cli.listing.notes import Progress

    with Progress(silent=False) as progress:
        assert progress.callback is None
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert Progress(silent=True).callback is None
    with Progress(silent=False) as progress:
        assert progress.callback is not None
        progress.callback(1, 2)
        assert capsys.readouterr().err == ""
        progress.begun -= 1
        progress.callback(0, 1500)
        progress.callback(7, 2000)
    assert capsys.readouterr().err == (
        "\rtvae: 1,500 files found\x1b[K\rtvae: 7 of 2,000 files\x1b[K\r\x1b[K"
    )
