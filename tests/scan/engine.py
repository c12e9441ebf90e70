"""Records as the engine makes them, and a stand-in for it that holds them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

Record = dict[str, Any]


def metric(value: object, *, family: str = "tvae 1", **changes: Any) -> Record:
    """A metric of a file."""
    told = {"value": value, "raw_key": "x", "source": "metrics", "dtype": "float", "family": family}
    return {**told, "others": [], **changes}


def file(path: str, **changes: Any) -> Record:
    """The record of a file."""
    return {
        "path": path,
        "size": 1000,
        "allocated": 4096,
        "mtime": 1_700_000_000.0,
        "identity": {"device": 1, "inode": 2, "size": 1000, "mtime_ns": 3, "ctime_ns": 4},
        "kind": "torch_zip",
        "torch_prefix": "best",
        "status": "ok",
        "safety": "data_only",
        "imports": [],
        "epoch": 3,
        "metrics": {"coverage": metric(1.0), "hierarchy_B": metric(-0.8)},
        "config": {"lr": 0.1, "a.b": "x"},
        "config_hash": "0" * 64,
        "top_keys": ["epoch", "model_state"],
        "optimizers": [],
        "lineage": {},
        "state_dicts": [
            {
                "key": "model_state",
                "n_tensors": 2,
                "n_params": 7,
                "bytes": 28,
                "dtypes": ["float32"],
                "layout": None,
                "fingerprint": None,
            }
        ],
        "n_records": 5,
        "serialization_id": "1234",
        "issues": [],
        "salvaged": None,
        "flags": [],
        "warnings": [],
        "duplicates_of": None,
        "elapsed_us": 20,
        **changes,
    }


def folder(path: str, **changes: Any) -> Record:
    """The record of a directory."""
    return {
        "path": path,
        "status": "complete",
        "category": "production",
        "rule": "best file",
        "n_files": 1,
        "bytes": 1000,
        "allocated": 4096,
        "best": f"{path}/best.pt",
        "latest": None,
        "epoch": 3,
        "metrics": {
            "coverage": {"value": 1.0, "family": "tvae 1"},
            "hierarchy_B": {"value": -0.8, "family": "tvae 1"},
        },
        "safety": "data_only",
        "best_safety": "data_only",
        "flags": [],
        "warnings": [],
        "duplicates_of": None,
        "group": None,
        "group_kind": None,
        "better": None,
        "recommendation": "keep",
        "reason": "it is complete",
        "recommended_by": "the rest",
        "verdict": None,
        "note": None,
        "documented": [],
        **changes,
    }


def issue(code: str = "Z030", severity: str = "high", **changes: Any) -> Record:
    """An issue of a file."""
    return {
        "code": code,
        "severity": severity,
        "message": "two of them",
        "offset": 64,
        "hint": None,
        **changes,
    }


def system(offset: int = 9) -> Record:
    """The import of a dangerous function."""
    return {"module": "posix", "name": "system", "class": "dangerous", "offset": offset}


class Engine:
    """Stands for `_core.Scan`."""

    def __init__(
        self, dirs: Iterable[Record] = (), files: Iterable[Record] = (), tensors: Iterable[Record] = ()
    ) -> None:
        self._dirs, self._files, self._tensors = list(dirs), list(files), list(tensors)
        self.n_files, self.n_dirs = len(self._files), len(self._dirs)
        self.n_cached = 0
        self.cache_trouble: str | None = None
        self.left: list[Record] = []
        self.called: dict[str, Any] = {}
        self.ranked: Sequence[Record] = ()

    def scan(self, paths: Sequence[Any], **keywords: Any) -> Engine:
        """Stands for `_core.scan`."""
        self.called = {"paths": paths, **keywords}
        return self

    def files(self, start: int = 0, stop: int | None = None) -> list[Record]:
        return self._files[start:stop]

    def dirs(self) -> list[Record]:
        return self._dirs

    def tensors(self) -> list[Record]:
        return self._tensors

    def skipped(self) -> list[Record]:
        return self.left

    def summary(self) -> Record:
        def count(records: list[Record], field: str) -> dict[str, int]:
            return dict(Counter(str(one[field]) for one in records))

        return {
            "n_files": self.n_files,
            "n_dirs": self.n_dirs,
            "bytes": sum(one["size"] for one in self._files),
            "status": count(self._files, "status"),
            "safety": count(self._files, "safety"),
            "dir_status": count(self._dirs, "status"),
            "category": count(self._dirs, "category"),
            "recommendation": count(self._dirs, "recommendation"),
            "flagged": sum(bool(one["flags"]) for one in self._dirs),
            "notes": [],
        }

    def words(self) -> dict[str, list[str]]:
        return {"category": ["production", "test"], "rule": ["best file"], "recommended_by": ["the rest"]}

    def measured(self, contradicted: Mapping[str, Sequence[tuple[str, float]]]) -> Engine:
        self.called.update(contradicted=contradicted)
        return self

    def best(
        self,
        n: int,
        field: str | None = None,
        descending: bool | None = None,
        among: Collection[str] | None = None,
    ) -> list[Record]:
        self.called.update(best=n, field=field, descending=descending, among=among)
        return [
            {**one, "rank": one["rank"] if one["rank"] and one["rank"] <= n else None} for one in self.ranked
        ]
