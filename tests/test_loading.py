"""`tvae.load`, above all of the weights that ship: they are what their record says."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch

import tvae
from legacy.predecessor import Model, write
from tvae.checkpoint import Checkpoint, read, save
from tvae.checks.conversion import convert
from tvae.errors import CheckpointError, DeviceError, MissingError


@pytest.fixture(scope="module")
def shipped() -> tvae.TernaryVAE:
    return tvae.load("default")


def test_the_shipped_weights_are_small() -> None:
    assert len((files("tvae.presets") / "default.safetensors").read_bytes()) < 1_000_000


def test_the_shipped_weights_decode_every_operation(shipped: tvae.TernaryVAE) -> None:
    ops = np.arange(19683)
    decoded = shipped.decode(shipped.code(ops)).numpy()
    assert (decoded == shipped.space.trits(ops)).all()


@pytest.mark.slow
def test_the_shipped_weights_measure_what_their_record_says(shipped: tvae.TernaryVAE) -> None:
    assert shipped.record is not None
    found = tvae.evaluate(shipped)
    recorded = {name: value for name, value in shipped.record.metrics.items() if value is not None}
    measured = {name: found.metrics[name] for name in recorded}
    # Another processor sums in another order: an operation on the edge of decoding may change sides.
    assert measured == pytest.approx(recorded, abs=2e-4)
    assert measured["ultrametric_B"] > 0.8318
    assert measured["inversions_B"] <= 1e-6
    assert shipped.record.config["seed"] == 0


def test_the_shipped_weights_follow_the_preset(shipped: tvae.TernaryVAE) -> None:
    from tvae.config import load

    config = load("default", env={}).config
    assert shipped.spec == config.model
    assert shipped.record is not None
    assert shipped.record.architecture["depth"] == config.space.depth


def test_a_folder_means_its_best_weights(tmp_path: Path) -> None:
    content = read(Path(str(files("tvae.presets") / "default.safetensors")))
    save(tmp_path / "best.safetensors", content)
    assert tvae.load(tmp_path).embed([0]).equal(tvae.load(str(tmp_path / "best.safetensors")).embed([0]))


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    content = read(Path(str(files("tvae.presets") / "default.safetensors")))
    tensors = dict(content.tensors)
    tensors["decoder.logits.bias"] = torch.zeros(5)
    del tensors["encoder.B.mu.bias"]
    tensors["extra"] = torch.zeros(1)
    broken = save(tmp_path / "broken.safetensors", Checkpoint(content.record, tensors))
    with pytest.raises(CheckpointError) as caught:
        tvae.load(broken)
    for name in ("decoder.logits.bias", "encoder.B.mu.bias", "extra"):
        assert name in (caught.value.details or "")


def test_the_notes_of_an_old_file_say_that_it_is_dangerous_or_was_cut(tmp_path: Path) -> None:
    evil = write(tmp_path / "evil.pt", Model().state_dict(), hook=Evil())
    cut = write(tmp_path / "cut.pt", Model().state_dict(), optimizer={"state": torch.zeros(50_000)})
    cut.write_bytes(cut.read_bytes()[:-150_000])
    for path, words in ((evil, "runs code such as posix.system; nothing of it"), (cut, "was cut, and all")):
        new = tmp_path / "new.safetensors"
        convert(path, new, measure=False, overwrite=True)
        for source in (path, new):
            record = tvae.load(source).record
            assert record is not None
            notes = record.source["notes"]
            assert isinstance(notes, list)
            assert words in notes[0]


class Evil:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("true",)


def test_what_is_not_there() -> None:
    with pytest.raises(MissingError):
        tvae.load("no/such.safetensors")
    with pytest.raises(DeviceError):
        tvae.load("default", device="cuda:77")
