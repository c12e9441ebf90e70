"""A trainer of a two-branch hyperbolic VAE: quick metrics, a radial loss, logging."""

import logging

import numpy as np
import torch
import torch.nn.functional as F
from scipy.stats import spearmanr

from hypvae.geometry import hyperbolic_radius, poincare_distance

log = logging.getLogger(__name__)


def quick_metrics(model, loader, valuations, device):
    radii_A, radii_B, radii_true = [], [], []
    with torch.no_grad():
        for batch in loader:
            out = model(batch.to(device))
            radii_A.append(out["z_A_hyp"].norm(dim=-1).cpu())  # expect: G001
            radii_B.append(torch.linalg.vector_norm(out["z_B_hyp"], dim=-1).cpu())  # expect: G001
            radii_true.append(hyperbolic_radius(out["z_A_hyp"], c=model.curvature).cpu())  # expect: clean
    r_A = torch.cat(radii_A).numpy()
    r_B = torch.cat(radii_B).numpy()
    return {
        "radial_corr_A": spearmanr(valuations, r_A)[0],
        "radial_corr_B": spearmanr(valuations, r_B)[0],
        "mean_radius": float(torch.cat(radii_true).mean()),
    }


def original_radii(model, x):
    model.eval()
    z = model(x)["z_A_hyp"].detach()
    return torch.norm(z, dim=1)  # expect: G001


class RadialLoss(torch.nn.Module):
    def __init__(self, inner=0.1, outer=0.9):
        super().__init__()
        self.inner, self.outer = inner, outer

    def forward(self, z_hyp, valuation):
        target = self.outer - valuation / 9 * (self.outer - self.inner)
        r = z_hyp.pow(2).sum(dim=-1).sqrt()  # expect: G001
        return F.smooth_l1_loss(r, target)


class GeodesicLoss(torch.nn.Module):
    """Distances of the points follow distances in the tree."""

    def __init__(self, c=1.0):
        super().__init__()
        self.c = c

    def forward(self, z_hyp, i, j, tree):
        d = poincare_distance(z_hyp[i], z_hyp[j], self.c)  # expect: clean
        d_flat = (z_hyp[i] - z_hyp[j]).norm(dim=-1)  # expect: G002
        log.debug("flat %s", d_flat.mean())
        return F.mse_loss(d, tree)  # expect: clean


def evaluate(model, ops, tree):
    emb = model.embed(ops).cpu().numpy()
    flat = np.linalg.norm(emb, axis=1)  # expect: G001
    deep = flat > np.median(flat)
    euclid = torch.cdist(torch.from_numpy(emb), torch.from_numpy(emb))  # expect: G002
    return deep, spearmanr(euclid.flatten(), tree.flatten())[0]


def train_step(model, optimizer, x, teacher, step):
    out = model(x)
    z = out["z_B_hyp"]
    safe = torch.isfinite(z).all() and (z.norm(dim=-1) < 0.999).all()  # expect: clean
    if not safe:
        raise FloatingPointError(f"points left the ball at step {step}")
    anchor = teacher(x)["z_B_hyp"].detach()
    keep = F.mse_loss(z, anchor)  # expect: G002
    centre = z.mean(dim=0)  # expect: G004
    spread = poincare_distance(z, centre.expand_as(z)).mean()
    kl = -0.5 * (1 + out["logvar"] - out["mu"].pow(2) - out["logvar"].exp()).sum()  # expect: clean
    loss = F.cross_entropy(out["logits"], x) + keep + 0.1 * spread + kl
    optimizer.zero_grad()
    loss.backward()
    total = torch.sqrt(sum(p.grad.norm() ** 2 for p in model.parameters()))  # expect: clean
    optimizer.step()
    return loss.item(), total.item()
