"""`convert`: an old file into a checkpoint of ours with a full record, and back for tools that need that."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from tvae.checkpoint import Checkpoint, Record, read_record, record_environment, save
from tvae.errors import ConfigError
from tvae.legacy import export, weights
from tvae.legacy.notes import assumed
from tvae.loading import locate, model_of, open_weights
from tvae.nn.spec import from_architecture
from tvae.record import now

OURS = ".safetensors"


class Converted(msgspec.Struct, frozen=True, kw_only=True):
    """What a conversion did.

    Attributes:
        source, target: the two files.
        tensors: how many the model has.
        depth: trits per operation.
        layout: of the old file.
        metrics: as measured now; empty where nothing was measured.
        stored: the metrics that the old file held, each with the definition that it was computed by.
        left_out: tensors that no output depends on; they are kept beside the model's, for the way back.
        notes: what was assumed.
    """

    source: str
    target: str
    tensors: int
    depth: int
    layout: str | None
    metrics: dict[str, float | None]
    stored: dict[str, object]
    left_out: list[str]
    notes: list[str]


def convert(
    old: str | os.PathLike[str],
    new: str | os.PathLike[str],
    *,
    measure: bool = True,
    overwrite: bool = False,
    command: str = "tvae.checks.convert",
) -> Converted:
    """Write `old` as `new`; the suffixes say in which direction.

    Args:
        old: a `.pt` of the predecessor, a checkpoint of ours, or the folder of either.
        new: `.safetensors` for a checkpoint of ours, `.pt` for one in the predecessor's spelling.
        measure: measure every metric anew; without, the record has only the stored ones, as such.
        overwrite: replace `new`.
        command: what asked for it, for the record.

    Raises:
        ConfigError: if both are of one kind, or `new` exists.
        CheckpointError: if `old` does not fit its layout, or the predecessor could not have built it.
    """
    source, target = locate(old), Path(new)
    content = _content(source, target, overwrite=overwrite)
    if target.suffix != OURS:
        export.write(target, content, source=str(source))
        # What was assumed on the way in was said then.
        told = _told(source, target, content.record, len(content.tensors), {})
        return msgspec.structs.replace(told, notes=[], left_out=[])
    model = model_of(content, source=str(source)).eval()
    metrics: dict[str, float | None] = {}
    version = None
    if measure:
        from tvae.metrics import METRIC_VERSION, evaluate

        metrics, version = evaluate(model).metrics, METRIC_VERSION
    record = msgspec.structs.replace(
        content.record,
        created_at=now(),
        command=command,
        training_script="tvae checkpoint convert",
        metric_version=version,
        metrics=metrics,
        environment=record_environment("cpu"),
    )
    save(target, Checkpoint(record, content.tensors, {}, content.state_tensors))
    return _told(source, target, record, len(content.tensors), metrics)


def _content(source: Path, target: Path, *, overwrite: bool) -> Checkpoint:
    suffixes = (OURS, *weights.SUFFIXES)
    if target.suffix not in suffixes:
        raise ConfigError(
            f"{target.name} is no name for a checkpoint", path=str(target), expected=" or ".join(suffixes)
        )
    if target.exists() and not overwrite:
        raise ConfigError("the file exists", path=str(target), hint="choose another name, or --overwrite it")
    old = weights.is_old(source)
    if not old:
        # What is no checkpoint at all is told before the question of names.
        read_record(source)
    if old != (target.suffix == OURS):
        kind = "an old checkpoint" if old else "a checkpoint of ours"
        raise ConfigError(
            f"{source} is {kind} already, and {target.name} would be one",
            path=str(source),
            hint=f"name the new file *{OURS if old else weights.SUFFIXES[0]}",
        )
    if not old:
        return open_weights(source)
    return weights.read(source, keep=True)


def _told(
    source: Path, target: Path, record: Record, tensors: int, metrics: dict[str, float | None]
) -> Converted:
    told = record.source
    left, stored = told.get("left_out"), told.get("metrics")
    return Converted(
        source=str(source),
        target=str(target),
        tensors=tensors,
        depth=from_architecture(record.architecture)[1],
        layout=str(told["layout"]) if "layout" in told else None,
        metrics=metrics,
        stored=dict(stored) if isinstance(stored, dict) else {},
        left_out=[str(one) for one in left] if isinstance(left, list) else [],
        notes=assumed(record),
    )
