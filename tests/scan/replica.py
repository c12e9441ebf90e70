"""A replica of the predecessor's checkpoints: 119 directories and 489 files, from tests/data/inventory.json.

    cd tests && python -m scan.replica FOLDER [--narrow 8]

Files that the inventory opened have its keys, metrics, epochs and config keys, and its sizes with `narrow` 1.
Those that it only counts resemble their neighbours, with sound metrics; some are written as older programs
wrote them. The same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from scan import stored, weights
from scan.spellings import Spelling, save
from scan.stored import Stored

INVENTORY = Path(__file__).parents[1] / "data" / "inventory.json"
#: These two directories hold the weights of another one.
SAME_WEIGHTS = {"v5_8": "v5_6", "v5_9": "v5_6"}
#: Names of files that the inventory did not know for a checkpoint to open, and what such a file resembles.
UNKNOWN_NAMES = ("baseline.pt", "checkpoint_10.pt", "checkpoint_20.pt")
OPENED_LIKE = ("sweep3_cosine", "best.pt")
#: The run that ended in NaN.
BROKEN = ("sweep2_extreme_hier", "checkpoint_20.pt")
#: A directory with more files than this kept the weights only in those that nobody opened; with that the
#: whole tree has the 0.5 GB that the predecessor's had.
LONG_SERIES = 20
#: Directories whose further files an older torch or Python wrote.
OLDER: dict[str, Spelling] = {"v5_7": "legacy", "purposeful": "python2"}


@dataclass(frozen=True)
class File:
    """What was saved, as plain Python values.

    Attributes:
        path: relative to the root, with slashes.
        opened: whether the predecessor's inventory opened it.
        keys: at the top, in their order.
        metrics: all that it stores, wherever they stand.
        tensors: of each state dict, how many tensors and elements.
        weights: equal for equal model weights.
    """

    path: str
    directory: str
    opened: bool
    spelling: Spelling
    epoch: int | None
    keys: list[str]
    config: dict[str, Any] | None
    metrics: list[Stored]
    tensors: dict[str, tuple[int, int]]
    weights: str


@dataclass(frozen=True)
class Tree:
    """The files by path, and status and category of the directories as the predecessor's script gave them."""

    root: Path
    files: dict[str, File] = field(default_factory=dict)
    directories: dict[str, tuple[str, str]] = field(default_factory=dict)


@cache
def inventory() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(INVENTORY.read_text())
    return found


def build(root: Path, *, narrow: int = 8, seed: int = 0, only: Collection[str] | None = None) -> Tree:
    """Write the tree, or `only` some directories of it, below `root`.

    Hidden layers are `narrow` times narrower than the real ones.
    """
    tree = Tree(root)
    for name, entry in inventory()["directories"].items():
        if only is not None and name not in only:
            continue
        (root / name).mkdir(parents=True)
        tree.directories[name] = (entry["status"], entry["category"])
        for title, facts in entry["opened"].items():
            write(tree, Save(name, title, facts, True, narrow, seed))
        for title, facts in unopened(name, entry, seed):
            write(tree, Save(name, title, facts, False, narrow, seed))
    return tree


def unopened(name: str, entry: dict[str, Any], seed: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Names and facts of the files that the inventory only counts."""
    count, opened = entry["files"] - len(entry["opened"]), entry["opened"]
    like = opened.get("latest.pt") or next(iter(opened.values()), None)
    if like is None:
        titles = UNKNOWN_NAMES[-count:] if count else ()
        epochs = [int("0" + "".join(filter(str.isdigit, title))) for title in titles]
        directory, file = OPENED_LIKE
        like = inventory()["directories"][directory]["opened"][file]
    elif "latest.pt" not in opened and "best.pt" in opened:
        epochs = [like.get("epoch", 0)] * count
        titles = ("final.pt",)[:count]
    else:
        # No name may sort behind the one that the inventory took for the last.
        step = max(1, like.get("epoch", 0) // (count + 1))
        epochs = [step * number for number in range(count)]
        titles = tuple(f"epoch_{epoch}.pt" for epoch in epochs)
    for title, epoch in zip(titles, epochs, strict=True):
        chance = random.Random(f"{seed}/{name}/{title}")
        yield title, like | {"epoch": epoch, "metrics": stored.unopened(like["metrics"], chance)}


@dataclass(frozen=True)
class Save:
    """A file to be written, from what the inventory tells of it."""

    directory: str
    title: str
    facts: dict[str, Any]
    opened: bool
    narrow: int
    seed: int

    @property
    def source(self) -> str:
        """What its weights are made from."""
        if self.opened and self.title in ("best.pt", "latest.pt"):
            return f"{self.seed}/{SAME_WEIGHTS.get(self.directory, self.directory)}/{self.title}"
        return f"{self.seed}/{self.directory}/{self.title}"

    @property
    def bytes(self) -> int:
        """The size to reach; a model does not change within a directory."""
        directory = SAME_WEIGHTS.get(self.directory, self.directory)
        opened = inventory()["directories"][directory]["opened"]
        size: int = opened["best.pt"]["bytes"] if "best.pt" in opened else self.facts["bytes"]
        return size

    def model(self, key: str) -> tuple[dict[str, weights.Shapes], tuple[str, ...]]:
        """The groups of tensors under a key of weights, and those that the optimizer has state for."""
        if key == "model":
            groups = weights.v5_5(weights.state_width(self.bytes), self.narrow)
            return groups, tuple(groups)
        if self.directory == "hyperbolic_structure":
            shapes = weights.projection("projection", 64, 1, True, True, self.narrow)
            return {"projection": shapes}, ("projection",)
        if self.directory.startswith("sweep2_"):
            return weights.flat(self.narrow), ()
        match key:
            case "model_state":
                variant = nearest(self.bytes)
            case "soft_proj_state_dict":
                width = 64 // self.narrow
                net = weights.linear("net.0", width, 16) | weights.linear("net.2", 16, width)
                return {"net": net | {"scale": (), "radii": (10,)}}, ()
            case "snap_state_dict":
                return {"radii": {"radii": (10,)}}, ()
            case "controller_state":
                return {"controller": weights.controller(self.narrow)}, ("controller",)
            case _:
                variant = by_parameters(self.facts.get("n_params", 101_663), self.facts["bytes"])
        return variant.groups(self.narrow), variant.trained


nearest = cache(weights.nearest)
by_parameters = cache(weights.by_parameters)
OPTIMIZERS = {
    "optimizer": "model",
    "optimizer_state": "model_state",
    "optimizer_state_dict": "model_state_dict",
    "model_optimizer_state": "model_state",
    "controller_optimizer_state": "controller_state",
}


def write(tree: Tree, file: Save) -> None:
    """Write one file and note what is in it."""
    found = inventory()
    keys: list[str] = found["keys"][file.facts["keys"]]
    if not file.opened and found["directories"][file.directory]["files"] > LONG_SERIES:
        keys = [key for key in keys if key not in OPTIMIZERS]
    epoch: int | None = file.facts.get("epoch")
    chance = random.Random(f"{file.seed}/{file.directory}/{file.title}/content")
    content: dict[str, Any] = {}
    for key in keys:
        if key == "epoch":
            content[key] = epoch
        elif key == "metrics":
            content[key] = stored.metrics(file.facts["metrics"])
        elif key == "config":
            names = found["config_keys"][file.facts["config_keys"]]
            content[key] = stored.config(names, file.facts.get("config", {}), file.directory)
        elif key in OPTIMIZERS:
            held = OPTIMIZERS[key] if OPTIMIZERS[key] in keys else "model_state_dict"
            groups, trained = file.model(held)
            steps = 39 * ((epoch or 0) + 1)
            content[key] = weights.adam(groups, trained, 1e-3, steps, f"{file.source}/{held}")
        elif key == "model" or key.endswith(("_state_dict", "model_state", "controller_state")):
            groups, _ = file.model(key)
            content[key] = weights.state_dict(groups, f"{file.source}/{key}")
        else:
            content[key] = stored.extra(key, file.directory, file.title, epoch or 0, chance)
    if (file.directory, file.title) == BROKEN:
        content["metrics"] |= {"richness": np.float32("nan"), "hierarchy": np.float64("nan")}
    spelling: Spelling = "numpy_core" if file.directory.startswith("v5_11") else "today"
    if not file.opened:
        spelling = OLDER.get(file.directory, spelling)
    save(content, tree.root / file.directory / file.title, spelling)
    path = f"{file.directory}/{file.title}"
    tree.files[path] = File(
        path=path,
        directory=file.directory,
        opened=file.opened,
        spelling=spelling,
        epoch=epoch,
        keys=keys,
        config=content.get("config"),
        metrics=[
            *stored.told("metrics", content.get("metrics", {})),
            *stored.told_at_the_top(content),
        ],
        tensors={
            key: (len(value), sum(tensor.numel() for tensor in value.values()))
            for key, value in content.items()
            if hasattr(value, "_metadata")
        },
        weights=file.source,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--narrow", type=int, default=8)
    arguments = parser.parse_args()
    build(arguments.folder, narrow=arguments.narrow)
