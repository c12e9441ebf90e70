"""The panels of the figure, each a function of plain arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tvae.checkpoint.card import ceiling_of, in_order
from tvae.report.picture import Curve, Floats, Ints
from tvae.report.view import disk

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, MUTED, _FAINT = "#1f2433", "#6b7285", "#c9cedb"
_PALE, _DISK = "#9aa1b0", "#f4f5fa"
#: A gap below this is drawn as none.
_REACHED = 1e-6
#: Okabe and Ito's colours, which every kind of colour vision tells apart.
_CURVES = {"coverage": "#0072b2", "ultrametric": "#d55e00", "hierarchy": "#009e73"}
_STRIP_POINTS = 1500


def level_colours(levels: int) -> list[tuple[float, float, float, float]]:
    """One colour per valuation: violet at the rim to yellow at the centre, colour-blind safe."""
    from matplotlib import colormaps

    shades = np.linspace(0.05, 0.93, max(levels, 2))
    return [tuple(float(x) for x in colormaps["viridis"](shade)) for shade in shades[:levels]]  # type: ignore[misc]


def ball_panel(
    ax: Axes, points: Floats, radii: Floats, valuations: Ints, *, levels: int, r_max: float | None = None
) -> None:
    """All operations as the ball sees them: the radius is true, the angle tells subtrees apart.

    Args:
        ax: where to draw.
        points: ball points (N, D).
        radii: their hyperbolic radii (N,).
        valuations: their valuations (N,), each below `levels`.
        levels: number of valuations in the space.
        r_max: radius of the rim; None: just beyond the farthest point.
    """
    from matplotlib.patches import Annulus, Circle

    positions = disk(points, radii, valuations)
    reach = max(r_max or 0.0, float(radii.max()) * 1.02, 1e-6)
    ax.add_patch(Circle((0, 0), reach, facecolor=_DISK, edgecolor=MUTED, linewidth=1.1, zorder=0))
    colours = level_colours(levels)
    for level in np.unique(valuations):
        ring = valuations == level
        inner, outer = float(radii[ring].min()), float(radii[ring].max())
        if inner < outer:
            band = Annulus(
                (0, 0), outer, outer - inner, color=colours[level], alpha=0.13, linewidth=0, zorder=1
            )
            ax.add_patch(band)
        size = float(np.clip(200.0 / math.sqrt(ring.sum()), 1.2, 75.0))
        ax.scatter(
            positions[ring, 0],
            positions[ring, 1],
            s=size,
            color=colours[level],
            alpha=0.6 if ring.sum() > 2000 else 0.95,
            linewidths=0.7 if size > 20 else 0,
            edgecolors="white" if size > 20 else "none",
            rasterized=True,
            zorder=2 + float(level),
        )
    ax.annotate(
        f"R = {reach:.2f}",
        (reach * math.cos(-math.pi / 4), reach * math.sin(-math.pi / 4)),
        xytext=(4, -4),
        textcoords="offset points",
        va="top",
        fontsize=8.5,
        color=MUTED,
    )
    ax.set(xlim=(-reach * 1.02, reach * 1.02), ylim=(-reach * 1.02, reach * 1.02), aspect="equal")
    ax.set_anchor("NW")
    ax.axis("off")


def radius_panel(ax: Axes, radii: Floats, valuations: Ints, counts: Sequence[int]) -> None:
    """Hyperbolic radius by valuation: each strip is as wide as the level is dense there."""
    rng = np.random.default_rng(0)
    colours = level_colours(len(counts))
    top = float(radii.max()) or 1.0
    for level in range(len(counts)):
        inside = radii[valuations == level]
        if not len(inside):
            continue
        shown = inside if len(inside) <= _STRIP_POINTS else rng.choice(inside, _STRIP_POINTS, replace=False)
        width = _density(shown, inside)
        ax.scatter(
            level + width * rng.uniform(-0.42, 0.42, len(shown)),
            shown,
            s=3.0 if len(inside) > 100 else 9.0 if len(inside) > 10 else 22.0,
            color=colours[level],
            alpha=0.6 if len(inside) > 100 else 0.95,
            linewidths=0,
            rasterized=True,
        )
    ax.set(
        xlabel="valuation v(i), operations of that valuation",
        ylabel="hyperbolic radius",
        ylim=(0, top * 1.05),
        xlim=(-0.7, len(counts) - 0.3),
    )
    _whole_ticks(ax, len(counts))
    ax.set_xticks(
        ax.get_xticks(), [f"{level:.0f}\n{_short(counts[int(level)])}" for level in ax.get_xticks()]
    )
    ax.tick_params(axis="x", labelsize=7.8)


def _short(count: int) -> str:
    """A count in at most four characters: 4374, 13k, 354k, 775M."""
    if count < 10_000:
        return str(count)
    return f"{count / 1e3:.0f}k" if count < 1_000_000 else f"{count / 1e6:.0f}M"


def _density(shown: Floats, inside: Floats) -> Floats:
    """The density of `inside` at `shown`, 1 where it is highest."""
    if len(inside) < 6 or inside.max() == inside.min():
        return np.zeros(len(shown))
    heights, edges = np.histogram(inside, bins=max(4, min(30, len(inside) // 8)))
    centres = (edges[:-1] + edges[1:]) / 2
    density: Floats = np.interp(shown, centres, heights / heights.max())
    return density


def distance_panel(ax: Axes, distances: Sequence[Floats], *, levels: int) -> None:
    """Poincare distance by v(i-j): whole range, 90 %, half, and the median of sampled pairs.

    Args:
        ax: where to draw.
        distances: by level k, the distances of pairs with v(i-j) = k.
        levels: number of valuations in the space, for the colours.
    """
    colours = level_colours(levels)
    for level, values in enumerate(distances):
        if not len(values):
            continue
        low, q05, q25, median, q75, q95, high = np.quantile(values, [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1])
        for bottom, top, width, alpha in (
            (low, high, 0.16, 0.45),
            (q05, q95, 0.5, 0.4),
            (q25, q75, 0.72, 1.0),
        ):
            ax.bar(level, top - bottom, width, bottom=bottom, color=colours[level], alpha=alpha, linewidth=0)
        ax.plot(
            [level - 0.36, level + 0.36],
            [median, median],
            color="white",
            linewidth=1.5,
            solid_capstyle="butt",
        )
    farthest = max((float(values.max()) for values in distances if len(values)), default=0.0) or 1.0
    ax.set(
        xlabel="v(i\N{MINUS SIGN}j): equal low trits",
        ylabel="Poincar\N{LATIN SMALL LETTER E WITH ACUTE} distance",
        ylim=(0, farthest * 1.05),
        xlim=(-0.7, len(distances) - 0.3),
    )
    _whole_ticks(ax, len(distances))


def curves_panel(
    ax: Axes, evaluations: Mapping[str, Curve], ceilings: Mapping[str, float], *, loss: Curve | None = None
) -> None:
    """How far each metric is from the best that it can reach, the loss behind them.

    The gap is a share of the ceiling, so an inverted hierarchy is 2 away from its own; what is closer
    than 1e-6 counts as reached.
    """
    from matplotlib.ticker import MaxNLocator

    if loss is not None and len(loss.steps):
        _loss_behind(ax, loss)
    for (name, colour), marker in zip(_CURVES.items(), "oDs", strict=True):
        curve, best = _of(evaluations, name), ceiling_of(name, ceilings)
        if curve is None or not best:
            continue
        ax.plot(
            curve.steps,
            np.maximum(np.abs(1 - curve.values / best), _REACHED),
            label=name,
            color=colour,
            linewidth=1.8,
            marker=marker,
            markersize=5.5,
            markeredgecolor="white",
            clip_on=False,
            zorder=3,
        )
    ax.set(xlabel="step", ylabel="gap to the ceiling", yscale="log", ylim=(_REACHED, 3))
    ax.set_yticks([1, 1e-2, 1e-4, _REACHED], ["1", "0.01", "0.0001", "reached"])
    ax.set_yticks([], minor=True)
    ax.set_xlim(left=0)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    if ax.get_legend_handles_labels()[0]:
        ax.legend(
            loc="lower left",
            bbox_to_anchor=(-0.02, 0.985),
            ncols=3,
            frameon=False,
            fontsize=8.5,
            handlelength=1.5,
            columnspacing=1.3,
            borderpad=0,
        )


def _loss_behind(ax: Axes, loss: Curve) -> None:
    behind = ax.twinx()
    behind.plot(loss.steps, loss.values, color=_FAINT, linewidth=1.2)
    if loss.values.min() > 0:
        behind.set_yscale("log")
    behind.set_ylabel("loss", color=_PALE)
    behind.tick_params(axis="y", colors=_PALE, which="both")
    behind.spines[["top", "left", "bottom"]].set_visible(False)
    behind.spines["right"].set(visible=True, color=_FAINT)
    ax.set_zorder(behind.get_zorder() + 1)
    ax.patch.set_visible(False)


def table_panel(ax: Axes, metrics: Mapping[str, float | None], ceilings: Mapping[str, float]) -> None:
    """The metrics in words, each beside its ceiling."""
    ax.axis("off")
    rows = table_rows(metrics, ceilings)[:16]
    if not rows:
        ax.text(0, 0.9, "no metrics recorded", color=MUTED)
        return
    step = min(0.085, 0.94 / (len(rows) + 1))
    for column, heading, side in (
        (0.0, "metric", "left"),
        (0.62, "value", "right"),
        (0.92, "ceiling", "right"),
    ):
        ax.text(column, 0.97, heading, ha=side, va="center", fontsize=8.5, color=MUTED)
    for place, (name, value, best) in enumerate(rows, start=1):
        height = 0.97 - place * step
        ax.axhline(height + step / 2, 0, 0.92, color=_FAINT, linewidth=0.6)
        ax.text(0, height, name, va="center", fontsize=9)
        ax.text(0.62, height, value, ha="right", va="center", fontsize=9, color=INK)
        ax.text(0.92, height, best, ha="right", va="center", fontsize=9, color=MUTED)
    ax.set(xlim=(0, 1), ylim=(0, 1))


def table_rows(
    metrics: Mapping[str, float | None], ceilings: Mapping[str, float]
) -> list[tuple[str, str, str]]:
    """Name, value and ceiling of each metric that was measured; of branch A only what is no repetition.

    Example:
        >>> table_rows({"hierarchy_B": -0.83205, "hierarchy_A": None}, {"hierarchy": -0.8320503})
        [('hierarchy_B', '-0.83205', '-0.832050')]
    """
    rows = []
    for name in in_order(metrics):
        value = metrics[name]
        if value is not None:
            best = ceiling_of(name, ceilings)
            rows.append((name, f"{value:.6g}", "" if best is None else f"{best:.6f}".rstrip("0").rstrip(".")))
    return rows


def _of(evaluations: Mapping[str, Curve], name: str) -> Curve | None:
    return evaluations.get(f"{name}_B") or evaluations.get(name)


def _whole_ticks(ax: Axes, count: int) -> None:
    ax.set_xticks(range(0, count, 1 if count <= 12 else 2))
    ax.yaxis.grid(True, color="#e8eaf1", linewidth=0.8)
    ax.set_axisbelow(True)
