"""The two dimensions in which the ball is drawn.

A point keeps its hyperbolic radius. Its angle comes from its direction: every valuation is a ring,
and the two leading principal components of the ring's directions, scaled to equal spread, are the
plane in which the angle is read. Subtrees that point in different directions become separate arcs.

Shapes: N operations, D dimensions of the ball.
"""

from __future__ import annotations

import numpy as np

from tvae.report.picture import Floats, Ints


def disk(points: Floats, radii: Floats, valuations: Ints) -> Floats:
    """Positions (N, 2) whose norms are the hyperbolic radii.

    Args:
        points: ball points (N, D).
        radii: their hyperbolic radii (N,).
        valuations: their valuations (N,).

    Example:
        >>> points = np.array([[0.0, 0.0], [0.3, 0.0], [0.0, 0.4]])
        >>> xy = disk(points, np.array([0.0, 0.6, 0.8]), np.array([2, 0, 0]))
        >>> np.hypot(*xy.T).round(6).tolist()
        [0.0, 0.6, 0.8]
    """
    norms = np.linalg.norm(points, axis=1, keepdims=True)
    directions = points / np.maximum(norms, np.finfo(float).tiny)
    angles = np.full(len(points), np.pi / 2)
    for level in np.unique(valuations):
        ring = valuations == level
        if ring.sum() > 1:
            angles[ring] = ring_angles(directions[ring])
    return np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)


def ring_angles(directions: Floats) -> Floats:
    """Angles (N,) of directions (N, D) in the plane of their two leading principal components.

    Example:
        >>> square = np.array([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]])
        >>> np.unique(np.diff(np.sort(ring_angles(square))).round(6) / np.pi).tolist()
        [0.5]
    """
    centred = directions - directions.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[: 1 + (len(sizes) > 1 and sizes[1] > 1e-9 * max(float(sizes[0]), 1e-300))]
    # An axis has no sign of its own: the farther end is the positive one, here and everywhere.
    plane = centred @ axes.T
    plane *= np.sign(plane[np.abs(plane).argmax(axis=0), np.arange(len(axes))])
    plane /= np.maximum(plane.std(axis=0), np.finfo(float).tiny)
    second = plane[:, 1] if len(axes) > 1 else np.zeros(len(plane))
    angles: Floats = np.arctan2(second, plane[:, 0])
    return angles
