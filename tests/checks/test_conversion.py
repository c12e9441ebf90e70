"""Conversion there and back keeps every bit; the record says where the weights come from."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

import tvae
from legacy import predecessor
from legacy.predecessor import Model, write
from tvae.checkpoint import read, save, sha256
from tvae.checks.conversion import convert
from tvae.errors import CheckpointError, ConfigError, MissingError
from tvae.legacy import weights

ROUND_TRIPS: dict[str, dict[str, Any]] = {
    "dual": {"layers": 2, "dropout": 0.1, "controller": True},
    "single": {"projection": "single", "dropout": 0.1},
    "shared direction": {"projection": "shared direction"},
    "improved": {"encoder": "improved", "decoder": "improved", "ball": False},
}


def raw(path: Path) -> dict[str, torch.Tensor]:
    """The state dict of a file, every tensor of it, under its own names."""
    old = weights.describe(path)
    names = list(old.entries)
    with open(path, "rb") as stream:
        return weights._tensors(old, names, stream)


@pytest.mark.parametrize("options", ROUND_TRIPS.values(), ids=ROUND_TRIPS)
def test_there_and_back_is_bit_equal(options: dict[str, Any], tmp_path: Path) -> None:
    state = Model(**options).state_dict()
    if options.get("ball") is False:
        state["curvature"] = torch.tensor(0.3)
    metrics = {"coverage": 0.9, "hierarchy_B": -0.8, "hierarchy_A": -0.7, "Q_A": 1.5, "Q_B": 2.0}
    old = write(tmp_path / "old.pt", state, metrics=metrics, config={"max_radius": 0.9})
    convert(old, tmp_path / "new.safetensors", measure=False)
    convert(tmp_path / "new.safetensors", tmp_path / "back.pt")
    back = raw(tmp_path / "back.pt")
    for name, tensor in state.items():
        assert back[name].equal(tensor), name
    # A ball that the old file lacked is written with its curvature, as later tools expect it.
    assert all(name.endswith("isp_c") for name in back.keys() - state.keys())
    before, after = tvae.inspect(old), tvae.inspect(tmp_path / "back.pt")
    assert (after.epoch, after.config) == (before.epoch, before.config)
    assert {k: (m.value, m.family) for k, m in after.metrics.items()} == {
        k: (m.value, m.family) for k, m in before.metrics.items()
    }


def test_the_flat_spelling_and_v5_5_return_as_they_came(tmp_path: Path) -> None:
    plain = Model(projection=None).state_dict()
    for name, state in {"flat": predecessor.flat(plain), "v5.5": predecessor.with_state_net(plain)}.items():
        convert(write(tmp_path / f"{name}.pt", state), tmp_path / f"{name}.safetensors", measure=False)
        convert(tmp_path / f"{name}.safetensors", tmp_path / f"{name} back.pt")
        back = raw(tmp_path / f"{name} back.pt")
        assert back.keys() == state.keys()
        assert all(back[key].equal(tensor) for key, tensor in state.items())


def test_the_record_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tvae.metrics.evaluate", partial(tvae.evaluate, pairs=1))
    metrics = {"radial_corr_A": -0.7, "radial_corr_B": -0.8, "coverage": 0.97, "radius_v0": 0.9}
    old = write(tmp_path / "old.pt", Model(dropout=0.1).state_dict(), metrics=metrics)
    done = convert(old, tmp_path / "new.safetensors", command="tvae checkpoint convert old new")
    record = read(tmp_path / "new.safetensors").record
    assert record.base_checkpoint == str(old)
    assert record.base_sha256 == sha256(old)
    assert (record.epoch, record.command) == (7, "tvae checkpoint convert old new")
    assert record.architecture["curvature"] == 1.0
    assert record.metric_version == 1
    assert record.metrics == done.metrics
    assert record.metrics["coverage"] is not None
    assert record.metrics["tree_inversions_A"] is not None
    stored = record.source["metrics"]
    assert stored["hierarchy_B"] == {
        "value": -0.8, "family": "v5.11", "raw_key": "radial_corr_B", "source": "metrics",
    }  # fmt: skip
    assert record.source["notes"][0] == "max_radius is not stored; its default, 0.95, is assumed"
    assert tvae.load(tmp_path / "new.safetensors").embed([5]).equal(tvae.load(old).embed([5]))


def test_what_the_predecessor_could_not_build_does_not_go_back(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"1 branch; an encoder with skip; .*a hyperbolic radius"):
        convert("default", tmp_path / "default.pt")
    assert not (tmp_path / "default.pt").exists()


def test_a_resume_state_stays_behind(tmp_path: Path) -> None:
    """Moments of an optimizer are no tensors of the model."""
    old = write(tmp_path / "old.pt", Model().state_dict())
    content = weights.read(old)
    model = tvae.load(old)
    record = tvae.checkpoint.Record(architecture=content.record.architecture)
    latest = tvae.checkpoint.Checkpoint(record, model.state_dict(), {"step": 3}, {"moment": torch.ones(2)})
    save(tmp_path / "latest.safetensors", latest)
    convert(tmp_path / "latest.safetensors", tmp_path / "new.pt")
    assert "moment" not in raw(tmp_path / "new.pt")
    x = [0, 1, 19682]
    assert tvae.load(tmp_path / "new.pt").embed(x).equal(tvae.load(old).embed(x))


@pytest.mark.parametrize("name", ["new.pt", "new.bin", "old.pt", "there.safetensors"])
def test_names_that_are_refused(name: str, tmp_path: Path) -> None:
    old = write(tmp_path / "old.pt", Model().state_dict())
    (tmp_path / "there.safetensors").write_bytes(b"mine")
    with pytest.raises(ConfigError):
        convert(old, tmp_path / name, measure=False)
    assert (tmp_path / "there.safetensors").read_bytes() == b"mine"


@pytest.mark.parametrize("content", [b"", b"hello, this is a text"], ids=["empty", "text"])
def test_what_is_no_checkpoint_is_told_before_names(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "text.pt").write_bytes(content)
    for source in (tmp_path / "text.pt", tmp_path):
        with pytest.raises((CheckpointError, MissingError), match="no checkpoint"):
            convert(source, tmp_path / "new.safetensors")
