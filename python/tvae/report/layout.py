"""How the panels become one figure: four with a ball, two without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tvae.checkpoint.card import base_name, ceiling_of
from tvae.report.figure import (
    INK,
    MUTED,
    ball_panel,
    curves_panel,
    distance_panel,
    level_colours,
    radius_panel,
    table_panel,
)
from tvae.report.picture import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec

_HEADLINE = ("coverage", "ultrametric", "hierarchy", "inversions")


def draw(picture: Picture) -> Figure:
    """The whole figure: four panels with a ball, two without."""
    from matplotlib.figure import Figure

    ball = picture.ball
    figure = Figure(figsize=(10, 9.6 if ball else 5.2), facecolor="white")
    height = figure.get_figheight()
    figure.text(0.055, 1 - 0.30 / height, picture.title, fontsize=15, fontweight="bold", va="center")
    facts = "   \N{MIDDLE DOT}   ".join(picture.facts)
    figure.text(0.055, 1 - 0.60 / height, facts, fontsize=9.5, color=MUTED, va="center")
    figure.text(0.055, 1 - 0.84 / height, _headline(picture), fontsize=9.5, color=INK, va="center")
    rows = 2 if ball else 1
    grid = figure.add_gridspec(
        rows,
        2,
        left=0.075 if ball else 0.1,
        right=0.925,
        bottom=0.58 / height,
        top=1 - 1.55 / height,
        wspace=0.24,
        hspace=0.42,
        width_ratios=[1.22, 1] if ball else [1, 1],
        height_ratios=[1.42, 1] if ball else [1],
    )
    has_curves = bool(picture.evaluations or picture.loss)
    letters = iter("abcd")
    if ball is not None:
        levels = len(ball.counts)
        ax = _panel(
            figure,
            grid[0, 0],
            next(letters),
            "The ball",
            "ring = valuation, radius = hyperbolic, arcs = subtrees",
        )
        ball_panel(ax, ball.points, ball.radii, ball.valuations, levels=levels, r_max=ball.r_max)
        _valuation_key(ax, levels)
        ax = _panel(
            figure,
            grid[0, 1],
            next(letters),
            "Radius by valuation",
            "each strip as wide as the level is dense",
        )
        radius_panel(ax, ball.radii, ball.valuations, ball.counts)
        ax = _panel(
            figure,
            grid[1, 0],
            next(letters),
            "Distance by 3-adic distance",
            "median, half, 90 % and all of the pairs",
        )
        distance_panel(ax, ball.distances, levels=levels)
    if has_curves:
        ax = _panel(
            figure,
            grid[-1, 1 if ball else 0],
            next(letters),
            "Training",
            "",
        )
        curves_panel(ax, picture.evaluations, picture.ceilings, loss=picture.loss)
    if not (ball and has_curves):
        ax = _panel(figure, grid[-1, 1], next(letters), "Metrics", "and the best that can be reached")
        table_panel(ax, picture.metrics, picture.ceilings)
    return figure


def _panel(figure: Figure, place: SubplotSpec, letter: str, title: str, note: str) -> Axes:
    ax: Axes = figure.add_subplot(place)
    for text, offset, size, weight, colour in (
        (f"{letter}   {title}", 19, 11, "bold", INK),
        (note, 6, 8.5, "normal", MUTED),
    ):
        ax.annotate(
            text,
            (0, 1),
            xycoords="axes fraction",
            xytext=(0, offset),
            textcoords="offset points",
            fontsize=size,
            fontweight=weight,
            color=colour,
            annotation_clip=False,
        )
    return ax


def _valuation_key(ax: Axes, levels: int) -> None:
    from matplotlib.lines import Line2D

    colours = level_colours(levels)
    # Ten marks fit below the disk.
    shown = range(0, levels, -(-levels // 10))
    marks = [
        Line2D(
            [],
            [],
            marker="o",
            linestyle="",
            markersize=6.5,
            markeredgewidth=0,
            color=colours[v],
            label=str(v),
        )
        for v in shown
    ]
    ax.legend(
        handles=marks,
        title="valuation",
        title_fontsize=8.5,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.005),
        ncols=len(marks),
        frameon=False,
        fontsize=8.5,
        handletextpad=0.05,
        columnspacing=0.75,
    )


def _headline(picture: Picture) -> str:
    parts = []
    for name in _HEADLINE:
        value = picture.metrics.get(name, picture.metrics.get(f"{name}_B"))
        if value is None:
            continue
        best = ceiling_of(name, picture.ceilings)
        reach = f" of {best:.5g}" if best and best != 1 else ""
        parts.append(f"{base_name(name)} {value:.5g}{reach}".replace("-", "\N{MINUS SIGN}"))
    return "   \N{MIDDLE DOT}   ".join(parts)
