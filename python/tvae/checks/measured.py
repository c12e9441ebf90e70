"""What was measured before: metrics kept by the content of a file, and known by its path without reading it.

A measurement is a JSON file named by the SHA-256 of the checkpoint and by how it was measured. The index says
which content a path had, and when; a path whose size or times have changed is read anew. It holds the few
metrics that a listing shows, so that a scan needs neither the files nor torch.
"""

from __future__ import annotations

import fcntl
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from tvae.checkpoint import sha256, write_json
from tvae.errors import StorageError

#: How far a stored metric may be from a measured one before that is worth a remark; the predecessor's have
#: the noise of sampled latents. Others depend on their definition, which is the business of `verify`.
TOLERANCES = {"coverage": 5e-3, "hierarchy": 0.02}
#: Families whose coverage or hierarchy is of other weights, or something else altogether.
_OTHERWISE = ("best so far", "v5.12 quick", "v5.12.1", "training", "concordance")
#: Histories count what sampling produced: only a gap that no way of counting explains is worth a remark.
_SAMPLED = {"v5.5 sampled": 0.1}
_LISTED = ("coverage", "hierarchy_A", "hierarchy_B", "ultrametric_B", "tree_inversions_B")
_INDEX = "index.json"


class Way(msgspec.Struct, frozen=True):
    """How something was measured: results of different ways are kept apart."""

    pairs: str | int
    seed: int
    legacy: bool
    metric_version: int

    @property
    def name(self) -> str:
        """Part of a file's name."""
        return f"v{self.metric_version}-{self.pairs}-{self.seed}{'-legacy' if self.legacy else ''}"


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an evaluation, as `tvae eval` prints it."""

    metric_version: int
    pairs: str | int
    metrics: dict[str, float | None]
    ceilings: dict[str, float]
    levels: list[dict[str, Any]]


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A path in the index: which file it was, and what a listing shows of it."""

    size: int
    mtime_ns: int
    ctime_ns: int
    sha256: str
    pairs: str | int
    metrics: dict[str, float | None]


class Shelf:
    """The measurements in a folder; one that cannot be written only costs time.

    Args:
        folder: where they are; None keeps nothing.

    Attributes:
        trouble: why something could not be kept, if so.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.trouble: str | None = None

    def find(self, path: Path, way: Way) -> Measured | None:
        """What was measured of a file with this content, under this name or another one."""
        if self.folder is None:
            return None
        try:
            text = self._place(self._content(path), way).read_bytes()
            return msgspec.json.decode(text, type=Measured)
        except (OSError, msgspec.MsgspecError):
            return None

    def keep(self, path: Path, way: Way, measured: Measured) -> None:
        """Put a measurement on the shelf, and the file into the index."""
        if self.folder is None:
            return
        try:
            facts, content = os.stat(path), self._content(path)
            write_json(self._place(content, way), measured)
            known = Known(
                size=facts.st_size,
                mtime_ns=facts.st_mtime_ns,
                ctime_ns=facts.st_ctime_ns,
                sha256=content,
                pairs=measured.pairs,
                metrics={name: measured.metrics.get(name) for name in _LISTED},
            )
            with self._locked():
                write_json(self.folder / _INDEX, {**index(self.folder), os.path.realpath(path): known})
        except (OSError, StorageError) as error:
            self.trouble = str(error)

    def _place(self, content: str, way: Way) -> Path:
        assert self.folder is not None
        return self.folder / f"{content}-{way.name}.json"

    def _content(self, path: Path) -> str:
        """The SHA-256 of a file: from the index if it is the file that is known there."""
        assert self.folder is not None
        facts = os.stat(path)
        known = index(self.folder).get(os.path.realpath(path))
        if known and (known.size, known.mtime_ns, known.ctime_ns) == (
            facts.st_size,
            facts.st_mtime_ns,
            facts.st_ctime_ns,
        ):
            return known.sha256
        return sha256(path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Two evaluations that end together both get into the index."""
        assert self.folder is not None
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def index(folder: Path) -> dict[str, Known]:
    """Every path that was measured; empty if there is no index, or none that can be read."""
    try:
        return msgspec.json.decode((folder / _INDEX).read_bytes(), type=dict[str, Known])
    except (OSError, msgspec.MsgspecError):
        return {}


def join(record: Mapping[str, Any], known: Mapping[str, Known]) -> dict[str, Any] | None:
    """What is known of a scanned file: its measured metrics, and which stored ones they contradict."""
    identity = record.get("identity") or {}
    found = known.get(os.path.realpath(record["path"]))
    if found is None or (found.size, found.mtime_ns) != (identity.get("size"), identity.get("mtime_ns")):
        return None
    differs = {
        name: {"stored": stored, "measured": measured}
        for name, stored, measured in _contradicted(record.get("metrics") or {}, found.metrics)
    }
    return {"metrics": found.metrics, "pairs": found.pairs, "differs": differs}


def contradictions(
    stored: Mapping[str, Mapping[str, Any]], measured: Mapping[str, float | None]
) -> list[tuple[str, float, float]]:
    """Stored metrics that the measured ones contradict: name, stored, measured.

    Example:
        >>> contradictions({"hierarchy": {"value": -0.83, "family": "sweep"}}, {"hierarchy_B": 0.76})
        [('hierarchy', -0.83, 0.76)]
    """
    return list(_contradicted(stored, measured))


def _contradicted(
    stored: Mapping[str, Mapping[str, Any]], measured: Mapping[str, float | None]
) -> Iterator[tuple[str, float, float]]:
    for name, reading in stored.items():
        stem = name[:-2] if name.endswith(("_A", "_B")) else name
        value, family = reading.get("value"), str(reading.get("family"))
        if stem not in TOLERANCES or not isinstance(value, (int, float)) or family in _OTHERWISE:
            continue
        # Coverage has no branch today. Other values without one are of either: they have to contradict both.
        every = ("coverage",) if stem == "coverage" else (f"{name}_B", f"{name}_A")
        names = (name,) if name in measured else every
        found = [one for key in names if (one := measured.get(key)) is not None]
        if found and (nearest := min(found, key=lambda one: abs(one - value))) is not None:
            gap = abs(nearest - value)
            if not gap <= _SAMPLED.get(family, TOLERANCES[stem]) or math.isnan(value):
                yield name, float(value), nearest
