"""Every hostile class of file: what must be said about it, and that nothing of it passes as clean."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from scan.hostile import archives, excess, malice, streams, values, weights, wrappers
from scan.hostile.case import Case
from scan.hostile.coverage import ELSEWHERE, LAST, UNTESTED

import tvae
from tvae import scanning

CASES: list[Case] = [
    case
    for module in (archives, wrappers, streams, malice, weights, values, excess)
    for case in module.CASES
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_what_is_said_of_a_hostile_file(case: Case, tmp_path: Path) -> None:
    record = tvae.inspect(case.write(tmp_path))
    found = [f"{issue.code} {issue.message}" for issue in record.issues]
    codes = {issue.code for issue in record.issues}
    assert record.status == case.status, found
    assert record.safety in ({case.safety} if isinstance(case.safety, str) else case.safety), found
    assert codes.issuperset(case.codes), found
    assert codes.isdisjoint(case.without), found
    assert record.epoch == case.epoch or case.epoch is None, found
    assert case.kind in (None, record.kind)
    check(case.facts, record)
    text = json.dumps(tvae._core.inspect_file(record.path))
    assert len(text) < 20_000_000
    if record.status in ("ok", "salvaged"):
        scanning.tensors(record.path)
        scanning.find(record.path, "config.nothing")


def check(facts: dict[str, object], record: scanning.FileRecord) -> None:
    """What a case says beyond the verdict."""
    facts = dict(facts)
    if "salvaged" in facts:
        assert record.salvaged is not None
        assert (record.salvaged.present, record.salvaged.storages) == facts.pop("salvaged")
    if "message" in facts:
        word = str(facts.pop("message"))
        assert any(word in issue.message for issue in record.issues)
    if "metrics" in facts:
        wanted = facts.pop("metrics")
        assert isinstance(wanted, dict)
        assert record.metrics.keys() == wanted.keys()
        for name, value in wanted.items():
            found = record.metrics[name].value
            assert found == value or (isinstance(found, float) and math.isnan(found) and math.isnan(value))
    for name in ("n_params", "bytes", "dtypes"):
        if name in facts:
            assert getattr(record.state_dicts[0], name) == facts.pop(name)
    if "offset" in facts:
        assert [tensor.file_offset for tensor in scanning.tensors(record.path)] == [facts.pop("offset")]
    for name in ("config", "top_keys"):
        if name in facts:
            assert getattr(record, name) == facts.pop(name)
    assert not facts


def test_every_class_is_accounted_for() -> None:
    made = {case.number for case in CASES}
    assert made | ELSEWHERE.keys() | UNTESTED.keys() == set(range(1, LAST + 1))
    assert not UNTESTED.keys() & made
    assert len({case.label for case in CASES}) == len(CASES)


@pytest.mark.parametrize("number", sorted(ELSEWHERE))
def test_a_class_that_is_tested_elsewhere_is(number: int, root: Path) -> None:
    file, name = ELSEWHERE[number].split("::")
    assert f"{name}(" in (root / file).read_text()
