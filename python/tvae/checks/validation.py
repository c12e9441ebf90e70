"""`validate`: whether a checkpoint loads, is whole, finite and sane, and fits a config."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tvae import _core
from tvae.checkpoint import Checkpoint, read_record
from tvae.checkpoint.record import AGAIN
from tvae.checks.difference import changed, lacking, text
from tvae.config.schema import GuardConfig
from tvae.errors import CheckpointError
from tvae.legacy import weights
from tvae.legacy.notes import assumed
from tvae.loading import locate, model_of, open_weights
from tvae.nn.spec import ModelSpec, from_architecture

if TYPE_CHECKING:
    from tvae.config.schema import Config

#: Ranges that no definition of a metric leaves, by unsuffixed name.
_RANGES = {
    "coverage": (0.0, 1.0),
    "coverage_sampled": (0.0, 1.0),
    "hierarchy": (-1.0, 1.0),
    "ultrametric": (-1.0, 1.0),
    "inversions": (0.0, 1.0),
    "tree_inversions": (0.0, 1.0),
    "dist_corr": (-1.0, 1.0),
    "target_distance_corr": (-1.0, 1.0),
    "richness": (0.0, float("inf")),
    "kl_nats": (0.0, float("inf")),
    "mean_radius": (0.0, float("inf")),
    "std_radius": (0.0, float("inf")),
    "r_v0": (0.0, float("inf")),
    "r_v9": (0.0, float("inf")),
    "Q": (-1.0, 2.5),
}
_ARCHIVES = ("torch_zip", "torchscript", "torch_package", "torch_export")
_SAFE = ("data_only", "known_types")


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One question to a checkpoint.

    Attributes:
        name: what was asked: `safety`, `checksums`, `tensors`, `config` or `metrics`; an `assumed` says what
            no tensor tells.
        ok: the answer.
        message: one line.
        details: a table, where one line cannot say it all.
    """

    name: str
    ok: bool
    message: str
    details: str | None = None


def validate(src: str | os.PathLike[str], *, config: Config | None = None) -> list[Check]:
    """Everything that can be said about a checkpoint without measuring it; all of its bytes are read.

    Args:
        src: a file of ours or of the predecessor, a folder, or "default".
        config: also ask whether its tensors fit the model that this config describes.

    Raises:
        MissingError, StorageError: if it is not there, or may not be read.
        CheckpointError: if it cannot be decoded, so that there is nothing to judge.
    """
    path = locate(src)
    # What is no checkpoint, or holds no model at all, is unreadable and not invalid.
    if weights.is_old(path):
        weights.describe(path)
    else:
        read_record(path)
    facts, _ = _core.open_checkpoint(path)
    checks = [_safety(str(facts["safety"])), *_checksums(path, facts)]
    content: Checkpoint | None = None
    try:
        content = open_weights(path)
        model_of(content, source=str(path))
    except CheckpointError as error:
        if error.details is None:
            raise
        checks.append(Check(name="tensors", ok=False, message=_short(error, path), details=error.details))
    else:
        spec, _ = from_architecture(content.record.architecture)
        kind = content.record.source.get("layout")
        what = f"{len(content.tensors)} tensors fit {f'the layout {kind}' if kind else 'its architecture'}"
        checks.append(Check(name="tensors", ok=True, message=f"{what}, and all are finite"))
        checks += [Check(name="assumed", ok=True, message=note) for note in assumed(content.record)]
        if config is not None:
            checks.append(_fits(content, spec, config, str(path)))
    checks.append(_metrics(facts["metrics"]))
    return checks


def insane(name: str, value: object) -> str | None:
    """What is wrong with a metric, or None.

    Example:
        >>> insane("hierarchy_B", 0.76), insane("coverage", 97.1), insane("richness_B", 0.01)
        ('radii grow with the valuation', 'outside 0 to 1', None)
    """
    if value is None or isinstance(value, (Mapping, list)):
        return None
    if not isinstance(value, (int, float)) or value != value or value in (float("inf"), -float("inf")):
        return "not a finite number"
    stem = name[:-2] if name.endswith(("_A", "_B")) else name
    lo, hi = _RANGES.get(stem, (-float("inf"), float("inf")))
    if not lo <= value <= hi:
        return f"outside {lo:g} to {hi:g}" if hi < float("inf") else f"below {lo:g}"
    if stem == "hierarchy" and value > 0.0:
        return "radii grow with the valuation"
    if stem == "coverage" and value < (least := GuardConfig().min_coverage):
        return f"below {least:g}: no run would start from it"
    return None


def _safety(verdict: str) -> Check:
    if verdict in _SAFE:
        return Check(name="safety", ok=True, message=f"{verdict}: nothing in it would run")
    return Check(
        name="safety",
        ok=False,
        message=f"{verdict}: to unpickle it may run code; `tvae checkpoint convert` keeps the data alone",
    )


def _checksums(path: Path, facts: Mapping[str, Any]) -> Iterator[Check]:
    """Whether the bytes of an archive are those that were saved; nothing of a file that has no checksums."""
    if facts["kind"] not in _ARCHIVES or facts["status"] != "ok":
        return
    if not any(one["fingerprint"] for one in facts["state_dicts"]):
        yield Check(name="checksums", ok=True, message="none: torch was told to write none")
        return
    [found] = _core.scan([path], threads=1, verify_crc=True).files()
    if found["status"] == "ok":
        yield Check(name="checksums", ok=True, message="those of its records are right")
        return
    wrong = [one["message"] for one in found["issues"] if one not in facts["issues"]]
    what = wrong[0] if wrong else "it changed while it was read"
    more = f", and so for {len(wrong) - 1} more" if len(wrong) > 1 else ""
    yield Check(name="checksums", ok=False, message=f"damaged: {what}{more}; {AGAIN}")


def _fits(content: Checkpoint, spec: ModelSpec, config: Config, source: str) -> Check:
    """Whether the tensors are those of the config's model, and whether it computes the same with them."""
    from tvae.checkpoint import load_into
    from tvae.nn import TernaryVAE

    heads = {name.partition(".")[0] for name in content.tensors}
    fresh = [f"{kind}.*" for kind in lacking(heads)]
    model = TernaryVAE(config.model, depth=config.space.depth)
    try:
        left = load_into(model, content.tensors, source=source, allow_missing=fresh)
    except CheckpointError as error:
        return Check(name="config", ok=False, message=_short(error, source), details=error.details)
    if keys := changed(config.model, spec):
        said = ", ".join(f"{key} {text(mine)} (file: {text(theirs)})" for key, (mine, theirs) in keys.items())
        return Check(name="config", ok=False, message=f"the tensors fit, but the function differs: {said}")
    if left:
        return Check(name="config", ok=True, message="fits; the projection would start from random weights")
    return Check(name="config", ok=True, message="tensors and function are those of the config's model")


def _metrics(stored: Mapping[str, Mapping[str, object]]) -> Check:
    wrong = [
        f"{name} = {_text(reading['value'])} ({reading['family']}): {why}"
        for name, reading in sorted(stored.items())
        if (why := insane(name, reading["value"]))
    ]
    if wrong:
        return Check(name="metrics", ok=False, message="; ".join(wrong))
    count = len(stored)
    return Check(name="metrics", ok=True, message=f"{count} stored, all sane" if count else "none stored")


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _short(error: CheckpointError, path: str | Path) -> str:
    return error.message.removeprefix(f"{path}: ")


def verdict(checks: list[Check]) -> bool:
    """Whether every answer is yes."""
    return all(check.ok for check in checks)


def named(checks: list[Check]) -> Iterator[str]:
    """The questions that were answered with no."""
    yield from (check.name for check in checks if not check.ok)
