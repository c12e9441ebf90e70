"""Old weights load as the model that they were: every layout, the same outputs, tables of misfits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import tvae
from legacy import predecessor
from legacy.predecessor import Model, write
from tolerances import PREDECESSOR
from tvae.errors import CheckpointError
from tvae.legacy import weights
from tvae.training.build import load_init

LAYOUTS: dict[str, dict[str, Any]] = {
    "v5.5": {"projection": None},
    "n1": {},
    "n1 dropout": {"dropout": 0.1},
    "n2": {"layers": 2, "ball": False},
    "n2 dropout": {"layers": 2, "dropout": 0.1, "controller": True},
    "n3 dropout": {"layers": 3, "dropout": 0.2, "hidden": 32},
    "single n1": {"projection": "single", "ball": False},
    "single n2 dropout": {"projection": "single", "layers": 2, "dropout": 0.1},
    "shared direction": {"projection": "shared direction", "layers": 2, "dropout": 0.1},
    "improved": {"encoder": "improved", "decoder": "improved", "layers": 2, "dropout": 0.1},
    "improved encoder": {"encoder": "improved", "hidden": 128},
    "depth 5": {"depth": 5, "layers": 2, "dropout": 0.1, "controller": True},
    "latent 8, radius .99": {"latent": 8, "hidden": 32, "max_radius": 0.99},
}


def built(**options: Any) -> Model:
    torch.manual_seed(3)
    return Model(**options).eval()


def every_operation(depth: int = 9) -> torch.Tensor:
    space = tvae.TernarySpace(depth)
    return torch.from_numpy(space.trits(range(0, space.size, 7))).float()


def saved(path: Path, model: Model, **beside: Any) -> Path:
    config = {"max_radius": model.max_radius}
    return write(path, model.state_dict(), config=config, **beside)


@pytest.mark.parametrize("options", LAYOUTS.values(), ids=LAYOUTS)
def test_outputs_are_those_of_the_predecessor(options: dict[str, Any], tmp_path: Path) -> None:
    old = built(**options)
    new = tvae.load(saved(tmp_path / "best.pt", old))
    x = every_operation(options.get("depth", 9))
    expected = old.outputs(x)
    for branch in "AB":
        mu, logvar = new.encode(x, branch)
        torch.testing.assert_close(mu, expected[f"mu_{branch}"], **PREDECESSOR)
        torch.testing.assert_close(logvar, expected[f"logvar_{branch}"], **PREDECESSOR)
        if old.kind is not None:
            points = new.embed(x, branch=branch)
            torch.testing.assert_close(points, expected[f"z_{branch}"], **PREDECESSOR)
    torch.testing.assert_close(new.logits(new.code(x)), expected["logits"], **PREDECESSOR)


@pytest.mark.parametrize("options", LAYOUTS.values(), ids=LAYOUTS)
def test_every_tensor_arrives_bit_for_bit(options: dict[str, Any], tmp_path: Path) -> None:
    old = built(**options).state_dict()
    content = weights.read(write(tmp_path / "best.pt", old))
    names = weights.describe(tmp_path / "best.pt").found.names
    assert names.keys() == {name for name in old if "controller" not in name and "isp_c" not in name}
    assert all(content.tensors[new].equal(old[name]) for name, new in names.items())


def test_the_flat_spelling_is_v5_5(tmp_path: Path) -> None:
    old = built(projection=None)
    path = write(tmp_path / "latest.pt", predecessor.flat(old.state_dict()))
    new = tvae.load(path)
    x = every_operation()
    torch.testing.assert_close(new.logits(new.code(x)), old.outputs(x)["logits"], **PREDECESSOR)
    assert "encoder_B was never trained in files of this layout" in new.record.source["notes"]


def test_v5_5_leaves_out_what_later_programs_never_read(tmp_path: Path) -> None:
    state = predecessor.with_state_net(built(projection=None).state_dict())
    model = tvae.load(write(tmp_path / "best.pt", state, key="model", best_val_loss=0.2, rho=0.3))
    assert (model.spec.projection, model.spec.branches, model.spec.decode) == (None, 2, "latent")
    assert model.record.source["left_out"] == [
        "decoder_B.decoder.0.weight", "lambda_buffer", "state_net.0.weight",
    ]  # fmt: skip


@pytest.mark.parametrize("key", ["model_state_dict", "model_state", "model", "state_dict", ""])
def test_weights_are_found_where_they_were_kept(key: str, tmp_path: Path) -> None:
    old = built()
    beside = {"optimizer": {"state": {0: torch.ones(3)}}} if key else {}
    new = tvae.load(write(tmp_path / "best.pt", old.state_dict(), key=key, **beside))
    x = every_operation()
    torch.testing.assert_close(new.embed(x), old.outputs(x)["z_B"], **PREDECESSOR)


def test_storages_are_read_as_they_lie_in_the_file(tmp_path: Path) -> None:
    """Views, expanded and shared tensors, halves and doubles, wrapped names, the format before 1.6."""
    state = built().state_dict()
    state["encoder_A.encoder.2.weight"] = state["encoder_A.encoder.2.weight"].t().contiguous().t()
    state["encoder_B.fc_mu.bias"] = torch.zeros(1).expand(16)
    both = torch.randn(2, 64)
    state["encoder_A.encoder.4.bias"], state["encoder_B.encoder.4.bias"] = both[0], both[1]
    state["decoder_A.decoder.0.bias"] = state["decoder_A.decoder.0.bias"].half()
    state["decoder_A.decoder.2.bias"] = state["decoder_A.decoder.2.bias"].double()
    wrapped = {f"module._orig_mod.{name}": tensor for name, tensor in state.items()}
    for zipped in (True, False):
        path = tmp_path / f"{zipped}.pt"
        torch.save({"model": wrapped}, path, _use_new_zipfile_serialization=zipped)
        found = weights.read(path)
        for name, new in weights.describe(path).found.names.items():
            assert found.tensors[new].equal(state[name]), name
            assert found.tensors[new].dtype == state[name].dtype


def test_loading_five_times_is_loading_once(tmp_path: Path) -> None:
    path = saved(tmp_path / "best.pt", built(layers=2, dropout=0.1))
    found = {tvae.evaluate(tvae.load(path), pairs=1).metrics["hierarchy_B"] for _ in range(5)}
    assert len(found) == 1


@pytest.mark.parametrize(("c", "radius"), [(0.5, 0.95), (1.0, 0.99), (2.0, 0.99)])
def test_the_curvature_is_the_one_of_the_ball(c: float, radius: float, tmp_path: Path) -> None:
    old = built(max_radius=radius)
    state = old.state_dict()
    for branch in "AB":
        state[f"projection.proj_{branch}.manifold.isp_c"] = torch.tensor(c).expm1().log()
    model = tvae.load(write(tmp_path / "best.pt", state, config={"model": {"max_radius": radius}}))
    assert model.curvature == pytest.approx(c, rel=1e-6)
    x = every_operation()
    # These points lie inside the ball of every curvature here: sigmoid(.) is near one half.
    torch.testing.assert_close(model.embed(x), old.outputs(x)["z_B"], **PREDECESSOR)
    assert any("passes the rim" in note for note in model.record.source["notes"]) == (c == 2.0)


def test_points_beyond_the_rim_are_held_inside_the_ball(tmp_path: Path) -> None:
    state = built().state_dict()
    for branch in "AB":
        state[f"projection.proj_{branch}.manifold.isp_c"] = torch.tensor(2.0).expm1().log()
        state[f"projection.proj_{branch}.radius_net.2.bias"] += 5.0
    points = tvae.load(write(tmp_path / "best.pt", state)).embed([0, 1, 2])
    assert (2.0**0.5 * points.norm(dim=-1)).tolist() == pytest.approx([1.0] * 3, abs=2e-5)
    assert (2.0 * points.double().square().sum(dim=-1) < 1.0).all()


def test_without_a_ball_the_curvature_of_the_config_is_nobody_s(tmp_path: Path) -> None:
    old = built(projection=None)
    assert tvae.load(write(tmp_path / "a.pt", old.state_dict(), config={"curvature": 9.0})).curvature == 1.0


def test_a_run_of_v5_12_1_decodes_its_ball_points(tmp_path: Path) -> None:
    old = built(layers=2, dropout=0.1, through_ball=True)
    metrics = {"coverage": 0.19, "hierarchy_A": -0.5, "hierarchy_B": -0.8, "Q_A": 1.0, "Q_B": 1.0}
    config = {"version": {"number": "5.12.1"}, "model": {"max_radius": 0.95}}
    path = write(tmp_path / "best.pt", old.state_dict(), metrics=metrics, config=config, version="5.12.1")
    new = tvae.load(path)
    assert new.spec.decode == "tangent"
    x = every_operation()
    torch.testing.assert_close(new.logits(new.code(x)), old.outputs(x)["logits"], **PREDECESSOR)


def test_stale_curvature_is_told_and_two_of_them_are_refused(tmp_path: Path) -> None:
    state = built().state_dict() | {"curvature": torch.tensor(2.0)}
    model = tvae.load(write(tmp_path / "stale.pt", state))
    assert model.curvature == 1.0
    assert any("curvature = 2 is stale" in note for note in model.record.source["notes"])
    state["projection.proj_B.manifold.isp_c"] = torch.tensor(2.0)
    assert "projection.proj_B.manifold.isp_c" in refused(write(tmp_path / "two.pt", state))


def refused(path: Path) -> str:
    with pytest.raises(CheckpointError, match="nothing was loaded") as caught:
        tvae.load(path)
    assert caught.value.code == 3
    assert caught.value.details is not None
    return caught.value.details


@pytest.mark.parametrize(("layers", "dropout", "last"), [(1, 0.1, 4), (1, 0.0, 3), (2, 0.1, 8)])
def test_the_ten_missing_tensors_are_named(layers: int, dropout: float, last: int, tmp_path: Path) -> None:
    state = built(layers=layers, dropout=dropout).state_dict()
    radius = layers * (3 if dropout else 2)
    lost = [
        f"projection.proj_{branch}.{name}"
        for branch in "AB"
        for name in (
            f"direction_net.{last}.weight",
            f"direction_net.{last}.bias",
            f"radius_net.{radius}.weight",
            f"radius_net.{radius}.bias",
            "manifold.isp_c",
        )
    ]
    for name in lost:
        del state[name]
    # Of one layer nothing is left that tells dropout from none but the config.
    config = {"projection_dropout": dropout}
    details = refused(write(tmp_path / "best.pt", state, config=config))
    assert all(name in details for name in lost)
    assert len(details.splitlines()) == 2 + 10


def test_a_wrong_width_names_the_tensor_and_not_its_neighbours(tmp_path: Path) -> None:
    state = built(layers=2).state_dict()
    state["encoder_B.encoder.2.weight"] = torch.zeros(100, 256)
    state["projection.proj_A.radius_net.0.bias"] = torch.zeros(31)
    rows = refused(write(tmp_path / "best.pt", state)).splitlines()[2:]
    assert [row.split(" | ")[0].strip() for row in rows] == [
        "encoder_B.encoder.2.weight", "projection.proj_A.radius_net.0.bias",
    ]  # fmt: skip
    assert all(word in rows[0] for word in ("(128, 256)", "(100, 256)", "another shape"))


def test_what_is_unknown_or_not_finite_is_refused(tmp_path: Path) -> None:
    state = built().state_dict()
    assert "encoder_A.extra.bias" in refused(
        write(tmp_path / "extra.pt", state | {"encoder_A.extra.bias": torch.zeros(2)})
    )
    assert "unknown to this layout" in refused(write(tmp_path / "odd.pt", state | {"odd": torch.zeros(2)}))
    state["decoder_A.decoder.4.bias"] = torch.full((27,), torch.nan)
    assert "not finite" in refused(write(tmp_path / "nan.pt", state))


def test_a_single_projection_does_not_fit_a_dual_model(tmp_path: Path) -> None:
    dual = tvae.load(saved(tmp_path / "dual.pt", built(layers=2)))
    single = saved(tmp_path / "single.pt", built(layers=2, projection="single"))
    before = {name: tensor.clone() for name, tensor in dual.state_dict().items()}
    with pytest.raises(CheckpointError, match="nothing was loaded") as caught:
        load_init(dual, str(single))
    assert "projection.A.radius_out.weight" in (caught.value.details or "")
    assert all(tensor.equal(before[name]) for name, tensor in dual.state_dict().items())


def test_init_takes_old_files_and_leaves_a_new_projection_fresh(tmp_path: Path) -> None:
    old = built(projection=None)
    base = saved(tmp_path / "base.pt", old)
    model = tvae.load(saved(tmp_path / "dual.pt", Model()))
    before = model.state_dict()["projection.B.radius_out.weight"].clone()
    load_init(model, str(base))
    after = model.state_dict()
    assert after["encoder.A.mu.bias"].equal(old.state_dict()["encoder_A.fc_mu.bias"])
    assert after["projection.B.radius_out.weight"].equal(before)


def test_a_file_of_something_else_says_what_it_is(tmp_path: Path) -> None:
    path = write(tmp_path / "best.pt", {"projection.direction_net.0.weight": torch.zeros(64, 16)})
    with pytest.raises(CheckpointError, match="holds no ternary VAE"):
        tvae.load(path)
    cut = tmp_path / "cut.pt"
    cut.write_bytes(saved(tmp_path / "whole.pt", built()).read_bytes()[:200_000])
    with pytest.raises(CheckpointError):
        tvae.load(cut)


def test_a_folder_means_its_best_file(tmp_path: Path) -> None:
    saved(tmp_path / "best.pt", built())
    assert tvae.load(tmp_path).record.epoch == 7
