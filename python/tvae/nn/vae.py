"""`TernaryVAE`: trits -> latent -> Poincare ball -> trits.

Shapes: B operations, n trits, D latent dimensions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from tvae.errors import DomainError, TvaeError
from tvae.geometry import logmap0
from tvae.nn.decoder import Decoder
from tvae.nn.encoder import Encoder
from tvae.nn.projection import Polar, Projection
from tvae.nn.spec import CURVATURE_RANGE, MAX_SCALED_RADIUS, ModelSpec
from tvae.record import Record
from tvae.space import TernarySpace

Branch = Literal["A", "B"]


class Posterior(NamedTuple):
    """What one branch made of a batch: `polar` is of the mean, None without a projection."""

    mu: Tensor
    logvar: Tensor
    polar: Polar | None


class Output(NamedTuple):
    """One training pass.

    `logits` (S, B, n, 3) holds the decoding of one posterior sample and, where asked for, of the
    posterior mean, branch after branch in the order of `decoded`; None when nothing is decoded.
    """

    posteriors: dict[Branch, Posterior]
    decoded: tuple[Branch, ...]
    logits: Tensor | None
    curvature: Tensor | float


class TernaryVAE(nn.Module):
    """A ternary VAE, described by its spec and the depth of its space.

    Args:
        spec: the architecture.
        depth: trits per operation, 1 to 19.

    Raises:
        ValueError: if sqrt(c) R_max is beyond the reach of float32.

    Example:
        >>> from tvae.nn import ModelSpec, TernaryVAE
        >>> model = TernaryVAE(ModelSpec(), depth=5)
        >>> model.embed([0, 1, 242]).shape
        torch.Size([3, 16])
    """

    #: The record of the checkpoint that the weights came from; None for a model made here.
    record: Record | None = None

    def __init__(self, spec: ModelSpec, *, depth: int = 9) -> None:
        super().__init__()
        self.spec = spec
        self.space = TernarySpace(depth)
        self.r_max = spec.radius_limit(depth)
        self.branches: tuple[Branch, ...] = ("A", "B") if spec.branches == 2 else ("B",)
        #: The branch whose code the decoder reads.
        self.decoding: Branch = self.branches[0]
        self.encoder = nn.ModuleDict(
            {b: Encoder(spec.encoder, depth=depth, latent_dim=spec.latent_dim) for b in self.branches}
        )
        self.projection = nn.ModuleDict(self._projections(spec))
        self.decoder = Decoder(spec.decoder, depth=depth, latent_dim=spec.latent_dim)
        self.log_curvature_share = nn.Parameter(self._curvature_share()) if spec.learnable_curvature else None

    def _projections(self, spec: ModelSpec) -> Mapping[str, nn.Module]:
        if spec.projection is None:
            return {}
        owners: Sequence[Branch] = ("B",) if spec.projection.shared else self.branches
        return {
            b: Projection(
                spec.projection,
                latent_dim=spec.latent_dim,
                r_max=self.r_max,
                own_direction=b == "A" or not spec.projection.share_direction,
            )
            for b in owners
        }

    # log c = log lo + (log hi - log lo) * sigmoid(share): never outside, never stuck at a limit.
    def _curvature_limits(self) -> tuple[float, float]:
        lo, hi = CURVATURE_RANGE
        return math.log(lo), math.log(min(hi, (MAX_SCALED_RADIUS / self.r_max) ** 2))

    def _curvature_share(self) -> Tensor:
        lo, hi = self._curvature_limits()
        share = (math.log(self.spec.curvature) - lo) / (hi - lo)
        return torch.logit(torch.tensor(share, dtype=torch.float64), eps=1e-6).float()

    def curvature_tensor(self) -> Tensor | float:
        """c as the geometry takes it: a 0-d tensor with gradient when it is learned, else a float."""
        if self.log_curvature_share is None:
            return self.spec.curvature
        lo, hi = self._curvature_limits()
        return torch.exp(lo + (hi - lo) * torch.sigmoid(self.log_curvature_share))

    @property
    def curvature(self) -> float:
        """The curvature parameter c > 0; the ball has sectional curvature -c."""
        c = self.curvature_tensor()
        return c.item() if isinstance(c, Tensor) else c

    def encode(self, x: Tensor, branch: Branch) -> tuple[Tensor, Tensor]:
        """mu and logvar, each (B, D), of trits x (B, n)."""
        mu, logvar = self.encoder[branch](x)
        return mu, logvar

    def project(self, z: Tensor, branch: Branch) -> Polar:
        """The polar coordinates in the ball of latents z (B, D).

        Raises:
            TvaeError: if the model has no projection.
        """
        if not self.projection:
            raise TvaeError(
                "this model has no projection, so it has no ball points",
                hint="use .code(ops) for its latents, or train a preset with a projection",
            )
        owner = branch if branch in self.projection else "B"
        direction = self.projection["A"].direction if "A" in self.projection else None
        with torch.autocast(z.device.type, enabled=False):
            polar: Polar = self.projection[owner](z, self.curvature_tensor(), direction)
        return polar

    def forward(
        self,
        x: Tensor,
        noise: Mapping[Branch, Tensor],
        *,
        mean_too: bool = True,
    ) -> Output:
        """A training pass.

        Args:
            x: trits (B, n), float.
            noise: standard normal (B, D) for each branch to decode.
            mean_too: decode the posterior means as well as the samples.
        """
        posteriors: dict[Branch, Posterior] = {}
        codes: list[Tensor] = []
        for branch in self.branches:
            mu, logvar = self.encode(x, branch)
            codes_here: list[Tensor] = []
            if branch in noise:
                sample = torch.addcmul(mu, torch.exp(0.5 * logvar), noise[branch])
                codes_here = [sample, mu] if mean_too else [sample]
            polar: Polar | None = None
            if codes_here and self.spec.decode == "tangent":
                # The mean is projected in the same call as the sample, whether it is decoded or not.
                both = self.project(torch.cat([sample, mu]), branch)
                polar = Polar(both.radius[len(x) :], both.direction[len(x) :])
                codes_here = [both.tangent[: len(codes_here) * len(x)]]
            elif self.projection:
                polar = self.project(mu, branch)
            codes += codes_here
            posteriors[branch] = Posterior(mu, logvar, polar)
        logits = self.decoder(torch.cat(codes)).view(-1, *x.shape, 3) if codes else None
        return Output(
            posteriors, tuple(b for b in self.branches if b in noise), logits, self.curvature_tensor()
        )

    @torch.no_grad()
    def embed(
        self, ops: Tensor | np.ndarray | Sequence[int], *, branch: Branch = "B", sample: bool = False
    ) -> Tensor:
        """Ball points (B, D), sqrt(c) |x| < 1.

        Args:
            ops: indices (B,) in [0, 3^n), or trits (B, n) in {-1, 0, 1}.
            branch: "B", or "A" in a model of two branches.
            sample: project one posterior sample instead of the posterior mean.

        Raises:
            DomainError: if an operation lies outside the space, or the model has no such branch.
            TvaeError: if the model has no projection.
        """
        return self.project(self.latents(ops, branch=branch, sample=sample), branch).points(
            self.curvature_tensor()
        )

    @torch.no_grad()
    def code(self, ops: Tensor | np.ndarray | Sequence[int], *, sample: bool = False) -> Tensor:
        """Exactly what the decoder reads, (B, D): ball points, or latents when `decode = "latent"`.

        Raises:
            DomainError: if an operation lies outside the space.
        """
        if self.spec.decode == "tangent":
            return self.embed(ops, branch=self.decoding, sample=sample)
        return self.latents(ops, branch=self.decoding, sample=sample)

    @torch.no_grad()
    def latents(
        self, ops: Tensor | np.ndarray | Sequence[int], *, branch: Branch, sample: bool = False
    ) -> Tensor:
        """Posterior means, or one posterior sample each, (B, D), before any projection."""
        if branch not in self.branches:
            raise DomainError(
                f"this model has no branch {branch!r}", expected=" or ".join(self.branches), got=str(branch)
            )
        mu, logvar = self.encode(self._trits(ops), branch)
        return torch.addcmul(mu, torch.exp(0.5 * logvar), torch.randn_like(mu)) if sample else mu

    def logits(self, code: Tensor) -> Tensor:
        """Logits (B, n, 3) of codes (B, D) as `code` returns them; class k stands for trit k - 1.

        Raises:
            DomainError: if `code` is not a tensor (B, D).
        """
        if not isinstance(code, Tensor) or code.ndim != 2 or code.shape[1] != self.spec.latent_dim:
            raise DomainError(
                "codes have the wrong shape",
                expected=f"a tensor (B, {self.spec.latent_dim}), as `code` returns it",
                got=str(tuple(code.shape)) if isinstance(code, Tensor) else type(code).__name__,
            )
        if self.spec.decode == "tangent":
            code = 2.0 * logmap0(code, self.curvature_tensor())
        out: Tensor = self.decoder(code)
        return out

    @torch.no_grad()
    def decode(self, code: Tensor) -> Tensor:
        """The likeliest trits (B, n) in {-1, 0, 1}, int64, of codes (B, D)."""
        return self.logits(code).argmax(dim=-1) - 1

    @torch.no_grad()
    def sample(self, n: int, *, seed: int) -> Tensor:
        """Trits (n, depth) decoded from `n` draws of the prior N(0, I); int64 in {-1, 0, 1}.

        Raises:
            DomainError: if `n` is negative.
        """
        if n < 0:
            raise DomainError("the number of samples is negative", path="n", expected="0 or more", got=str(n))
        device = self.decoder.logits.weight.device
        generator = torch.Generator().manual_seed(seed)
        z = torch.randn(n, self.spec.latent_dim, generator=generator).to(device)
        if self.spec.decode == "tangent":
            z = self.project(z, self.decoding).points(self.curvature_tensor())
        return self.decode(z)

    def _trits(self, ops: Tensor | np.ndarray | Sequence[int]) -> Tensor:
        """Trits (B, n), float32 on the model's device, of indices or trits."""
        values = ops.detach().cpu().numpy() if isinstance(ops, Tensor) else np.asarray(ops)
        if values.ndim == 2:
            # Trits are floats where they feed a network; the space counts in integers.
            whole = values.astype(np.int8)
            self.space.index(whole if np.array_equal(whole, values) else values)
        elif values.ndim == 1:
            values = self.space.trits(values)
        else:
            raise DomainError(
                "operations have the wrong shape",
                expected="indices (B,) or trits (B, n)",
                got=str(tuple(values.shape)),
            )
        weight = self.decoder.logits.weight
        return torch.as_tensor(np.ascontiguousarray(values), dtype=weight.dtype).to(weight.device)
