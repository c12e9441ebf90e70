"""Makes tests/data/inventory.json from the raw inventory of the predecessor's checkpoints.

    TVAE_INVENTORY=FILE python tests/scan/derive_inventory.py

Facts only. A directory has its status and category as the predecessor's script gave them, the number of
its checkpoints, and those that the script opened. Such a file has its size in bytes, its epoch, its metrics
(one that was a numpy.float32 is text, because the script printed it so), the values that are known of its
config, and by number its list of top-level keys and of config keys.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "data" / "inventory.json"
CONFIG_VALUES = ("epochs", "lr", "batch_size")


def derive(raw: list[dict[str, Any]]) -> str:
    """The text of inventory.json; one line for every directory and file."""
    keys: list[list[str]] = []
    configs: list[list[str]] = []
    lines = []
    for directory in sorted(raw, key=lambda entry: entry["name"]):
        opened = {
            name(title, file): facts(file, keys, configs) for title, file in directory["checkpoints"].items()
        }
        head = {title: directory[title] for title in ("status", "category")}
        head["files"] = directory["n_checkpoints"]
        body = ",\n".join(f"    {compact(title)}: {compact(file)}" for title, file in sorted(opened.items()))
        body = f"{{\n{body}\n  }}" if body else "{}"
        lines.append(f'  {compact(directory["name"])}: {compact(head)[:-1]}, "opened": {body}}}')
    parts = {
        "keys": "[\n" + ",\n".join(f"  {compact(entry)}" for entry in keys) + "\n]",
        "config_keys": "[\n" + ",\n".join(f"  {compact(entry)}" for entry in configs) + "\n]",
        "directories": "{\n" + ",\n".join(lines) + "\n}",
    }
    return "{\n" + ",\n".join(f'"{title}": {text}' for title, text in parts.items()) + "\n}\n"


def name(title: str, file: dict[str, Any]) -> str:
    """The name of a file; a title such as `last_epoch` only says why the script chose it."""
    found: str = file["path"].replace("\\", "/").rpartition("/")[2]
    assert title in (found, "last_epoch")
    return found


def facts(file: dict[str, Any], keys: list[list[str]], configs: list[list[str]]) -> dict[str, Any]:
    found: dict[str, Any] = {"bytes": round(file["file_size_mb"] * 2**20)}
    if "epoch" in file:
        found["epoch"] = file["epoch"]
    found["keys"] = number(file["keys"], keys)
    if "config_keys" in file:
        found["config_keys"] = number(file["config_keys"], configs)
        values = {key: file[f"config_{key}"] for key in CONFIG_VALUES if f"config_{key}" in file}
        if values:
            found["config"] = values
    if "n_params" in file:
        found["n_params"] = file["n_params"]
        found["controller"] = file["architecture"]["has_controller"]
    if "homeostasis_summary" in file:
        found["homeostasis"] = file["homeostasis_summary"]
    found["metrics"] = file["metrics"]
    return found


def number(entry: list[str], known: list[list[str]]) -> int:
    if entry not in known:
        known.append(entry)
    return known.index(entry)


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False)


if __name__ == "__main__":
    if "TVAE_INVENTORY" not in os.environ:
        sys.exit("name the raw inventory: TVAE_INVENTORY=FILE")
    TARGET.write_text(derive(json.loads(Path(os.environ["TVAE_INVENTORY"]).read_text())))
