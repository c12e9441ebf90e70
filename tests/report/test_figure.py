"""The panels and the whole figure, from arrays alone."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from tvae.report.canvas import png, svg
from tvae.report.figure import curves_panel, distance_panel, level_colours, radius_panel, table_rows
from tvae.report.page import page
from tvae.report.picture import Ball, Curve, Floats, Ints, Picture
from tvae.report.view import disk

DEPTH = 5
CEILINGS = {"coverage": 1.0, "hierarchy": -0.832, "ultrametric": 0.832}


def tree(depth: int = DEPTH, dimension: int = 6) -> tuple[Floats, Floats, Ints]:
    """Points whose directions follow the trits and whose radii follow the valuation."""
    ids = np.arange(3**depth)
    trits = np.stack([ids // 3**k % 3 for k in range(depth)], axis=1)
    valuations = np.where(ids == 0, depth, (trits != 0).argmax(axis=1))
    axes = np.random.default_rng(1).normal(size=(2 * depth, dimension))
    turns = np.exp(2j * np.pi * trits / 3) * 0.5 ** np.arange(depth)
    directions = np.concatenate([turns.real, turns.imag], axis=1) @ axes
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    radii = (depth - valuations) / depth * (3.0 + 0.1 * np.cos(ids))
    return directions * np.tanh(radii / 2)[:, None], radii, valuations.astype(np.int64)


def curve(*values: float) -> Curve:
    return Curve(np.arange(1, len(values) + 1) * 10, np.array(values))


def picture(**changes: object) -> Picture:
    points, radii, valuations = tree()
    counts = np.bincount(valuations).tolist()
    distances = [np.random.default_rng(k).uniform(DEPTH - k, DEPTH - k + 1, 200) for k in range(DEPTH)]
    values: dict[str, object] = {
        "title": "run <1>",
        "facts": ["243 operations"],
        "metrics": {"coverage": 0.5, "hierarchy_A": None, "hierarchy_B": -0.8},
        "ceilings": CEILINGS,
        "evaluations": {"coverage": curve(0.5, 1.0), "hierarchy_B": curve(0.3, -0.8)},
        "loss": curve(9.0, 1.0, 0.1),
        "ball": Ball(points, radii, valuations, distances, counts, 3.3),
    }
    return Picture(**{**values, **changes})  # type: ignore[arg-type]


VARIANTS = {
    "whole": {},
    "no ball": {"ball": None},
    "no curves": {"evaluations": {}, "loss": None},
    "loss alone": {"evaluations": {}},
    "negative loss": {"loss": curve(1.0, -1.0)},
    "nothing": {"ball": None, "evaluations": {}, "loss": None, "metrics": {}, "facts": [], "ceilings": {}},
}


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS.keys())
def test_every_variant_is_a_png(changes: dict[str, object]) -> None:
    content = png(picture(**changes))
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert content.endswith(b"IEND\xaeB`\x82")
    assert int.from_bytes(content[16:20], "big") == 1800


def test_equal_pictures_have_equal_bytes() -> None:
    small = picture(ball=None)
    assert png(small) == png(small)
    assert svg(picture()) == svg(picture())


def test_page_is_whole_and_escaped() -> None:
    from xml.etree import ElementTree

    drawn = svg(picture())
    assert ElementTree.fromstring(drawn).tag.endswith("svg")
    html = page(picture(), drawn)
    assert html.startswith("<!DOCTYPE html>")
    assert html.endswith("</html>\n")
    assert "run &lt;1&gt;" in html
    assert "run <1>" not in html
    assert '<td>hierarchy_B</td><td class="number">-0.8</td><td class="number quiet">-0.832</td>' in html
    assert "hierarchy_A" not in html
    assert '<image xlink:href="data:image/png' in html
    for outside in ("<script", "<link", 'src="http', "@import"):
        assert outside not in html


def test_matplotlib_keeps_its_settings() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    png(picture())
    assert dict(matplotlib.rcParams) == before


def test_disk_keeps_radii_and_parts_subtrees() -> None:
    points, radii, valuations = tree()
    positions = disk(points, radii, valuations)
    assert np.allclose(np.hypot(*positions.T), radii)
    ids = np.arange(len(points))
    angles = np.arctan2(*positions.T)
    # The widest ring holds the subtrees 1 and 2, each of which stays together.
    means = [np.exp(1j * angles[ids % 3 == digit]).mean() for digit in (1, 2)]
    assert min(abs(mean) for mean in means) > 0.5
    assert abs(np.angle(means[0] / means[1])) > 1


@pytest.mark.parametrize("points", [np.zeros((1, 3)), np.zeros((4, 3)), np.eye(4)[:2], np.ones((5, 2)) / 3])
def test_disk_of_degenerate_clouds(points: Floats) -> None:
    radii = np.linalg.norm(points, axis=1)
    positions = disk(points, radii, np.zeros(len(points), dtype=np.int64))
    assert np.allclose(np.hypot(*positions.T), radii)


def test_panels_of_a_collapsed_model() -> None:
    axes = Figure().subplots(1, 2)
    radius_panel(axes[0], np.full(27, 0.5), tree(3)[2], [18, 6, 2, 1])
    distance_panel(axes[1], [np.zeros(10), np.zeros(0), np.zeros(3)], levels=4)


def test_an_inverted_hierarchy_is_no_success() -> None:
    ax = Figure().subplots()
    curves_panel(ax, {"hierarchy_B": curve(0.832, -0.832)}, CEILINGS)
    line = ax.get_lines()[0]
    assert np.asarray(line.get_ydata()).tolist() == pytest.approx([2.0, 1e-6])


def test_colours_are_distinct() -> None:
    assert len(set(level_colours(20))) == 20
    assert len(level_colours(1)) == 1


def test_table_passes_over_what_was_not_measured() -> None:
    assert table_rows({"coverage": None, "Q_B": 2.0}, {}) == [("Q_B", "2", "")]
