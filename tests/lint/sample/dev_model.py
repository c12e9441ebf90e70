"""A VAE whose latent is mapped into the ball with geoopt."""

import geoopt
import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ToBall(nn.Module):
    def __init__(self, dim, c=1.0, max_norm=0.95):
        super().__init__()
        self.ball = geoopt.PoincareBall(c=c)
        self.lin = nn.Linear(dim, dim)
        self.norm = nn.LayerNorm(dim)
        self.max_norm = max_norm

    def forward(self, z):
        h = self.norm(self.lin(z))  # expect: clean
        x = self.ball.expmap0(h)
        n = x.norm(dim=-1, keepdim=True)  # expect: clean
        return torch.where(n > self.max_norm, x / n * self.max_norm, x)


class BallVAE(nn.Module):
    def __init__(self, n_in, hidden, dim, c=1.0):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(n_in, hidden), nn.ReLU(), nn.Linear(hidden, hidden))
        self.fc_mu = nn.Linear(hidden, dim)
        self.fc_logvar = nn.Linear(hidden, dim)
        self.to_ball = ToBall(dim, c)
        self.decoder = nn.Linear(dim, n_in)
        self.manifold = geoopt.PoincareBall(c=c)

    def reparameterize(self, mu, logvar):
        return mu + torch.randn_like(mu) * (0.5 * logvar).exp()

    def forward(self, x):
        h = self.encoder(x)
        mu, logvar = self.fc_mu(h), self.fc_logvar(h)
        z = self.reparameterize(mu, logvar)
        self.last_points = self.to_ball(z)
        early = self.manifold.dist0(mu)  # expect: G005
        back = self.manifold.logmap0(self.last_points)
        size = back.norm(dim=-1)  # expect: clean
        return self.decoder(back), mu, logvar, self.last_points, early + size

    def radius_penalty(self):
        return self.last_points.norm(dim=-1).mean()  # expect: G001

    def tree_loss(self, x, i, j, target):
        _, mu, _, points, _ = self(x)
        wrong = self.manifold.dist(mu[i], mu[j])  # expect: G005
        right = self.manifold.dist(points[i], points[j])  # expect: clean
        return F.mse_loss(wrong, target) + F.mse_loss(right, target)

    def prototypes(self, x, labels, k):
        points = self(x)[3]
        return torch.stack([points[labels == c].mean(0) for c in range(k)])  # expect: G004


def similarity(vae: BallVAE, a: Tensor, b: Tensor) -> Tensor:
    p, q = vae.to_ball(a), vae.to_ball(b)
    return F.cosine_similarity(p, q, dim=-1)  # expect: G003


def contrastive(vae, x_hyp, tau=0.1):
    u = F.normalize(x_hyp, dim=-1)  # expect: clean
    logits = u @ u.t() / tau  # expect: G003
    return F.cross_entropy(logits, torch.arange(len(u)))


def rescale(x_hyp, r_max, c):
    n = x_hyp.norm(dim=-1, keepdim=True).clamp_min(1e-15)  # expect: clean
    r = 2 / c**0.5 * torch.atanh(c**0.5 * n)
    direction = x_hyp / n
    return torch.tanh(c**0.5 * r.clamp(max=r_max) / 2) / c**0.5 * direction
