"""One figure about a run: the ball, the radii, the distances, the training.

Example:
    >>> from pathlib import Path
    >>> plot("no-such-run", None, out=Path("outputs"))
    Traceback (most recent call last):
    tvae.errors.MissingError: no-such-run: there is no such run or checkpoint ...
"""

from __future__ import annotations

from pathlib import Path

from tvae.checkpoint.atomic import write_chunks
from tvae.errors import ConfigError
from tvae.report.source import find, read_picture

__all__ = ["plot"]


def plot(source: str, output: Path | None, *, out: Path) -> Path:
    """Draw a run or a checkpoint; returns where the picture is.

    Args:
        source: a checkpoint file, a run's name below `out`, its models or runs folder, or "default".
        output: a `.png` or a self-contained `.html`; None: a PNG beside the run's checkpoints, or in
            the current folder where the source is no run.
        out: the folder that holds `models/` and `runs/`.

    Raises:
        ConfigError: if `output` has another suffix.
        MissingError: if there is no such run or checkpoint, or nothing in it to draw.
        CheckpointError: if the checkpoint is damaged.
        DependencyError: if matplotlib is not installed.
        StorageError: if the picture cannot be written.

    Example:
        >>> plot("default", Path("picture.pdf"), out=Path("outputs"))
        Traceback (most recent call last):
        tvae.errors.ConfigError: picture.pdf: cannot draw to this suffix (expected .png or .html, got .pdf)
    """
    if output is not None and output.suffix not in (".png", ".html"):
        raise ConfigError(
            "cannot draw to this suffix",
            path=str(output),
            expected=".png or .html",
            got=output.suffix or "none",
        )
    found = find(source, out=out)
    target = output if output is not None else found.default_output
    # Asked for before the model is read and embedded, which takes longer than the answer.
    from tvae.report.canvas import png, require_matplotlib, svg

    require_matplotlib()
    picture = read_picture(found)
    if target.suffix == ".html":
        from tvae.report.page import page

        return write_chunks(target, [page(picture, svg(picture)).encode()])
    return write_chunks(target, [png(picture)])
