"""The schema, its reference and its JSON Schema agree."""

from __future__ import annotations

import inspect
from typing import get_args

import msgspec
import pytest
from msgspec import Struct

from tvae.config import Config, tree
from tvae.config.reference import json_schema, reference, rows
from tvae.config.suggestion import meant

KEYS = dict(tree.every_key())
LEAVES = [key for key, at in KEYS.items() if not at.section]


def written(key: str) -> str:
    """The key as the reference writes it: the names of a mapping share one row."""
    outer, _, name = key.rpartition(".")
    if not outer:
        return name
    at = tree.find(outer.rpartition(".")[0]) if "." in outer else None
    return f"{outer.rpartition('.')[0]}.NAME.{name}" if at and tree.is_mapping(at.annotation) else key


def structs() -> list[type[Struct]]:
    found = {
        kind
        for at in [tree.root(), *KEYS.values()]
        for member in tree.alternatives(at.annotation)
        for kind in (member, *get_args(member)[:1])
        if isinstance(kind, type) and issubclass(kind, Struct)
    }
    return sorted(found, key=lambda struct: struct.__name__)


@pytest.mark.parametrize("key", LEAVES)
def test_every_leaf_is_in_the_reference(key: str) -> None:
    row = next(line for line in reference().splitlines() if line.startswith(f"| `{written(key)}` |"))
    cells = [cell.strip() for cell in row.replace("\\|", "/").strip("|").split("|")]
    assert len(cells) == 5
    _, kind, _, default, meaning = cells
    assert kind
    assert default
    assert len(meaning) > 5, "every key has a one-line meaning"


def test_rows_and_tables_are_the_same() -> None:
    assert [row["key"] for row in rows()] == LEAVES


def test_defaults_in_the_reference_are_the_schema_s() -> None:
    defaults = tree.leaves(msgspec.to_builtins(Config()))
    stated = {str(row["key"]): row["default"] for row in rows()}
    for key, value in defaults.items():
        if key in stated:
            assert stated[key] == value, key


@pytest.mark.parametrize("struct", structs(), ids=lambda struct: struct.__name__)
def test_a_section_s_default_is_its_own_defaults(struct: type[Struct]) -> None:
    # A file that names one key of a section gets the other keys from the section's class, so a default
    # that differs from the class's own would change with the number of keys in the file.
    assert inspect.getdoc(struct)
    for field in msgspec.structs.fields(struct):
        default = field.default
        if isinstance(default, Struct):
            assert default == type(default)(), field.name


def test_json_schema_knows_every_section() -> None:
    schema = json_schema()
    definitions = schema["$defs"]
    assert set(definitions) == {struct.__name__ for struct in structs()}
    assert all(not definition["additionalProperties"] for definition in definitions.values())
    assert all(">>>" not in definition["description"] for definition in definitions.values())


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("bs", "training.batch_size"),
        ("epochs", "training.epochs"),
        ("training.learning_rate", "optim.lr"),
        ("model.hidden", "model."),
        ("loss.kl.beta", "loss.kl has weight"),
    ],
)
def test_suggestions(path: str, hint: str) -> None:
    assert hint in meant(path)
