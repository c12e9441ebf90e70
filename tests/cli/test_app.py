"""Exit codes, the one line of an error, the error object, and what is never imported."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tvae.cli import config, info
from tvae.cli.app import main
from tvae.cli.failure import describe, one_line
from tvae.errors import CheckpointError, ConfigError, GuardStop, MissingError, StorageError

Run = Callable[..., Any]
COMMANDS = [
    ["train"],
    ["eval"],
    ["plot"],
    ["info"],
    ["scan"],
    ["show"],
    ["prune"],
    ["config"],
    *(["config", name] for name in ("show", "validate", "schema", "reference", "presets", "diff")),
]


def test_help_documents_the_exit_codes(tvae: Run) -> None:
    done = tvae("--help")
    assert done.code == 0
    for code in ("0", "1", "2", "3", "4", "5", "130"):
        assert any(line.split()[:1] == [code] for line in done.out.splitlines()), code


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_json_quiet_and_debug(tvae: Run, command: list[str]) -> None:
    done = tvae(*command, "--help")
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 80
    if command != ["config"]:
        for option in ("--json", "--quiet", "--debug"):
            assert option in done.out


def test_alone_it_shows_help(tvae: Run) -> None:
    assert tvae().out == tvae("--help").out
    assert tvae("config").code == 0


def test_version(tvae: Run) -> None:
    assert tvae("--version").out == f"tvae {info.version()}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trian"], "No such command 'trian'"),
        (["train", "--epoch", "3"], "--epoch"),
        (["train", "--epochs", "x"], "--epochs 'x' is not accepted (expected an integer)"),
        (["train", "--lr", "abc"], "--lr 'abc' is not accepted (expected a number)"),
        (["scan", "--best", "0"], "--best '0' is not accepted (expected at least 1)"),
        (["scan", "--threads", "1.5"], "--threads '1.5' is not accepted (expected an integer)"),
        (["train", "a", "b"], "unexpected"),
        (["config", "validate"], "FILE"),
        (["--json"], "--json"),
    ],
)
def test_a_wrong_usage_is_one_line(tvae: Run, arguments: list[str], words: str) -> None:
    done = tvae(*arguments)
    assert done.code == 2
    assert done.err.startswith("tvae: error: ")
    assert len(done.err.splitlines()) == 1
    assert words in done.err
    assert "--help" in done.err


def test_a_wrong_usage_is_an_object_under_json(tvae: Run) -> None:
    done = tvae("train", "--epochs", "x", "--json")
    error = done.json["error"]
    assert (done.json["schema"], error["code"], error["path"]) == (1, 2, "tvae train")
    assert {"code", "path", "expected", "got", "hint"} <= set(error)
    assert (error["expected"], error["got"]) == ("an integer", "'x'")


def test_a_refused_config_is_an_object_under_json(tvae: Run, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("optim: {lr: fast}")
    done = tvae("config", "validate", path, "--json")
    assert done.code == 2
    error = done.json["error"]
    assert error["path"] == f"{path}:1: optim.lr"
    assert (error["expected"], error["got"]) == ("number > 0", 'the text "fast"')


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), 2),
        (CheckpointError("x"), 3),
        (MissingError("x"), 3),
        (StorageError("x"), 4),
        (PermissionError(13, "Permission denied", "there"), 4),
        (TimeoutError("slow"), 4),
        (ModuleNotFoundError("No module named 'x'", name="x"), 4),
        (GuardStop("x"), 5),
        (KeyboardInterrupt(), 130),
        (RuntimeError("a\nb"), 1),
        (RecursionError(), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_exit_codes(tvae: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("tvae.config.load", fail)
    done = tvae("config", "show", "--json")
    assert done.code == code
    assert done.json["error"]["code"] == code
    assert len(done.err.splitlines()) == 1


def test_debug_shows_the_traceback(tvae: Run) -> None:
    done = tvae("config", "show", "nope", "--debug")
    assert "Traceback" in done.err
    assert done.err.splitlines()[-1].startswith("tvae: error: there is no preset 'nope'")


def test_a_hostile_name_stays_on_its_line() -> None:
    assert one_line("a\x1b[2J\nb\u202e") == "a\\x1b[2J b\\u202e"
    assert describe(ValueError("x\ny")).message.startswith("ValueError: x y; this is a bug")


def test_json_has_no_nan(tvae: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tvae.config.reference.rows", lambda: [{"default": float("nan")}])
    done = tvae("config", "reference", "--json")
    assert done.json["keys"] == [{"default": None}]
    assert done.json["not_finite"] == ["keys[0].default"]


def process(*arguments: str, code: str = "", **keywords: Any) -> subprocess.CompletedProcess[str]:
    script = f"import sys\nfrom tvae.cli.app import main\n{code}\nsys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], text=True, check=False, timeout=60, **keywords
    )


def test_a_full_disk_is_4() -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w") as full:
        done = process("config", "reference", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 4
    assert done.stderr.startswith("tvae: error: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_reader_that_leaves_is_no_error() -> None:
    script = f"{sys.executable} -m tvae config reference | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.startswith("# Configuration")


@pytest.mark.skipif(not hasattr(signal, "raise_signal"), reason="no signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_an_interrupt(tvae: Run, monkeypatch: pytest.MonkeyPatch, number: signal.Signals) -> None:
    before = signal.getsignal(signal.SIGTERM)
    # A shell starts what it runs in the background with SIGINT ignored, this test perhaps among it.
    ctrl_c = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr("tvae.config.load", lambda *_, **__: signal.raise_signal(number))
    try:
        done = tvae("config", "show")
    finally:
        signal.signal(signal.SIGINT, ctrl_c)
    assert (done.code, done.err) == (130, "tvae: interrupted\n")
    assert signal.getsignal(signal.SIGTERM) is before


def test_python_m_tvae() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tvae", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("tvae ")


def test_completion_knows_commands_and_presets() -> None:
    for words, index, wanted in (("tvae tr", "1", "train"), ("tvae train smo", "2", "smoke")):
        env = {**os.environ, "_TVAE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": index}
        done = process(env=env, capture_output=True)
        assert done.stdout.split() == [wanted], done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["config", "show", "smoke"], ["config", "reference"], ["config", "diff", "smoke", "smoke"]],
    ids=" ".join,
)
def test_light_commands_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import atexit\natexit.register(lambda: print("
        "{'torch', 'numpy', 'huggingface_hub', 'matplotlib', 'rich'}"
        " & set(sys.modules), file=sys.stderr))"
    )
    done = process(*arguments, code=code, capture_output=True)
    assert (done.returncode, done.stderr.strip()) == (0, "set()")


def test_main_takes_the_arguments_of_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["tvae", "config", "presets", "--json"])
    assert main() == 0
    assert json.loads(capsys.readouterr().out)["schema"] == 1
    assert config.app is not None
