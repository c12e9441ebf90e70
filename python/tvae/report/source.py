"""Finding a run or a checkpoint and reading from it what a figure shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tvae.checkpoint.card import ceilings_at
from tvae.errors import MissingError, TvaeError
from tvae.report.curves import Log, read_log
from tvae.report.picture import Ball, Floats, Ints, Picture

if TYPE_CHECKING:
    import torch

    from tvae.nn import TernaryVAE

#: Spaces beyond this size are drawn from a sample of so many operations per level.
_WHOLE = 3**11
_PER_LEVEL = 20_000
_PAIRS_PER_LEVEL = 4_000
_CHUNK = 16_384


@dataclass(frozen=True)
class Found:
    """Where the parts of a source are.

    Attributes:
        name: what it is called.
        checkpoint: what `tvae.load` takes; None for a run without weights.
        log: its metrics.jsonl; None where there is none.
        default_output: where a picture goes that was given no place.
    """

    name: str
    checkpoint: str | None
    log: Path | None
    default_output: Path


def find(source: str, *, out: Path) -> Found:
    """The parts of a run's name below `out`, of a run's folder, or of a checkpoint file or the folder of one.

    Raises:
        MissingError: if there is no such thing.

    Example:
        >>> find("default", out=Path("outputs")).default_output.name
        'default.png'
    """
    path = Path(source)
    folders = [_pair_of(path)]
    if path.name == source:
        folders.insert(0, (out / "models" / source, out / "runs" / source))
    for models, runs in folders:
        found = _run(models, runs)
        if found is not None:
            return found
    if path.is_file():
        models, runs = _pair_of(path.parent)
        is_run = (models / "summary.json").is_file()
        name = (
            path.stem
            if not is_run
            else models.name
            if path.stem == "best"
            else f"{models.name} ({path.stem})"
        )
        folder = path.parent if is_run else Path()
        return Found(name, str(path), _existing(runs / "metrics.jsonl"), folder / f"{path.stem}.png")
    if source and path.is_dir():
        from tvae.loading import locate

        return find(str(locate(source)), out=out)
    if source == "default" or source.startswith("hf://"):
        stem = source.rstrip("/").rpartition("/")[2]
        return Found(stem, source, None, Path(f"{stem}.png"))
    raise MissingError(
        f"there is no such run or checkpoint below {out}",
        path=source,
        hint="name a checkpoint file, a run, or a run's models or runs folder",
    )


def _pair_of(folder: Path) -> tuple[Path, Path]:
    """The models and the runs folder of the run that one of them belongs to."""
    whole = folder.resolve()
    return whole.parent.parent / "models" / whole.name, whole.parent.parent / "runs" / whole.name


def _run(models: Path, runs: Path) -> Found | None:
    weights = _existing(models / "best.safetensors") or _existing(models / "latest.safetensors")
    log = _existing(runs / "metrics.jsonl")
    if weights is None and log is None:
        return None
    folder = models if models.is_dir() else runs
    return Found(models.name, str(weights) if weights else None, log, folder / f"{models.name}.png")


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None


def read_picture(found: Found) -> Picture:
    """Load the model where there is one, embed its space, read the run's log.

    Raises:
        MissingError: if there is nothing to draw.
        CheckpointError: if the checkpoint is damaged.
    """
    log = read_log(found.log) if found.log else Log()
    if found.checkpoint is None:
        if not log.evaluations and log.loss is None:
            raise MissingError(
                "this run has neither weights nor evaluations yet", path=found.name, hint="let it train on"
            )
        return Picture(
            found.name,
            [f"{log.last_step:,} steps"] if log.last_step else [],
            log.last_metrics,
            log.ceilings,
            log.evaluations,
            log.loss,
        )
    from tvae.legacy.notes import assumed
    from tvae.loading import load

    model = load(found.checkpoint)
    record = model.record
    metrics = (record.metrics if record else None) or log.last_metrics
    ball = read_ball(model)
    return Picture(
        found.name,
        _facts(model, ball),
        metrics,
        dict(ceilings_at(model.space.depth)),
        log.evaluations,
        log.loss,
        ball,
        assumed(record),
    )


def _facts(model: TernaryVAE, ball: Ball | None) -> list[str]:
    facts = [f"{model.space.size:,} operations of {model.space.depth} trits"]
    if ball is not None:
        facts.append(f"ball of {ball.points.shape[1]} dimensions, c = {model.curvature:.3g}")
        if len(ball.points) < model.space.size:
            facts.append(f"{len(ball.points):,} operations drawn")
    if model.record and model.record.step is not None:
        facts.append(f"{model.record.step:,} steps")
    return facts


def read_ball(model: TernaryVAE) -> Ball | None:
    """Embed the operations of a model, or a sample of a large space; None if it has no ball."""
    from tvae.geometry import distance, radius

    space, c = model.space, model.curvature
    counts = [int(count) for count in space.level_counts]
    ids = operations(space.depth)
    try:
        points = _embed(model, ids)
    except TvaeError:
        return None
    distances = []
    for k in range(space.depth):
        i, j = pairs_at(space.depth, k, _PAIRS_PER_LEVEL)
        distances.append(_numbers(distance(_tensor(_embed(model, i)), _tensor(_embed(model, j)), c)))
    return Ball(
        points,
        _numbers(radius(_tensor(points), c)),
        np.asarray(space.valuation(ids)).astype(np.int64),
        distances,
        counts,
        getattr(model, "r_max", None),
    )


def operations(depth: int, *, seed: int = 0) -> Ints:
    """All operations of a small space, or as many of each level of a large one as can be drawn.

    Example:
        >>> len(operations(5)), len(operations(19)) < 3**13
        (243, True)
    """
    if 3**depth <= _WHOLE:
        return np.arange(3**depth, dtype=np.int64)
    rng = np.random.default_rng(seed)
    parts = [np.zeros(1, dtype=np.int64)]
    for level in range(depth):
        room = 3 ** (depth - 1 - level)
        digit = rng.integers(1, 3, _PER_LEVEL)
        parts.append(3**level * (digit + 3 * rng.integers(0, room, _PER_LEVEL)))
    return np.unique(np.concatenate(parts))


def pairs_at(depth: int, level: int, n: int, *, seed: int = 0) -> tuple[Ints, Ints]:
    """`n` pairs of operations (i, j), uniform among those with v(i-j) = `level`.

    Example:
        >>> i, j = pairs_at(4, 2, 100)
        >>> np.unique((i - j) % 9).tolist(), bool(((i - j) % 27 != 0).all())
        ([0], True)
    """
    rng = np.random.default_rng((seed, level))
    unit, room = 3**level, 3 ** (depth - 1 - level)
    i = rng.integers(0, 3**depth, n)
    digit = (i // unit + rng.integers(1, 3, n)) % 3
    j = i % unit + unit * (digit + 3 * rng.integers(0, room, n))
    return i, j


def _embed(model: TernaryVAE, ids: Ints) -> Floats:
    import torch

    parts = [
        model.embed(torch.from_numpy(ids[start : start + _CHUNK])).double().cpu()
        for start in range(0, len(ids), _CHUNK)
    ]
    return np.asarray(torch.cat(parts).numpy(), dtype=np.float64)


def _tensor(values: Floats) -> torch.Tensor:
    import torch

    return torch.from_numpy(values)


def _numbers(values: torch.Tensor) -> Floats:
    return np.asarray(values.detach().numpy(), dtype=np.float64)
