"""Pre-flight: a config against the checkpoint that it starts from, before a run is made.

Tensors decide. What does not fit is explained by the keys of the config, and checkpoints that would fit
are named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from tvae.checkpoint import read_record
from tvae.checks.candidates import compatible, decodes, places, there
from tvae.checks.difference import changed, text
from tvae.config.cold_start import frozen_parts
from tvae.config.schema import Config
from tvae.errors import CheckpointError, MissingError, TvaeError
from tvae.legacy import compatibility, weights
from tvae.legacy.notes import assumed
from tvae.loading import locate, open_weights
from tvae.nn.spec import from_architecture
from tvae.record import Record

_MOST_NAMED = 3


class _Poor(CheckpointError):
    """The tensors fit, and decode too little."""


def preflight(config: Config, *, out: Path) -> dict[str, Any]:
    """Build everything that a run needs and measure what it would start from; nothing is written.

    Returns:
        What `training.preflight` returns; with `init` also `checkpoint`, `layout` and `notes`: in which keys
        the file's model computes something else, which parts start fresh, what was assumed of an old file.

    Raises:
        ConfigError: if a frozen part has no weights, or the config names a part that is not there.
        CheckpointError: if the checkpoint does not fit, or decodes less than `guards.min_coverage` with it.
        MissingError: if it is not there.
    """
    with explained(config, out=out):
        present(config)
        from tvae import training

        found: dict[str, Any] = training.preflight(config)
        if config.init is None:
            return found
        guards, coverage = config.training.guards, found["coverage"]
        record = open_weights(locate(config.init)).record
        notes = list(_notes(config, record))
        if coverage < guards.min_coverage and not guards.allow_cold_start:
            raise _Poor(
                f"its weights decode {coverage:.2%} of the operations in this model",
                path=config.init,
                expected=f"at least {guards.min_coverage:.0%}",
                got=f"{coverage:.2%}",
                hint="start from another one, or --allow-cold-start",
                details="\n".join(notes) or None,
            )
    layout = record.source.get("layout")
    return {**found, "checkpoint": config.init, "layout": layout or "tvae", "notes": notes}


def present(config: Config) -> None:
    """Refuse an `init` that is not there, or is no checkpoint, before torch is loaded for it.

    Raises:
        MissingError, StorageError, CheckpointError: as `tvae.load`.
    """
    if config.init is None:
        return
    path = locate(config.init)
    if weights.is_old(path):
        weights.describe(path)
    else:
        read_record(path)


@contextmanager
def explained(config: Config, *, out: Path) -> Iterator[None]:
    """Adds to an error about `init` which keys of the config are to blame, and which files would fit."""
    try:
        yield
    except (CheckpointError, MissingError) as error:
        if config.init is None or error.path is None:
            raise
        named, init = Path(error.path), Path(config.init)
        if named != init and init not in named.parents:
            raise
        raise _explanation(error, config, out) from error


def _explanation(error: TvaeError, config: Config, out: Path) -> TvaeError:
    hints = [error.hint] if error.hint else []
    said, others = _others(error, config, places(config.init, out))
    if others:
        hints.append(f"{said}: {', '.join(others)}")
    details = [error.details] if error.details else []
    if isinstance(error, CheckpointError):
        details += _blame(config)
    return type(error)(
        error.message,
        path=error.path,
        expected=error.expected,
        got=error.got,
        hint="; ".join(hints) or None,
        details="\n\n".join(details) or None,
    )


def _others(error: TvaeError, config: Config, where: Sequence[Path]) -> tuple[str, list[str]]:
    """Checkpoints to take instead, and what is known of them."""
    assert config.init is not None
    if isinstance(error, MissingError):
        # Often a slip in the path: the answer comes at once, without a model being built.
        return "there are (not yet compared with the config)", there(config.init, where)[:_MOST_NAMED]
    fitting = [one.path for one in compatible(config, where) if one.path != config.init][:_MOST_NAMED]
    if not isinstance(error, _Poor):
        return "the tensors of these fit (what they decode was not measured)", fitting
    # Another one that decodes as little would be no answer.
    least = config.training.guards.min_coverage
    return "these fit and decode", [path for path in fitting if decodes(config, path) >= least]


def _blame(config: Config) -> list[str]:
    """The keys to set for the config's model to be the file's."""
    assert config.init is not None
    try:
        record = open_weights(locate(config.init)).record
        theirs, depth = from_architecture(record.architecture)
    except (TvaeError, msgspec.ValidationError):
        return []
    keys: dict[str, tuple[object, object]] = {}
    if depth != config.space.depth:
        keys["space.depth"] = config.space.depth, depth
    keys |= {f"model.{key}": values for key, values in changed(config.model, theirs).items()}
    if not keys:
        return []
    lines = [
        f"  {key}: {text(mine)} in the config, {text(file)} in the file" for key, (mine, file) in keys.items()
    ]
    return ["\n".join(["The file's model is another one:", *lines])]


def _notes(config: Config, record: Record) -> Iterator[str]:
    theirs, _ = from_architecture(record.architecture)
    if theirs.projection is None and config.model.projection is not None:
        yield "the checkpoint has no projection: it starts from random weights"
    for key, (mine, file) in changed(config.model, theirs).items():
        yield f"model.{key} is {text(mine)}, {text(file)} in the checkpoint: another function"
    if record.source and config.init is not None:
        yield from assumed(record)
        layout, frozen = str(record.source.get("layout")), frozen_parts(config)
        hint = compatibility.remark(locate(config.init), layout, trains_encoder_b="encoder_B" not in frozen)
        if hint:
            yield f"{hint}; the tensors fit"
