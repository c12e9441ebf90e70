"""`compare`: checkpoints side by side; metrics under their definitions, never ranked across them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tvae import _core
from tvae.checkpoint import Checkpoint
from tvae.legacy.notes import assumed
from tvae.loading import locate, open_weights
from tvae.nn.spec import differences, from_architecture, same

#: Tensors within this, relative and absolute, are called close: they differ by rounding.
CLOSE = 1e-5, 1e-7


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of the checkpoints.

    Attributes:
        path: as it was given.
        layout: of an old file; `tvae` for ours.
        epoch: when it was saved.
        architecture: what the model is, in dotted keys.
        metrics: by family of definitions, then by name.
        config: what it was trained with, in dotted keys.
        notes: what was assumed of an old file.
    """

    path: str
    layout: str
    epoch: int | None
    architecture: dict[str, object]
    metrics: dict[str, dict[str, float]]
    config: dict[str, object]
    notes: list[str]


class Tensors(msgspec.Struct, frozen=True, kw_only=True):
    """The tensors of two checkpoints, by today's names.

    Attributes:
        one, other: the two.
        equal, close, different: how many are equal bit for bit, within 1e-5, and further apart.
        only_one, only_other: how many exist, or have this shape, in one of them alone.
        largest: the largest difference, and the tensor that has it.
    """

    one: str
    other: str
    equal: int
    close: int
    different: int
    only_one: int
    only_other: int
    largest: float
    where: str | None

    @property
    def same(self) -> bool:
        """Whether the two hold the same weights, up to rounding."""
        return not (self.different or self.only_one or self.only_other)


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Checkpoints beside each other.

    Attributes:
        sides: the checkpoints.
        tensors: those of the first beside those of each of the others.
        functions: for each of the others, in which keys its model computes something else than the first.
    """

    sides: list[Side]
    tensors: list[Tensors]
    functions: list[list[str]]

    @property
    def same(self) -> bool:
        """Whether all compute the same with the same weights, up to rounding."""
        return all(one.same for one in self.tensors) and not any(self.functions)

    def differing(self, of: str) -> dict[str, list[object]]:
        """The keys of `architecture` or `config` in which they differ, with a value for each checkpoint."""
        tables: list[dict[str, object]] = [getattr(side, of) for side in self.sides]
        keys = dict.fromkeys(key for table in tables for key in table)
        found = {key: [table.get(key) for table in tables] for key in keys}
        return {
            key: values for key, values in found.items() if not all(same(one, values[0]) for one in values)
        }


def compare(sources: Sequence[str | os.PathLike[str]]) -> Comparison:
    """Put checkpoints side by side.

    Args:
        sources: two or more, ours or the predecessor's.

    Raises:
        MissingError, StorageError, CheckpointError: as `tvae.load`.
    """
    paths = [locate(source) for source in sources]
    contents = [open_weights(path) for path in paths]
    names = [os.fspath(source) for source in sources]
    sides = [_side(*one) for one in zip(names, paths, contents, strict=True)]
    first = contents[0].tensors
    others = zip(names[1:], contents[1:], strict=True)
    return Comparison(
        sides=sides,
        tensors=[_tensors(names[0], name, first, content.tensors) for name, content in others],
        functions=[_function(contents[0], content) for content in contents[1:]],
    )


def _function(one: Checkpoint, other: Checkpoint) -> list[str]:
    """Keys of the architecture in which the two compute something else."""
    (mine, depth), (theirs, other_depth) = (from_architecture(x.record.architecture) for x in (one, other))
    # A limit that is null is one by depth.
    mine, theirs = (
        msgspec.structs.replace(spec, r_max=spec.radius_limit(depth))
        for spec, depth in ((mine, depth), (theirs, other_depth))
    )
    return ["depth"] * (depth != other_depth) + list(differences(mine, theirs))


def _side(name: str, path: Path, content: Checkpoint) -> Side:
    record = content.record
    facts, _ = _core.open_checkpoint(path)
    metrics: dict[str, dict[str, float]] = {}
    kept = record.source.get("metrics")
    for table in (facts["metrics"], kept if isinstance(kept, Mapping) else {}):
        for metric, reading in table.items():
            value = reading["value"]
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                metrics.setdefault(str(reading["family"]), {})[metric] = float(value)
    architecture = dict(_leaves(record.architecture.get("spec"), "")) | {
        # Where the spec leaves the radius to the depth, the record has it.
        key: record.architecture[key]
        for key in ("depth", "r_max")
        if key in record.architecture
    }
    if architecture.get("projection.radius") != "hyperbolic":
        # Nothing there is bounded by it.
        architecture.pop("r_max", None)
    config = record.config or record.source.get("config") or {}
    return Side(
        path=name,
        layout=str(record.source.get("layout", "tvae")),
        epoch=record.epoch,
        architecture=architecture,
        metrics=metrics,
        config=dict(_leaves(config, "")),
        notes=assumed(record),
    )


def _tensors(one: str, other: str, left: Mapping[str, Any], right: Mapping[str, Any]) -> Tensors:
    import torch

    counts = {"equal": 0, "close": 0, "different": 0}
    largest, where = 0.0, None
    shared = [name for name in left if name in right and left[name].shape == right[name].shape]
    for name in shared:
        a, b = left[name], right[name]
        if a.dtype == b.dtype and a.equal(b):
            counts["equal"] += 1
            continue
        gap = float((a.double() - b.double()).abs().max())
        counts["close" if torch.allclose(a.double(), b.double(), *CLOSE) else "different"] += 1
        if gap > largest:
            largest, where = gap, name
    return Tensors(
        one=one,
        other=other,
        **counts,
        only_one=len(left) - len(shared),
        only_other=len(right) - len(shared),
        largest=largest,
        where=where,
    )


def _leaves(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif path:
        yield path, list(value) if isinstance(value, tuple) else value
