"""What flows where: assignments, branches, functions, classes, and what a length may be used for."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tvae.lint import check

HEAD = (
    "import torch, geoopt\nimport numpy as np\nfrom torch import nn\nfrom torch.nn import functional as F\n"
)


def codes(body: str) -> list[str]:
    return [one.code for one in check(HEAD + dedent(body))]


@pytest.mark.parametrize(
    "body",
    [
        "n = out['z_A_hyp'].detach().cpu().numpy()[3:]\nr = np.linalg.norm(n, axis=-1)",
        "n = out.z_hyp\nr = n.norm()",
        "_, z = mu, expmap0(v)\nr = torch.norm(z)",
        "z = expmap0(v) * 0.5\nr = torch.linalg.vector_norm(z, dim=-1)",
        "r = (z_hyp * z_hyp).sum(-1)",
        "r = z_hyp.square().sum().sqrt().item()",
        "r = (z_hyp ** 2).sum(-1) ** 0.5",
        "r = sum(x_hyp.norm() for _ in range(3))",
        "zs = []\nfor _ in range(3):\n    zs.append(expmap0(v))\nr = torch.cat(zs).norm(dim=-1)",
        "if a:\n    z = expmap0(v)\nelse:\n    z = None\nr = z.norm()",
        "try:\n    z = expmap0(v)\nexcept ValueError:\n    z = v\nr = z.norm()",
        "for z in (expmap0(v), expmap0(w)):\n    r = z.norm()",
        "z = v\nwhile a:\n    r = z.norm()\n    z = expmap0(z)",
        "with torch.no_grad():\n    z = expmap0(v)\nr = z.norm()",
        "if (z := expmap0(v)) is not None:\n    r = z.norm()",
        "f = lambda z_hyp: z_hyp.norm()",
        "match a:\n    case 1:\n        z = expmap0(v)\n    case _:\n        z = v\nr = z.norm()",
        "z = project(expmap0(v))\nz += 0.1\nreport(z.norm())",
        "x = geoopt.ManifoldParameter(w, manifold=geoopt.PoincareBall())\nr = x.norm()",
        "async def f(z_hyp):\n    return z_hyp.norm()",
        "loss = F.mse_loss(z_hyp.norm(dim=-1), target)",
        "r = z_hyp.norm(dim=-1)\nassert (r < 1).all()\nlog(r.mean())",
    ],
)
def test_a_norm_taken_for_a_radius(body: str) -> None:
    assert codes(body) == ["G001"]


@pytest.mark.parametrize(
    "body",
    [
        "r = z.norm()",
        "r = v.norm() + logmap0(z_hyp).norm()",
        "z_hyp = nn.Linear(2, 2)(h)\nr = z_hyp.norm()",
        "z = expmap0(v)\nz = decode(z)\nr = z.norm()",
        "u = z_hyp / z_hyp.norm(dim=-1, keepdim=True).clamp_min(1e-9)",
        "u = z_hyp * (1 / (z_hyp.norm() + eps))",
        "ok = (z_hyp.norm(dim=-1) < 1 - 1e-5).all()",
        "r = 2 / c**0.5 * torch.atanh((c**0.5 * z_hyp.norm()).clamp(max=0.99999))",
        "n = z_hyp.norm()\nr = torch.log1p(2 * n / (1 - n))",
        "lam = 2 / (1 - c * z_hyp.pow(2).sum(-1))",
        "lam = 2 / (1 / c - z_hyp.pow(2).sum(-1))",
        "bad = torch.isnan(z_hyp.norm()).any()",
        "self.norm(z_hyp)",
        "n = len(z_hyp)\nd_hyp = 3.0\nr = d_hyp.norm()",
        "ball = geoopt.PoincareBall()\nr = ball.norm(z_hyp, u)",
        "space = geoopt.Lorentz()\nz = space.expmap0(v)\nr = z.norm()",
        "s = (x_hyp - y_hyp).pow(2).sum(-1)\nd = torch.acosh(1 + 2 * s / ((1 - x_hyp.pow(2).sum(-1)) * b))",
        "pen = F.relu(z_hyp.norm(dim=-1) - max_norm)",
        "import mine\nr = mine.artanh(z_hyp.norm())",
    ],
)
def test_proper_uses(body: str) -> None:
    assert codes(body) == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("d = torch.cdist(x_hyp, y_hyp)", "G002"),
        ("d = (x_hyp - y_hyp).norm(dim=-1)", "G002"),
        ("from scipy.spatial.distance import pdist\nd = pdist(z_hyp)", "G002"),
        ("e = F.mse_loss(x_hyp, y_hyp)", "G002"),
        ("f = nn.MSELoss()\ne = f(x_hyp, y_hyp)", "G002"),
        ("s = F.cosine_similarity(x_hyp, y_hyp)", "G003"),
        ("s = F.normalize(x_hyp) @ F.normalize(y_hyp).T", "G003"),
        ("m = z_hyp.mean(dim=0)", "G004"),
        ("m = np.mean(z_hyp, axis=0)", "G004"),
        ("m = z_hyp.sum(0) / len(z_hyp)", "G004"),
        ("d = poincare_distance(nn.Linear(2, 2)(h), x_hyp)", "G005"),
        ("d = hyperbolic_radius(torch.randn(3, 2))", "G005"),
        ("d = hyperbolic_radius(out['mu'])", "G005"),
        ("d = hyperbolic_radius(logmap0(x_hyp))", "G005"),
        ("d = hyperbolic_radius(F.normalize(v_euc))", "G005"),
        ("from tvae import geometry\nd = geometry.distance(torch.randn(3, 2), x_hyp)", "G005"),
    ],
)
def test_the_other_rules(body: str, code: str) -> None:
    assert codes(body) == [code]


@pytest.mark.parametrize(
    "body",
    [
        "d = hyperbolic_radius(expmap0(torch.randn(3, 2)))",
        "d = hyperbolic_radius(x)",
        "z = mu if flat else expmap0(mu)\nd = hyperbolic_radius(z)",
        "e = F.mse_loss(poincare_distance(x_hyp, y_hyp), target)",
        "m = z_hyp.mean()",
        "m = expmap0(logmap0(z_hyp).mean(0))",
        "d = graph.distance(torch.randn(3), b)",
    ],
)
def test_what_the_other_rules_leave_alone(body: str) -> None:
    assert codes(body) == []


def test_functions_of_the_file_are_followed() -> None:
    assert codes(
        """
        def embed_all(v):
            return expmap0(v), 3

        def spread(x):
            return x.norm(dim=-1).std()

        def depth(n):
            return 2 * torch.atanh(n)

        def use(v):
            points, _ = embed_all(v)
            return spread(points), spread(v), depth(points.norm())
        """
    ) == ["G001"]


def test_nested_functions_see_what_is_around_them() -> None:
    body = "def f(v):\n    z = expmap0(v)\n    def g():\n        return z.norm()\n    return g"
    assert codes(body) == ["G001"]


def test_attributes_are_known_in_other_methods() -> None:
    assert codes(
        """
        class Model(nn.Module):
            def __init__(self):
                self.ball = geoopt.PoincareBall()
                self.mu = nn.Linear(3, 2)
                self.norm = nn.LayerNorm(2)

            def report(self):
                return self.points.norm(dim=-1).mean()

            def forward(self, x):
                h = self.mu(self.norm(x))
                self.points = self.ball.expmap0(h)
                return self.ball.dist0(h)

        def radius(model: Model, x):
            model(x)
            return model.points.norm()
        """
    ) == ["G001", "G005", "G001"]


def test_a_condition_asked_twice_is_one_condition() -> None:
    body = """
        def f(v, curved):
            z = expmap0(v) if curved else v
            if not curved:
                return z.norm()
            return z.norm()
        """
    assert [one.line for one in check(HEAD + dedent(body))] == [10]


def test_docstrings_and_annotations_name_points() -> None:
    assert codes(
        '''
        def f(x, y, v: "BallPoint tensor", c):
            """Compare.

            Args:
                x: points of the Poincare ball.
                y: tangent vectors at points of the ball.
                c: curvature of the ball.
            """
            return x.norm(), y.norm(), v.norm(), c.norm()
        '''
    ) == ["G001", "G001"]


def test_names_with_ball_mean_something_only_where_geometry_is_meant() -> None:
    assert check("speed = velocity_ball.norm()\nprint(speed)\n") == []
    assert [one.code for one in check("import geoopt\nprint(x_ball.norm())\n")] == ["G001"]


def test_recursion_and_deep_nesting_end() -> None:
    assert codes("def f(z_hyp):\n    return f(z_hyp) + z_hyp.norm()") == ["G001"]
    loops = "".join(f"{'  ' * k}for i{k} in x:\n" for k in range(8)) + "  " * 8 + "z_hyp = expmap0(v)\n"
    assert codes(loops + "r = z_hyp.norm()") == ["G001"]
    assert [one.code for one in check("x = " + "(" * 5000)] == ["G000"]
    assert {one.code for one in check("x = " + "-" * 20_000 + "1")} <= {"G000"}
