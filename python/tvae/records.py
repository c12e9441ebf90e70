"""The records of a scan as objects: what is known about a file, a directory, a tensor.

Only annotations and `msgspec.convert` need them; a scan deals in dicts and does not import this module.
"""

from __future__ import annotations

from msgspec import Struct, field


class Import(Struct, frozen=True):
    """A name that a pickle in the file imports.

    Attributes:
        module, name: what it imports.
        class_: `known_types`, `unknown_code`, `unparsed` or `dangerous`; `class` in JSON.
        offset: where in the file.
    """

    module: str
    name: str
    class_: str = field(name="class")
    offset: int


class Reading(Struct, frozen=True):
    """What one place of the file says about a metric.

    Attributes:
        value: a number, or a table by level; None if it is stored in a tensor. Coverage is a fraction.
        raw_key: the key that it was stored under.
        source: where that key is, such as `metrics`, `top level` or `coverage_history[-1]`; ends with
            ` / 100` or ` / 19683` if the value was divided by it.
        dtype: the type that it was stored as, such as `float` or `numpy.float32`.
        family: which definition it was computed by, one of `families`; values of different families do not
            compare. `unknown` if nothing tells.
    """

    value: int | float | list[int | float] | dict[str, int | float] | None
    raw_key: str
    source: str
    dtype: str
    family: str


class Metric(Reading, frozen=True):
    """A metric: the reading that counts, and what other places say.

    Attributes:
        others: the other readings, by falling precedence: `comprehensive_metrics`, `eval_metrics`,
            `val_metrics`, `final_metrics`, the top of the file, `metrics`, histories, `best_*`.
    """

    others: list[Reading]


class StateDict(Struct, frozen=True):
    """The tensors below one key; the key is empty if they are at the top.

    Attributes:
        key: the key.
        n_tensors, n_params: tensors, and their elements; a tensor under two names counts once.
        bytes: size of the storages behind them, each counted once.
        dtypes: their types.
        layout: the model that they belong to, if names and shapes tell: such as `tvae`, `v5.5 flat`,
            `v5.11 dual n2 dropout controller` or `codon VAE`. Plain models of v5.12 have the layout of v5.11.
        fingerprint: equal for equal weights; None where the container has no checksums.
    """

    key: str
    n_tensors: int
    n_params: int
    bytes: int
    dtypes: list[str]
    layout: str | None
    fingerprint: str | None


class Optimizer(Struct, frozen=True):
    """What is kept of an optimizer.

    Attributes:
        key: the key that it was stored under.
        kind: such as `Adam`, as far as the names in its state tell; AdamW has the same names.
        n_params: parameters that it has a state for.
        lr: the learning rate of every group.
    """

    key: str
    kind: str | None
    n_params: int
    lr: list[float]


class Issue(Struct, frozen=True):
    """Something wrong or odd.

    Attributes:
        code: its name, such as `Z030`.
        severity: `info`, `warning`, `error` or `high`.
        message: one line.
        offset: where in the file, if in one place.
        hint: what to do, if there is something to do.
    """

    code: str
    severity: str
    message: str
    offset: int | None
    hint: str | None


class Salvage(Struct, frozen=True):
    """What a cut file still holds: so many storages of so many."""

    present: int
    storages: int


class Identity(Struct, frozen=True):
    """Which file it is to the system, and in which state; times in nanoseconds since 1970."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


class FileRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that is known about a file.

    Attributes:
        path: the path as it was given; `path_b64` has its bytes if they are not UTF-8.
        size, allocated, mtime: bytes, bytes on the disk, seconds since 1970.
        kind: such as `torch_zip`, `torch_legacy`, `safetensors`, `pickle`.
        status: `ok`, `salvaged`, `corrupt` or `unsupported`; from a scan also `unreadable` and `skipped`.
        safety: the worst of every pickle in the file: `data_only`, `known_types`, `unknown_code`, `unparsed`,
            `dangerous`.
        config_hash: SHA-256 of the config as canonical JSON, or what our own record says.
        lineage: where it comes from: what is stored under names such as `base_checkpoint`, `run_id` or
            `torch_version`, and in the config as the checkpoint to begin with.
        serialization_id: equal for copies of the same save.
        identity: which file it is to the system.
        flags, warnings: known to a scan only: what is wrong with its values, and what is odd about them.
        duplicates_of, duplicates_by: likewise, the first file that it repeats, and how: `hard_link`, `copy`
            of the same save, or `weights` alone.
    """

    path: str
    path_b64: str | None = None
    size: int
    allocated: int
    mtime: float
    kind: str
    torch_prefix: str | None
    status: str
    safety: str
    imports: list[Import]
    epoch: int | None
    metrics: dict[str, Metric]
    config: dict[str, object] | None
    config_hash: str | None
    top_keys: list[str]
    state_dicts: list[StateDict]
    optimizers: list[Optimizer]
    lineage: dict[str, object]
    n_records: int | None
    serialization_id: str | None
    issues: list[Issue]
    salvaged: Salvage | None
    elapsed_us: int
    identity: Identity | None = None
    flags: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    duplicates_of: str | None = None
    duplicates_by: str | None = None


class BestMetric(Struct, frozen=True):
    """A metric of a directory's best file, and the definition that it was computed by."""

    value: int | float | list[int | float] | dict[str, int | float] | None
    family: str


class Documented(Struct, frozen=True, kw_only=True):
    """A number that a README or an annotation gives, beside the one in the file.

    Attributes:
        metric: its canonical name.
        documented, stored: what is written about it, and what the file holds.
        stored_as: the name that it has there, if it is another one.
        source: where it is written.
        differs: whether the two disagree.
    """

    metric: str
    documented: float
    stored: float | None
    stored_as: str | None = None
    source: str
    differs: bool


class DirRecord(Struct, frozen=True, kw_only=True):
    """What a directory holds and what the rules say about it.

    Attributes:
        path: the argument joined with the relative path; `path_b64` has its bytes if they are not UTF-8.
        status: `complete`, `partial`, `crashed` or `empty`.
        category, rule: what kind of run it is, and the rule that says so.
        n_files, bytes, allocated: its checkpoints, not those below it.
        best, latest: the files that stand for it.
        epoch, metrics: those of the best file.
        safety, best_safety: the worst of its files, and that of the best one.
        flags: `coverage_collapse`, `inverted_hierarchy`, `best_latest_divergence`, `nan`.
        warnings: what is odd, and no flag.
        duplicates_of: the directory to keep whose best file holds the same weights.
        group, group_kind, better: the runs that it belongs to, why (`sweep` or `versions`), and a better one
            of them.
        recommendation, reason, recommended_by: `keep`, `archive`, `delete` or `review`, why, and the rule.
        verdict, note: what a person said: `valid` or `invalid`, and in their words.
        documented: numbers given elsewhere, beside the stored ones.
    """

    path: str
    path_b64: str | None = None
    status: str
    category: str
    rule: str | None = None
    n_files: int
    bytes: int
    allocated: int | None = None
    best: str | None = None
    latest: str | None = None
    epoch: int | None = None
    metrics: dict[str, BestMetric] = field(default_factory=dict)
    safety: str | None = None
    best_safety: str | None = None
    flags: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    duplicates_of: str | None = None
    group: str | None = None
    group_kind: str | None = None
    better: str | None = None
    recommendation: str
    reason: str
    recommended_by: str | None = None
    verdict: str | None = None
    note: str | None = None
    documented: list[Documented] = field(default_factory=list)


class Tensor(Struct, frozen=True):
    """A tensor of a checkpoint and where it is in the file; `file_offset` is None if it is not in it."""

    name: str
    dtype: str
    shape: list[int]
    stride: list[int]
    file_offset: int | None
    nbytes: int
