"""`evaluate` against definitions written out in scipy and loops, at depths where that is quick."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

import tvae
from tvae.geometry import pairwise_distance
from tvae.metric_names import BALL_METRICS, METRICS
from tvae.nn import Branch, ModelSpec, TernaryVAE


@pytest.fixture(scope="module")
def model() -> TernaryVAE:
    torch.manual_seed(1)
    model = TernaryVAE(ModelSpec(branches=2, latent_dim=5), depth=5)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.2 * torch.randn_like(p))
    return model


@pytest.fixture(scope="module")
def found(model: TernaryVAE) -> tvae.Metrics:
    return tvae.evaluate(model)


@pytest.mark.parametrize("branch", ["A", "B"])
def test_order_and_distance_match_scipy(model: TernaryVAE, found: tvae.Metrics, branch: str) -> None:
    ops = np.arange(243)
    v = model.space.valuation(ops).astype(int)
    points = model.embed(ops, branch=branch).double()
    r = 2 * torch.atanh(points.norm(dim=-1)).numpy()
    metric = {k.removesuffix(f"_{branch}"): x for k, x in found.metrics.items() if k.endswith(f"_{branch}")}
    assert metric["hierarchy"] == pytest.approx(spearmanr(v, r)[0], abs=1e-6)
    levels = [r[v == k] for k in range(6)]
    assert metric["richness"] == pytest.approx(np.mean([x.var() for x in levels]), rel=1e-4)
    assert metric["r_v0"] == pytest.approx(levels[0].mean(), rel=1e-5)
    assert metric["r_v9"] is None
    assert metric["mean_radius"] == pytest.approx(r.mean(), rel=1e-5)
    assert metric["mean_radius_euclidean"] == pytest.approx(points.norm(dim=-1).mean().item(), rel=1e-5)
    i, j = np.triu_indices(243, 1)
    d = pairwise_distance(points, points, 1.0).numpy()[i, j]
    near = model.space.valuation(np.abs(i - j)).astype(int)
    assert metric["ultrametric"] == pytest.approx(-spearmanr(near, d)[0], abs=2e-6)
    chord = (points[i] - points[j]).norm(dim=-1).numpy()
    assert metric["dist_corr"] == pytest.approx(spearmanr(chord, np.abs(v[i] - v[j]))[0], abs=2e-6)
    assert metric["Q"] == pytest.approx(metric["dist_corr"] + 1.5 * abs(metric["hierarchy"]), rel=1e-6)
    shares = [(d[near == k][:, None] <= d[near == k + 1][None, :]).mean() for k in range(4)]
    assert metric["tree_inversions"] == pytest.approx(np.mean(shares), abs=1e-4)
    wrong = sum(((r[v == a][:, None] <= r[v == b][None, :]).sum()) for a in range(6) for b in range(a + 1, 6))
    total = sum((v == a).sum() * (v == b).sum() for a in range(6) for b in range(a + 1, 6))
    assert metric["inversions"] == pytest.approx(wrong / total, abs=1e-9)


def test_every_branch_is_encoded_once(model: TernaryVAE, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[str] = []
    encode = TernaryVAE.encode

    def counting(self: TernaryVAE, x: torch.Tensor, branch: Branch) -> tuple[torch.Tensor, torch.Tensor]:
        encoded.append(branch)
        return encode(self, x, branch)

    monkeypatch.setattr(TernaryVAE, "encode", counting)
    tvae.evaluate(model)
    assert sorted(encoded) == ["A", "B"]


def test_decoding_is_what_the_model_decodes(model: TernaryVAE, found: tvae.Metrics) -> None:
    ops = np.arange(243)
    right = (model.decode(model.code(ops)).numpy() == model.space.trits(ops)).all(axis=1).mean()
    assert found.metrics["coverage"] == pytest.approx(right, abs=0.01)
    mu, logvar = model.encode(torch.from_numpy(model.space.trits(ops)).float(), model.decoding)
    kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(dim=-1).mean()
    assert found.metrics["kl_nats"] == pytest.approx(kl.item(), rel=1e-5)


def test_the_names_of_the_contract(found: tvae.Metrics) -> None:
    names = set(found.metrics)
    assert names == set(METRICS)
    assert found.metric_version == 1
    assert found.pairs == "exact"
    assert [level["n"] for level in found.levels] == [162, 54, 18, 6, 2, 1]
    assert {"v", "n", "r_mean", "r_std", "r_min", "r_max"} <= set(found.levels[0])
    assert found.ceilings["kl_nats"] == pytest.approx(5 * math.log(3))


def test_it_is_deterministic_and_leaves_the_model_alone(model: TernaryVAE, found: tvae.Metrics) -> None:
    model.train()
    state = torch.get_rng_state()
    assert tvae.evaluate(model).metrics == found.metrics
    assert model.training
    assert state.equal(torch.get_rng_state())


def test_sampled_pairs_say_so_and_agree(model: TernaryVAE, found: tvae.Metrics) -> None:
    sampled = tvae.evaluate(model, pairs=2000, seed=1)
    assert sampled.pairs != "exact"
    assert sampled.metrics["ultrametric_B"] == pytest.approx(found.metrics["ultrametric_B"], abs=0.05)
    assert sampled.metrics["hierarchy_B"] == found.metrics["hierarchy_B"]


def test_one_branch_is_b_and_a_model_without_a_ball_has_no_ball_metrics() -> None:
    single = tvae.evaluate(TernaryVAE(ModelSpec(), depth=3)).metrics
    assert single["hierarchy_A"] is None
    assert single["hierarchy_B"] is not None
    base = tvae.evaluate(TernaryVAE(ModelSpec(branches=2, projection=None, decode="latent"), depth=3)).metrics
    assert base["coverage"] is not None
    assert all(base[f"{name}_{branch}"] is None for name in BALL_METRICS for branch in "AB")


def test_legacy_dist_corr_is_of_a_thousand_operations(model: TernaryVAE, found: tvae.Metrics) -> None:
    legacy = tvae.evaluate(model, legacy=True).metrics
    assert legacy["dist_corr_B"] == pytest.approx(found.metrics["dist_corr_B"], abs=1e-6)


@pytest.mark.parametrize("pairs", [0, -3])
def test_too_few_pairs(model: TernaryVAE, pairs: int) -> None:
    with pytest.raises(tvae.TvaeError, match="at least 1"):
        tvae.evaluate(model, pairs=pairs)


@pytest.mark.parametrize(("wrong", "got"), [("default", "got 'default'"), (torch.nn.Linear(2, 2), "Linear")])
def test_what_is_no_model(wrong: Any, got: str) -> None:
    with pytest.raises(
        tvae.errors.DomainError, match=rf"this is no model.*{got}.*`tvae.load\(\.\.\.\)` gives one"
    ):
        tvae.evaluate(wrong)
