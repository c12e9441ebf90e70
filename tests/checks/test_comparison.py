"""Checkpoints side by side: what differs, tensor by tensor, and metrics under their definitions."""

from __future__ import annotations

from pathlib import Path

from legacy.predecessor import Model, write
from tvae.checks.comparison import compare
from tvae.checks.conversion import convert
from tvae.cli.sides import comparison


def test_a_conversion_is_the_same_model(tmp_path: Path) -> None:
    old = write(tmp_path / "old.pt", Model(dropout=0.1).state_dict(), config={"lr": 0.1})
    convert(old, tmp_path / "new.safetensors", measure=False)
    found = compare([old, tmp_path / "new.safetensors"])
    assert found.same
    assert (found.tensors[0].equal, found.tensors[0].different) == (46, 0)
    assert not found.differing("architecture")
    assert not found.differing("config")


def test_what_differs_is_named(tmp_path: Path) -> None:
    state = Model(layers=2).state_dict()
    metrics = {"coverage": 0.9, "hierarchy_B": -0.8, "Q_B": 1.9}
    one = write(tmp_path / "one.pt", state, metrics=metrics, config={"lr": 0.1, "curvature": 1.0})
    changed = {name: tensor.clone() for name, tensor in state.items()}
    changed["encoder_A.fc_mu.bias"] += 1e-7
    changed["encoder_B.fc_mu.bias"] += 0.5
    sweep = {"coverage": 0.8, "hierarchy": -0.5}
    two = write(tmp_path / "two.pt", changed, metrics=sweep, config={"lr": 0.2, "name": "x"})
    three = write(tmp_path / "three.pt", Model(projection="single", max_radius=0.9).state_dict())
    found = compare([one, two, three])
    assert not found.same
    near, far = found.tensors
    assert (near.equal, near.close, near.different, near.where) == (56, 1, 1, "encoder.B.mu.bias")
    assert far.only_one > 0
    assert found.differing("config") == {
        "lr": [0.1, 0.2, None], "curvature": [1.0, None, None], "name": [None, "x", None],
    }  # fmt: skip
    assert found.differing("architecture")["projection.shared"] == [False, False, True]
    # No value stands beside one of another definition.
    assert found.sides[0].metrics.keys() == {"v5.12"}
    assert found.sides[1].metrics.keys() == {"sweep"}
    text = comparison(found)
    assert "Metrics as v5.12 " in text
    assert "Metrics as sweep " in text
    assert "1 equal up to rounding, 1 different" in text


def test_precision_counts_as_rounding(tmp_path: Path) -> None:
    state = Model(projection=None).state_dict()
    one = write(tmp_path / "one.pt", state)
    two = write(tmp_path / "two.pt", {name: tensor.double() for name, tensor in state.items()})
    found = compare([one, two])
    assert found.same
    assert (found.tensors[0].close, found.tensors[0].largest) == (len(state), 0.0)
