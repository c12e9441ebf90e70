"""A small tree on the disk, the plan for it, and what is left of both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scan.engine import file, folder
from tvae import pruning

FILES = {
    "old/best.pt": b"old best",
    "old/latest.pt": b"old latest",
    "crashed/epoch.pt": b"crashed",
    "crashed/notes.txt": b"keep me",
    "good/best.pt": b"good",
}


def plant(root: Path) -> Path:
    """Make the tree."""
    for name, data in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    (root / "empty").mkdir()
    return root


def record(path: Path) -> dict[str, Any]:
    """The record of a file on the disk, as far as a plan needs it."""
    facts = path.stat()
    identity = {
        "device": facts.st_dev,
        "inode": facts.st_ino,
        "size": facts.st_size,
        "mtime_ns": facts.st_mtime_ns,
        "ctime_ns": facts.st_ctime_ns,
    }
    return file(str(path), size=facts.st_size, identity=identity)


def make(root: Path) -> dict[str, Any]:
    dirs = [
        folder(f"{root}/crashed", recommendation="delete", reason="it crashed"),
        folder(f"{root}/empty", recommendation="delete", reason="it is empty", status="empty"),
        folder(f"{root}/good"),
        folder(f"{root}/old", recommendation="archive", reason="there is a newer one"),
    ]
    return pruning.make(dirs, [record(path) for path in sorted(root.rglob("*.pt"))], roots=[str(root)])


def content(root: Path) -> dict[str, str]:
    """Every file and folder below a root."""
    found = {}
    for path in sorted(root.rglob("*")):
        found[str(path.relative_to(root))] = "folder" if path.is_dir() else path.read_text()
    return found


def archived(tree: Path) -> dict[str, str]:
    found = content(tree.with_name("tree-archive"))
    return {name: data for name, data in found.items() if not name.endswith(".jsonl") and data != "folder"}
