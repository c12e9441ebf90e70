"""What lies beside the weights in a checkpoint of the predecessor: metrics, config, histories and the rest.

Keys and metrics are those of the inventory; what it does not tell is made up, the same for the same seed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

SPACE = 19_683
#: Metrics that scipy computed and nobody converted where the means beside them stayed numpy.float32.
CORRELATIONS = ("radial_corr", "hierarchy", "distance_corr", "dist_corr", "Q")
#: At the top of a file: the keys that hold a metric, the best one, or a history that ends in one.
TELLING = ("best_coverage", "best_corr_hyp", "best_corr_euc", "best_Q", "best_hierarchy")
TOP = ("corr_hyperbolic", "radial_corr")
HISTORIES = (
    "coverage_A_history",
    "coverage_B_history",
    "coverage_history",
    "correlation_history_hyp",
    "correlation_hyp_history",
    "correlation_history_euc",
    "correlation_euc_history",
)


class Stored(NamedTuple):
    """A metric as it was saved, in plain Python: what a scan has to find, to the bit and to the type."""

    source: str
    key: str
    value: float | dict[str, float]
    dtype: str


def metrics(told: dict[str, Any]) -> dict[str, Any]:
    """The metrics that the inventory tells as they were in the file, where text was numpy.float32."""
    numpy = any(isinstance(value, str) for value in told.values())
    found: dict[str, Any] = {}
    for key, value in told.items():
        if isinstance(value, str):
            found[key] = np.float32(value)
        elif isinstance(value, dict):
            found[key] = {int(level): item for level, item in value.items()}
        elif numpy and key.startswith(CORRELATIONS):
            found[key] = np.float64(value)
        else:
            found[key] = value
    return found


def unopened(told: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Metrics of a file that the inventory only counts: those of another, a little off, and sound."""
    found: dict[str, Any] = {}
    for key, value in told.items():
        if isinstance(value, dict):
            found[key] = unopened(value, chance)
        elif key == "coverage":
            found[key] = 1 - chance.randrange(100) / SPACE
        elif key.startswith(("hierarchy", "radial_corr")):
            found[key] = -0.8 + 0.3 * chance.random()
        elif isinstance(value, str):
            found[key] = str(np.float32(value) * np.float32(1 + 0.02 * chance.random()))
        else:
            found[key] = type(value)(value * (1 + 0.02 * chance.random()))
    return found


def told(source: str, stored: dict[str, Any]) -> Iterator[Stored]:
    """Every metric of a dictionary of metrics."""
    for key, value in stored.items():
        if isinstance(value, dict):
            yield Stored(source, key, {str(level): item for level, item in value.items()}, "dict")
        else:
            dtype = f"numpy.{value.dtype}" if isinstance(value, np.generic) else type(value).__name__
            yield Stored(source, key, value.item() if isinstance(value, np.generic) else value, dtype)


def told_at_the_top(content: dict[str, Any]) -> Iterator[Stored]:
    """Every metric that stands at the top of a file, and the last element of its histories."""
    yield from told("top level", {key: content[key] for key in (*TOP, *TELLING) if key in content})
    for key in HISTORIES:
        if key in content:
            last = content[key][-1]
            count = key.startswith("coverage") and last > 1
            source = f"{key}[-1] / {SPACE}" if count else f"{key}[-1]"
            yield Stored(source, key, last / SPACE if count else last, type(last).__name__)


def config(keys: list[str], known: dict[str, Any], directory: str) -> dict[str, Any]:
    """A config with these keys: the values that are known, and plausible ones."""
    return {key: known.get(key, option(key, directory)) for key in keys}


OPTIONS: dict[str, Any] = {
    "config": "configs/v5_11.yaml",
    "device": "cuda",
    "curvature": 1.0,
    "max_radius": 0.95,
    "latent_dim": 16,
    "patience": 20,
    "inner_radius": 0.1,
    "outer_radius": 0.95,
    "lr": 1e-3,
    "epochs": 100,
    "batch_size": 512,
    "seed": 42,
    "scheduler": "cosine",
    "early_stop": True,
    "n_pairs": 2000,
    "weight_decay": 1e-4,
    "projection_dropout": 0.1,
    "homeostasis": True,
    "progressive_unfreeze": False,
    "frozen_checkpoint": {"path": "sandbox-training/checkpoints/v5_5/latest.pt", "encoder_to_load": "both"},
    "option_c": {"enabled": True, "dual_projection": True},
    "model": {"latent_dim": 16, "hidden_dim": 64, "max_radius": 0.95, "curvature": 1.0, "n_layers": 2},
    "training": {"epochs": 200, "batch_size": 512, "seed": 42, "use_stratified": True},
    "loss": {"rich_hierarchy": {"enabled": True, "hierarchy_weight": 5.0}, "geodesic": {"enabled": False}},
    "riemannian": {"enabled": True, "optimizer": "radam", "lr": 5e-4},
    "data": {"train_split": 1.0, "num_workers": 0},
    "logging": {"interval": 1, "tensorboard": True},
    "checkpoints": {"save_every": 10, "keep": 5},
    "targets": {"coverage": 1.0, "hierarchy": -0.83, "richness": 0.00787},
    "memory": {"pin": False, "limit_gb": 6.0},
    "version": "5.12",
    "phase_transitions": {"consolidation": 120, "resonance": 250},
    "vae_a": {"beta_start": 0.3, "beta_end": 0.8, "temp_start": 1.0},
    "vae_b": {"beta_start": 0.0, "beta_end": 0.5, "temp_start": 0.8},
    "padic_losses": {"ranking": {"enabled": True, "weight": 0.5}, "norm": {"enabled": False}},
    "config_version": "v5.10",
}


def option(key: str, directory: str) -> object:
    if key in OPTIONS:
        return OPTIONS[key]
    if key == "name":
        return directory
    if "checkpoint" in key or key.endswith("_dir"):
        return f"sandbox-training/checkpoints/{directory}"
    if key.startswith(("use_", "no_", "enable_", "learnable_", "manifold_", "dual_", "zero_s", "torch_")):
        return key.startswith(("use_", "dual_"))
    if key.endswith(
        ("_epochs", "_epoch", "_interval", "_freq", "_layers", "_samples", "_dim", "_step", "warmup")
    ):
        return 4 + len(key)
    return len(key) / 64


def history(key: str, epoch: int, last: float | None, chance: random.Random) -> list[float] | list[int]:
    """One value an epoch; the coverages of a branch are counts."""
    length = min(epoch, 400) + 1
    if key.startswith("coverage_") and key != "coverage_history":
        end = round((last or 0.9985) * SPACE)
        return [end - chance.randrange(300) for _ in range(length - 1)] + [end]
    if key == "coverage_history":
        return [1 - chance.randrange(100) / SPACE for _ in range(length)]
    return [0.3 + chance.random() / 2 for _ in range(length)]


#: Coverage of the branches that is published as stored (v5_5 best, epoch 3).
STORED_COVERAGE = {("v5_5", "best.pt", "A"): 0.9710, ("v5_5", "best.pt", "B"): 0.8934}


def extra(key: str, directory: str, file: str, epoch: int, chance: random.Random) -> object:
    """What stands under a key that is neither weights, optimizer, metrics nor config."""
    if key.endswith("_history") or key.startswith("correlation_history"):
        last = STORED_COVERAGE.get((directory, file, key[9:10]))
        return history(key, epoch, last, chance)
    fixed: dict[str, Any] = {
        "phase": "consolidation",
        "appetitive_phase": 2,
        "version": "5.12",
        "tau_frozen": False,
        "statenet_enabled": True,
        "grad_balance_achieved": True,
        "global_step": 39 * (epoch + 1),
        "epochs_without_improvement": 7,
        "curvature": 2.0,
        "base_checkpoint": "sandbox-training/checkpoints/v5_11_homeostasis/best.pt",
        "recommended_usage": "general purpose",
        "usage_metadata": {"tested": True, "task": "ddg", "notes": ["stable", "high richness"]},
        "run_id": int("0" + "".join(filter(str.isdigit, directory))),
        "best_hierarchy": -0.8 - 0.03 * chance.random(),
        "radial_corr": -0.6 - 0.1 * chance.random(),
        "best_coverage": 1 - chance.randrange(100) / SPACE,
        "train_metrics": {name: chance.random() for name in ("loss", "ce", "kl", "rad_loss", "geo_loss")},
        "appetite_weights": {"radial": 0.5, "ranking": 0.25, "coverage": 0.25},
        "statenet_corrections": {
            name: [chance.uniform(-0.05, 0.05) for _ in range(5)] for name in ("lr", "lambda1", "rho")
        },
        "homeostasis_state": {
            "encoder_a_frozen": False,
            "encoder_b_frozen": True,
            "controller_frozen": True,
            "best_Q": 1.6,
            "history": [{"epoch": step, "event": "freeze"} for step in range(0, epoch, 20)],
        },
    }
    if key in fixed:
        return fixed[key]
    return 0.5 + chance.random()
