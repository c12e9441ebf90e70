"""The predecessor's model, from its formulas and in its module tree, so that torch gives the real spellings.

Only the forward pass of the posterior mean is here: what it embedded and decoded in evaluation.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

WIDTHS = (256, 128, 64)
#: softplus^-1(1), as its manifold stored a curvature of 1.
ISP_ONE = math.log(math.e - 1.0)


class Encoder(nn.Module):
    def __init__(self, improved: bool, latent: int = 16, depth: int = 9) -> None:
        super().__init__()
        a, b, c = WIDTHS
        if improved:
            self.encoder = nn.Sequential(
                nn.Linear(depth, a), nn.LayerNorm(a), nn.SiLU(), nn.Dropout(0.1),
                nn.Linear(a, b), nn.LayerNorm(b), nn.SiLU(), nn.Dropout(0.1),
                nn.Linear(b, c), nn.LayerNorm(c), nn.SiLU(),
            )  # fmt: skip
        else:
            self.encoder = nn.Sequential(
                nn.Linear(depth, a), nn.ReLU(), nn.Linear(a, b), nn.ReLU(), nn.Linear(b, c), nn.ReLU()
            )
        self.fc_mu = nn.Linear(c, latent)
        self.fc_logvar = nn.Linear(c, latent)
        self.improved = improved

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.encoder(x)
        logvar = self.fc_logvar(h)
        return self.fc_mu(h), logvar.clamp(-10.0, 2.0) if self.improved else logvar


class Decoder(nn.Module):
    def __init__(self, improved: bool, latent: int = 16, depth: int = 9) -> None:
        super().__init__()
        if improved:
            self.decoder = nn.Sequential(
                nn.Linear(latent, 32), nn.LayerNorm(32), nn.SiLU(), nn.Dropout(0.1),
                nn.Linear(32, 64), nn.LayerNorm(64), nn.SiLU(), nn.Dropout(0.1), nn.Linear(64, 3 * depth),
            )  # fmt: skip
        else:
            self.decoder = nn.Sequential(
                nn.Linear(latent, 32), nn.ReLU(), nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 3 * depth)
            )

    def forward(self, z: Tensor) -> Tensor:
        return self.decoder(z).view(len(z), -1, 3)


class Ball(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.isp_c = nn.Parameter(torch.tensor(ISP_ONE))


def direction_net(hidden: int, layers: int, dropout: float, latent: int) -> nn.Sequential:
    parts: list[nn.Module] = []
    for k in range(layers):
        parts += [nn.Linear(hidden if k else latent, hidden), nn.LayerNorm(hidden), nn.SiLU()]
        parts += [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(*parts, nn.Linear(hidden, latent))


def radius_net(hidden: int, layers: int, dropout: float, latent: int) -> nn.Sequential:
    width = max(32, hidden // 2)
    parts: list[nn.Module] = []
    for k in range(layers):
        parts += [nn.Linear(width if k else latent, width), nn.SiLU()]
        parts += [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(*parts, nn.Linear(width, 1), nn.Sigmoid())


class Projection(nn.Module):
    def __init__(self, hidden: int, layers: int, dropout: float, ball: bool, latent: int) -> None:
        super().__init__()
        self.direction_net = direction_net(hidden, layers, dropout, latent)
        self.radius_net = radius_net(hidden, layers, dropout, latent)
        if ball:
            self.manifold = Ball()


class Dual(nn.Module):
    def __init__(self, *options: Any, shared: bool) -> None:
        super().__init__()
        self.proj_A = Projection(*options)
        if shared:
            self.proj_B_radius = Projection(*options).radius_net
        else:
            self.proj_B = Projection(*options)


class Controller(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(8, 32), nn.LayerNorm(32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, 6)
        )


class Model(nn.Module):
    """V5.5 (`projection` None) to V5.12."""

    def __init__(
        self,
        *,
        encoder: str = "plain",
        decoder: str = "plain",
        projection: str | None = "dual",
        hidden: int = 64,
        layers: int = 1,
        dropout: float = 0.0,
        ball: bool = True,
        controller: bool = False,
        max_radius: float = 0.95,
        latent: int = 16,
        through_ball: bool = False,
        depth: int = 9,
    ) -> None:
        super().__init__()
        self.max_radius, self.kind, self.through_ball = max_radius, projection, through_ball
        self.encoder_A = Encoder(encoder == "improved", latent, depth)
        self.encoder_B = Encoder(encoder == "improved", latent, depth)
        self.decoder_A = Decoder(decoder == "improved", latent, depth)
        options = (hidden, layers, dropout, ball, latent)
        if projection == "single":
            self.projection: nn.Module = Projection(*options)
        elif projection is not None:
            self.projection = Dual(*options, shared=projection == "shared direction")
        if controller:
            self.controller = Controller()

    def point(self, z: Tensor, branch: str) -> Tensor:
        """rho * u / |u|, u = z + delta(z), rho = max_radius * sigmoid(.)."""
        first = self.projection if self.kind == "single" else self.projection.proj_A
        second = first if self.kind != "dual" else self.projection.proj_B
        mine = first if branch == "A" else second
        radius = mine.radius_net
        if branch == "B" and self.kind == "shared direction":
            radius = self.projection.proj_B_radius
        u = z + mine.direction_net(z)
        return self.max_radius * radius(z) * u / u.norm(dim=-1, keepdim=True).clamp_min(1e-8)

    @torch.no_grad()
    def outputs(self, x: Tensor) -> dict[str, Tensor]:
        mu_a, logvar_a = self.encoder_A(x)
        mu_b, logvar_b = self.encoder_B(x)
        found = {"mu_A": mu_a, "mu_B": mu_b, "logvar_A": logvar_a, "logvar_B": logvar_b}
        code = mu_a
        if self.kind is not None:
            found |= {"z_A": self.point(mu_a, "A"), "z_B": self.point(mu_b, "B")}
            if self.through_ball:
                norm = found["z_A"].norm(dim=-1, keepdim=True)
                code = torch.atanh(norm) * found["z_A"] / norm  # log0 in the ball of curvature 1
        return found | {"logits": self.decoder_A(code)}


def flat(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The v5.5 layers as the homeostatic launcher spelled them."""
    found: dict[str, Tensor] = OrderedDict()
    for name, tensor in state.items():
        head, second, *rest = name.split(".")
        branch = head[-1]
        if second in ("encoder", "decoder"):
            found[".".join([head, *rest])] = tensor
        else:
            found[".".join([f"{second}_{branch}", *rest])] = tensor
    return found


def with_state_net(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """What files of v5.5 to v5.10 hold beside the parts that later programs read."""
    return state | {
        "decoder_B.decoder.0.weight": torch.randn(128, 16),
        "state_net.0.weight": torch.randn(64, 14),
        "lambda_buffer": torch.tensor(0.7),
    }


def write(path: Path, state: dict[str, Tensor], *, key: str = "model_state_dict", **beside: Any) -> Path:
    """As the predecessor saved; an empty `key` means the state dict alone."""
    torch.save({"epoch": 7, key: state, **beside} if key else state, path)
    return path
