"""An old config and an old checkpoint, migrated and trained: three steps at depth 5, by the commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from legacy.files import FOLDER, NAMES, document
from legacy.predecessor import Model, write
from tvae.config import tree
from tvae.config.document import read
from tvae.config.yaml import Document
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


def named(old: Document) -> str | None:
    """The checkpoint that an old config names."""
    path = tree.leaves(old.values).get("frozen_checkpoint.path")
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


def plant(old: Document) -> None:
    """The checkpoint that a config names, as the program that wrote it would have."""
    path = Path(str(named(old)))
    found = migrate(old).values["model"]
    assert isinstance(found, dict)
    projection, latent = found["projection"], found.get("latent_dim", 16)
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
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, shallow(dict(model.state_dict())))


def begin_with_a_checkpoint(tvae: Run, path: Path) -> None:
    plant(read(path))
    assert tvae("config", "migrate", path, "-o", "new.yaml", "--overwrite").code == 0
    # Random weights decode nothing, so they may only begin a run that was asked to begin cold.
    assert tvae("train", "new.yaml", *SMALL, "--name", "warm").code in (3, 5)
    done = tvae("train", "new.yaml", *SMALL, "--name", path.stem, "--allow-cold-start", "--json")
    assert done.code == 0, done.err
    assert done.json["status"] == "finished"


def begin_without_weights(tvae: Run, path: Path) -> None:
    assert tvae("config", "migrate", path, "-o", "new.yaml", "--overwrite").code == 0
    assert tvae("config", "validate", "new.yaml").code == 0
    done = tvae("train", "new.yaml", *SMALL)
    assert (done.code, "frozen without weights" in done.err) == (2, True)
    assert tvae("train", "new.yaml", *SMALL, "--name", path.stem, "--allow-cold-start").code == 0


def begin_at_random(tvae: Run, path: Path) -> None:
    assert tvae("config", "migrate", path, "-o", "new.yaml", "--overwrite").code == 0
    assert tvae("train", "new.yaml", *SMALL, "--name", path.stem).code == 0


FROZEN = ["fast_test", "v5_12_5_from_scratch", "v5_11_11_rtx", "valuation_optimal"]


@pytest.mark.parametrize("name", NAMES)
def test_an_old_config_trains(name: str, tvae: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    begin = (
        begin_with_a_checkpoint
        if named(document(name))
        else begin_without_weights
        if name in FROZEN
        else begin_at_random
    )
    begin(tvae, FOLDER / f"{name}.yaml")


def test_real_files_train(
    legacy_configs: list[Path], tvae: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for path in legacy_configs:
        parts = migrate(read(path)).values.get("parts")
        frozen = isinstance(parts, dict) and any(part.get("freeze") for part in parts.values())
        begin = (
            begin_with_a_checkpoint
            if named(read(path))
            else begin_without_weights
            if frozen
            else begin_at_random
        )
        begin(tvae, path)
