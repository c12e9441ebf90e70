"""`tvae plot`: a run or a checkpoint as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tvae.cli.danger import tell_danger
from tvae.cli.option import Debug, Json, Out, Quiet
from tvae.cli.output import remark, result, result_json
from tvae.cli.settings import out_folder, variables


def plot(
    source: Annotated[
        str, typer.Argument(metavar="RUN|CKPT", help="A run's name or folder, or a checkpoint.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The picture: .png or .html.")
    ] = None,
    out: Out = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Draw the embedding, the levels and the course of training."""
    from tvae.report import find
    from tvae.report import plot as draw

    def say(told: str) -> None:
        if not (quiet or as_json):
            remark(f"tvae: {told}")

    home = out_folder(out, variables())
    if checkpoint := find(source, out=home).checkpoint:
        tell_danger(checkpoint, quiet=quiet)
    written = draw(source, output, out=home, say=say)
    if as_json:
        result_json({"source": source, "output": str(written)})
    else:
        result(str(written))
