"""The old model names, and the old places."""

from __future__ import annotations

from pathlib import Path

import pytest

from legacy.files import migrated
from tvae.config.presets import names
from tvae.errors import MissingError
from tvae.legacy.models import MODELS, find, warning
from tvae.legacy.places import elsewhere, places
from tvae.loading import locate


def test_every_name_is_there_once_and_a_replacement_exists() -> None:
    assert len({model.name for model in MODELS}) == len(MODELS)
    for model in MODELS:
        for word in (model.replaced_by or "").replace(",", "").split():
            if (model.replaced_by or "").startswith("preset") and not word.startswith("preset"):
                assert word in names(), model
        assert (model.loads != "no") <= (model.replaced_by is not None)


def test_deprecated_names_warn_and_others_do_not() -> None:
    assert warning("TernaryVAEV5_11") is None
    assert warning("nothing") is None
    assert "deprecated" in (warning("TernaryVAEOptionC") or "")
    assert find("DualNeuralVAEV5") is not None


def test_a_deprecated_name_in_a_config_warns_once() -> None:
    found = migrated("v5_12", ("TernaryVAEV5_11_PartialFreeze", "TernaryVAEOptionC"))
    assert len(found.warnings) == 1
    assert not migrated("v5_12").warnings
    assert found.values == migrated("v5_12").values


def test_a_class_of_another_name_is_refused() -> None:
    found = migrated("v5_12", ("TernaryVAEV5_11_PartialFreeze", "TernaryVAEV5_11_PartialFreze"))
    assert "did you mean TernaryVAEV5_11_PartialFreeze?" in found.refused[0].reason


def plant(folder: Path) -> Path:
    path = folder / "sandbox-training" / "checkpoints" / "v5_5" / "latest.pt"
    path.parent.mkdir(parents=True)
    path.touch()
    return path


def test_old_places_are_found(tmp_path: Path) -> None:
    path = plant(tmp_path)
    assert [(place.path, place.runs) for place in places(tmp_path, env={})] == [(path.parent.parent, 1)]
    assert places(tmp_path / "elsewhere", env={}) == []
    assert places(tmp_path / "elsewhere", env={"TERNARY_PROJECT_ROOT": str(tmp_path)})[0].runs == 1
    assert elsewhere("checkpoints/v5_5/latest.pt", root=tmp_path, env={}) == [path]
    assert elsewhere("checkpoints\\v5_5\\latest.pt", root=tmp_path, env={}) == [path]
    assert elsewhere("checkpoints/v5_6/latest.pt", root=tmp_path, env={}) == []


def test_a_missing_checkpoint_says_where_one_of_its_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingError, match=r"sandbox-training/checkpoints/v5_5/latest\.pt"):
        locate("checkpoints/v5_5/latest.pt")
