"""Link prediction with a hyperbolic graph VAE, and its evaluation on held-out edges."""

import argparse

import geoopt.manifolds.stereographic.math as pmath
import torch
from geoopt import ManifoldParameter, PoincareBall
from torch import nn
from torch.nn import PairwiseDistance
from torch.nn.functional import cosine_similarity, normalize

from .layers import HypLinear


class Encoder(nn.Module):
    def __init__(self, n, dim, curvature):
        super().__init__()
        self.ball = PoincareBall(c=curvature)
        start = self.ball.projx(torch.randn(n, dim) * 1e-2)
        self.table = ManifoldParameter(start, manifold=self.ball)
        self.mix = HypLinear(self.ball, dim, dim)
        self.mean = nn.Linear(dim, dim)
        self.layer_norm = nn.LayerNorm(dim)

    def forward(self, nodes, hyperbolic=True):
        x = self.table[nodes]
        t = self.ball.logmap0(x)
        t = self.layer_norm(self.mean(t))
        z = self.ball.expmap0(t) if hyperbolic else t
        if hyperbolic:
            reach = self.ball.dist0(z)  # expect: clean
        else:
            reach = z.norm(dim=-1)  # expect: clean
        return z, reach

    def regulariser(self):
        return self.table.pow(2).sum(1).mean()  # expect: G001

    def clip(self):
        with torch.no_grad():
            n = self.table.norm(dim=-1, keepdim=True)  # expect: clean
            self.table.copy_(torch.where(n > 0.99, self.table * 0.99 / n, self.table))


def decode(z, edges, c):
    d = pmath.dist(z[edges[0]], z[edges[1]], k=-c)  # expect: clean
    return torch.sigmoid(1 - d)


def rank_edges(encoder, nodes, edges):
    z, _ = encoder(nodes)
    flat = PairwiseDistance()(z[edges[0]], z[edges[1]])  # expect: G002
    angle = cosine_similarity(z[edges[0]], z[edges[1]])  # expect: G003
    return flat, angle


def directions_of(encoder, nodes):
    z, _ = encoder(nodes)
    return normalize(z, dim=-1)  # expect: clean


def summarise(vectors):
    return vectors.norm(dim=1).mean()  # expect: G001


def evaluate(encoder, nodes, log):
    z, reach = encoder(nodes)
    log("flat", summarise(z))
    log("reach", reach.mean())
    log("squared", torch.einsum("nd,nd->n", z, z).max())  # expect: G001
    gram = z @ z.T
    sq = gram.diagonal()
    d2 = sq[:, None] + sq[None, :] - 2 * gram
    log("gram", d2.clamp_min(0).sqrt().mean())  # expect: G002


def distance_by_hand(u, v, c):
    """Geodesic distance.

    Args:
        u: points of the ball (N, D).
        v: points of the ball (N, D).
        c: curvature.
    """
    diff = -pmath.mobius_add(-u, v, k=-c)
    return 2 / c**0.5 * torch.artanh((c**0.5 * diff.norm(dim=-1)).clamp(max=1 - 1e-5))  # expect: clean


def pooled(encoder, graph, batch):
    z, _ = encoder(graph)
    lam = 2 / (1 - z.square().sum(-1, keepdim=True))  # expect: clean
    klein = z * lam / (1 + 0.5 * lam)
    total = torch.zeros(batch.max() + 1, z.shape[-1]).index_add(0, batch, z)  # expect: G004
    return klein.mean(0), total


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--norm", type=float, default=2.0)
    return parser.parse_args()
