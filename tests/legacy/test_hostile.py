"""Old files come from anywhere: damaged or made to harm, they load whole or are refused in words."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch

import tvae
from legacy.predecessor import Model, write
from tvae.errors import CheckpointError
from tvae.legacy import weights


@pytest.mark.parametrize("zipped", [True, False])
def test_changed_bytes_never_surprise(zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / "whole.pt"
    content = {"model_state": Model(projection="single", hidden=32).state_dict(), "config": {"lr": 0.1}}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    chance = random.Random(zipped)
    loaded = refused = 0
    for _ in range(100):
        data = bytearray(whole)
        for _ in range(chance.choice([1, 4, 16])):
            # Structure stands at the ends, numbers in between.
            place = chance.choice([chance.randrange(9000), len(data) - 1 - chance.randrange(6000)])
            data[place] = chance.randrange(256)
        (tmp_path / "changed.pt").write_bytes(data)
        try:
            # A changed weight may be huge and still a number: what it leads to is no business of the reader.
            assert tvae.load(tmp_path / "changed.pt").embed([0, 19682]).shape == (2, 16)
            loaded += 1
        except CheckpointError:
            refused += 1
    assert min(loaded, refused) > 5


def test_a_tensor_that_claims_more_than_the_file_holds_is_not_read(tmp_path: Path) -> None:
    state = Model(projection=None).state_dict()
    # One number, said to be four billion of them: left out where nothing needs it, else refused by shape.
    state["decoder_B.decoder.0.weight"] = torch.zeros(1).expand(1 << 32)
    state["decoder_B.steps"] = torch.tensor([3])
    state["decoder_B.bias"] = torch.tensor([float("nan")])
    found = weights.read(write(tmp_path / "huge.pt", state), keep=True)
    assert found.state_tensors.keys() == {"decoder_B.steps", "decoder_B.bias"}
    state["encoder_A.fc_mu.bias"] = torch.zeros(1).expand(1 << 32)
    with pytest.raises(CheckpointError, match="does not fit"):
        tvae.load(write(tmp_path / "wide.pt", state))


def test_code_in_a_file_is_neither_run_nor_in_the_way(tmp_path: Path) -> None:
    path = write(tmp_path / "best.pt", Model().state_dict(), hook=Touch(tmp_path / "ran"))
    assert tvae.load(path).embed([0]).isfinite().all()
    assert tvae.inspect(path).safety == "dangerous"
    assert not (tmp_path / "ran").exists()


class Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return eval, (f"open({str(self.path)!r}, 'w')",)
