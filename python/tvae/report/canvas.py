"""From a picture to the bytes of a PNG or an SVG, without touching matplotlib's global state."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from tvae.errors import DependencyError
from tvae.report.picture import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 180
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.edgecolor": "#9aa1b0",
    "axes.labelcolor": "#3c4254",
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "text.color": "#1f2433",
    "xtick.color": "#6b7285",
    "ytick.color": "#6b7285",
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "axes.grid": False,
    "svg.hashsalt": "tvae",
}


def require_matplotlib() -> None:
    """Raise where the extra `plot` is not installed.

    Raises:
        DependencyError: with the command that installs it.

    Example:
        >>> require_matplotlib()
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise DependencyError(
            "plots need matplotlib, which is not installed", hint="pip install 'tvae[plot]'"
        ) from error


def png(picture: Picture) -> bytes:
    """The figure as a PNG, 1800 pixels wide."""

    def write(figure: Figure, stream: io.BytesIO) -> None:
        figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})

    return _rendered(picture, write)


def svg(picture: Picture) -> str:
    """The figure as an SVG element; the clouds of points inside it are bitmaps."""

    def write(figure: Figure, stream: io.BytesIO) -> None:
        blank = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(stream, format="svg", dpi=_DPI, metadata=blank)

    text = _rendered(picture, write).decode()
    return re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)


def _rendered(picture: Picture, write: Callable[[Figure, io.BytesIO], None]) -> bytes:
    require_matplotlib()
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from tvae.report.layout import draw

    stream = io.BytesIO()
    with matplotlib.rc_context():
        # A user's own style would move what is placed by hand here.
        matplotlib.rcdefaults()
        cast(dict[str, Any], matplotlib.rcParams).update(_STYLE)
        figure = draw(picture)
        FigureCanvasAgg(figure)
        write(figure, stream)
    return stream.getvalue()
