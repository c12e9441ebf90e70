"""Files that are alike but for their values: what a scan says of each is what a first look at it says."""

from __future__ import annotations

import datetime
import random
from argparse import Namespace
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tvae

KEYS = (
    "metrics",
    "config",
    "coverage",
    "hierarchy_B",
    "history",
    "args",
    "version",
    "seed",
    "date",
    "best_Q",
)
MODEL = OrderedDict((f"encoder.{layer}.weight", torch.zeros(2, layer + 1)) for layer in range(4))
ODD = (
    Path("/a"),
    datetime.date(2026, 1, 2),
    np.arange(3),
    b"\xff",
    torch.Size([2]),
    Namespace(a=1.5),
    {1, "b"},
)


def leaf(choose: random.Random) -> Any:
    kind = choose.randrange(11)
    if kind < 3:
        return choose.random()
    if kind < 5:
        return choose.choice([0, 7, 300, 70_000, -1, 2**40, 10**30, None, True])
    if kind < 7:
        return choose.choice(["run_1", "cpu", "latin1", "encoder.0.weight", "é", ""])
    if kind < 9:
        return choose.choice([np.float64, np.float32, np.int64])(choose.randrange(100))
    if kind == 9:
        return [choose.random() for _ in range(choose.randrange(4))]
    return choose.choice(ODD)


def tree(choose: random.Random, depth: int, shared: list[Any]) -> Any:
    """Values in dictionaries, lists and tuples, some of which are there more than once."""
    if shared and choose.random() < 0.15:
        return choose.choice(shared)
    if depth == 0 or choose.random() < 0.3:
        value = leaf(choose)
    elif choose.random() < 0.7:
        value = {key: tree(choose, depth - 1, shared) for key in choose.sample(KEYS, 4)}
    else:
        value = choose.choice([list, tuple])(tree(choose, depth - 1, shared) for _ in range(3))
    shared.append(value)
    return value


def changed(choose: random.Random, value: Any, done: dict[int, Any]) -> Any:
    """The same containers with other numbers and texts; what is there twice stays the same value."""
    if id(value) in done:
        return done[id(value)]
    kind = type(value)
    if kind is dict:
        new: Any = {key: changed(choose, item, done) for key, item in value.items()}
    elif kind is list and value and all(type(item) is float for item in value):
        new = [choose.random() for _ in range(choose.choice([0, 1, 2, 5, 1001]))]
    elif kind in (list, tuple):
        new = kind(changed(choose, item, done) for item in value)
    elif choose.random() < 0.6:
        new = value
    elif kind in (int, float, type(None), bool):
        new = choose.choice([choose.random(), 3, 70_000, None, False, float("nan"), 2**33])
    elif kind is str:
        new = choose.choice([value + "_2", "cpu", "ü"])
    elif kind in (np.float64, np.float32, np.int64):
        new = kind(choose.randrange(1000) / 7)
    else:
        new = value
    done[id(value)] = new
    return new


@pytest.mark.parametrize("seed", range(4))
def test_every_file_of_a_group_is_told_as_on_a_first_look(tmp_path: Path, seed: int) -> None:
    choose = random.Random(seed)
    for group in range(12):
        shared: list[Any] = []
        values = {key: tree(choose, 3, shared) for key in choose.sample(KEYS, 5)}
        folder = tmp_path / str(group)
        folder.mkdir()
        for number in range(6):
            content = {"epoch": number * 200, "model_state": MODEL, **values}
            torch.save(content, folder / f"epoch_{number}.pt")
            values = changed(choose, values, {})
    rows = tvae.scan(tmp_path, threads=1).to_dicts("file")
    assert len(rows) == 72
    for row in rows:
        first = tvae.scan(tmp_path / row["path"], threads=1).to_dicts("file")[0]
        told = {key: row[key] for key in ("metrics", "config", "lineage", "imports", "issues", "state_dicts")}
        assert repr(told) == repr({key: first[key] for key in told}), row["path"]


def test_a_config_that_comes_earlier_in_the_file_is_read_again(tmp_path: Path) -> None:
    for number in range(4):
        config = {"lr": 0.1 * number, "name": f"run_{number}"}
        # Its values stand under another key, and so do the names of the keys around it.
        content = {
            "x": {"config": 1, "z": 2.5, "copy": config},
            "config": config,
            "z": number,
            "epoch": number,
        }
        torch.save(content, tmp_path / f"{number}.pt")
    rows = tvae.scan(tmp_path, threads=1).to_dicts("file")
    assert [row["config"]["lr"] for row in rows] == [0.1 * number for number in range(4)]
    assert [row["config"]["name"] for row in rows] == [f"run_{number}" for number in range(4)]


def test_keys_that_stand_earlier_in_the_file_do_not_end_a_config(tmp_path: Path) -> None:
    for number in range(4):
        content = {"x": {"config": 1, "z": 2.5}, "config": {"lr": 0.1 * number}, "z": 7, "epoch": 3}
        torch.save(content, tmp_path / f"{number}.pt")
    rows = tvae.scan(tmp_path, threads=1).to_dicts("file")
    assert [row["config"]["lr"] for row in rows] == [0.1 * number for number in range(4)]
