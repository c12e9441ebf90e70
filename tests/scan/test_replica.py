"""A replica of the predecessor's checkpoints, all of it: every file says what was saved and what is known.

Metrics are compared to the bit and to the type with what went into the files.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import pytest

import tvae
from scan import derive_inventory, known, large_tree, replica
from scan.replica import Tree
from scan.stored import Stored
from tvae.records import FileRecord

SMALL = 60_000_000


@pytest.fixture(scope="module")
def records(tree: Tree) -> dict[str, FileRecord]:
    return {path: tvae.inspect(tree.root / path) for path in tree.files}


def readings(record: FileRecord) -> set[tuple[object, ...]]:
    every = (reading for metric in record.metrics.values() for reading in (metric, *metric.others))
    return {exact(Stored(one.source, one.raw_key, one.value, one.dtype)) for one in every}


def exact(stored: Stored) -> tuple[object, ...]:
    """Equal only for equal bits and types; a NaN equals a NaN."""
    value = stored.value
    numbers = sorted(value.items()) if isinstance(value, dict) else [("", value)]
    bits = tuple((key, type(one), one if one == one else math.nan) for key, one in numbers)
    return stored.source, stored.key, stored.dtype, repr(bits)


def test_the_facts_are_derived_from_the_inventory(raw_inventory: Path) -> None:
    derived = derive_inventory.derive(json.loads(raw_inventory.read_text()))
    assert derived == derive_inventory.TARGET.read_text()


def test_the_tree_is_the_one_of_the_inventory(tree: Tree) -> None:
    assert len(tree.files) == len(list(tree.root.rglob("*.pt"))) == 489
    assert Counter(status for status, _ in tree.directories.values()) == known.STATUSES
    assert Counter(category for _, category in tree.directories.values()) == known.CATEGORIES
    assert sum(file.opened for file in tree.files.values()) == 171
    assert sum((tree.root / path).stat().st_size for path in tree.files) < SMALL


def test_the_same_seed_gives_the_same_bytes(tree: Tree, tmp_path: Path) -> None:
    for seed, same in {0: True, 1: False}.items():
        only = ("v5_12_4", "sweep2_extreme_hier", "purposeful")
        again = replica.build(tmp_path / str(seed), seed=seed, only=only)
        assert len(again.files) == 19
        for path in again.files:
            assert ((again.root / path).read_bytes() == (tree.root / path).read_bytes()) is same


def test_sizes_are_real_if_nothing_is_narrowed(tmp_path: Path) -> None:
    only = ("v5_5", "v5_11_structural", "v5_12_4", "sweep3_cosine", "soft_radial", "hyperbolic_structure")
    full = replica.build(tmp_path / "full", narrow=1, only=only)
    for name in only:
        for title, facts in replica.inventory()["directories"][name]["opened"].items():
            record = tvae.inspect(full.root / name / title)
            assert record.size == pytest.approx(facts["bytes"], rel=0.1), f"{name}/{title}"
            if "n_params" in facts:
                (model,) = [one for one in record.state_dicts if one.key == "model_state_dict"]
                assert model.n_params == facts["n_params"]


def test_every_file_is_decoded_without_a_false_alarm(tree: Tree, records: dict[str, FileRecord]) -> None:
    assert {record.status for record in records.values()} == {"ok"}
    assert {record.safety for record in records.values()} <= {"known_types", "data_only"}
    alarms = {
        path for path, record in records.items() if any(issue.severity != "info" for issue in record.issues)
    }
    # That its metrics are NaN is true.
    assert alarms <= {"/".join(replica.BROKEN)}
    kinds = Counter((tree.files[path].spelling, record.kind) for path, record in records.items())
    assert {kind for _, kind in kinds} == {"torch_zip", "torch_legacy"}
    assert {spelling for spelling, _ in kinds} == {"today", "numpy_core", "legacy", "python2"}


def test_metrics_are_what_was_saved_to_the_bit(tree: Tree, records: dict[str, FileRecord]) -> None:
    for path, file in tree.files.items():
        saved, found = {exact(one) for one in file.metrics}, readings(records[path])
        assert saved <= found, path
        # Nothing is made up: whatever else is told comes from elsewhere than the metrics.
        assert not [one for one in found - saved if one[0] == "metrics"], path


def test_everything_else_is_what_was_saved(tree: Tree, records: dict[str, FileRecord]) -> None:
    for path, file in tree.files.items():
        record = records[path]
        assert (record.epoch, record.top_keys, record.config) == (file.epoch, file.keys, file.config), path
        found = {one.key: (one.n_tensors, one.n_params) for one in record.state_dicts}
        assert file.tensors.items() <= found.items(), path


def test_layouts_are_named(tree: Tree, records: dict[str, FileRecord]) -> None:
    found: dict[str, set[str | None]] = {}
    for path, record in records.items():
        for state in record.state_dicts:
            if state.key in ("model", "model_state", "model_state_dict"):
                found.setdefault(tree.files[path].directory, set()).add(state.layout)
    assert found["v5_5"] == {"v5.5 statenet"}
    assert found["appetitive"] == {"v5.5 statenet appetitive"}
    assert found["sweep2_balanced"] == {"v5.5 flat"}
    assert found["sweep3_cosine"] == {"v5.11 dual n1 ball"}
    assert found["v5_12_4"] == {"v5.11 dual n2 dropout ball controller"}
    assert found["v5_11_validation"] == {"v5.11 single n2 dropout"}


def test_metrics_are_found_where_the_inventory_saw_none(tree: Tree, records: dict[str, FileRecord]) -> None:
    directories = replica.inventory()["directories"]
    silent = [
        path
        for path, file in tree.files.items()
        if file.opened and not directories[file.directory]["opened"][path.rpartition("/")[2]]["metrics"]
    ]
    assert len(silent) == 26
    assert len({tree.files[path].directory for path in silent}) == 16
    for path in silent:
        assert tree.files[path].metrics
        assert records[path].metrics, path
    best = records["v5_5/best.pt"].metrics
    assert best["coverage_A"].value == round(0.9710 * 19_683) / 19_683
    assert best["coverage_B"].value == round(0.8934 * 19_683) / 19_683


def test_the_never_opened_files_have_metrics_too(tree: Tree, records: dict[str, FileRecord]) -> None:
    crashed = {name for name, (status, _) in tree.directories.items() if status == "crashed"}
    hidden = [path for path, file in tree.files.items() if file.directory in crashed and not file.opened]
    assert len(crashed) == 8
    assert len({path.partition("/")[0] for path in hidden} - {"hyperbolic_structure"}) == 7
    assert all(records[path].metrics for path in hidden)
    broken = records["/".join(replica.BROKEN)].metrics
    assert math.isnan(broken["richness"].value)
    assert (broken["richness"].dtype, broken["hierarchy"].dtype) == ("numpy.float32", "numpy.float64")


def test_the_collapsed_and_the_inverted_ones(records: dict[str, FileRecord]) -> None:
    def told(path: str, name: str) -> float | None:
        metric = records[path].metrics.get(name)
        return metric.value if metric and isinstance(metric.value, float) else None

    low = {path for path in records if (told(path, "coverage") or 1.0) < 0.95}
    assert low == known.COLLAPSED
    assert len(known.directories(low)) == 7
    names = ("hierarchy", "hierarchy_A", "hierarchy_B")
    inverted = {path for path in records if any((told(path, name) or -1.0) >= -0.1 for name in names)}
    assert inverted == known.INVERTED


def test_equal_weights_are_seen(tree: Tree, records: dict[str, FileRecord]) -> None:
    """v5_8 and v5_9 hold the weights of v5_6."""
    prints: dict[str, set[object]] = {}
    for path, file in tree.files.items():
        if file.opened and file.spelling == "today":
            state = next((one for one in records[path].state_dicts if one.key == "model"), None)
            if state:
                prints.setdefault(file.weights, set()).add(state.fingerprint)
    assert {len(found) for found in prints.values()} == {1}
    assert len({next(iter(found)) for found in prints.values()}) == len(prints)
    assert len(prints) < sum(file.opened and "model" in file.keys for file in tree.files.values())


def test_the_large_tree_is_what_it_says(tmp_path: Path) -> None:
    one, two = (tvae.inspect(path) for path in large_tree.build(tmp_path / "large", files=2))
    assert one.size == pytest.approx(5_700_000, rel=0.01)
    assert one.allocated < one.size / 8
    assert (one.status, one.safety, one.n_records) == ("ok", "known_types", 230)
    assert not one.issues
    assert one.serialization_id != two.serialization_id
