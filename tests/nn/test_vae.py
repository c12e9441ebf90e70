"""TernaryVAE: shapes, determinism, refusals, and a curvature that changes the geometry."""

from __future__ import annotations

import math

import msgspec
import pytest
import torch

from tvae.errors import DomainError, TvaeError
from tvae.geometry import distance, radius
from tvae.nn import EncoderSpec, ModelSpec, ProjectionSpec, TernaryVAE
from tvae.nn.spec import architecture, from_architecture

SPECS = {
    "default": ModelSpec(),
    "dual": ModelSpec(branches=2, decode="latent"),
    "shared": ModelSpec(branches=2, projection=ProjectionSpec(shared=True)),
    "share_direction": ModelSpec(branches=2, projection=ProjectionSpec(share_direction=True)),
    "improved": ModelSpec(encoder=EncoderSpec(kind="improved", dropout=0.1)),
    "euclidean": ModelSpec(projection=ProjectionSpec(radius="euclidean")),
    "base": ModelSpec(branches=2, decode="latent", projection=None),
    "learnable": ModelSpec(learnable_curvature=True, curvature=2.0),
}


@pytest.fixture(params=SPECS, ids=list(SPECS))
def model(request: pytest.FixtureRequest) -> TernaryVAE:
    torch.manual_seed(0)
    return TernaryVAE(SPECS[request.param], depth=5).eval()


def test_code_decode_shapes(model: TernaryVAE) -> None:
    ops = torch.arange(243)
    code = model.code(ops)
    assert code.shape == (243, 16)
    assert model.logits(code).shape == (243, 5, 3)
    assert set(model.decode(code).unique().tolist()) <= {-1, 0, 1}
    assert model.sample(7, seed=1).equal(model.sample(7, seed=1))


def test_embed_is_in_the_ball_and_deterministic(model: TernaryVAE) -> None:
    if not model.projection:
        with pytest.raises(TvaeError, match="no projection"):
            model.embed([0])
        return
    for branch in model.branches:
        points = model.embed(range(243), branch=branch)
        assert (math.sqrt(model.curvature) * points.norm(dim=-1) < 1).all()
        assert points.equal(model.embed(model.space.trits(torch.arange(243).numpy()), branch=branch))


def test_forward_trains_every_part(model: TernaryVAE) -> None:
    x = torch.from_numpy(model.space.trits(torch.arange(243).numpy())).float()
    noise = {model.decoding: torch.randn(243, 16)}
    if not model.projection:
        noise = {b: torch.randn(243, 16) for b in model.branches}
    out = model(x, noise)
    assert out.logits.shape == (2 * len(noise), 243, 5, 3)
    loss = out.logits.square().mean()
    for posterior in out.posteriors.values():
        loss = loss + posterior.mu.square().mean() + posterior.logvar.mean()
        if posterior.polar is not None:
            loss = loss + posterior.polar.points(out.curvature).square().sum()
    loss.backward()
    assert all(p.grad is not None for p in model.parameters())


def test_the_state_dict_has_no_aliases_and_no_dropout_index() -> None:
    with_dropout = ModelSpec(
        encoder=EncoderSpec(kind="improved", dropout=0.3), projection=ProjectionSpec(dropout=0.3)
    )
    without = ModelSpec(encoder=EncoderSpec(kind="improved"))
    names = list(TernaryVAE(without).state_dict())
    assert list(TernaryVAE(with_dropout).state_dict()) == names
    model = TernaryVAE(SPECS["share_direction"])
    pointers = [t.data_ptr() for t in model.state_dict().values()]
    assert len(set(pointers)) == len(pointers)


def test_operations_are_indices_or_trits_of_any_kind() -> None:
    model = TernaryVAE(ModelSpec(), depth=3).eval()
    trits = torch.tensor([[1, 0, -1], [-1, -1, -1]])
    expected = model.embed([5, 0])
    for ops in (trits, trits.float(), trits.numpy(), trits.tolist(), torch.tensor([5, 0])):
        assert model.embed(ops).equal(expected)


@pytest.mark.parametrize("branch", ["A", "C"])
def test_a_branch_that_is_not_there(branch: str) -> None:
    with pytest.raises(DomainError, match="branch"):
        TernaryVAE(ModelSpec(), depth=3).embed([0], branch=branch)


@pytest.mark.parametrize("code", [torch.zeros(2, 7), torch.zeros(16), [[0.0] * 16]])
def test_codes_of_the_wrong_shape(code: object) -> None:
    with pytest.raises(DomainError, match="as `code` returns it"):
        TernaryVAE(ModelSpec(), depth=3).decode(code)


@pytest.mark.parametrize("ops", [[27], [-1], [[0, 0, 2]], [[0, 0]], [[[0]]]])
def test_operations_outside_the_space(ops: list[object]) -> None:
    with pytest.raises(DomainError):
        TernaryVAE(ModelSpec(), depth=3).embed(ops)


def test_the_curvature_changes_distances_at_equal_radii() -> None:
    torch.manual_seed(0)
    flat, curved = (TernaryVAE(ModelSpec(curvature=c), depth=5).eval() for c in (0.5, 2.0))
    curved.load_state_dict(flat.state_dict())
    ops = torch.arange(243)
    x, y = flat.embed(ops), curved.embed(ops)
    assert torch.allclose(radius(x, 0.5), radius(y, 2.0), rtol=1e-5)
    d_flat, d_curved = distance(x[:1], x[1:], 0.5), distance(y[:1], y[1:], 2.0)
    assert (d_curved > d_flat + 1e-3).float().mean() > 0.9


def test_a_learned_curvature_gets_a_gradient_and_stays_in_range() -> None:
    model = TernaryVAE(SPECS["learnable"], depth=9)
    assert model.curvature == pytest.approx(2.0, rel=1e-5)
    for share in (-50.0, 50.0):
        with torch.no_grad():
            model.log_curvature_share.fill_(share)
        assert 0.0999 < model.curvature <= 10.0
        assert math.sqrt(model.curvature) * model.r_max <= 14.0 + 1e-4


@pytest.mark.parametrize(("depth", "expected"), [(9, 5.2933), (7, 4.1170), (11, 6.4696)])
def test_r_max_follows_the_depth(depth: int, expected: float) -> None:
    assert ModelSpec().radius_limit(depth) == pytest.approx(expected, abs=1e-4)


def test_a_radius_beyond_float32_is_refused() -> None:
    with pytest.raises(ValueError, match="lower r_max to"):
        ModelSpec(curvature=4.0, r_max=7.5).radius_limit(9)


@pytest.mark.parametrize("name", SPECS)
def test_an_architecture_reads_back(name: str) -> None:
    described = msgspec.json.decode(msgspec.json.encode(architecture(SPECS[name], 7)))
    assert from_architecture(described) == (SPECS[name], 7)
