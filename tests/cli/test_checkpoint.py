"""`tvae checkpoint`: exit codes, one line for an error, one object of JSON."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from legacy.predecessor import Model, write

Run = Callable[..., Any]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return write(tmp_path / "best.pt", Model(dropout=0.1, controller=True).state_dict())


def test_convert_says_what_it_did(tvae: Run, old: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.safetensors"
    done = tvae("checkpoint", "convert", old, new, "--no-measure", "--json")
    assert done.code == 0
    assert done.json["layout"] == "v5.11 dual n1 dropout ball controller"
    assert (done.json["tensors"], len(done.json["left_out"])) == (46, 8)
    again = tvae("checkpoint", "convert", old, new)
    assert again.code == 2
    assert again.err.count("\n") == 1
    assert tvae("checkpoint", "convert", old, new, "--no-measure", "--overwrite").code == 0
    assert tvae("checkpoint", "convert", tmp_path / "none.pt", new, "--overwrite").code == 3


def test_validate_tells_bad_from_unreadable(tvae: Run, old: Path, tmp_path: Path) -> None:
    good = tvae("checkpoint", "validate", old, "--json")
    assert (good.code, good.json["valid"]) == (0, True)
    assert tvae("checkpoint", "validate", old, "--config", "dual").code == 1
    assert tvae("checkpoint", "validate", old, "--config", "no-such-preset").code == 2
    state = Model().state_dict()
    state["encoder_B.fc_mu.weight"] = torch.zeros(16, 65)
    bad = tvae("checkpoint", "validate", write(tmp_path / "bad.pt", state))
    assert bad.code == 1
    assert "encoder_B.fc_mu.weight | (16, 64) | (16, 65) | another shape" in bad.out
    assert "not valid" in bad.out
    assert tvae("checkpoint", "validate", tmp_path / "none.pt").code == 3


class Evil:
    """Runs a command when it is unpickled by Python."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("true",)


def test_a_dangerous_file_is_called_so_and_changes_no_code(tvae: Run, tmp_path: Path) -> None:
    evil = write(tmp_path / "evil.pt", Model().state_dict(), hook=Evil())
    new = tmp_path / "new.safetensors"
    told = f"tvae: {evil} is dangerous: to unpickle it runs code such as posix.system;"
    for code, words in (
        (0, ["eval", evil, "--pairs", "1", "--json"]),
        (0, ["eval", tmp_path, "--pairs", "1", "--no-cache"]),
        (0, ["checkpoint", "convert", evil, new, "--no-measure"]),
        (1, ["checkpoint", "validate", evil]),
        (0, ["checkpoint", "compare", evil, evil]),
        (1, ["checkpoint", "verify", evil]),
        (0, ["show", evil, "--key", "hook"]),
        (0, ["show", evil, "--key", "hook", "--json"]),
        (0, ["plot", evil, "-o", tmp_path / "evil.png", "--json"]),
        (3, ["train", "dual", "--init", evil, "--validate-only"]),
        (3, ["train", "dual", "--init", evil, "--out", tmp_path / "outputs"]),
    ):
        done = tvae(*words)
        assert (done.code, done.err.count(told)) == (code, 1), words
        assert not (tmp_path / "outputs").exists()
    assert tvae("show", evil).code == 0
    assert "is dangerous" not in tvae("checkpoint", "validate", evil, "--quiet").err
    torch.save({"x": Evil()}, tmp_path / "none.pt")
    empty = tvae("checkpoint", "validate", tmp_path / "none.pt")
    assert (empty.code, "is dangerous" in empty.err) == (3, True)


def test_every_command_says_that_a_file_was_cut(tvae: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "cut.pt", Model().state_dict(), optimizer={"state": torch.zeros(50_000)})
    path.write_bytes(path.read_bytes()[:-150_000])
    new = tmp_path / "new.safetensors"
    told = "the old file was cut, and all tensors of the model are in what is left of it"
    for code, words in (
        (0, ["eval", path, "--pairs", "1"]),
        (0, ["checkpoint", "convert", path, new, "--no-measure"]),
        (1, ["checkpoint", "verify", path]),
        (0, ["checkpoint", "compare", path, path]),
        (0, ["plot", path, "-o", tmp_path / "cut.png"]),
        (0, ["eval", new, "--pairs", "1"]),
    ):
        done = tvae(*words)
        assert (done.code, done.err.count(told)) == (code, 1), words
        assert told not in tvae(*words, *(["--overwrite"] if "convert" in words else []), "--quiet").err
    assert tvae("checkpoint", "validate", path).out.count(told) == 1


def test_eval_takes_old_files(tvae: Run, old: Path) -> None:
    done = tvae("eval", old, "--pairs", "1", "--json")
    assert done.code == 0
    assert done.json["results"][0]["metrics"]["hierarchy_B"] is not None


def test_compare_and_verify_end_with_their_verdict(tvae: Run, old: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other.pt", Model().state_dict(), metrics={"coverage": 0.9, "hierarchy": -0.8})
    assert tvae("checkpoint", "compare", old, old).code == 0
    differs = tvae("checkpoint", "compare", old, other, "--json")
    assert (differs.code, differs.json["same"], len(differs.json["sides"])) == (1, False, 2)
    assert tvae("checkpoint", "compare", old).code == 2
    assert tvae("checkpoint", "compare", old, tmp_path / "none.pt").code == 3
    verified = tvae("checkpoint", "verify", other)
    assert verified.code == 1
    assert "DIFFERS" in verified.out
    assert "max_radius is not stored" in verified.err
    assert "tvae: measuring in the old definitions" in verified.err
    assert tvae("checkpoint", "verify", other, "--quiet").err == ""


def test_what_cannot_be_measured_is_not_verified(tvae: Run, old: Path, tmp_path: Path) -> None:
    done = tvae("checkpoint", "verify", old, "--json")
    assert (done.code, done.err) == (1, "")
    assert done.json == {"schema": 1, "checkpoint": str(old), "verified": None, "metrics": []}
    untold = write(tmp_path / "untold.pt", Model().state_dict(), metrics={"geo_loss_A": 0.3})
    done = tvae("checkpoint", "verify", untold)
    assert done.code == 1
    assert "no metric that can be measured from the weights; nothing was verified" in " ".join(
        done.out.split()
    )
    assert "old definitions" not in done.out


def test_sides_are_numbered_for_letters_are_branches(tvae: Run, old: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other.pt", Model(projection=None).state_dict())
    out = tvae("checkpoint", "compare", old, other).out
    assert out.splitlines()[0].startswith("#1  v5.11")
    assert " in #1 alone" in out
    assert "Tensors of #1 and #2: " in out


def test_tables_fit_the_width(tvae: Run, old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "runs").mkdir()
    metrics = {"coverage": 0.9, "hierarchy": -0.8}
    many = [
        write(tmp_path / f"runs/{name}.pt", Model().state_dict(), metrics=metrics, config={"lr": name * 30})
        for name in "bcdefgh"
    ]
    for words in (["compare", old, *many], ["verify", many[0]], ["validate", old]):
        out = tvae("checkpoint", *words).out.replace(str(tmp_path), "tmp")
        assert max(map(len, out.splitlines())) <= 80, words
    compared = tvae("checkpoint", "compare", old, *many).out
    assert compared.count("-0.80000") == len(many)
    assert compared.count("Metrics as unqualified") == 2
