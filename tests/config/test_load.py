"""Which origin wins, what a null does, and how a section comes back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tvae.config import Config, load
from tvae.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text("seed: 1\noptim:\n  lr: 2e-3\ntraining: {epochs: 5}\n")
    return path


def test_a_file_differs_from_the_defaults_where_it_says_so(file: Path) -> None:
    found = load(file, env=None)
    assert (found.name, found.path) == ("run", file)
    assert found.config.optim.lr == 2e-3
    assert found.config.training.batch_size == Config().training.batch_size
    assert found.origin == {"seed": f"{file}:1", "optim.lr": f"{file}:3", "training.epochs": f"{file}:4"}


def test_command_over_environment_over_file_over_default(file: Path) -> None:
    env = {"TVAE_SEED": "2", "TVAE_OPTIM__LR": "3e-3", "TVAE_TRAINING__EPOCHS": "6"}
    found = load(file, env=env, sets=["optim.lr=4e-3"], overrides={"training.epochs": 7})
    assert (found.config.seed, found.config.optim.lr, found.config.training.epochs) == (2, 4e-3, 7)
    assert found.origin["seed"] == "TVAE_SEED"
    assert found.origin["optim.lr"] == "--set"


def test_nothing_means_the_preset_default() -> None:
    found = load(None, env=None)
    assert (found.name, found.path) == ("default", None)


def test_a_preset_wins_over_a_folder_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "smoke").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load("smoke", env=None).path is None


def test_an_existing_file_needs_no_suffix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").write_text("seed: 3")
    monkeypatch.chdir(tmp_path)
    assert load("mine", env=None).config.seed == 3


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "{}", "\ufeffseed: 0\n"])
def test_an_empty_file_is_all_defaults(tmp_path: Path, text: str) -> None:
    path = tmp_path / "empty.yaml"
    path.write_text(text)
    assert load(path, env=None).config == Config()


def test_null_switches_a_loss_off(tmp_path: Path) -> None:
    path = tmp_path / "off.yaml"
    path.write_text("loss:\n  kl: null\n  spread: ~\n  radius_band:\n")
    loss = load(path, env=None).config.loss
    assert (loss.kl, loss.spread, loss.radius_band) == (None, None, None)
    assert loss.distance_band is not None


def test_a_key_of_an_absent_section_brings_its_defaults() -> None:
    config = load(None, env=None, sets=["training.early_stop.patience=3", "loss.global_rank.weight=2"]).config
    assert config.training.early_stop is not None
    assert config.training.early_stop.min_epochs == 0
    assert config.loss.global_rank is not None
    assert config.loss.global_rank.weight == 2.0


def test_a_key_of_a_section_that_the_file_switched_off(tmp_path: Path) -> None:
    path = tmp_path / "off.yaml"
    path.write_text("loss: {kl: null}")
    found = load(path, env=None, sets=["loss.kl.weight=0.5"])
    assert found.config.loss.kl is not None
    assert found.config.loss.kl.weight == 0.5
    assert found.origin == {"loss.kl.weight": "--set"}


def test_null_takes_the_keys_below_along(tmp_path: Path) -> None:
    path = tmp_path / "on.yaml"
    path.write_text("loss: {kl: {weight: 0.5}}")
    found = load(path, env=None, sets=["loss.kl=null"])
    assert found.config.loss.kl is None
    assert found.origin == {"loss.kl": "--set"}


def test_a_section_on_the_command_line_is_laid_over_the_file(file: Path) -> None:
    found = load(file, env=None, sets=["optim={muon_lr: 1e-2}", "parts.decoder={freeze: true}"])
    assert (found.config.optim.lr, found.config.optim.muon_lr) == (2e-3, 1e-2)
    assert found.config.parts["decoder"].freeze


@pytest.mark.parametrize(
    ("text", "value"),
    [("2024", "2024"), ("null", None), ("a b", "a b"), ("@x: y: z", "@x: y: z"), ("'7'", "7")],
)
def test_text_stays_as_it_was_typed(text: str, value: str | None) -> None:
    assert load(None, env=None, sets=[f"init={text}"]).config.init == value


@pytest.mark.parametrize(
    ("assignment", "leaf"),
    [
        ("model.encoder.hidden=[64, 32]", (64, 32)),
        ("model.encoder.hidden=[]", None),
    ],
)
def test_lists(assignment: str, leaf: tuple[int, ...] | None) -> None:
    if leaf is None:
        with pytest.raises(ConfigError, match="1 or more integers"):
            load(None, env=None, sets=[assignment])
    else:
        assert load(None, env=None, sets=[assignment]).config.model.encoder.hidden == leaf


def test_the_last_set_wins() -> None:
    assert load(None, env=None, sets=["seed=1", "seed=2"]).config.seed == 2


def test_a_flag_against_a_set_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"--epochs: training\.epochs: given twice"):
        load(
            None,
            env=None,
            sets=["training.epochs=3"],
            overrides={"training.epochs": 4},
            labels={"training.epochs": "--epochs"},
        )


def test_variables_are_found_whatever_the_case_of_their_keys() -> None:
    env = {"TVAE_PARTS__ENCODER_B__FREEZE": "true", "tvae_seed": "9", "TVAE_CACHE": "x", "TVAELESS__A": "x"}
    found = load(None, env=env)
    assert found.config.parts["encoder_B"].freeze
    assert found.config.seed == 0


def test_the_environment_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TVAE_SPACE__DEPTH", "4")
    assert load(None).config.space.depth == 4
    assert load(None, env=None).config.space.depth == 9


def test_loading_imports_neither_torch_nor_numpy() -> None:
    code = (
        "import sys; from tvae.config import load; load('smoke');"
        "from tvae.config.reference import reference; reference();"
        "print({'torch', 'numpy', 'huggingface_hub', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
