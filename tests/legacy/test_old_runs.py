"""An old config and an old checkpoint, migrated and trained: three steps at depth 5, by the commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from legacy.files import FOLDER, NAMES, document
from legacy.predecessor import Model, write
from tvae.config import load, tree
from tvae.legacy.config import migrate

Run = Callable[..., Any]
#: Depth 5, three steps, quick evaluations.
SMALL = [
    word
    for setting in (
        "space.depth=5", "training.max_steps=3", "training.eval_pairs=50", "training.final_pairs=50",
        "training.device=cpu", "training.tensorboard=false",
    )
    for word in ("--set", setting)
]  # fmt: skip


def named(name: str) -> str | None:
    """The checkpoint that an old config names."""
    path = tree.leaves(document(name).values).get("frozen_checkpoint.path")
    return path if isinstance(path, str) else None


def shallow(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same layers for operations of five trits."""
    cut: dict[str, Tensor] = {}
    for key, tensor in state.items():
        cut[key] = tensor
        if key.startswith("encoder_") and key.endswith(".encoder.0.weight"):
            cut[key] = tensor[:, :5].contiguous()
        elif key.startswith("decoder_A.decoder.4"):
            cut[key] = tensor[:15].contiguous()
    return cut


def plant(name: str, path: Path) -> None:
    """The checkpoint that a config names, as the program that wrote it would have."""
    spec = load(None, env=None).config.model
    found = migrate(document(name)).values["model"]
    assert isinstance(found, dict)
    projection = found["projection"]
    latent = found.get("latent_dim", spec.latent_dim)
    if "v5_5" in path.parts:
        model = Model(projection=None, latent=latent)
    else:
        model = Model(
            projection="single" if projection.get("shared") else "dual",
            hidden=projection.get("hidden", 64),
            layers=projection.get("layers", 2),
            dropout=projection.get("dropout", 0.0),
            controller=True,
            latent=latent,
        )
    path.parent.mkdir(parents=True)
    write(path, shallow(dict(model.state_dict())))


@pytest.mark.parametrize("name", [name for name in NAMES if named(name)])
def test_a_run_begins_with_the_checkpoint_that_the_file_names(
    name: str, tvae: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path(str(named(name)))
    plant(name, path)
    assert tvae("config", "migrate", FOLDER / f"{name}.yaml", "-o", "new.yaml").code == 0
    # Random weights decode nothing, so they may only begin a run that was asked to begin cold.
    assert tvae("train", "new.yaml", *SMALL, "--name", "cold").code in (3, 5)
    done = tvae("train", "new.yaml", *SMALL, "--name", "run", "--allow-cold-start", "--json")
    assert done.code == 0, done.err
    assert done.json["status"] == "finished"


@pytest.mark.parametrize("name", ["fast_test", "v5_12_5_from_scratch", "v5_11_11_rtx", "valuation_optimal"])
def test_parts_frozen_without_weights_are_refused(
    name: str, tvae: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert tvae("config", "migrate", FOLDER / f"{name}.yaml", "-o", "new.yaml").code == 0
    assert tvae("config", "validate", "new.yaml").code == 0
    done = tvae("train", "new.yaml", *SMALL)
    assert (done.code, "frozen without weights" in done.err) == (2, True)
    assert tvae("train", "new.yaml", *SMALL, "--allow-cold-start").code == 0


@pytest.mark.parametrize(
    "name", ["appetitive", "v5_8", "v5_9", "v5_10", "schema", "trainer_schema", "frequency_optimal"]
)
def test_files_without_frozen_parts_train_from_random_weights(
    name: str, tvae: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert tvae("config", "migrate", FOLDER / f"{name}.yaml", "-o", "new.yaml").code == 0
    assert tvae("train", "new.yaml", *SMALL).code == 0
