"""The labelled sample: precision and recall are what docs/lint.md says, or better."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lint.labelled import PARTS, SAMPLE, labels, score
from tvae.lint import RULES


@pytest.mark.parametrize("part", PARTS)
def test_the_page_promises_no_more_than_is_so(root: Path, part: str) -> None:
    page = (root / "docs" / "lint.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| {part} \| (\d+) \| (\d+) \| ([\d.]+) % \| ([\d.]+) % \|$", page, re.MULTILINE)
    assert row, f"docs/lint.md has no row for {part}"
    made = score(PARTS[part])
    assert made.labelled == int(row[1])
    assert len(made.found | made.missed) == int(row[2])
    assert 100 * made.precision >= float(row[3]) - 0.05, made.invented
    assert 100 * made.recall >= float(row[4]) - 0.05, made.missed


def test_every_rule_about_geometry_is_in_the_sample() -> None:
    seen = {code for path in SAMPLE.glob("*.py") for _, _, code in labels(path)[1]}
    assert seen == set(RULES) - {"G000"}
