"""`tvae eval`: measure checkpoints, every metric beside its ceiling."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tvae.cli.danger import tell_danger
from tvae.cli.failure import one_line
from tvae.cli.option import Debug, Json, Quiet
from tvae.cli.output import remark, result, result_json
from tvae.cli.pace import Pace
from tvae.cli.survey import Measuring, as_error, end, plain, survey
from tvae.errors import ConfigError, DeviceError, TvaeError

if TYPE_CHECKING:
    from tvae.checks.measured import Measured


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
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Measure a folder's files whatever was kept, and keep nothing.")
    ] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Measure a folder's files whatever was kept of them.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Measure checkpoints, ours and the predecessor's. A folder means every checkpoint below it.

    What was measured in folders is kept in the user's cache by content, and `tvae scan` shows it.
    """
    method = _pairs(pairs)
    if seed < 0:
        raise ConfigError("the seed is negative", path="--seed", expected="0 or more", got=str(seed))
    if no_cache and refresh:
        raise ConfigError("--refresh and --no-cache exclude each other", path="--refresh")
    silent = quiet or as_json

    def say(told: str) -> None:
        # Over a folder it would drown the table.
        if not silent and not folders:
            remark(f"tvae: {told}")

    folders = [source for source in sources if Path(source).is_dir()]
    measure = Measuring(method, seed, legacy, say=say)
    if folders:
        survey(sources, measure, keep=not no_cache, refresh=refresh, as_json=as_json, quiet=quiet)
        return
    results: list[dict[str, object]] = []
    skipped: list[dict[str, str]] = []
    failed: list[TvaeError] = []
    pace = Pace(len(sources), silent=silent or len(sources) == 1)
    for path in sources:
        pace.step(path)
        tell_danger(path, quiet=quiet)
        try:
            found = measure(path)
        except TvaeError as error:
            if len(sources) == 1 or isinstance(error, DeviceError):
                raise
            failed.append(error)
            skipped.append({"path": path, "reason": one_line(error.line)})
            continue
        if not as_json:
            _show(path, found, levels=levels, first=not results)
        results.append(plain(path, found))
    if as_json:
        result_json({"results": results, "skipped": skipped, **as_error(failed)})
    end(failed, silent=as_json)


def _pairs(text: str) -> Literal["exact"] | int:
    if text == "exact":
        return "exact"
    if text.isascii() and text.isdigit() and 0 < int(text[:18]) < 2**53:
        return int(text)
    raise ConfigError("not a number of pairs", path="--pairs", expected="exact, or 1 or more", got=text[:40])


def _show(path: str, found: Measured, *, levels: bool, first: bool) -> None:
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
