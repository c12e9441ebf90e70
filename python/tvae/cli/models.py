"""`tvae models`: the model names of the predecessor, and what has their place."""

from __future__ import annotations

from typing import Annotated

import typer

from tvae.cli.listing.layout import terminal_width
from tvae.cli.option import Debug, Json, Quiet
from tvae.cli.output import folded, result, result_json


def models(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One name; without it, all of them.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """List the model names of old configs and checkpoints: status, replacement, whether weights load."""
    import msgspec

    from tvae.errors import ConfigError
    from tvae.legacy.models import MODELS, find

    found = MODELS
    if name is not None:
        one = find(name)
        if one is None:
            from tvae.config.suggestion import nearest

            near = nearest(name, [model.name for model in MODELS])
            raise ConfigError(
                f"no model of the predecessor is called {name!r}",
                hint=f"did you mean {near}?" if near else "`tvae models` lists them all",
            )
        found = (one,)
    if as_json:
        result_json({"models": msgspec.to_builtins(found)})
        return
    head = ("name", "status", "loads", "today", "note")
    rows = [head, *((m.name, m.status, m.loads, m.replaced_by or "-", m.note) for m in found)]
    result(folded(rows, width=terminal_width(), beside=4))
    result("\nstatus: the predecessor's own, of that name; today: what has its place")
