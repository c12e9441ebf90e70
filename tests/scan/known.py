"""What is known of the predecessor's checkpoints as a whole, by its own inventory."""

from __future__ import annotations

STATUSES = {"complete": 104, "crashed": 8, "empty": 4, "partial": 3}
CATEGORIES = {
    "SWEEP_TEST": 45,
    "PRODUCTION": 28,
    "TEST": 12,
    "LOSS_EXPERIMENT": 11,
    "OTHER": 10,
    "FINAL_PUSH": 6,
    "TRAINING_EXPERIMENT": 6,
    "HOMEOSTATIC_EXPERIMENT": 1,
}
#: Coverage below 0.95.
COLLAPSED = {
    "homeostatic_rich/latest.pt",
    "progressive_conservative/best.pt",
    "progressive_conservative/latest.pt",
    "progressive_tiny_lr/best.pt",
    "progressive_tiny_lr/latest.pt",
    "v5_11_progressive_50ep/best.pt",
    "v5_11_progressive_50ep/latest.pt",
    "v5_11_progressive_non_fixed/best.pt",
    "v5_11_progressive_non_fixed/latest.pt",
    "v5_12_1/best_Q.pt",
    "v5_12_3/best_Q.pt",
}
#: A hierarchy of -0.1 or more.
INVERTED = {
    "homeostatic_rich/latest.pt",
    "v5_11_epsilon_coupled/best.pt",
    "v5_11_epsilon_coupled/latest.pt",
}


def directories(files: set[str]) -> set[str]:
    return {path.partition("/")[0] for path in files}
