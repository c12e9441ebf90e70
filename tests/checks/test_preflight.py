"""Before a run: tensors against the config, a reason for what does not fit, and what would."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from legacy.predecessor import Model, write
from tvae.checks.candidates import compatible, places
from tvae.checks.preflight import explained, preflight
from tvae.checks.repair import base_for, needed, repair, with_init
from tvae.config import Config, load
from tvae.errors import CheckpointError, ConfigError, MissingError
from tvae.legacy.weights import read
from tvae.nn.spec import from_architecture
from tvae.training import train

SMALL = ("space.depth=3", "training.batch_size=32", "training.device=cpu", "training.steps_per_epoch=40")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of `base` that decodes everything."""
    out = tmp_path_factory.mktemp("base")
    train(load("base", sets=[*SMALL, "training.epochs=5"], env={}).config, out=out, name="base")
    return out / "models/base"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def frozen(*sets: str) -> Config:
    return load("frozen", sets=[*SMALL, "training.epochs=2", *sets], env={}).config


def old(folder: str, **options: object) -> Path:
    path = Path(folder)
    path.mkdir(parents=True)
    return write(
        path / "best.pt", Model(**options).state_dict(), metrics={"coverage": 0.9, "hierarchy": -0.5}
    )


def for_file(path: Path, *sets: str) -> Config:
    """A config whose model is that of an old file."""
    config = load("dual", sets=["training.device=cpu", f"init={path}", *sets], env={}).config
    spec, _ = from_architecture(read(path).record.architecture)
    return msgspec.structs.replace(config, model=spec)


def test_a_frozen_part_that_the_checkpoint_lacks_is_refused(base: Path) -> None:
    with pytest.raises(ConfigError, match=r"projection_A frozen without weights .*which lacks them"):
        train(frozen(f"init={base}/best.safetensors", "parts.projection_A.freeze=true"))


def test_a_mismatch_is_explained_and_what_fits_is_named() -> None:
    single = old("mine", projection="single", layers=2)
    old("sandbox-training/checkpoints/v5_12", layers=2, dropout=0.1)
    old("sandbox-training/checkpoints/v5_5", projection=None)
    old("sandbox-training/checkpoints/v5_11", layers=1)
    wanted = msgspec.structs.replace(
        for_file(Path("sandbox-training/checkpoints/v5_12/best.pt")), init=str(single)
    )
    with pytest.raises(CheckpointError, match="do not fit") as caught:
        preflight(wanted, out=Path("outputs"))
    error = caught.value
    assert "projection.A.radius_out.weight" in (error.details or "")
    assert "model.projection.shared: false in the config, true in the file" in (error.details or "")
    assert error.hint is not None
    fitting = [f"sandbox-training/checkpoints/{name}/best.pt" for name in ("v5_12", "v5_5")]
    assert error.hint == f"the tensors of these fit (what they decode was not measured): {', '.join(fitting)}"
    assert not Path("outputs").exists()


def test_a_path_that_is_not_there_is_answered_with_those_that_are() -> None:
    there = old("mine", layers=2)
    wanted = msgspec.structs.replace(for_file(there), init="mine/bestt.pt")
    with pytest.raises(MissingError, match=r"there are .*: mine/best.pt"), explained(wanted, out=Path("out")):
        train(wanted)


def test_weights_that_decode_nothing_are_no_start() -> None:
    config = for_file(old("v5_9"))
    with pytest.raises(CheckpointError, match=r"decode 0\.\d\d% of the operations") as caught:
        preflight(config, out=Path("outputs"))
    assert caught.value.code == 3
    allowed = for_file(Path("v5_9/best.pt"), "training.guards.allow_cold_start=true")
    found = preflight(allowed, out=Path("outputs"))
    assert found["layout"] == "v5.11 dual n1 ball"
    assert any(note.startswith("hint: TernaryVAEV5_11_PartialFreeze was started") for note in found["notes"])


def test_the_same_tensors_in_another_function_are_told() -> None:
    path = old("v5_11")
    config = for_file(path, "training.guards.allow_cold_start=true")
    encoder = msgspec.structs.replace(config.model.encoder, activation="tanh")
    changed = msgspec.structs.replace(config, model=msgspec.structs.replace(config.model, encoder=encoder))
    notes = preflight(changed, out=Path("outputs"))["notes"]
    assert notes[0].startswith("model.encoder.activation is tanh, relu in the checkpoint")


def test_a_damaged_or_dangerous_file_is_never_suggested(tmp_path: Path) -> None:
    good = old("sandbox-training/good", layers=2)
    state = Model(layers=2).state_dict()
    del state["decoder_A.decoder.0.bias"]
    Path("sandbox-training/bad").mkdir()
    write(Path("sandbox-training/bad/best.pt"), state)
    Path("sandbox-training/bad/cut.pt").write_bytes(good.read_bytes()[:90_000])
    found = compatible(for_file(good), places(None, Path("outputs")))
    assert [one.path for one in found] == [str(good)]


def test_auto_fix_takes_a_verified_checkpoint_and_leaves_the_old_config_alone(base: Path) -> None:
    shutil.copytree(base, "outputs/models/base")
    text = "# mine\n" + "\n".join(["parts: {decoder: {freeze: true}}", "init: null  # to be found", ""])
    Path("run.yaml").write_text(text)
    model = ["model.branches=2", "model.decode=latent", "model.decoder.gain=1.0"]
    found = load("run.yaml", sets=[*SMALL, *model], env={})
    assert needed(found.config)
    fixed = repair(found, out=Path("outputs"))
    assert fixed.path == Path("run.fixed.yaml")
    absolute = str(Path("outputs/models/base/best.safetensors").absolute())
    assert fixed.init == absolute
    assert Path("run.yaml").read_text() == text
    assert f'+init: "{absolute}"' in fixed.diff
    # What was set beside the file is in the new one.
    again = load("run.fixed.yaml", env={}).config
    assert again == msgspec.structs.replace(found.config, init=absolute)
    assert preflight(again, out=Path("outputs"))["coverage"] == 1.0
    assert repair(found, out=Path("outputs")).path == Path("run.fixed-2.yaml")


def test_auto_fix_trains_base_where_nothing_is_at_hand(base: Path) -> None:
    found = load("frozen", sets=[*SMALL, "training.epochs=2"], env={})
    with pytest.raises(ConfigError, match="no checkpoint at hand"):
        repair(found, out=Path("outputs"))
    assert not Path("outputs").exists()

    asked: list[Config] = []

    def trained(config: Config) -> str | None:
        asked.append(config)
        return str(base / "best.safetensors")

    fixed = repair(found, out=Path("outputs"), train_base=trained)
    assert (fixed.init, fixed.coverage) == (str(base / "best.safetensors"), 1.0)
    assert asked[0].model.projection is None
    assert asked[0].model.encoder == found.config.model.encoder
    with pytest.raises(ConfigError, match=r"decodes 0.00%"):
        repair(found, out=Path("outputs"), train_base=lambda _: None)
    assert base_for(found.config).space.depth == 3


def test_init_is_written_where_it_belongs() -> None:
    assert with_init("init: null\nseed: 1\n", "a b.pt") == 'init: "a b.pt"\nseed: 1\n'
    assert with_init("", "x") == 'init: "x"\n'
