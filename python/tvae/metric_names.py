"""The names of the metrics, importable without torch."""

from __future__ import annotations

#: Metrics of decoding, of the branch that the decoder reads: A of two. They have no suffix.
DECODING_METRICS = ("coverage", "coverage_sampled", "kl_nats")
#: Metrics of one branch, by unsuffixed name.
BALL_METRICS = (
    "hierarchy",
    "inversions",
    "ultrametric",
    "tree_inversions",
    "richness",
    "uniformity",
    "dist_corr",
    "Q",
    "r_v0",
    "r_v9",
    "mean_radius",
    "std_radius",
    "r_v0_euclidean",
    "r_v9_euclidean",
    "mean_radius_euclidean",
    "std_radius_euclidean",
)

#: Coverage below it is a collapse: for `tvae eval`, and for `tvae scan` by the default rules.
COLLAPSED = 0.90
#: A hierarchy at or above it is inverted, or none, for both.
INVERTED = -0.1

#: Every metric by its full name.
METRICS = (*DECODING_METRICS, *(f"{name}_{branch}" for branch in "AB" for name in BALL_METRICS))
