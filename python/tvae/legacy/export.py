"""A checkpoint of today in the predecessor's spelling, for tools that read nothing else."""

from __future__ import annotations

import io
import math
import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tvae.checkpoint import Checkpoint, Record
from tvae.checkpoint.atomic import write_chunks
from tvae.errors import CheckpointError
from tvae.legacy import measures
from tvae.legacy.layouts import Layout, Projection, expected
from tvae.nn.spec import ModelSpec, from_architecture

if TYPE_CHECKING:
    from torch import Tensor

#: Metrics of ours that say nothing else under the predecessor's names; its richness, dist_corr and Q differ.
_COMMON = {"coverage", "hierarchy", "r_v0", "r_v9", "mean_radius", "std_radius"}


def write(path: str | os.PathLike[str], checkpoint: Checkpoint, *, source: str) -> Path:
    """Write a `.pt` file that the predecessor's tools load, whole or not at all; returns the path.

    Saving pickles, which runs nothing; reading it back is what `weights.read` does without unpickling.

    Args:
        path: the new file.
        checkpoint: a model whose architecture the predecessor could build.
        source: where the checkpoint comes from, for messages.

    Raises:
        CheckpointError: if the predecessor had no such architecture, with everything that it lacked.
        StorageError: if the disk, a limit or a permission forbids it; an earlier file is untouched.
    """
    import torch

    buffer = io.BytesIO()
    torch.save(content(checkpoint, source=source), buffer)
    return write_chunks(path, [buffer.getbuffer()])


def content(checkpoint: Checkpoint, *, source: str) -> dict[str, Any]:
    """What goes into the file: its state dict, epoch, metrics and config under the predecessor's keys."""
    record = checkpoint.record
    try:
        spec, _ = from_architecture(record.architecture)
    except msgspec.ValidationError as error:
        raise CheckpointError(f"describes no architecture of this version: {error}", path=source) from error
    lacking = [*_lacking(spec)]
    if lacking:
        raise CheckpointError(
            "the predecessor had no such architecture, so this cannot become a .pt for its tools",
            path=source,
            expected="two branches, plain or improved layers and a projection by norm",
            got="; ".join(lacking),
        )
    layout = layout_of(
        spec,
        shifted=bool(record.source.get("dropout_shift", _dropout(spec) > 0.0)),
        flat=str(record.source.get("layout")).startswith(str(Layout(flat=True))),
    )
    state: OrderedDict[str, Tensor] = OrderedDict(
        (old, checkpoint.tensors[new]) for old, new, _ in expected(layout)
    )
    if record.source:
        # What no output depends on came along when the file was converted.
        state.update(checkpoint.state_tensors)
    state.update((name, ball) for name, ball in _balls(layout, spec.curvature).items() if name not in state)
    found: dict[str, Any] = {"epoch": record.epoch, "model_state_dict": state}
    metrics, ours = dict(_metrics(record)), _are_ours(record)
    found["metrics"] = metrics
    config = record.source.get("config") or {"model": _model(spec, layout)}
    assert isinstance(config, Mapping)
    found["config"] = {**config, measures.OURS: _measured_as(record)} if ours and metrics else config
    if spec.decode == "tangent":
        # What tells that the decoder reads the ball point.
        found["version"] = "5.12.1"
    return found


def layout_of(spec: ModelSpec, *, shifted: bool, flat: bool = False) -> Layout:
    """The layout of a spec that the predecessor could build.

    Args:
        spec: the spec.
        shifted: number the layers of the projection as with dropout.
        flat: spell it as the homeostatic launcher did; files of v5.5 alone.
    """
    projection: Projection | None = None
    if spec.projection is not None:
        projection = "single" if spec.projection.shared else "dual"
        if spec.projection.share_direction:
            projection = "shared direction"
    return Layout(
        flat=flat and projection is None,
        encoder=spec.encoder.kind,
        decoder=spec.decoder.kind,
        projection=projection,
        layers=spec.projection.layers if spec.projection else 1,
        dropout=shifted and projection is not None,
    )


def _lacking(spec: ModelSpec) -> Iterator[str]:
    """What the predecessor could not have built."""
    encoder, decoder, projection = spec.encoder, spec.decoder, spec.projection
    tangent = spec.decode == "tangent"
    wrong = {
        f"{spec.branches} branch": spec.branches != 2,
        "a learned curvature": spec.learnable_curvature,
        "an encoder with skip": encoder.skip,
        f"an encoder of {len(encoder.hidden)} layers": len(encoder.hidden) != 3,
        f"a {encoder.kind} encoder with {encoder.activation}": encoder.activation
        != _activation(encoder.kind),
        f"a decoder of {len(decoder.hidden)} layers": len(decoder.hidden) != 2,
        f"a {decoder.kind} decoder with {decoder.activation}": decoder.activation
        != _activation(decoder.kind),
        f"decoder.gain {decoder.gain:g}": decoder.gain != (0.5 if tangent else 1.0),
        "a hyperbolic radius": projection is not None and projection.radius == "hyperbolic",
    }
    yield from (what for what, is_wrong in wrong.items() if is_wrong)


def _activation(kind: str) -> str:
    return "silu" if kind == "improved" else "relu"


def _dropout(spec: ModelSpec) -> float:
    return spec.projection.dropout if spec.projection else 0.0


def _balls(layout: Layout, c: float) -> dict[str, Tensor]:
    """softplus^-1(c) for each ball, as its manifold stored it."""
    import torch

    value = torch.tensor(math.log(math.expm1(c)))
    match layout.projection:
        case None:
            return {}
        case "single":
            return {"projection.manifold.isp_c": value}
        case "shared direction":
            return {"projection.proj_A.manifold.isp_c": value}
        case "dual":
            return {f"projection.proj_{branch}.manifold.isp_c": value.clone() for branch in "AB"}


def _are_ours(record: Record) -> bool:
    """Whether the metrics that go into the file are of our definitions: an old file brought none."""
    return not record.source.get("metrics") and record.metric_version is not None


def _measured_as(record: Record) -> dict[str, object]:
    """What tells later readers by which definitions, and over how many pairs, the metrics were measured."""
    training = record.config.get("training")
    chosen = training if isinstance(training, Mapping) else {}
    pairs = {key: chosen[key] for key in measures.PAIRS if key in chosen}
    return {"metric_version": record.metric_version, "training": pairs}


def _metrics(record: Record) -> Iterator[tuple[str, object]]:
    """The metrics that the old file had, under its keys; else those of ours that mean the same there."""
    stored = record.source.get("metrics")
    if isinstance(stored, Mapping) and stored:
        for reading in stored.values():
            if isinstance(reading, Mapping) and reading.get("source") == "metrics":
                yield str(reading["raw_key"]), reading["value"]
    else:
        yield from (
            (name, value)
            for name, value in record.metrics.items()
            if value is not None and name.removesuffix("_A").removesuffix("_B") in _COMMON
        )


def _model(spec: ModelSpec, layout: Layout) -> dict[str, object]:
    """The `model` section of a config that builds it."""
    projection = spec.projection
    found: dict[str, object] = {
        "name": "TernaryVAEV5_11_PartialFreeze",
        "latent_dim": spec.latent_dim,
        "curvature": spec.curvature,
        "use_controller": False,
        "use_dual_projection": layout.projection not in (None, "single"),
        "encoder_type": "improved" if layout.encoder == "improved" else "frozen",
        "decoder_type": "improved" if layout.decoder == "improved" else "frozen",
    }
    if projection is not None:
        found |= {
            "hidden_dim": projection.hidden,
            "max_radius": projection.max_norm / math.sqrt(spec.curvature),
            "projection_layers": projection.layers,
            "projection_dropout": projection.dropout,
        }
    return found
