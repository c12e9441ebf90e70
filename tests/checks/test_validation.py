"""A checkpoint is judged by what is in it: tensors, numbers, metrics, and the config that it is meant for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch

from legacy.predecessor import Model, write
from tvae import scanning
from tvae.checks.validation import named, validate
from tvae.config.schema import Config, SpaceConfig
from tvae.errors import CheckpointError, MissingError
from tvae.legacy.weights import read
from tvae.losses.spec import LossSpec
from tvae.nn.spec import from_architecture


def failing(path: Path | str, config: Config | None = None) -> list[str]:
    return list(named(validate(path, config=config)))


def test_whole_files_are_valid(tmp_path: Path) -> None:
    assert not failing("default")
    metrics = {"coverage": 0.97, "hierarchy_B": -0.8}
    assert not failing(write(tmp_path / "a.pt", Model().state_dict(), metrics=metrics))


@pytest.mark.parametrize(
    ("metrics", "wrong"),
    [
        ({"coverage": 0.0013, "hierarchy": -0.5}, True),
        ({"coverage": 0.99, "hierarchy_B": 0.76}, True),
        ({"coverage": 0.99, "richness": float("nan")}, True),
        ({"coverage": 0.99, "hierarchy_A": -0.4, "mean_radius": 1.3}, False),
    ],
)
def test_metrics_must_be_sane(metrics: dict[str, float], wrong: bool, tmp_path: Path) -> None:
    path = write(tmp_path / "a.pt", Model().state_dict(), metrics=metrics)
    assert failing(path) == (["metrics"] if wrong else [])


def test_no_word_means_two_things(tmp_path: Path) -> None:
    """What a scan calls collapsed or inverted begins elsewhere."""
    metrics = {"coverage": 0.0013, "hierarchy_B": 0.76}
    path = write(tmp_path / "a.pt", Model().state_dict(), metrics=metrics)
    (told,) = (check.message for check in validate(path) if check.name == "metrics")
    assert "below 0.05: no run would start from it" in told
    assert "radii grow with the valuation" in told
    assert "collapsed" not in told
    assert "inverted" not in told


def test_damaged_tensors_and_code_are_told(tmp_path: Path) -> None:
    state = Model().state_dict()
    evil = write(tmp_path / "evil.pt", state, hook=Evil())
    assert failing(evil) == ["safety"]
    state["encoder_A.fc_mu.bias"] = torch.full((16,), float("inf"))
    assert failing(write(tmp_path / "inf.pt", state)) == ["tensors"]


class Evil:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("true",)


def test_a_config_is_compared_by_tensors_and_by_function(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pt", Model(layers=2).state_dict())
    spec, depth = from_architecture(read(path).record.architecture)
    ours = Config(model=spec, space=SpaceConfig(depth=depth))
    assert not failing(path, ours)
    silu = msgspec.structs.replace(spec, encoder=msgspec.structs.replace(spec.encoder, activation="silu"))
    checks = validate(path, config=msgspec.structs.replace(ours, model=silu))
    assert [one.message for one in checks if not one.ok] == [
        "the tensors fit, but the function differs: encoder.activation silu (file: relu)"
    ]
    assert failing(path, Config()) == ["config"]
    # As for `init`: without any projection, that part may start fresh.
    plain = write(tmp_path / "plain.pt", Model(projection=None).state_dict())
    assert not failing(plain, ours)
    flat = from_architecture(read(plain).record.architecture)[0]
    losses = LossSpec(radius_band=None, distance_band=None, spread=None)
    assert failing(path, msgspec.structs.replace(ours, model=flat, loss=losses))


def test_what_cannot_be_read_is_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(MissingError):
        validate(tmp_path / "none.pt")
    (tmp_path / "junk.pt").write_bytes(b"PK\x03\x04junk")
    with pytest.raises(CheckpointError):
        validate(tmp_path / "junk.pt")
    with pytest.raises(CheckpointError, match="holds no ternary VAE"):
        validate(write(tmp_path / "other.pt", {"layer.weight": torch.zeros(2)}))


def test_a_file_that_was_cut_behind_its_model_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "whole.pt", Model().state_dict(), optimizer={"state": torch.zeros(50_000)})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - 150_000])
    checks = validate(path)
    assert all(check.ok for check in checks)
    assert any("was cut" in check.message for check in checks)


def test_a_flipped_byte_of_a_tensor_is_damage(tmp_path: Path) -> None:
    path = write(tmp_path / "best.pt", Model().state_dict())
    assert [one.message for one in validate(path) if one.name == "checksums"] == [
        "those of its records are right"
    ]
    data = bytearray(path.read_bytes())
    for tensor in scanning.tensors(path)[:2]:
        assert tensor.file_offset is not None
        data[tensor.file_offset] ^= 1
    path.write_bytes(data)
    [told] = [one for one in validate(path) if not one.ok]
    assert told.name == "checksums"
    assert "has the checksum" in told.message
    assert "and so for 1 more; copy it again" in told.message


def test_what_has_no_checksums_is_not_damaged(tmp_path: Path) -> None:
    def told(path: Path | str) -> list[str]:
        return [one.message for one in validate(path) if one.name == "checksums"]

    options = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    try:
        path = write(tmp_path / "none.pt", Model().state_dict())
    finally:
        torch.serialization.set_crc32_options(options)
    assert told(path) == ["none: torch was told to write none"]
    assert not failing(path)
    assert told("default") == []
    torch.save(
        {"model_state_dict": Model().state_dict()},
        tmp_path / "stream.pt",
        _use_new_zipfile_serialization=False,
    )
    assert told(tmp_path / "stream.pt") == []


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pt")
    with pytest.raises(CheckpointError, match="is a pipe or a device"):
        validate(tmp_path / "pipe.pt")


def test_a_cut_file_is_one_line_and_few_rows(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.pt", Model().state_dict()).read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[:50_000])
    [tensors] = [one for one in validate(tmp_path / "cut.pt") if one.name == "tensors"]
    assert tensors.message.startswith("the file ends at 50000 bytes")
    assert (tensors.details or "").splitlines()[-1].startswith("... and ")
    assert len((tensors.details or "").splitlines()) < 8
