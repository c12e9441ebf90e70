"""Losses on a hyperbolic latent: ranking, stratification, triplets, regularisers."""

from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F

from .manifold import PoincareBall


@dataclass
class Outputs:
    logits: torch.Tensor
    mu: torch.Tensor
    logvar: torch.Tensor
    z_hyp: torch.Tensor


class RankLoss(nn.Module):
    def __init__(self, temperature=0.1):
        super().__init__()
        self.temperature = temperature

    def forward(self, out: Outputs, rank):
        r = out.z_hyp.norm(dim=-1)  # expect: G001
        lower = r.unsqueeze(0) - r.unsqueeze(1)
        wanted = rank.unsqueeze(0) < rank.unsqueeze(1)
        return F.softplus(lower[wanted] / self.temperature).mean()


class Stratification(nn.Module):
    def __init__(self, levels, ball: PoincareBall):
        super().__init__()
        self.ball = ball
        self.levels = levels
        self.register_buffer("target", torch.linspace(0.9, 0.1, levels))

    def forward(self, out: Outputs, v):
        geodesic = self.ball.dist0(out.z_hyp)  # expect: clean
        unmapped = self.ball.dist0(out.mu)  # expect: G005
        chord = torch.sqrt(torch.sum(out.z_hyp.square(), -1) + 1e-9)  # expect: G001
        loss = 0.0
        for level in range(self.levels):
            mine = v == level
            if mine.any():
                loss = loss + (chord[mine].mean() - self.target[level]) ** 2
        return loss + geodesic.mean() + unmapped.mean()


class Triplets(nn.Module):
    def __init__(self, margin=0.2):
        super().__init__()
        self.margin = margin
        self.flat = nn.TripletMarginLoss(margin=margin)
        self.mse = nn.MSELoss()

    def forward(self, ball, anchor_hyp, positive_hyp, negative_hyp):
        near = ball.dist(anchor_hyp, positive_hyp)  # expect: clean
        far = ball.dist(anchor_hyp, negative_hyp)  # expect: clean
        hinge = torch.relu(near - far + self.margin).mean()
        lazy = self.flat(anchor_hyp, positive_hyp, negative_hyp)  # expect: G002
        pulled = self.mse(anchor_hyp, positive_hyp)  # expect: G002
        return hinge, lazy, pulled, self.mse(near, far)  # expect: clean


def collapse(z_hyp):
    z = z_hyp - z_hyp.mean(dim=0, keepdim=True)  # expect: G004
    return -z.norm(dim=-1).mean()  # expect: G002


def alignment(z_a_hyp, z_b_hyp):
    a = z_a_hyp / z_a_hyp.norm(dim=-1, keepdim=True)  # expect: clean
    b = z_b_hyp / z_b_hyp.norm(dim=-1, keepdim=True)  # expect: clean
    return 1 - (a * b).sum(-1).mean()  # expect: G003


def weight_decay(model, lam):
    return lam * sum(p.pow(2).sum() for p in model.parameters())  # expect: clean


def latent_prior(mu, logvar, z_euc):
    return 0.5 * (mu.pow(2).sum(-1) + logvar.exp().sum(-1) - logvar.sum(-1)).mean() + z_euc.norm()  # expect: clean


def boundary(z_hyp, max_norm=0.95):
    over = z_hyp.norm(dim=-1) - max_norm  # expect: clean
    return over.clamp(min=0).mean()


def repulsion(z_hyp):
    d = torch.cdist(z_hyp, z_hyp) + torch.eye(len(z_hyp))  # expect: G002
    return (1 / d).mean()


def euclid_at_the_end(manifold, model, x, target):
    v = manifold.logmap0(model(x).z_hyp)
    return F.mse_loss(v, target) + v.pow(2).mean()  # expect: clean
