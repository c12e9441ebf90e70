"""Tables at every width: no value without its definition, no rows that look the same, no unexplained head."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scan.engine import file, folder, issue, metric
from scan.replica import Tree
from tvae.cli.listing import filter as filters
from tvae.cli.listing.codes import explain
from tvae.cli.listing.leaderboard import leaderboard
from tvae.cli.listing.notes import conclusion
from tvae.cli.listing.shortening import apart, tensor_names
from tvae.cli.listing.table import Table, table
from tvae.cli.listing.view import View
from tvae.scanning import scan

WIDTHS = range(60, 221)
FAMILIES = ("tvae 1", "v5.11", "v5.12", "unknown")
FORMATS = ("torch_zip", "torch_legacy", "safetensors")
RUNS = [f"{place}/v5_11_progressive_{number}" for place in ("first", "second") for number in range(6)]


def records(kind: str) -> list[dict[str, Any]]:
    """Records with everything that a table may show."""
    rows = []
    for number, run in enumerate(RUNS):
        family = FAMILIES[number % 4]
        metrics = {"coverage_A": metric(0.9, family=family), "hierarchy_B": metric(-0.8, family=family)}
        changes: dict[str, Any] = {"metrics": metrics, "flags": ["nan", "coverage_collapse"][: number % 3]}
        if kind == "dir":
            rows.append(folder(f"tree/{run}", bytes=10**number, n_files=10 * number, **changes))
        else:
            issues = [issue(code) for code in ("Z030", "Z042", "Z020")[: number % 4]]
            changes |= {"safety": "known_types", "kind": FORMATS[number % 3], "issues": issues}
            rows += [file(f"tree/{run}/{name}.pt", **changes) for name in ("best", "latest", "epoch_10")]
    return rows


def tensors() -> list[dict[str, Any]]:
    return [
        {
            "path": f"tree/{run}/best.pt",
            "name": f"model_state.projection.proj_{branch}.direction_net.{layer}.{part}",
            "dtype": "float32",
            "shape": [128, 16],
            "file_offset": 123456,
            "nbytes": 8192,
        }
        for run in RUNS
        for branch in "AB"
        for layer in range(3)
        for part in ("weight", "bias")
    ]


def shown(kind: str, rows: list[dict[str, Any]], width: int) -> Table:
    keys = {row["path"]: ["model_state"] for row in rows}
    return table(kind, rows, width=width, colour=False, root="tree", keys=keys)


@pytest.mark.parametrize("kind", ["dir", "file"])
def test_no_value_stands_without_its_definition(kind: str) -> None:
    rows = records(kind)
    for width in WIDTHS:
        found = shown(kind, rows, width)
        head, *lines = found.text.splitlines()
        assert {"cover", "hier", "def"} <= set(head.split())
        place = head.index(" def") + 1
        assert {line[place : place + 3].strip() for line in lines} == {"a", "b", "c", "?"}
        assert max(map(len, [head, *lines])) <= width


@pytest.mark.parametrize("kind", ["dir", "file"])
def test_a_legend_is_of_a_column_that_is_shown(kind: str) -> None:
    rows = records(kind)
    for width in range(20, 221):
        found = shown(kind, rows, width)
        heads = found.text.splitlines()[0].split()
        legend = "\n".join(found.legend)
        assert ("Definitions" in legend) == ("def" in heads) == ("cover" in heads) == ("hier" in heads)
        assert ("Flags:" in legend) == bool({"flag", "flags"} & set(heads))


@pytest.mark.parametrize("kind", ["dir", "file", "tensor"])
def test_rows_differ(kind: str) -> None:
    rows = tensors() if kind == "tensor" else records(kind)
    for width in WIDTHS if kind != "tensor" else range(80, 221):
        lines = shown(kind, rows, width).text.splitlines()[1:]
        names = {tuple(line.split()[: 2 if kind == "tensor" else 1]) for line in lines}
        assert len(names) == len(rows), width


def test_every_head_is_explained() -> None:
    heads = set()
    for width in range(20, 221):
        for kind in ("dir", "file", "tensor"):
            rows = tensors() if kind == "tensor" else records(kind)
            heads |= {
                word for word in shown(kind, rows, width).text.splitlines()[0].split() if "…" not in word
            }
    values = {"coverage": 1.0, "hierarchy_B": -0.8, "richness_B": 0.1}
    best = {"path": "tree/a", "family": "v5.11", "rank": 1, "values": values}
    heads |= set(leaderboard([best], width=80, colour=False, root="tree").splitlines()[1].split())
    assert {"n", "files", "flag", "flags", "rank", "richness_B", "offset"} <= heads
    for head in heads - {"tree"}:
        assert "a head of the tables" in explain(head, as_json=False) or "a metric" in explain(
            head, as_json=False
        )


def test_the_readme_shows_what_is_printed(tree: Tree) -> None:
    """But for sizes: the tree of the README is the one with layers as wide as the real ones."""
    text = (Path(__file__).parents[2] / "README.md").read_text()
    head, *lines = text[text.index("path              status ") :].split("\n```")[0].splitlines()
    blank = lines.index("")
    names = [line.split()[0] for line in lines[:blank]]
    view = View("dir", [filters.parse(rf"path~/({'|'.join(names)})$")])
    view.found = scan(str(tree.root))
    found = table("dir", view.rows, width=88, colour=False, root=view.root)
    rows = [line.split() for line in found.text.splitlines()]
    assert [row[:4] + row[5:] for row in rows] == [
        row[:4] + row[5:] for row in map(str.split, [head, *lines[:blank]])
    ]
    end = blank + 1 + len(found.legend)
    assert list(found.legend) == lines[blank + 1 : end]
    told = [
        f"tvae: {line}".replace(str(tree.root), "sandbox-training") for line in conclusion(view, plan=None)
    ]
    assert [line.rpartition(" files, ")[0] or line for line in told] == [
        line.rpartition(" files, ")[0] or line for line in lines[end:]
    ]


def test_codes_are_not_cut() -> None:
    rows = [file("tree/a.pt", issues=[issue("Z030"), issue("Z042"), issue("Z020")], epoch=None)]
    assert "Z030 +2" in shown("file", [*rows, *records("file")], 80).text
    assert "Z030 Z042 Z020" in shown("file", [*rows, *records("file")], 200).text


def test_words_are_whole_where_there_is_space() -> None:
    rows = [file("tree/a.pt", safety="known_types", flags=["nan", "coverage_collapse"])]
    wide = next(width for width in WIDTHS if "collapsed" in shown("file", rows, width).text)
    assert "known_types" in shown("file", rows, wide - 1).text


@pytest.mark.parametrize("width", [12, 18, 30])
def test_paths_are_cut_where_they_do_not_differ(width: int) -> None:
    paths = [f"models/a_long_name_of_run_{number}_again/best.safetensors" for number in range(12)]
    cut = apart(paths, width)
    assert len(set(cut)) == 12
    assert all(len(one) <= width for one in cut)
    assert all(str(number) in one for number, one in enumerate(cut))


def test_the_key_of_a_state_dict_gives_way_before_a_name() -> None:
    names = [f"model_state.projection.proj_{branch}.radius_net.0.bias" for branch in "AB"]
    assert tensor_names(["model_state"], names, 40) == [
        f"mod…{name.removeprefix('model_state')}" for name in names
    ]
    assert tensor_names(["model_state"], names, 34)[1] == "m….projection.…B.radius_net.0.bias"
    cut = tensor_names(["model_state"], names, 24)
    assert len(set(cut)) == 2
    assert all(one.startswith("m….") and len(one) <= 24 for one in cut)
