"""One line about a file that nobody should load, from commands that only read it."""

from __future__ import annotations

from tvae.cli.failure import one_line
from tvae.cli.output import remark


def tell_danger(source: str, *, quiet: bool) -> None:
    """Say on stderr that a checkpoint is dangerous, if it is; what cannot be looked at is told elsewhere."""
    from tvae import _core
    from tvae.errors import TvaeError
    from tvae.legacy.notes import danger
    from tvae.loading import locate

    if quiet:
        return
    try:
        told = danger(_core.inspect_file(locate(source)))
    except (TvaeError, OSError):
        return
    if told:
        remark(f"tvae: {one_line(f'{source} is {told}')}")
