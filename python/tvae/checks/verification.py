"""`verify`: measure a checkpoint anew and hold what it stores against that, definition by definition."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from tvae import _core
from tvae.legacy import weights
from tvae.legacy.measures import UNTOLD, Definitions
from tvae.loading import locate, model_of, open_weights
from tvae.metrics import METRIC_VERSION, evaluate

if TYPE_CHECKING:
    from tvae.nn import TernaryVAE

#: Two processors sum in another order, and an operation on the edge of decoding may change sides.
OURS_TOLERANCE = 2e-4


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """A stored metric beside the measured one.

    Attributes:
        metric: its canonical name.
        family: the definition that it was stored in.
        stored: its value.
        measured, tolerance: the value by that definition, and how far apart they may be; None where the
            weights alone do not tell it.
        agrees: the verdict; None where there is none.
        definition: what was measured, or why nothing was.
    """

    metric: str
    family: str
    stored: float
    measured: float | None
    tolerance: float | None
    agrees: bool | None
    definition: str


def verify(src: str | os.PathLike[str], *, seed: int = 0) -> list[Verified]:
    """Every metric that a checkpoint stores, measured anew in the definition that it was stored in.

    Args:
        src: a file of ours or of the predecessor, a folder, or "default".
        seed: of the latents that the predecessor's definitions sample.

    Raises:
        MissingError, StorageError: if it is not there, or may not be read.
        CheckpointError: if it does not load.
    """
    path = locate(src)
    content = open_weights(path)
    model = model_of(content, source=str(path)).eval()
    facts, _ = _core.open_checkpoint(path)
    stored = [*_readings(facts["metrics"])]
    kept = content.record.source.get("metrics")
    if isinstance(kept, Mapping) and not weights.is_old(path):
        # A converted file: its own metrics are ours, those of the old file stand beside them.
        stored += _readings(kept)
    return [*_judged(stored, model, seed)]


def _readings(metrics: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    for name, reading in sorted(metrics.items()):
        value = reading["value"]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            yield name, str(reading["family"]), float(value)


def _judged(stored: list[tuple[str, str, float]], model: TernaryVAE, seed: int) -> Iterator[Verified]:
    ours: dict[str, float | None] = {}
    theirs: Definitions | None = None
    if any(_is_ours(family) for _, family, _ in stored):
        ours = evaluate(model).metrics
    if model.space.depth == 9 and model.spec.branches == 2 and not all(_is_ours(f) for _, f, _ in stored):
        theirs = Definitions(model, seed=seed)
    for name, family, value in stored:
        if _is_ours(family):
            measured = ours.get(name)
            tolerance = _tolerance(name, value)
            yield _verdict(name, family, value, measured, tolerance, f"metric version {METRIC_VERSION}")
            continue
        measures = theirs.measures(name, family) if theirs else []
        if not measures:
            reason = UNTOLD.get(family, "the weights alone do not tell it")
            yield _verdict(name, family, value, None, None, reason)
            continue
        best = min(measures, key=lambda one: abs(one.value - value) / one.tolerance)
        yield _verdict(name, family, value, best.value, best.tolerance, best.definition)


def _verdict(
    name: str, family: str, stored: float, measured: float | None, tolerance: float | None, definition: str
) -> Verified:
    agrees = None
    if measured is not None and tolerance is not None:
        agrees = abs(stored - measured) <= tolerance
    return Verified(
        metric=name,
        family=family,
        stored=stored,
        measured=measured,
        tolerance=tolerance,
        agrees=agrees,
        definition=definition,
    )


def _tolerance(name: str, value: float) -> float:
    """Of a metric of ours: absolute for scores, relative for radii, their variance and the rate."""
    if name.startswith(("r_v", "mean_radius", "std_radius", "richness", "kl_nats")):
        return 5.0 * OURS_TOLERANCE * abs(value) + 1e-7
    return OURS_TOLERANCE


def _is_ours(family: str) -> bool:
    return family == f"tvae {METRIC_VERSION}"
