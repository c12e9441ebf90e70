"""Hyperbolic geometry of the Poincare ball, accurate from 1e-30 to the rim and differentiable in the
curvature.

Example:
    >>> import torch
    >>> from tvae import geometry
    >>> geometry.distance(torch.tensor([0.5, 0.0]), torch.tensor([0.0, 0.5]), 1.0)
    tensor(1.6807)
"""

from tvae.geometry.counts import bin_edges, pair_order
from tvae.geometry.ops import (
    all_pairs_loss,
    distance,
    expmap0,
    logmap0,
    pair_counts,
    pair_hinge,
    pairwise_distance,
    polar_distance,
    project,
    radius,
    status,
    triplet_hinge,
)
from tvae.geometry.poincare import clamped_rows, from_polar

__all__ = [
    "all_pairs_loss",
    "bin_edges",
    "clamped_rows",
    "distance",
    "expmap0",
    "from_polar",
    "logmap0",
    "pair_counts",
    "pair_hinge",
    "pair_order",
    "pairwise_distance",
    "polar_distance",
    "project",
    "radius",
    "status",
    "triplet_hinge",
]
