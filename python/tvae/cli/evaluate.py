"""`tvae eval`: measure checkpoints, every metric beside its ceiling."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tvae.cli.option import Debug, Json, Quiet
from tvae.cli.output import note, result, result_json
from tvae.errors import CheckpointError, ConfigError, MissingError

if TYPE_CHECKING:
    from tvae.metrics import Metrics


def evaluate(
    sources: Annotated[
        list[str], typer.Argument(metavar="CKPT|DIR...", help="Checkpoints, folders of them, or `default`.")
    ],
    pairs: Annotated[
        str, typer.Option("--pairs", metavar="exact|N", help="Every pair, or N sampled pairs per level.")
    ] = "exact",
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Seed of the posterior sample and of pairs.")
    ] = 0,
    legacy: Annotated[
        bool, typer.Option("--legacy", help="dist_corr and Q on 1000 operations, as the predecessor did.")
    ] = False,
    levels: Annotated[
        bool, typer.Option("--levels", help="Also show radii and tree inversions by level.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Measure checkpoints. A folder means every checkpoint of ours below it."""
    method = _pairs(pairs)
    if seed < 0:
        raise ConfigError("the seed is negative", path="--seed", expected="0 or more", got=str(seed))
    skipped: list[dict[str, str]] = []
    paths = [path for source in sources for path in _checkpoints(source, skipped)]
    if not (quiet or as_json):
        for entry in skipped:
            note(f"tvae: skipped: {entry['reason']}")

    import tvae

    measured: list[tuple[str, Metrics]] = []
    for number, path in enumerate(paths, start=1):
        if len(paths) > 1 and not (quiet or as_json):
            note(f"[{number}/{len(paths)}] {path}")
        found = tvae.evaluate(tvae.load(path), pairs=method, seed=seed, legacy=legacy)
        measured.append((path, found))
        if not as_json:
            _show(path, found, levels=levels, first=number == 1)
    if as_json:
        result_json({"results": [_plain(path, found) for path, found in measured], "skipped": skipped})


def _pairs(text: str) -> Literal["exact"] | int:
    if text == "exact":
        return "exact"
    if text.isascii() and text.isdigit() and 0 < int(text[:18]) < 2**53:
        return int(text)
    raise ConfigError("not a number of pairs", path="--pairs", expected="exact, or 1 or more", got=text[:40])


def _checkpoints(source: str, skipped: list[dict[str, str]]) -> list[str]:
    """The files that an argument stands for; what is not ours in a folder goes to `skipped`."""
    folder = Path(source)
    if not folder.is_dir():
        return [source]
    from tvae.checkpoint import read_record

    files = sorted(folder.rglob("*.safetensors"))
    ours: list[str] = []
    for path in files:
        try:
            read_record(path)
        except CheckpointError as error:
            skipped.append({"path": str(path), "reason": str(error)})
        else:
            ours.append(str(path))
    if not ours:
        seen = f"{len(files)} .safetensors files, none of them ours" if files else "no .safetensors file"
        raise MissingError(
            "no checkpoint below this folder", path=source, expected="a checkpoint of tvae", got=seen
        )
    return ours


def _plain(path: str, found: Metrics) -> dict[str, object]:
    return {
        "checkpoint": path,
        "metric_version": found.metric_version,
        "pairs": found.pairs,
        "metrics": found.metrics,
        "ceilings": found.ceilings,
        "levels": found.levels,
    }


def _show(path: str, found: Metrics, *, levels: bool, first: bool) -> None:
    from tvae.cli.scores import level_table, table

    pairs = (
        "every pair"
        if found.pairs == "exact"
        else f"{found.pairs:,} sampled pairs"
        if isinstance(found.pairs, int)
        else found.pairs
    )
    result(f"{'' if first else chr(10)}{path} ({pairs}, metrics version {found.metric_version})")
    result(table(found.metrics, found.ceilings))
    if levels:
        result("\n" + level_table(found.levels))
