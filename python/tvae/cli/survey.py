"""`tvae eval` over folders: every checkpoint below them measured, past the bad ones, in one table."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tvae.cli.danger import tell_danger
from tvae.cli.failure import describe, one_line
from tvae.cli.keeping import kept
from tvae.cli.listing.layout import UNLIMITED, Column, columns_of, lay_out, terminal_width
from tvae.cli.output import filled, remark, result, result_json
from tvae.cli.pace import Pace
from tvae.cli.scores import faults, score
from tvae.errors import CheckpointError, DeviceError, MissingError, StorageError, TvaeError

if TYPE_CHECKING:
    from tvae.checks.measured import Measured, Way
    from tvae.nn import TernaryVAE

_COLUMNS = {
    "coverage": "coverage",
    "hierarchy_B": "hier_B",
    "hierarchy_A": "hier_A",
    "ultrametric_B": "ultra_B",
    "tree_inversions_B": "tree_B",
}


class Measuring:
    """How checkpoints are measured: once with these options, for every file."""

    def __init__(
        self, pairs: Literal["exact"] | int, seed: int, legacy: bool, *, say: Callable[[str], None]
    ) -> None:
        self.pairs: Literal["exact"] | int = pairs
        self.seed = seed
        self.legacy = legacy
        #: What hears of the assumptions behind an old file.
        self.say = say
        self._known: dict[str, Measured] = {}

    def __call__(self, path: str) -> Measured:
        """Load a checkpoint and measure it; the same weights in another file are not measured again."""
        import tvae
        from tvae.checks.measured import Measured
        from tvae.legacy.notes import assumed

        model = tvae.load(path)
        for told in assumed(getattr(model, "record", None)):
            self.say(f"{path}: {told}")
        weights = _digest(model)
        if weights in self._known:
            return self._known[weights]
        found = tvae.evaluate(model, pairs=self.pairs, seed=self.seed, legacy=self.legacy)
        self._known[weights] = Measured(
            metric_version=found.metric_version,
            pairs=found.pairs,
            metrics=found.metrics,
            ceilings=found.ceilings,
            levels=found.levels,
        )
        return self._known[weights]

    @property
    def way(self) -> Way:
        """What tells its results from those of other options."""
        from tvae.checks.measured import Way
        from tvae.metrics import METRIC_VERSION

        return Way(self.pairs, self.seed, self.legacy, METRIC_VERSION)


def _digest(model: TernaryVAE) -> str:
    """What two models have in common that compute the same: their spec, their depth and every tensor."""
    import hashlib

    import msgspec

    digest = hashlib.sha256(msgspec.json.encode((model.spec, model.space.depth)))
    for name, tensor in model.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def plain(path: str, found: Measured) -> dict[str, object]:
    """A result as `--json` has it."""
    return {
        "checkpoint": path,
        "metric_version": found.metric_version,
        "pairs": found.pairs,
        "metrics": found.metrics,
        "ceilings": found.ceilings,
        "levels": found.levels,
    }


def survey(
    sources: Sequence[str],
    measure: Measuring,
    *,
    keep: bool,
    refresh: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure the checkpoints below folders, and files named beside them.

    Raises:
        MissingError: if there is none, or none of them could be measured.
        typer.Exit: after the table, with the code of the first file that was named and failed.
    """
    from tvae.checks.measured import Shelf

    skipped: list[dict[str, str]] = []
    paths = [path for source in sources for path in _checkpoints(source, skipped)]
    for path in sorted({*paths, *(one["path"] for one in skipped)}):
        tell_danger(path, quiet=quiet)
    folder = kept("measured") if keep else None
    shelf = Shelf(Path(folder) if folder else None)
    silent = quiet or as_json
    found: dict[str, Measured] = {}
    failed: list[TvaeError] = []
    pace = Pace(len(paths), silent=silent)
    for path in paths:
        pace.step(path)
        try:
            found[path] = _measured(path, measure, shelf, refresh=refresh)
        except DeviceError:
            raise
        except TvaeError as error:
            if path in sources:
                failed.append(error)
            elif isinstance(error, StorageError):
                raise
            skipped.append({"path": path, "reason": one_line(error.line)})
    if not silent:
        named = {str(error.path) for error in failed}
        for entry in (one for one in skipped if one["path"] not in named):
            remark(f"tvae: skipped: {entry['reason']}")
        if shelf.trouble:
            remark(f"tvae: nothing was kept: {one_line(shelf.trouble)}")
    if not found:
        raise MissingError(
            "no checkpoint below this folder could be measured",
            path=sources[0],
            expected="a checkpoint of tvae, or of its predecessor",
            got=skipped[0]["reason"] if skipped else "no checkpoint below this folder",
        )
    contradicted = {path: _contradictions(path, one) for path, one in found.items()}
    if as_json:
        results = [
            {**plain(path, one), **({"differs": contradicted[path]} if contradicted[path] else {})}
            for path, one in found.items()
        ]
        result_json({"results": results, "skipped": skipped, **as_error(failed)})
    else:
        result(_table(found, contradicted, sources))
    end(failed, silent=as_json)


def as_error(failed: Sequence[TvaeError]) -> dict[str, object]:
    """The error object of the first file that was named and failed, for `--json`."""
    return {"error": describe(failed[0]).as_json()} if failed else {}


def end(failed: Sequence[TvaeError], *, silent: bool) -> None:
    """Files that were named have to be measured: without one the command fails, after the others.

    Raises:
        typer.Exit: with the code of the first.
    """
    import typer

    if not silent:
        for error in failed:
            remark(f"tvae: error: {one_line(error.line)}")
    if failed:
        raise typer.Exit(failed[0].code)


def _measured(path: str, measure: Measuring, shelf: Any, *, refresh: bool) -> Measured:
    place = Path(path)
    known: Measured | None = None if refresh else shelf.find(place, measure.way)
    if known is not None:
        # Under another name it was not known to the index yet.
        shelf.keep(place, measure.way, known)
        return known
    found = measure(path)
    shelf.keep(place, measure.way, found)
    return found


def _checkpoints(source: str, skipped: list[dict[str, str]]) -> Iterator[str]:
    """The files that an argument stands for; what is no model goes to `skipped`."""
    folder = Path(source)
    if not folder.is_dir():
        yield source
        return
    from tvae.checkpoint import read_record
    from tvae.legacy import weights

    suffixes = (".safetensors", *weights.SUFFIXES)
    for path in sorted(path for path in folder.rglob("*") if path.suffix in suffixes and path.is_file()):
        try:
            if weights.is_old(path):
                weights.describe(path)
            else:
                read_record(path)
        except (CheckpointError, StorageError, MissingError) as error:
            skipped.append({"path": str(path), "reason": one_line(error.line)})
        else:
            yield str(path)


def _contradictions(path: str, found: Measured) -> dict[str, Mapping[str, float]]:
    """Stored metrics of a file that are not the measured ones."""
    from tvae import scanning
    from tvae.checks.measured import contradictions

    try:
        metrics = scanning.inspect(path).metrics
    except TvaeError:
        return {}
    stored = {name: {"value": one.value, "family": one.family} for name, one in metrics.items()}
    return {
        name: {"stored": value, "measured": measured}
        for name, value, measured in contradictions(stored, found.metrics)
    }


def _table(
    found: Mapping[str, Measured],
    contradicted: Mapping[str, Mapping[str, Mapping[str, float]]],
    sources: Sequence[str],
) -> str:
    root = sources[0] if len(sources) == 1 else ""
    paths: list[str] = []
    remarks: list[str] = []
    for path, one in found.items():
        said = ", ".join(f"stored {name} {pair['stored']:.4g}" for name, pair in contradicted[path].items())
        paths.append(one_line(os.path.relpath(path, root) if root else path))
        remarks.append("; ".join(filter(None, [*faults(one.metrics), said])))
    title = f"below {one_line(root)}" if root else "path"
    cells = [
        Column(title, paths, short="path", flexible=True),
        *(
            Column(head, [score(one.metrics.get(name)) for one in found.values()], right=True, rank=rank)
            for rank, (name, head) in enumerate(_COLUMNS.items())
        ),
    ]
    first = next(iter(found.values()))
    how = "every pair" if first.pairs == "exact" else f"sampled pairs, {first.pairs}"
    differ = sum(bool(one) for one in contradicted.values())
    tail = f"{len(found)} measured ({how}, metrics version {first.metric_version})"
    if differ:
        tail += f", {differ} of them not as stored"
    return f"{_lines(cells, remarks, terminal_width())}\n" + filled(tail, width=terminal_width())


def _lines(cells: Sequence[Column], remarks: Sequence[str], width: int) -> str:
    """The table with its remarks: at the end of the lines, or below them where they do not fit."""
    wide = lay_out([*cells, Column("", remarks)], width=UNLIMITED)
    if all(columns_of(line) <= width for line in wide.split("\n")):
        return wide
    head, *lines = lay_out(cells, width=width).split("\n")
    indent = " " * 6
    below = [filled(remark, width=width, indent=indent, first=indent) for remark in remarks]
    told = (text for line, more in zip(lines, below, strict=True) for text in (line, more) if text)
    return "\n".join([head, *told])
