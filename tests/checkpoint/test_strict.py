"""Strict loading: all misfits at once, and nothing copied before everything fits."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tvae import checkpoint
from tvae.errors import CheckpointError


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 3)
        self.norm = nn.BatchNorm1d(3)


def test_copies_all() -> None:
    torch.manual_seed(0)
    source, target = Small(), Small()
    assert checkpoint.load_into(target, source.state_dict(), source="a") == ()
    for name, tensor in source.state_dict().items():
        assert torch.equal(target.state_dict()[name], tensor)


def test_table_names_everything_and_nothing_is_copied() -> None:
    module = Small()
    before = {name: t.clone() for name, t in module.state_dict().items()}
    tensors = {name: torch.zeros_like(t) for name, t in before.items()}
    del tensors["norm.bias"]
    tensors["layer.weight"] = torch.zeros(3, 4)
    tensors["layer.bias"] = torch.tensor([0.0, float("nan"), 0.0])
    tensors["norm.num_batches_tracked"] = torch.tensor(0.0)
    tensors["extra"] = torch.zeros(1)
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load_into(module, tensors, source="a.safetensors")
    first, heading, _, *rows = str(caught.value).split("\n")
    assert first == "a.safetensors: 5 tensors do not fit this Small; nothing was loaded"
    assert [cell.strip() for cell in heading.split("|")] == ["name", "expected", "found", "why"]
    assert [[cell.strip() for cell in row.split("|")] for row in rows] == [
        ["extra", "-", "float (1)", "unknown to the model"],
        ["layer.bias", "float (3)", "float (3)", "not finite"],
        ["layer.weight", "float (3, 2)", "float (3, 4)", "another shape"],
        ["norm.bias", "float (3)", "-", "missing in the file"],
        ["norm.num_batches_tracked", "int ()", "float ()", "another kind of number"],
    ]
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_allowed_gaps() -> None:
    module = Small()
    tensors = {"layer.weight": torch.zeros(3, 2, dtype=torch.float64), "old.scale": torch.ones(1)}
    left = checkpoint.load_into(
        module, tensors, source="a", allow_missing=["layer.bias", "norm.*"], allow_extra=["old.*"]
    )
    assert "layer.bias" in left
    assert "layer.weight" not in left
    assert not module.layer.weight.any()
    assert module.layer.weight.dtype == torch.float32


def test_an_allowed_gap_does_not_excuse_a_misfit() -> None:
    with pytest.raises(CheckpointError, match="1 tensor does not fit"):
        checkpoint.load_into(
            nn.Linear(1, 1, bias=False), {"weight": torch.ones(2, 1)}, source="a", allow_missing=["*"]
        )
