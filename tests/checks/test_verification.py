"""Stored metrics are held against measured ones, each in the definition that it was stored in."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

import tvae
from legacy.predecessor import Model, write
from tvae.checkpoint import Checkpoint, Record, read, save
from tvae.checks.comparison import compare
from tvae.checks.conversion import convert
from tvae.checks.verification import Verified, verify
from tvae.metrics import METRIC_VERSION, evaluate
from tvae.nn import TernaryVAE
from tvae.nn.spec import DecoderSpec, EncoderSpec, ModelSpec, ProjectionSpec, architecture


@pytest.fixture(scope="module")
def model() -> Model:
    """A model whose radii follow the valuation a little, so that every metric has a value of its own."""
    torch.manual_seed(5)
    model = Model(layers=2, dropout=0.1).eval()
    with torch.no_grad():
        for branch in "AB":
            getattr(model, f"encoder_{branch}").fc_logvar.bias.fill_(-7.0)
            getattr(model.projection, f"proj_{branch}").radius_net[-2].weight.mul_(20.0)
    return model


@pytest.fixture(scope="module")
def true(model: Model) -> dict[str, float]:
    return stored(model)


@torch.no_grad()
def stored(model: Model) -> dict[str, float]:
    """Metrics as v5.12 computed them: sampled latents, hyperbolic radii, scipy's Spearman."""
    space = tvae.TernarySpace(9)
    x = torch.from_numpy(space.trits(np.arange(space.size))).float()
    v = np.asarray(space.valuation(np.arange(space.size)), dtype=np.int64)
    decoded = model.decoder_A(model.encoder_A(x)[0]).argmax(-1) - 1
    found = {"coverage": float((decoded == x).all(-1).float().mean())}
    some = np.random.default_rng(99).choice(space.size, 1000, replace=False)
    i, j = np.triu_indices(1000, k=1)
    for branch in "AB":
        mu, logvar = getattr(model, f"encoder_{branch}")(x)
        z = model.point(mu + (0.5 * logvar).exp() * torch.randn_like(mu), branch).double().numpy()
        r = 2.0 * np.arctanh(np.linalg.norm(z, axis=1))
        dist_corr = spearmanr(
            np.linalg.norm(z[some][i] - z[some][j], axis=1), np.abs(v[some][i] - v[some][j])
        )
        hierarchy = spearmanr(v, r)
        found |= {
            f"hierarchy_{branch}": float(hierarchy.statistic),
            f"richness_{branch}": float(np.mean([r[v == level].var() for level in range(10)])),
            f"dist_corr_{branch}": float(dist_corr.statistic),
            f"Q_{branch}": float(dist_corr.statistic) + 1.5 * abs(float(hierarchy.statistic)),
            f"mean_radius_{branch}": float(r.mean()),
            f"std_radius_{branch}": float(r.std()),
            f"r_v0_{branch}": float(r[v == 0].mean()),
        }
    return found


def verdicts(found: list[Verified]) -> dict[str, bool | None]:
    return {one.metric: one.agrees for one in found}


def test_what_v5_12_stored_agrees_and_what_it_did_not_differs(
    model: Model, true: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tvae.legacy.measures.DRAWS", 3)
    config = {"max_radius": 0.95}
    good = write(tmp_path / "good.pt", model.state_dict(), metrics=true, config=config)
    found = verify(good)
    assert verdicts(found) == dict.fromkeys(true, True)
    assert {one.family for one in found} == {"v5.12", "v5.12 hyperbolic"}
    less = {name: value for name, value in true.items() if name[:2] not in ("di", "Q_")}
    false = less | {"Q_B": 3.0, "hierarchy_B": -0.8321, "r_v0_A": 1.2 * true["r_v0_A"], "coverage": 1.0}
    bad = write(tmp_path / "bad.pt", model.state_dict(), metrics=false, config=config)
    wrong = {name for name, agrees in verdicts(verify(bad)).items() if agrees is False}
    assert wrong == {"hierarchy_B", "r_v0_A", "coverage", "Q_B"}


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        # Unqualified, of an experiment: either branch will do.
        (lambda true: {"coverage": true["coverage"], "hierarchy": true["hierarchy_A"]}, True),
        (lambda true: {"coverage": true["coverage"], "hierarchy": true["hierarchy_B"]}, True),
        (lambda true: {"coverage": true["coverage"], "hierarchy": 0.76}, False),
        (lambda true: {"hierarchy_B": 0.76}, False),
        (lambda true: {"geo_loss_A": 0.3}, None),
    ],
    ids=["A", "B", "neither", "unknown", "untold"],
)
def test_definitions_that_are_not_told_have_several_readings(
    metrics: Any, expected: bool | None, model: Model, true: dict[str, float], tmp_path: Path
) -> None:
    path = write(tmp_path / "a.pt", model.state_dict(), metrics=metrics(true))
    assert list(verdicts(verify(path)).values())[-1] is expected


@pytest.mark.slow
def test_ours_are_held_against_an_exact_evaluation(tmp_path: Path) -> None:
    shipped = Path(str(files("tvae.presets") / "default.safetensors"))
    assert all(one.agrees for one in verify("default"))
    content = read(shipped)
    record = msgspec.structs.replace(content.record, metrics=content.record.metrics | {"ultrametric_B": 0.8})
    save(tmp_path / "false.safetensors", Checkpoint(record, content.tensors))
    assert [one.metric for one in verify(tmp_path / "false.safetensors") if not one.agrees] == [
        "ultrametric_B"
    ]


def test_a_converted_file_keeps_what_the_old_one_claimed(model: Model, tmp_path: Path) -> None:
    old = write(tmp_path / "old.pt", model.state_dict(), metrics={"coverage": 0.5, "hierarchy": -0.3})
    convert(old, tmp_path / "new.safetensors", measure=False)
    new = tmp_path / "new.safetensors"
    assert verdicts(verify(new)) == verdicts(verify(old))


def test_ours_are_measured_as_the_run_measured_them_in_either_kind_of_file(tmp_path: Path) -> None:
    spec = ModelSpec(
        branches=2,
        decode="latent",
        encoder=EncoderSpec(activation="relu", skip=False, hidden=(16, 8, 8), sigma_init=0.1),
        decoder=DecoderSpec(activation="relu", gain=1.0, hidden=(8, 8)),
        projection=ProjectionSpec(radius="euclidean", hidden=8, layers=1),
        curvature=0.3,
    )
    model = TernaryVAE(spec, depth=9).eval()
    record = Record(
        architecture=architecture(spec, 9),
        metrics=evaluate(model, pairs=50).metrics,
        metric_version=METRIC_VERSION,
        config={"training": {"final_pairs": 50}},
    )
    ours = tmp_path / "ours.safetensors"
    save(ours, Checkpoint(record, model.state_dict()))
    convert(ours, tmp_path / "theirs.pt")
    for path in (ours, tmp_path / "theirs.pt"):
        found = verify(path)
        assert any("50 sampled pairs" in one.definition for one in found)
        assert all(one.agrees and one.family == f"tvae {METRIC_VERSION}" for one in found), path
        listed = tvae.inspect(path).metrics
        assert {one.family for one in listed.values()} == {f"tvae {METRIC_VERSION}"}, path
    both = compare([ours, tmp_path / "theirs.pt"])
    assert both.same
    assert both.differing("architecture").keys() == {"encoder.sigma_init"}
