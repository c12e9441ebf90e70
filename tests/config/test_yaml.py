"""Scalars by the core schema of YAML 1.2, and no text that breaks the reader."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tvae.config.yaml import parse, parse_value, scalar
from tvae.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E3", 1000.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("+12", 12),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("true", True),
        ("yes", "yes"),
        ("off", "off"),
        ("~", None),
        ("", None),
        ("2024-01-01", "2024-01-01"),
        ("12:30", "12:30"),
        ("1e", "1e"),
        ("e3", "e3"),
        ("0b1", "0b1"),
        ("cuda:0", "cuda:0"),
    ],
)
def test_scalars(text: str, value: object) -> None:
    found = scalar(text)
    assert found == value
    assert type(found) is type(value)


def test_lines_of_nested_keys() -> None:
    document = parse("a:\n  b: 1\n\n  c: [1,\n    2]\nd: {e: 2}\n", name="x")
    assert document.values == {"a": {"b": 1, "c": [1, 2]}, "d": {"e": 2}}
    assert [document.where(key) for key in ("a", "a.b", "a.c", "d.e", "a.zz", "q")] == [
        "x:1",
        "x:2",
        "x:4",
        "x:6",
        "x:1",
        "x",
    ]


def test_quoted_and_block_scalars_are_text() -> None:
    document = parse("a: '1'\nb: \"true\"\nc: |\n  12\n", name="x")
    assert document.values == {"a": "1", "b": "true", "c": "12\n"}


@given(st.text(st.sampled_from("ab:-?{}[],&*!|>'\"#%@` \n\t~0.1e<\x00\ufeff"), max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    refused: ConfigError | None = None
    try:
        parse(text, name="x")
    except ConfigError as error:
        refused = error
    assert "\n" not in str(refused)


@given(st.text(max_size=20))
def test_any_value_is_read(text: str) -> None:
    parse_value(text)
