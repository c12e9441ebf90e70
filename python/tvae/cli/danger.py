"""One line about a file that nobody should load, from commands that only read it."""

from __future__ import annotations

from tvae.cli.failure import one_line
from tvae.cli.output import remark


def tell_danger(source: str, *, quiet: bool) -> None:
    """Say on stderr that a checkpoint is dangerous, if it is; what cannot be looked at is told elsewhere."""
    from tvae import scanning
    from tvae.errors import TvaeError
    from tvae.loading import locate

    if quiet:
        return
    try:
        record = scanning.inspect(locate(source))
    except (TvaeError, OSError):
        return
    if record.safety != "dangerous":
        return
    named = dict.fromkeys(f"{one.module}.{one.name}" for one in record.imports if one.class_ == "dangerous")
    which = f" such as {next(iter(named))}" if named else ""
    told = f"{source} is dangerous: to unpickle it runs code{which}; nothing of it was run here"
    remark(f"tvae: {one_line(told)}")
