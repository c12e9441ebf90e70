"""One figure about a run: the ball, the radii, the distances, the training.

Example:
    >>> from pathlib import Path
    >>> plot("no-such-run", None, out=Path("outputs"))
    Traceback (most recent call last):
    tvae.errors.MissingError: no-such-run: there is no such run or checkpoint ...
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tvae.checkpoint.atomic import write_chunks
from tvae.errors import ConfigError
from tvae.report.source import find, read_picture

__all__ = ["find", "plot"]


def plot(source: str, output: Path | None, *, out: Path, say: Callable[[str], None] | None = None) -> Path:
    """Draw a run or a checkpoint; returns where the picture is.

    Args:
        source: a checkpoint file, a run's name below `out`, its models or runs folder, or "default".
        output: a `.png` or a self-contained `.html`; None: a PNG beside the run's checkpoints, or in
            the current folder where the source is no run.
        out: the folder that holds `models/` and `runs/`.
        say: is told what was assumed of an old file.

    Raises:
        ConfigError: if `output` has another suffix, or is a folder.
        MissingError: if there is no such run or checkpoint, or nothing in it to draw.
        CheckpointError: if the checkpoint is damaged.
        DependencyError: if matplotlib is not installed.
        StorageError: if the picture cannot be written.

    Example:
        >>> plot("default", Path("picture.pdf"), out=Path("outputs"))
        Traceback (most recent call last):
        tvae.errors.ConfigError: picture.pdf: cannot draw to this suffix (expected .png or .html, got .pdf)
    """
    found = find(source, out=out)
    target = output if output is not None else found.default_output
    if target.is_dir():
        raise ConfigError(f"{target} is a folder", path=str(target), hint="name a file in it, .png or .html")
    if target.suffix not in (".png", ".html"):
        raise ConfigError(
            "cannot draw to this suffix",
            path=str(target),
            expected=".png or .html",
            got=target.suffix or "none",
        )
    # Asked for before the model is read and embedded, which takes longer than the answer.
    from tvae.report.canvas import png, require_matplotlib, svg

    require_matplotlib()
    picture = read_picture(found)
    if say:
        for told in picture.notes:
            say(f"{found.checkpoint}: {told}")
    if target.suffix == ".html":
        from tvae.report.page import page

        return write_chunks(target, [page(picture, svg(picture)).encode()])
    return write_chunks(target, [png(picture)])
