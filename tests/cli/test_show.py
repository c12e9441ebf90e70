"""`tvae show`: the words, the exit codes, and nothing that a file's own text could do to a terminal."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

Run = Callable[..., Any]


class Evil:
    """Runs a command when it is unpickled by Python."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("true",)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "best.pt"
    content = {
        "epoch": 4,
        "model_state": {"layer.weight": torch.zeros(3, 2), "n" * 70: torch.zeros(())},
        "metrics": {"radial_corr_B": np.float64(-0.75), "coverage": float("inf")},
        "config": {"name": "red\x1b[31m", "lr": 0.1},
    }
    torch.save(content, path)
    return path


def test_a_checkpoint(tvae: Run, saved: Path) -> None:
    done = tvae("show", saved, "--imports", "--tensors")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert max(map(len, lines[1:])) <= 80
    for words in (
        "PyTorch archive",
        "yes: it imports only known types",
        "hierarchy_B  -0.75000  metrics: radial_corr_B",
        "model_state       2           7   28 B  float32",
        "model_state.layer.weight",
        "    numpy._core.multiarray.scalar,",
    ):
        assert words in done.out


def test_a_folder_stands_for_its_best_file(tvae: Run, saved: Path) -> None:
    done = tvae("show", saved.parent, "--key", "epoch")
    assert (done.code, done.out) == (0, "4\n")
    assert tvae("show", saved.parent).out.splitlines()[0] == str(saved)
    saved.rename(saved.with_name("other.pt"))
    done = tvae("show", saved.parent)
    assert done.code == 3
    assert "other.pt" in done.err


def test_the_weights_that_every_command_knows(tvae: Run) -> None:
    done = tvae("show", "default")
    assert (done.code, done.out.splitlines()[0].endswith("default.safetensors")) == (0, True)


def test_a_config_is_counted_where_there_is_one(tvae: Run, tmp_path: Path) -> None:
    for config, words in (({"lr": 0.1}, "config  1 key, sha256"), ({"a": 1, "b": 2}, "config  2 keys,")):
        torch.save({"epoch": 1, "config": config}, tmp_path / "x.pt")
        assert words in tvae("show", tmp_path / "x.pt").out
    torch.save({"epoch": 1, "config": {}}, tmp_path / "x.pt")
    assert "config  " not in tvae("show", tmp_path / "x.pt").out


def test_long_names_of_tensors_keep_their_branch(tvae: Run, tmp_path: Path) -> None:
    state = {f"projection.proj_{branch}.direction_net.3.weight": torch.zeros(16, 64) for branch in "AB"}
    torch.save({"exponential_average_of_model_state_dict": state}, tmp_path / "x.pt")
    out = tvae("show", tmp_path / "x.pt", "--tensors").out
    for branch in "AB":
        assert f"….projection.proj_{branch}.direction_net.3.weight  float32" in out


def test_json_has_every_field_and_no_infinity(tvae: Run, saved: Path) -> None:
    found = tvae("show", saved, "--json", "--tensors").json
    assert found["schema"] == 1
    assert found["imports"][0].keys() == {"module", "name", "class", "offset"}
    assert found["metrics"]["coverage"]["value"] is None
    assert found["not_finite"] == ["metrics.coverage.value"]
    assert found["tensors"][0]["shape"] == [3, 2]
    assert found["config_hash"]


def test_one_value(tvae: Run, saved: Path) -> None:
    assert tvae("show", saved, "--key", "config.lr").out == "0.1\n"
    assert tvae("show", saved, "--key", "config.name").out == "red\\x1b[31m\n"
    assert tvae("show", saved, "--key", "metrics.coverage", "--json").json["value"] is None
    missing = tvae("show", saved, "--key", "config.none")
    assert missing.code == 3
    assert "expected a key of config: name, lr)" in missing.err


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("config.lr", "(expected a key of config: riemannian, seeds); did you mean config.riemannian.lr?"),
        ("confg", "(expected a key of the file: epoch, config, model); did you mean config?"),
        ("confg.riemannian.lr", "did you mean config.riemannian.lr?"),
        ("riemannian.lr", "did you mean config.riemannian.lr?"),
        (
            "config.riemannian.lrr",
            "(expected a key of config.riemannian: lr); did you mean config.riemannian.lr?",
        ),
        (
            "model.layer.0.weigt",
            "(expected a key of model: layer.0.bias, layer.0.weight); did you mean model.layer.0.weight?",
        ),
        ("config.seeds.2", "(expected a key of config.seeds: 0, 1)"),
        ("epoch.x", "epoch.x; epoch is a value without keys"),
    ],
)
def test_a_key_that_is_not_there(tvae: Run, tmp_path: Path, key: str, words: str) -> None:
    path = tmp_path / "x.pt"
    model = {"layer.0.bias": torch.zeros(1), "layer.0.weight": torch.zeros(1)}
    torch.save({"epoch": 1, "config": {"riemannian": {"lr": 0.1}, "seeds": [3, 4]}, "model": model}, path)
    done = tvae("show", path, "--key", key)
    assert (done.code, done.err.count("\n")) == (3, 1)
    assert f"{path} has no key {key}" in done.err
    assert words in done.err


def test_malice_is_shown_and_no_advice_given(tvae: Run, tmp_path: Path) -> None:
    torch.save({"x": Evil()}, tmp_path / "x.pt")
    done = tvae("show", tmp_path / "x.pt", "--imports")
    assert done.code == 0
    assert "NO: loading it runs dangerous code" in done.out
    assert "posix.system" in done.out
    assert "add_safe_globals" not in done.out


@pytest.mark.parametrize("data", [b"", b"hello, world", pickle.dumps({"a": 1})[:-3]])
def test_what_is_no_checkpoint(tvae: Run, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.pt").write_bytes(data)
    done = tvae("show", tmp_path / "x.pt")
    assert done.code == 3
    assert "not known" in done.out
    assert tvae("show", tmp_path / "x.pt", "--json").json["safety"] == "unparsed"
    assert tvae("show", tmp_path / "none.pt").code == 3
    assert tvae("show", tmp_path).code == 3


def test_a_damaged_file_says_what_is_read_of_it_and_what_to_do(tvae: Run, saved: Path) -> None:
    data = bytearray(saved.read_bytes())
    place = data.index(b"metrics")
    data[place - 5 : place] = b"\xff" * 5
    saved.write_bytes(data)
    done = tvae("show", saved)
    told = f"tvae: {saved}: damaged, and only a part of it could be read; copy it again"
    assert (done.code, "epoch   4" in done.out, done.err.startswith(told)) == (3, True, True)
    for words in (["show", saved, "--key", "epoch"], ["eval", saved], ["checkpoint", "validate", saved]):
        done = tvae(*words)
        assert done.code == 3
        assert f"{saved}: damaged: 0xff is no opcode; copy it again or use an earlier checkpoint" in done.err
    listed = tvae("scan", saved, "--no-cache").err
    assert "next: copy damaged files again or use earlier ones" in listed
    saved.write_bytes(bytes(64))
    saved.write_bytes(pickle.dumps({"a": 1})[:-3])
    assert "damaged, and nothing of it could be read" in tvae("show", saved).err


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "an empty file; copy it again or name another file"),
        (bytes(64), "only zeros; copy it again or name another file"),
        (b"<!DOCTYPE html><html>404</html>", "a page (HTML or XML); copy it again or name another file"),
        (b"hello, world", "neither a safetensors file nor one of torch; copy it again or name another file"),
        (
            b"version https://git-lfs.github.com/spec/v1\n",
            "a Git LFS pointer, not the file; run `git lfs pull`",
        ),
    ],
)
def test_what_is_no_checkpoint_is_told_in_the_same_words(
    tvae: Run, tmp_path: Path, data: bytes, words: str
) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(data)
    for command in (
        ["show", path],
        ["show", path, "--key", "epoch"],
        ["eval", path],
        ["plot", path],
        ["checkpoint", "validate", path],
        ["checkpoint", "convert", path, tmp_path / "new.safetensors"],
        ["train", "--init", path, "--validate-only"],
    ):
        done = tvae(*command)
        assert done.code == 3
        assert f"{path}: no checkpoint: {words}" in done.err, command
    found = tvae("show", path, "--json").json["error"]
    assert found["message"] == f"{path}: no checkpoint: {words}"
