"""`verify`: measure a checkpoint anew and hold what it stores against that, definition by definition."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from tvae import _core
from tvae.legacy import claims, weights
from tvae.legacy.measures import DRAWS, UNTOLD, Definitions
from tvae.legacy.notes import assumed
from tvae.loading import locate, model_of, open_weights
from tvae.metrics import METRIC_VERSION, Pairs, evaluate
from tvae.record import Record

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


def verdict(found: Sequence[Verified]) -> bool | None:
    """Whether every metric that could be measured agrees; None if there was none."""
    held = [one.agrees for one in found if one.agrees is not None]
    return all(held) if held else None


def verify(
    src: str | os.PathLike[str], *, seed: int = 0, say: Callable[[str], None] | None = None
) -> list[Verified]:
    """Every metric that a checkpoint stores, measured anew in the definition that it was stored in.

    Args:
        src: a file of ours or of the predecessor, a folder, or "default".
        seed: of the latents that the predecessor's definitions sample.
        say: is told what was assumed of an old file, and what is measured next, which takes seconds.

    Raises:
        MissingError, StorageError: if it is not there, or may not be read.
        CheckpointError: if it does not load.
    """
    path = locate(src)
    content = open_weights(path)
    model = model_of(content, source=str(path)).eval()
    say = say or _silent
    for told in assumed(content.record):
        say(f"{src}: {told}")
    facts, _ = _core.open_checkpoint(path)
    stored = [*_readings(facts["metrics"])]
    kept = content.record.source.get("metrics")
    if isinstance(kept, Mapping) and not weights.is_old(path):
        # A converted file: its own metrics are ours, those of the old file stand beside them.
        stored += _readings(kept)
    return [*_judged(stored, model, seed, _pairs(content.record), say)]


def _silent(_: str) -> None:
    """Tells nobody."""


def _pairs(record: Record) -> list[Pairs]:
    """How many pairs a run may have measured with, the likeliest first: its last evaluation's, or every."""
    told = record.source.get("config")
    of_ours = told.get(claims.OURS) if isinstance(told, Mapping) else None
    training = (of_ours if isinstance(of_ours, Mapping) else record.config).get("training")
    chosen = training if isinstance(training, Mapping) else {}
    last, between = (chosen.get(key) for key in claims.PAIRS)
    found = dict.fromkeys((last, "exact", between))
    ways: list[Pairs] = []
    for one in found:
        if one == "exact":
            ways.append("exact")
        elif isinstance(one, int) and 0 < one < 2**53:
            ways.append(one)
    return ways


def _readings(metrics: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    for name, reading in sorted(metrics.items()):
        value = reading["value"]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            yield name, str(reading["family"]), float(value)


def _judged(
    stored: list[tuple[str, str, float]],
    model: TernaryVAE,
    seed: int,
    pairs: list[Pairs],
    say: Callable[[str], None],
) -> Iterator[Verified]:
    claimed = {name: value for name, family, value in stored if _is_ours(family)}
    # A run's own evaluations are seeded, so what was measured on a sample is found again exactly.
    ours: dict[str, tuple[float | None, str]] = {}
    for way in pairs:
        unsettled = [name for name, value in claimed.items() if not _agrees(name, value, ours.get(name))]
        if not unsettled:
            break
        told = f"metric version {METRIC_VERSION}{'' if way == 'exact' else f', {way:,} sampled pairs'}"
        say(f"measuring by {told}{', every pair' if way == 'exact' else ''}")
        found = evaluate(model, pairs=way).metrics
        for name in unsettled:
            one = found.get(name), told
            if name not in ours or _agrees(name, claimed[name], one):
                ours[name] = one
    theirs: Definitions | None = None
    if model.space.depth == 9 and model.spec.branches == 2 and not all(_is_ours(f) for _, f, _ in stored):
        say(f"measuring in the old definitions, {DRAWS} draws of sampled latents")
        theirs = Definitions(model, seed=seed)
    for name, family, value in stored:
        if _is_ours(family):
            measured, told = ours.get(name, (None, ""))
            yield _verdict(name, family, value, measured, _tolerance(name, value), told)
            continue
        meant = theirs.measures(name, family) if theirs else []
        if not meant:
            reason = UNTOLD.get(family, "the weights alone do not tell it")
            yield _verdict(name, family, value, None, None, reason)
            continue
        best = min(meant, key=lambda one: abs(one.value - value) / one.tolerance)
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


def _agrees(name: str, value: float, measured: tuple[float | None, str] | None) -> bool:
    found = measured[0] if measured else None
    return found is not None and abs(found - value) <= _tolerance(name, value)


def _tolerance(name: str, value: float) -> float:
    """Of a metric of ours: absolute for scores, relative for radii, their variance and the rate."""
    if name.startswith(("r_v", "mean_radius", "std_radius", "richness", "kl_nats")):
        return 5.0 * OURS_TOLERANCE * abs(value) + 1e-7
    return OURS_TOLERANCE


def _is_ours(family: str) -> bool:
    return family == f"tvae {METRIC_VERSION}"
