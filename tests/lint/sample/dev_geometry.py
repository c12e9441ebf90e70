"""Formulas of the ball, by hand: norms here are parts of distances, not distances."""

import numpy as np
import torch


def poincare_distance(x_hyp, y_hyp, c=1.0, eps=1e-7):
    sq = ((x_hyp - y_hyp) ** 2).sum(dim=-1)  # expect: clean
    a = 1 - c * x_hyp.pow(2).sum(dim=-1)  # expect: clean
    b = 1 - c * y_hyp.square().sum(-1)  # expect: clean
    return torch.acosh(1 + 2 * c * sq / (a * b).clamp_min(eps)) / c**0.5


def mobius_add(x_ball, y_ball, c):
    xy = (x_ball * y_ball).sum(-1, keepdim=True)  # expect: clean
    xx = (x_ball * x_ball).sum(-1, keepdim=True)  # expect: clean
    yy = (y_ball * y_ball).sum(-1, keepdim=True)  # expect: clean
    top = (1 + 2 * c * xy + c * yy) * x_ball + (1 - c * xx) * y_ball
    return top / (1 + 2 * c * xy + c**2 * xx * yy)


def hyperbolic_radii(z_hyp):
    n = np.linalg.norm(z_hyp, axis=-1)  # expect: clean
    return np.log((1 + n) / (1 - n))


def conformal_factor(x, c):
    """lambda_x.

    Args:
        x: points of the Poincare ball, (N, D).
        c: curvature.
    """
    return 2 / (1 - c * torch.sum(x * x, dim=-1))  # expect: clean


def spread(x, weights):
    """How far the points lie apart.

    Args:
        x: points in the Poincare ball (N, D).
        weights: (N,).
    """
    gaps = torch.cdist(x, x)  # expect: G002
    return (weights * gaps.mean(1)).sum()


def gyro_midpoint(points_hyp, c):
    lam = conformal_factor(points_hyp, c).unsqueeze(-1)
    return (lam * points_hyp).sum(0) / (lam - 1).sum(0)  # expect: clean


def flat_midpoint(a_hyp, b_hyp):
    return (a_hyp + b_hyp) / 2  # expect: G004


def to_ball(v, c=1.0):
    n = v.norm(dim=-1, keepdim=True).clamp_min(1e-15)  # expect: clean
    return torch.tanh(c**0.5 * n) * v / (c**0.5 * n)


def shells(encoder, x, edges):
    points = to_ball(encoder(x))

    def shell(which):
        inside = points[which]
        return torch.bucketize(torch.linalg.norm(inside, dim=-1), edges)  # expect: G001

    return shell(x > 0), shell(x <= 0)


def leaving(z_hyp, rim=0.98):
    return torch.relu(z_hyp.norm(dim=-1) - rim).mean()  # expect: clean


def pull(z_hyp, target_radius):
    return (z_hyp.norm(dim=-1) - target_radius).pow(2).mean()  # expect: G001
