"""What a table shows beside values: every letter and word is explained, and every mark can be asked for."""

from __future__ import annotations

from json import loads
from typing import Any

import pytest

from scan.engine import file, folder
from tvae import _core
from tvae.cli.listing import table
from tvae.cli.listing.choices import _CHOICES
from tvae.cli.listing.codes import explain
from tvae.cli.listing.filter import parse, select
from tvae.cli.listing.marks import MARKS, NAMES
from tvae.errors import ConfigError

SAID = {"metric": "hierarchy", "documented": -0.8, "stored": -0.7, "source": "README", "differs": True}
RECORDS: dict[str, dict[str, Any]] = {
    "unsafe": folder("unsafe", safety="dangerous"),
    "unsafe_best": folder("unsafe_best", safety="dangerous", best_safety="dangerous"),
    "measured": folder("measured", measured={"differs": {"coverage": {"stored": 1.0, "measured": 0.1}}}),
    "documented": folder("documented", documented=[SAID]),
    "nan": folder("nan", flags=["nan"]),
}


@pytest.mark.parametrize("name", MARKS)
def test_a_mark_is_filtered_by_its_name_its_word_and_its_letter(name: str) -> None:
    rows = [*RECORDS.values(), folder("clean"), folder("flagged", flags=[name])]
    wanted = {row["path"] for row in rows if row["path"] in (name, "flagged")}
    if name == "unsafe":
        wanted.add("unsafe_best")
    for text in (name, MARKS[name].word, MARKS[name].letter):
        found = select(rows, [parse(f"flags={text}")], "dir")
        assert {row["path"] for row in found} == wanted, text


def test_no_flags_means_no_marks() -> None:
    rows = [*RECORDS.values(), folder("clean")]
    assert [row["path"] for row in select(rows, [parse("flags=")], "dir")] == ["clean"]
    with pytest.raises(ConfigError, match="measured"):
        select(rows, [parse("flags=mesured")], "dir")


def test_an_unsafe_best_file_is_said_in_its_row() -> None:
    rows = [RECORDS["unsafe"], RECORDS["unsafe_best"]]
    wide = table.table("dir", rows, width=200, colour=False, root=None).text.splitlines()
    assert [line.split()[-2] for line in wide[1:]] == ["unsafe", "unsafe_best"]
    narrow = table.table("dir", rows, width=80, colour=False, root=None).text.splitlines()
    assert [line.split()[-2] for line in narrow[1:]] == ["!", "!!"]
    told = table.table("dir", rows, width=200, colour=False, root=None).legend[-1]
    assert told == "Flags: ! holds an unsafe file, !! its best file is unsafe."


@pytest.mark.parametrize("rows", [[file("a", safety="dangerous")], [folder("a")]])
def test_a_row_without_marks_has_none(rows: list[dict[str, Any]]) -> None:
    kind = "dir" if "n_files" in rows[0] else "file"
    assert "unsafe" not in "".join(table.table(kind, rows, width=200, colour=False, root=None).legend)


def shown() -> set[str]:
    """What a table or a record can show."""
    choices = {word for kind in _CHOICES.values() for words in kind.values() for word in words}
    letters = {"A", "B", "a", "b", "?"}
    return choices | letters | set(NAMES) | {"info", "warning", "error", "high"} | set(_core.codes())


@pytest.mark.parametrize("word", sorted(shown()))
def test_everything_that_is_shown_is_explained(word: str) -> None:
    assert len(explain(word, as_json=False).splitlines()) > 2


def test_a_word_of_several_kinds_has_all_its_meanings() -> None:
    told = explain("sweep", as_json=False)
    for title in ("a definition of the metrics", "a kind of group", "a category of the default rules"):
        assert f"sweep  {title}\n" in told
    assert "a flag" in explain("C", as_json=False)
    assert "a letter under `def`" in explain("c", as_json=False)
    assert "a letter" not in explain("Q", as_json=False)


@pytest.mark.parametrize("name", ["coverage", "kl_nats", "HIERARCHY_B", "richness_A", "r_v0_euclidean", "q"])
def test_metrics_are_explained(name: str) -> None:
    assert "  a metric\n" in explain(name, as_json=False)


def test_the_list_has_every_code_and_word() -> None:
    text = set(explain("all", as_json=False).replace(",", " ").split())
    assert {word for word in shown() | set(_core.metric_families()) if " " not in word} <= text
    listed = loads(explain("all", as_json=True))
    assert [one["code"] for one in listed["codes"]] == list(_core.codes())
    assert "hier" in listed["words"]["a head of the tables"]
