"""Comments that allow, files that do not parse, and where findings are said to be."""

from __future__ import annotations

import pytest

from tvae.lint import RULES, check


def codes(source: str | bytes) -> list[tuple[int, str]]:
    return [(one.line, one.code) for one in check(source)]


def test_a_reason_allows() -> None:
    assert codes("r = z_hyp.norm()  # norm: euclidean-ok plotted as the Euclidean radius\n") == []
    assert codes("r = z_hyp.norm()  # noqa: E501 # norm: euclidean-ok: plotted\n") == []


def test_a_comment_without_a_reason_allows_nothing() -> None:
    assert codes("r = z_hyp.norm()  # norm: euclidean-ok\n") == [(1, "G001"), (1, "G008")]


def test_a_comment_that_allows_nothing_is_found() -> None:
    assert codes("r = 1  # norm: euclidean-ok for the plot\n") == [(1, "G009")]
    assert codes("r = '# norm: euclidean-ok for the plot'\n") == []


def test_it_covers_the_expression_that_it_ends() -> None:
    wrapped = "r = report(\n    z_hyp.norm(\n        dim=-1,\n    )\n)  # norm: euclidean-ok plotted\n"
    assert codes(wrapped) == []
    listed = "d = {\n    'a': z_hyp.norm(),  # norm: euclidean-ok plotted\n    'b': z_hyp.norm(),\n}\n"
    assert codes(listed) == [(3, "G001")]


@pytest.mark.parametrize(
    "source",
    [
        "def f(:\n",
        "x = '\n",
        b"\xff\xfe\x00",
        b"x = 1\x00",
        "  x = 1\n",
        b"# coding: nothing\n",
        b"s = '\xe9'\n",
    ],
)
def test_what_does_not_parse_is_a_finding(source: str | bytes) -> None:
    (one,) = check(source, "broken.py")
    assert (one.code, one.path) == ("G000", "broken.py")
    assert one.detail


def test_encodings() -> None:
    latin = "# coding: latin-1\ns = 'é'; r = z_hyp.norm()\n".encode("latin-1")
    assert codes(latin) == [(2, "G001")]
    assert codes("\ufeffr = z_hyp.norm()\n".encode()) == [(1, "G001")]


def test_columns_count_characters() -> None:
    (one,) = check("é = 1; r = z_hyp.norm()\n")
    assert (one.line, one.column, one.end_column) == (1, 12, 24)


def test_findings_come_in_order_and_once() -> None:
    source = "for k in x:\n    a(z_hyp.mean(0)); b(z_hyp.norm())\nc(z_hyp.norm())\n"
    first = check(source)
    assert first == check(source) == sorted(set(first))
    assert [(one.line, one.code) for one in first] == [(2, "G004"), (2, "G001"), (3, "G001")]


def test_rules_say_what_to_do() -> None:
    for code, rule in RULES.items():
        assert code == rule.code
        assert rule.message
        assert rule.remedy
        assert "\n" not in rule.line
