"""Every leaf of an old config is accounted for, once, and what comes out is a config of today."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from legacy.files import FOLDER, NAMES, document, fate, migrated, reason
from tvae.cli.migrate import report
from tvae.config import Config, load, presets, tree
from tvae.config.document import read
from tvae.config.yaml import Document, parse
from tvae.errors import ConfigError
from tvae.legacy.config import migrate, recognise
from tvae.legacy.config.comments import comments
from tvae.legacy.config.dialect import DIALECTS
from tvae.legacy.config.written import written

GOLDEN = Path(__file__).parent / "golden"
#: Set it to write the golden files anew, and read the difference before it is kept.
REWRITE = "REWRITE_GOLDEN"

DIALECT = {
    "appetitive": ("5.5-5.10", "appetitive"),
    "v5_7": ("5.5-5.10", "5.7"),
    "v5_8": ("5.5-5.10", "5.8"),
    "v5_9": ("5.5-5.10", "5.9"),
    "v5_10": ("5.5-5.10", "5.10.1"),
    "v5_11": ("5.11", "5.11"),
    "fast_test": ("5.11", "5.11"),
    "v5_11_11": ("5.11.11", "5.11.11"),
    "v5_11_11_rtx": ("5.11.11", "5.11.11"),
    "v5_12": ("5.12", "5.12"),
    "v5_12_4": ("5.12", "5.12.4"),
    "v5_12_4_grokking": ("5.12", "5.12.4"),
    "v5_12_5_adaptive_loss": ("5.12.5", "5.12.5"),
    "v5_12_5_adaptive_lr": ("5.12.5", "5.12.5"),
    "v5_12_5_rebalanced": ("5.12.5", "5.12.5"),
    "v5_12_5_from_scratch": ("5.12.5", "5.12.5"),
    "frequency_optimal": ("manifold", "frequency_optimal"),
    "valuation_optimal": ("manifold", "valuation_optimal"),
    "schema": ("schema", "schema"),
    "trainer_schema": ("trainer schema", "5.10"),
}


@pytest.mark.parametrize("name", NAMES)
def test_the_report_is_the_golden_one(name: str) -> None:
    found = report(migrate(document(name)), f"{name}.yaml")
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get(REWRITE):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(f"{found}\n")
    assert found == golden.read_text().rstrip("\n")


@pytest.mark.parametrize("name", NAMES)
def test_the_dialect_is_recognised(name: str) -> None:
    found = migrate(document(name))
    assert (found.dialect, found.version) == DIALECT[name]


def test_the_files_have_every_key_that_a_rule_is_for() -> None:
    met = set()
    for name in NAMES:
        values = document(name).values
        dialect = recognise(values)
        assert dialect is not None
        met |= {dialect.canonical(key) for key in tree.leaves(values)}
    assert {dialect.name for dialect in DIALECTS} == {name for name, _ in DIALECT.values()}
    assert not {key for dialect in DIALECTS for key in dialect.rules} - met


def check(old: Document) -> None:
    found = migrate(old)
    leaves = tree.leaves(old.values)
    assert [entry.old for entry in found.entries] == list(leaves)
    assert all(entry.old_value == leaves[entry.old] for entry in found.entries)
    keys = dict(tree.every_key())
    for entry in found.entries:
        assert entry.reason or entry.action in ("mapped", "converted"), entry
        assert entry.action != "dropped" or entry.new is None, entry
        assert entry.new is None or entry.new in keys or entry.new.startswith("--"), entry
    # Nothing is in the new config that no leaf and no habit of the old code explains.
    explained = {key for entry in found.entries if entry.sets for key in (entry.new, *entry.also)} | set(
        found.implied
    )
    config = msgspec.convert(found.values, Config)
    flat, default = (tree.leaves(msgspec.to_builtins(one)) for one in (config, Config()))
    for key in (key for key in flat if flat[key] != default.get(key)):
        # A key, its section, or another key of the section, which turns on the rest with its defaults.
        section = key.rpartition(".")[0]
        assert any(said == key or f"{said}.".startswith(f"{section}.") for said in explained), key


@pytest.mark.parametrize("name", NAMES)
def test_every_leaf_is_accounted_for_and_every_setting_explained(name: str) -> None:
    check(document(name))


@pytest.mark.parametrize("name", NAMES)
def test_the_new_file_loads_and_says_the_same(name: str, tmp_path: Path) -> None:
    old = document(name)
    found = migrate(old)
    text = written(
        found, comments((FOLDER / f"{name}.yaml").read_text(), old.lines), old=old.name, new="new.yaml"
    )
    path = tmp_path / "new.yaml"
    path.write_text(text)
    assert load(path, env=None).config == msgspec.convert(found.values, Config)
    assert text.startswith("# tvae train new.yaml")
    assert "Migrated from " in text.splitlines()[1]


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_keys_does_not_matter(name: str) -> None:
    def reversed_(values: object) -> object:
        if not isinstance(values, dict):
            return values
        return {key: reversed_(value) for key, value in reversed(values.items())}

    old = document(name)
    values = reversed_(old.values)
    assert isinstance(values, dict)
    other = migrate(Document(values, {}, old.name))
    assert other.values == migrate(old).values
    assert sorted(other.entries, key=lambda entry: entry.old) == sorted(
        migrate(old).entries, key=lambda entry: entry.old
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_lacks_a_key_or_has_nonsense_there_is_migrated_all_the_same(name: str) -> None:
    old = document(name)
    dialect = recognise(old.values)
    for key in list(tree.leaves(old.values))[::9]:
        for nonsense in (None, -1, "zzz", [], float("inf")):
            values = copy.deepcopy(old.values)
            section: Any = values
            *outer, last = key.split(".")
            for word in outer:
                section = section[word]
            if nonsense is None:
                del section[last]
            else:
                section[last] = nonsense
            if recognise(values) is dialect:
                found = migrate(Document(values, old.lines, old.name))
                msgspec.convert(found.values, Config)


def test_configs_of_today_are_not_old(root: Path) -> None:
    for name, _ in presets():
        assert recognise(read(root / "configs" / f"{name}.yaml").values) is None
    whole = msgspec.to_builtins(Config())
    assert recognise(whole) is None
    with pytest.raises(ConfigError, match="no config of the predecessor"):
        migrate(parse("optim: {lr: 1}", name="new.yaml"))


def test_units() -> None:
    found = migrated("v5_12")
    assert fate(found, "loss.radial.inner_radius")[2] == pytest.approx(0.160342 / 3.663562, abs=1e-6)
    assert fate(found, "loss.rich_hierarchy.coverage_weight")[2] == pytest.approx(1 / 9)
    assert fate(found, "loss.geodesic.max_target_distance")[2] == pytest.approx(3 / 3.663562, abs=1e-6)
    found = migrated("v5_9")
    assert fate(found, "target_coverage_percent") == ("converted", "training.best.coverage", 0.997)
    assert fate(found, "patience") == ("converted", "training.early_stop.patience", 30)
    assert fate(found, "train_split") == ("converted", "training.steps_per_epoch", 62)
    points = fate(found, "optimizer.lr_schedule")[2]
    assert points == [{"epoch": 100, "factor": 0.5}, {"epoch": 270, "factor": 0.1}]


def test_a_null_checkpoint_leaves_the_parts_frozen() -> None:
    found = migrated("v5_12_5_from_scratch")
    assert "init" not in found.values
    assert fate(found, "frozen_checkpoint.path") == ("mapped", "init", None)
    parts = found.values["parts"]
    assert isinstance(parts, dict)
    assert parts["encoder_A"]["freeze"] is True
    assert parts["decoder"]["freeze"] is True


def test_a_positive_target_is_dropped_and_the_order_is_not_turned_round() -> None:
    found = migrated("frequency_optimal")
    assert fate(found, "training.target_hierarchy")[0] == "dropped"
    assert "failure" in reason(found, "training.target_hierarchy")
    best = found.values["training"]["best"]  # type: ignore[index]
    assert (best["metric"], best["mode"]) == ("hierarchy_B", "min")


def test_what_a_checkpoint_holds_decides_about_improved_parts() -> None:
    old = document("v5_12_4")
    guessed, plain, improved = (migrate(old, layers=layers) for layers in (None, "plain", "improved"))  # type: ignore[arg-type]
    assert guessed.values["model"] == plain.values["model"]
    assert improved.values["model"]["encoder"]["kind"] == "improved"  # type: ignore[index]
    assert fate(plain, "model.encoder_type")[0] == "dropped"


def test_real_files(legacy_configs: list[Path]) -> None:
    for path in legacy_configs:
        check(read(path))
