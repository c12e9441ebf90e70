"""Old variables count under their new names; two names of the project that differ are an error."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tvae.config import load
from tvae.errors import ConfigError
from tvae.legacy.environment import names, renamed

OLD = [
    ("TVAE_EPOCHS", "1", "training.epochs", 1),
    ("TVAE_LEARNING_RATE", "0.005", "optim.lr", 0.005),
    ("TVAE_BATCH_SIZE", "64", "training.batch_size", 64),
    ("TVAE_GEOMETRY_CURVATURE", "2", "model.curvature", 2.0),
    ("TVAE_GEOMETRY_LATENT_DIM", "8", "model.latent_dim", 8),
    ("TVAE_GEOMETRY_LEARNABLE_CURVATURE", "yes", "model.learnable_curvature", True),
    ("TVAE_GEOMETRY_MAX_RADIUS", "0.95", "model.r_max", 3.66356),
    ("TVAE_OPTIMIZER_TYPE", "riemannian_adam", "optim.name", "adamw"),
    ("TVAE_OPTIMIZER_SCHEDULE", "warmup_cosine", "optim.schedule", "cosine"),
    ("TERNARY_SEED", "5", "seed", 5),
    ("TERNARY_OPTIM__LR", "0.5", "optim.lr", 0.5),
    ("TERNARY_VAE_EPOCHS", "2", "training.epochs", 2),
]


@pytest.mark.parametrize(("variable", "text", "key", "value"), OLD)
def test_an_old_name_counts_as_the_new_one(variable: str, text: str, key: str, value: object) -> None:
    found = renamed({variable: text})
    config: object = load("default", env=found.variables).config
    for name in key.split("."):
        config = getattr(config, name)
    assert config == pytest.approx(value) if isinstance(value, float) else config == value
    assert type(config) is type(value)
    assert len(found.warnings) == 1
    assert variable in found.warnings[0]
    assert "TVAE_" + key.upper().replace(".", "__") in found.warnings[0]


def test_todays_names_pass_untouched() -> None:
    env = {"TVAE_SEED": "1", "TVAE_OPTIM__LR": "2", "TVAE_OUT": "runs", "TVAE_LATER": "x", "HOME": "/"}
    found = renamed(env)
    assert (found.variables, found.warnings) == (env, ())


def test_two_names_that_agree_are_fine() -> None:
    found = renamed({"TVAE_EPOCHS": "3", "TVAE_TRAINING__EPOCHS": "3"})
    assert found.variables == {"TVAE_TRAINING__EPOCHS": "3"}
    assert len(found.warnings) == 1


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"TVAE_EPOCHS": "3", "TVAE_TRAINING__EPOCHS": "4"}, "contradicts TVAE_TRAINING__EPOCHS"),
        ({"TERNARY_OUTPUT_DIR": "a", "TVAE_OUT": "b"}, "contradicts TVAE_OUT"),
        ({"TERNARY_SEED": "1", "TVAE_SEED": "2"}, "contradicts TVAE_SEED"),
        ({"TVAE_LR": "1", "TVAE_LEARNING_RATE": "2"}, "contradicts TVAE_LEARNING_RATE"),
        ({"TVAE_GEOMETRY_MAX_RADIUS": "2"}, "outside the ball"),
    ],
)
def test_names_that_contradict_each_other_are_refused(env: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        renamed(env)
    assert caught.value.code == 2


def test_bare_names_give_way_and_warn() -> None:
    alone = renamed({"CHECKPOINT_DIR": "here"})
    assert alone.variables == {"TVAE_OUT": "here"}
    assert "other tools" in alone.warnings[0]
    both = renamed({"CHECKPOINT_DIR": "here", "TVAE_OUT": "there"})
    assert both.variables == {"TVAE_OUT": "there"}
    assert "gives way to TVAE_OUT" in both.warnings[0]
    assert renamed({"CHECKPOINT_DIR": "there", "TVAE_OUT": "there"}).warnings == ()
    others = renamed({"LOG_DIR": "x", "LOG_LEVEL": "INFO", "PROFILE_MODE": "1", "TERNARY_VAE_ENV": "test"})
    assert others.variables == {}
    assert len(others.warnings) == 4


@pytest.mark.parametrize("variable", ["TVAE_LOSS_RANKING", "TVAE_VAE_A", "TVAE_LOG_DIR", "TERNARY_FOO"])
def test_names_without_effect_are_told(variable: str) -> None:
    found = renamed({variable: "1"})
    assert found.variables == {}
    assert "without effect" in found.warnings[0]


def test_every_old_name_has_a_new_one_or_advice() -> None:
    found = list(names())
    assert all(new or advice for _, new, advice in found)
    assert len({old for old, _, _ in found}) == len(found)
    for _, new, _ in found:
        assert new is None or new == "TVAE_OUT" or "__" in new


def test_the_page_has_every_name(root: Path) -> None:
    page = (root / "docs" / "migration.md").read_text()
    for old, new, _ in names():
        assert f"`{old}`" in page, old
        assert new is None or new in page, new


def test_an_old_radius_is_converted_in_the_ball_in_force() -> None:
    reach = 2.0 * math.atanh(0.9 * math.sqrt(0.5)) / math.sqrt(0.5)
    for curvature in ("TVAE_CURVATURE", "TVAE_MODEL__CURVATURE"):
        found = renamed({"TVAE_MAX_RADIUS": "0.9", curvature: "0.5"}).variables
        assert float(found["TVAE_MODEL__R_MAX"]) == pytest.approx(reach, rel=1e-5)
        with pytest.raises(ConfigError, match="outside the ball of curvature 2"):
            renamed({"TVAE_MAX_RADIUS": "0.9", curvature: "2"})
    found = renamed({"TVAE_MAX_RADIUS": "0.9"}, curvature=lambda variables, old: 0.5).variables
    assert float(found["TVAE_MODEL__R_MAX"]) == pytest.approx(reach, rel=1e-5)


def test_messages_name_what_the_user_set() -> None:
    found = renamed({"TVAE_EPOCHS": "many"})
    with pytest.raises(ConfigError) as caught:
        load("default", env=found.variables, names=found.old)
    assert caught.value.path == "TVAE_EPOCHS: training.epochs"
    with pytest.raises(ConfigError) as caught:
        renamed({"TVAE_LR": "0.4", "TVAE_LEARNING_RATE": "0.5"})
    assert caught.value.hint == "unset both, old names, and set TVAE_OPTIM__LR"
    (line,) = renamed({"TERNARY_PROJECT_ROOT": "x"}).warnings
    assert "without effect" not in line
