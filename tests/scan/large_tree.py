"""A large tree of checkpoints that takes little room: 115 directories, 2,000 files of 5.7 MB, tensors sparse.

    cd tests && python -m scan.large_tree FOLDER [--files 2000]

Every file is a v5.11 model with its optimizer in 230 records; directories, epochs and metrics differ. The
tensor bytes are holes: it is meant for what reads no tensors, and flatters what does.
"""

from __future__ import annotations

import argparse
import random
from collections import OrderedDict
from fractions import Fraction
from pathlib import Path

import torch

from scan import replica, stored, weights

DIRECTORIES, FILES = 115, 2_000
#: Hidden layers wider than the predecessor's.
NARROW = Fraction(4, 9)
#: The file that all of them resemble.
LIKE = ("v5_11", "best.pt")


def build(root: Path, *, files: int = FILES, seed: int = 0) -> list[Path]:
    """Write the tree below `root`; returns the paths, sorted."""
    found = replica.inventory()
    directory, title = LIKE
    like = found["directories"][directory]["opened"][title]
    names = found["config_keys"][like["config_keys"]]
    groups = weights.Variant(steered=True).groups(NARROW)
    model = OrderedDict(weights.state_dict(groups, "model"))
    optimizer = weights.adam(groups, tuple(groups), 1e-3, 0, "optimizer")
    paths = []
    for number in range(files):
        name, epoch = f"run_{number % DIRECTORIES:03}", number // DIRECTORIES
        (root / name).mkdir(parents=True, exist_ok=True)
        path = root / name / ("best.pt" if epoch == 0 else f"epoch_{epoch}.pt")
        content = {
            "epoch": epoch,
            "model_state": model,
            "optimizer_state": optimizer,
            "metrics": stored.metrics(stored.unopened(like["metrics"], random.Random(f"{seed}/{number}"))),
            "config": stored.config(names, like["config"], name),
        }
        with torch.serialization.skip_data():
            torch.save(content, path)
        paths.append(path)
    return sorted(paths)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=FILES)
    arguments = parser.parse_args()
    build(arguments.folder, files=arguments.files)
