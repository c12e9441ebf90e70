"""The options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def _presets(incomplete: str) -> list[str]:
    from tvae.config.presets import names

    return [name for name in names() if name.startswith(incomplete)]


Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress on stderr; alerts and errors remain.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Set one key of the config, such as optim.lr=0.01; repeatable."
    ),
]
Source = Annotated[
    str | None,
    typer.Argument(
        metavar="[PRESET|FILE]",
        help="A preset's name or a YAML file; without it, the preset `default`.",
        show_default=False,
        autocompletion=_presets,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="DIR", help="Where runs live; without it, TVAE_OUT or outputs.", show_default=False
    ),
]

#: Where runs live unless --out or TVAE_OUT says otherwise.
DEFAULT_OUT = Path("outputs")
