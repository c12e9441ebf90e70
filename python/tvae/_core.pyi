import os
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal, final

import numpy as np
import numpy.typing as npt

__all__ = [
    "PairStatistics",
    "RadialStatistics",
    "Scan",
    "__version__",
    "agreements",
    "checkpoint_value",
    "codes",
    "explain",
    "in_batch_triplets",
    "index",
    "inspect_file",
    "is_candidate",
    "listed_hinge",
    "map_gradient",
    "map_points",
    "metric_families",
    "open_checkpoint",
    "pair_distances",
    "pair_gradients",
    "pair_loss",
    "pair_statistics",
    "paired_batch",
    "pairs",
    "radial_statistics",
    "scan",
    "simd",
    "stratified_batch",
    "triplets",
    "trits",
    "valuations",
]

__version__: str

def simd(limit: Literal["baseline", "avx2"] | None = None) -> Literal["baseline", "avx2"]: ...
def trits(indices: npt.NDArray[np.int64], depth: int) -> npt.NDArray[np.int8]: ...
def index(trits: npt.NDArray[np.int8], depth: int) -> npt.NDArray[np.int64]: ...
def valuations(
    indices: npt.NDArray[np.int64 | np.uint64 | np.uint32 | np.uint16],
    depth: int,
    *,
    out: npt.NDArray[np.uint8] | None = None,
) -> npt.NDArray[np.uint8]: ...
def agreements(i: npt.NDArray[np.int64], j: npt.NDArray[np.int64], depth: int) -> npt.NDArray[np.uint8]: ...
def triplets(
    depth: int,
    n: int,
    *,
    seed: int,
    step: int = 0,
    strata: Sequence[tuple[int, int, float]] | None = None,
    threads: int = 1,
    out: npt.NDArray[np.int32] | None = None,
) -> npt.NDArray[np.int32]: ...
def pairs(
    depth: int,
    n: int,
    *,
    seed: int,
    step: int = 0,
    strata: Sequence[tuple[int, float]] | None = None,
    threads: int = 1,
    out: npt.NDArray[np.int32] | None = None,
) -> npt.NDArray[np.int32]: ...
def in_batch_triplets(
    ids: npt.NDArray[np.int64],
    n: int,
    *,
    depth: int,
    seed: int,
    step: int = 0,
    strata: Sequence[tuple[int, int, float]] | None = None,
    out: npt.NDArray[np.int32] | None = None,
) -> npt.NDArray[np.int32]: ...
def stratified_batch(
    depth: int, size: int, *, seed: int, step: int = 0, high_v: float = 0.25
) -> npt.NDArray[np.int64]: ...
def paired_batch(
    depth: int,
    size: int,
    *,
    seed: int,
    step: int = 0,
    high_v: float = 0.25,
    levels: Sequence[int] | None = None,
) -> npt.NDArray[np.int64]: ...
def pair_distances(
    x: npt.NDArray[np.float32],
    y: npt.NDArray[np.float32],
    curvature: float,
    out: npt.NDArray[np.float32],
    slopes: npt.NDArray[np.float32] | None = None,
) -> None: ...
def pair_gradients(
    x: npt.NDArray[np.float32],
    y: npt.NDArray[np.float32],
    slopes: npt.NDArray[np.float32],
    g: npt.NDArray[np.float32],
    gx: npt.NDArray[np.float32],
    gy: npt.NDArray[np.float32],
) -> float: ...
def map_points(
    kind: str,
    x: npt.NDArray[np.float32],
    curvature: float,
    out: npt.NDArray[np.float32],
    slopes: npt.NDArray[np.float32] | None = None,
    rho: float = 0.5,
) -> None: ...
def map_gradient(
    kind: str,
    x: npt.NDArray[np.float32],
    curvature: float,
    slopes: npt.NDArray[np.float32],
    g: npt.NDArray[np.float32],
    gx: npt.NDArray[np.float32],
) -> float: ...
def listed_hinge(
    x: npt.NDArray[np.float32],
    rows: npt.NDArray[np.uint32],
    curvature: float,
    gx: npt.NDArray[np.float32],
    *,
    margin: float = 0.0,
    levels: npt.NDArray[np.int32] | None = None,
    bands: Sequence[tuple[float, float, float]] | None = None,
    squared: bool = False,
) -> tuple[float, float]: ...
def pair_loss(
    points: npt.NDArray[np.float32],
    depth: int,
    bands: Sequence[tuple[float, float, float]],
    *,
    curvature: float = 1.0,
    squared: bool = False,
) -> tuple[float, list[float], npt.NDArray[np.float32], float]: ...
def pair_statistics(
    points: npt.NDArray[np.float32] | npt.NDArray[np.float64],
    depth: int,
    *,
    curvature: float = 1.0,
    pairs: Literal["exact"] | int | None = None,
    seed: int = 0,
    threads: int = 1,
    dist_corr: bool = True,
) -> PairStatistics: ...
def inspect_file(path: str | os.PathLike[str]) -> dict[str, Any]: ...
def metric_families() -> dict[str, str]: ...
def open_checkpoint(
    path: str | os.PathLike[str],
) -> tuple[dict[str, Any], list[tuple[str, str, list[int], list[int], int | None, int]]]: ...
def checkpoint_value(path: str | os.PathLike[str], key: str) -> list[object]: ...
def scan(
    paths: Sequence[str | os.PathLike[str]],
    *,
    threads: int | None = None,
    follow: bool = False,
    verify_crc: bool = False,
    cache: str | os.PathLike[str] | None = None,
    refresh: bool = False,
    rules: str | None = None,
    rules_origin: str | None = None,
    progress: Callable[[int, int], bool | None] | None = None,
) -> Scan: ...
def explain(code: str) -> dict[str, Any] | None: ...
def codes() -> list[str]: ...
def is_candidate(path: str | os.PathLike[str]) -> bool: ...
def radial_statistics(radii: npt.NDArray[np.float64], depth: int) -> RadialStatistics: ...

@final
class PairStatistics:
    @property
    def ultrametric(self) -> float: ...
    @property
    def ultrametric_bound(self) -> float: ...
    @property
    def tree_inversions(self) -> float: ...
    @property
    def tree_inversions_bound(self) -> float: ...
    @property
    def tree_inversions_by_level(self) -> list[float]: ...
    @property
    def dist_corr(self) -> float | None: ...
    @property
    def dist_corr_bound(self) -> float | None: ...
    @property
    def collapsed(self) -> bool: ...
    @property
    def population(self) -> int: ...
    @property
    def visited(self) -> int: ...
    @property
    def pairs(self) -> Literal["exact"] | int: ...

@final
class RadialStatistics:
    @property
    def hierarchy(self) -> float: ...
    @property
    def inversions(self) -> float: ...
    @property
    def richness(self) -> float: ...
    @property
    def uniformity(self) -> float | None: ...
    @property
    def collapsed(self) -> bool: ...
    @property
    def levels(self) -> list[tuple[int, int, float, float, float, float]]: ...

@final
class Scan:
    @property
    def n_files(self) -> int: ...
    @property
    def n_dirs(self) -> int: ...
    @property
    def n_cached(self) -> int: ...
    @property
    def cache_trouble(self) -> str | None: ...
    def files(self, start: int = 0, stop: int | None = None) -> list[dict[str, Any]]: ...
    def dirs(self) -> list[dict[str, Any]]: ...
    def tensors(self) -> list[dict[str, Any]]: ...
    def skipped(self) -> list[dict[str, Any]]: ...
    def summary(self) -> dict[str, Any]: ...
    def best(
        self,
        n: int,
        field: str | None = None,
        descending: bool | None = None,
        among: Collection[str] | None = None,
    ) -> list[dict[str, Any]]: ...
    def words(self) -> dict[str, list[str]]: ...
    def measured(self, contradicted: Mapping[str, Sequence[tuple[str, float]]]) -> Scan: ...
    def arrow(self, kind: str) -> object: ...
