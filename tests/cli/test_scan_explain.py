"""`tvae scan --explain`: codes, words and definitions, in any case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tvae import _core

Run = Callable[..., Any]


def test_explanations(tvae: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {
        "Z030": {"title": "two records of one name", "meaning": "The first counts.", "remedy": "Save again."}
    }
    monkeypatch.setattr(_core, "explain", known.get)
    monkeypatch.setattr(_core, "codes", lambda: list(known))
    told = "Z030  two records of one name\n\nThe first counts.\n\nSave again.\n"
    assert tvae("scan", "--explain", "z030").out == told
    assert tvae("scan", "--explain", "all").out.startswith("Z030  two records of one name\n\na flag:\n")
    assert tvae("scan", "--explain", "all", "--json").json["codes"][0]["code"] == "Z030"
    assert tvae("scan", "--explain", "v5.11").out.startswith("v5.11  a definition of the metrics\n\n")
    unknown = tvae("scan", "--explain", "Z999")
    assert (unknown.code, "`tvae scan --explain all` lists them" in unknown.err) == (2, True)


@pytest.mark.parametrize(
    "word", ["coverage_collapse", "INVALID-nan", "safety-unknown_code", "dangerous", "keep"]
)
def test_words_are_explained(tvae: Run, word: str) -> None:
    done = tvae("scan", "--explain", word)
    assert (done.code, done.out.count("\n\n")) == (0, 1)


def test_definitions_are_explained_in_any_case_and_together(tvae: Run) -> None:
    done = tvae("scan", "--explain", "V5.12 + v5.12 Hyperbolic")
    assert done.out.startswith("v5.12  a definition")
    assert "\n\nv5.12 hyperbolic  a definition" in done.out
    assert "did you mean dangerous?" in tvae("scan", "--explain", "dangrous").err
