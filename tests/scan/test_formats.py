"""The formats of `tvae scan`: they fit, they are valid, and nothing from a file escapes from its cell."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest

from scan.engine import file, folder, issue, metric, system
from tvae import finite
from tvae.cli.listing import layout, markdown, sarif, table
from tvae.cli.listing.filter import parse as condition
from tvae.cli.listing.filter import select
from tvae.cli.listing.flat import csv_text, safe
from tvae.cli.listing.leaderboard import leaderboard
from tvae.cli.listing.verdict import findings, parse, reason
from tvae.errors import ConfigError

HOSTILE = [
    "tree/new\nline",
    "tree/\x1b[31mred\x1b]0;title\x07",
    "tree/\u202egnp.tp",
    "tree/<script>alert(1)</script>|`x`",
    "=cmd|'/c calc'!A1",
    "tree/" + "l" * 250,
    "tree/\ufffd\ufffd",
    "tree/文件夹的名字很长很长很长很长很长很长很长很长",
]
SCANNER = {"name": "tvae", "version": "0.1.0", "rules": "default"}


def dirs() -> list[dict[str, object]]:
    flags = ["coverage_collapse", "inverted_hierarchy", "best_latest_divergence", "nan"]
    return [
        folder(path, category="HOMEOSTATIC_EXPERIMENT", flags=flags, note=path, reason=path, allocated=10**12)
        for path in HOSTILE
    ]


def files() -> list[dict[str, object]]:
    return [
        file(
            f"{path}/best.pt",
            path_b64="dHJlZS//Lw==" if "\ufffd" in path else None,
            safety="dangerous",
            imports=[system()],
            issues=[issue(message=path, hint=path)],
            metrics={path: metric(1.0, family=path), "coverage": metric(math.inf)},
        )
        for path in HOSTILE
    ]


def document() -> dict[str, object]:
    return {"schema": 1, "scanner": SCANNER, "summary": {}, "dirs": dirs(), "files": files()}


@pytest.mark.parametrize("width", [40, 80, 100, 200])
@pytest.mark.parametrize("kind", ["dir", "file"])
def test_a_table_fits_and_escapes(width: int, kind: str) -> None:
    rows = dirs() if kind == "dir" else files()
    text = table.table(kind, rows, width=width, colour=False, root="tree").text
    lines = text.splitlines()
    assert len(lines) == len(rows) + 1
    assert max(map(layout.columns_of, lines)) <= width
    assert all(line.isprintable() for line in lines)


def test_eighty_columns_show_everything_of_a_directory() -> None:
    text = table.table("dir", [folder("tree/v5_11_structural")], width=80, colour=False, root="tree").text
    head, line = text.splitlines()
    assert head.split() == ["path", "status", "category", "n", "size", "cover", "hier", "def", "advice"]
    cells = ["v5_11_structural", "complete", "production", "1", "1k", "1.0000", "-0.8000B", "a", "keep"]
    assert line.split() == cells


def test_colours_are_asked_for() -> None:
    rows = [folder("tree/a", recommendation="delete")]
    assert "\x1b[31mdelete\x1b[0m" in table.table("dir", rows, width=80, colour=True, root=None).text
    assert "\x1b" not in table.table("dir", rows, width=80, colour=False, root=None).text


def test_definitions_have_letters() -> None:
    other = {"coverage": metric(1.0, family="v5.11"), "hierarchy": metric(-0.5, family="unknown")}
    rows = [folder("a"), folder("b", metrics=other)]
    found = table.table("dir", rows, width=120, colour=False, root=None)
    lines = found.text.splitlines()
    assert lines[1].split()[7:9] == ["-0.8000B", "a"]
    assert lines[2].split()[7:9] == ["-0.5000", "b/?"]
    assert [line[:60] for line in found.legend[1:]] == [
        "  a  tvae 1: Written by tvae, metric version 1: every operat",
        "  b  v5.11: Evaluation of the v5.11 trainer: hierarchy is it",
        "  ?  unknown: Nothing in the file tells how it was computed.",
    ]


def test_coverage_by_branch_is_that_of_the_better_one_with_its_letter() -> None:
    by_branch = {"coverage_A": {"value": 0.99, "family": "x"}, "coverage_B": {"value": 0.5, "family": "x"}}
    one, other = folder("tree/a", metrics=by_branch), folder("tree/b")
    lines = table.table("dir", [one, other], width=80, colour=False, root="tree").text.splitlines()
    assert "0.9900A" in lines[1]
    assert "1.0000 " in lines[2]
    assert "| 0.9900 A |" in markdown.page({**document(), "dirs": [one]}, root="tree", when="")
    assert select([one, other], [condition("cover<1")], "dir") == [one]


def test_unsafe_files_are_named_with_their_reason() -> None:
    rows = [
        file("tree/cut.pt", safety="unparsed", issues=[issue("P002", "error", message="cut off")]),
        file("tree/ok.pt"),
        file("tree/bad.pt", safety="dangerous", imports=[system(77)]),
    ]
    assert list(table.unsafe_files(rows, width=80, root="tree")) == [
        "Not safe:",
        "  bad.pt  dangerous: imports posix.system at 77",
        "  cut.pt  unparsed: P002 cut off",
    ]
    assert reason(file("x", safety="unparsed")) == "unparsed"


def test_csv_is_no_formula_and_has_no_control_characters() -> None:
    for rows, kind in ((dirs(), "dir"), (files(), "file")):
        cells = [cell for row in csv.reader(io.StringIO(csv_text(rows, kind))) for cell in row]
        assert all(cell.isprintable() for cell in cells)
        assert not [cell for cell in cells if cell[:1] in ("=", "+", "@")]
        lengths = {len(row) for row in csv.reader(io.StringIO(csv_text(rows, kind)))}
        assert len(lengths) == 1
    assert [safe(text) for text in ("-1+1", "\tx", "", "plain")] == ["'-1+1", "'\\tx", "", "plain"]


def test_csv_keeps_numbers() -> None:
    rows = [file("a.pt", metrics={"Q": metric(-1.5), "coverage": metric(math.nan)}), file("b.pt", metrics={})]
    found = list(csv.DictReader(io.StringIO(csv_text(rows, "file"))))
    assert (found[0]["Q"], found[0]["Q_family"], found[0]["coverage"]) == ("-1.5", "tvae 1", "nan")
    assert (found[1]["Q"], found[1]["n_params"], found[1]["size"]) == ("", "7", "1000")


def test_a_page_of_markdown() -> None:
    page = markdown.page(document(), root="tree", when="2026-01-01")
    lines = page.splitlines()
    assert all(line.isprintable() for line in lines)
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\|\\`x\\`" in page
    bars = {line.replace("\\|", "").count("|") for line in lines if line.startswith("|") and "TB" in line}
    assert len(bars) <= 3
    for words in (
        "## Status",
        "### HOMEOSTATIC\\_EXPERIMENT (8)",
        "## Metrics by definition",
        "On the disk now 8 TB",
    ):
        assert words in page
    assert "with the rules default" in lines[-1]


def test_a_page_counts_the_disk() -> None:
    rows = [
        folder("tree/a", allocated=600),
        folder("tree/b", allocated=300, recommendation="archive"),
        folder("tree/c", allocated=100, recommendation="delete"),
    ]
    rows[0]["documented"] = [
        {"metric": "Q", "documented": 1.0, "stored": 2.0, "source": "README.md", "differs": True}
    ]
    page = markdown.page({**document(), "dirs": rows, "files": []}, root="tree", when="")
    assert "On the disk now 1 kB, afterwards 600 B." in page
    assert "| a | Q | 1.0 | 2.0 | README.md |" in page


def test_sarif_has_what_its_schema_requires() -> None:
    log = sarif.log(document(), {"Z030": {"title": "two of a kind"}}.get)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    ids = [rule["id"] for rule in rules]
    assert run["tool"]["driver"]["name"] == "tvae"
    assert ids == sorted(set(ids))
    assert {rule["id"]: rule["shortDescription"]["text"] for rule in rules}["Z030"] == "two of a kind"
    assert {one["ruleId"] for one in run["results"]} == set(ids)
    for one in run["results"]:
        assert ids[one["ruleIndex"]] == one["ruleId"]
        assert one["level"] in ("none", "note", "warning", "error")
        assert one["message"]["text"].isprintable()
        (place,) = one["locations"]
        uri = place["physicalLocation"]["artifactLocation"]["uri"]
        assert uri.isascii()
        assert not set(uri) & set(' <>"{}|\\^`\n')
        assert place["physicalLocation"].get("region", {"byteOffset": 0})["byteOffset"] >= 0
    assert "tree/%FF/" in {
        one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in run["results"]
    }
    json.dumps(log, allow_nan=False)


def test_json_has_null_and_a_flag_for_what_is_not_finite() -> None:
    found = json.loads(finite.dumps_records(document()))
    assert found["files"][0]["metrics"]["coverage"]["value"] is None
    assert found["files"][0]["not_finite"] == ["metrics.coverage.value"]
    assert "not_finite" not in found["dirs"][0]
    assert "not_finite" not in found


def test_a_leaderboard_never_compares_definitions() -> None:
    entries = [
        {"family": "tvae 1", "rank": 1, "path": "tree/a", "values": {"Q": 2.0}, "reason": None},
        {"family": "tvae 1", "rank": None, "path": "tree/b", "values": {}},
        {
            "family": "unknown",
            "order": "Q (more is better)",
            "rank": 1,
            "path": "tree/c",
            "values": {"Q": 9.0},
            "reason": None,
        },
        {"family": "", "order": "", "rank": None, "path": "tree/d", "values": {}, "reason": "it is empty"},
    ]
    entries[1]["reason"] = "collapsed\n\x1b[0m " + "word " * 20
    lines = leaderboard(entries, width=80, colour=False, root="tree").splitlines()
    assert lines == [
        "Definition tvae 1",
        "rank  path       Q",
        "   1  a     2.0000",
        "Not among them:",
        "  b  collapsed \\x1b[0m word word word word word word word word word word word",
        "     word word word word word word word word word",
        "",
        "Definition unknown: Q (more is better)",
        "rank  path       Q",
        "   1  c     9.0000",
        "",
        "Not ranked:",
        "  d  it is empty",
    ]


def test_the_better_branch_has_its_letter() -> None:
    name = "coverage of the better branch"
    entry = {"family": "x", "path": "a", "reason": "", "branches": {name: "A"}, "values": {name: 0.99}}
    lines = leaderboard([{**entry, "rank": 1}], width=80, colour=False, root=None).splitlines()
    assert lines[-1].split() == ["1", "a", "0.9900A"]


def test_leaderboards_of_one_definition_are_told_apart() -> None:
    orders = ("coverage (more is better)", "hierarchy (less is better)")
    entries = [
        {"path": order[0], "family": "x", "order": order, "rank": 1, "values": {}, "reason": ""}
        for order in orders
    ]
    lines = leaderboard(entries, width=80, colour=False, root=None).splitlines()
    assert [line for line in lines if line.startswith("Def")] == [
        f"Definition x, table {number} of 2: {order}" for number, order in enumerate(orders, 1)
    ]
    heads = [line for line in markdown.leaderboard(entries).splitlines() if line.startswith("#")]
    assert heads == [f"## x: {order}" for order in orders]


def test_what_fails() -> None:
    assert parse("any") == {"unsafe", "unknown", "corrupt", "invalid"}
    summary = {
        "safety": {"dangerous": 1, "unparsed": 2, "unknown_code": 4},
        "status": {"corrupt": 1, "unsupported": 1, "unreadable": 1, "salvaged": 9},
        "flagged": 5,
    }
    assert findings(summary) == {"unsafe": 3, "unknown": 4, "corrupt": 3, "invalid": 5}
    for text in ("", "all", "never,unsafe"):
        with pytest.raises(ConfigError, match="--fail-on"):
            parse(text)
