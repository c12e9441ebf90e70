"""What is written loads back equal, and the hash names the content."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import get_args

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tvae.config import Config, config_hash, dump, load, tree
from tvae.config.dump import inline
from tvae.config.schema import Part, PartConfig
from tvae.config.yaml import parse, parse_value

configs = st.builds(
    lambda init, lr, widths, parts, kl, stop: msgspec.convert(
        {
            "init": init,
            "optim": {"lr": lr},
            "model": {"branches": 2, "learnable_curvature": True, "encoder": {"hidden": widths}},
            "parts": {part: {"freeze": True} for part in parts},
            "loss": {"kl": {} if kl else None},
            "training": {"early_stop": {"patience": stop} if stop else None},
        },
        Config,
    ),
    st.none() | st.text(),
    st.floats(min_value=1e-300, max_value=1e300),
    st.lists(st.integers(1, 2**40), min_size=1, max_size=3),
    st.sets(st.sampled_from(get_args(Part))),
    st.booleans(),
    st.integers(0, 5),
)


@given(configs)
def test_a_config_loads_back_equal(config: Config) -> None:
    values = parse(dump(config, comments={"seed": "why\nnot", "": "a head"}), name="x").values
    assert msgspec.convert(values, Config) == config


@given(st.text())
def test_any_text_survives(text: str) -> None:
    assert parse_value(f"[{inline(text)}]") == [text]


def test_comments_stand_behind_their_keys(tmp_path: object) -> None:
    text = dump(
        Config(), comments={"": "first\nsecond", "optim": "the optimizer", "optim.lr": "found by hand"}
    )
    assert text.startswith("# first\n# second\nseed: 0\n")
    assert "optim:  # the optimizer\n" in text
    assert "  lr: 0.01  # found by hand\n" in text


def test_every_default_is_spelled_out() -> None:
    spelled = tree.leaves(parse(dump(Config()), name="x").values)
    assert set(spelled) == set(tree.leaves(msgspec.to_builtins(Config())))


def test_the_hash_is_that_of_canonical_json() -> None:
    config = load("smoke", env=None).config
    text = json.dumps(msgspec.to_builtins(config), sort_keys=True, separators=(",", ":"))
    assert config_hash(config) == sha256(text.encode()).hexdigest()


def test_the_hash_sees_content_alone() -> None:
    written = load(None, env=None, sets=["optim.lr=1e-2", "seed=0"]).config
    assert config_hash(written) == config_hash(Config())
    parts: dict[Part, PartConfig] = {"decoder": PartConfig(), "encoder_B": PartConfig()}
    turned = dict(reversed(parts.items()))
    assert config_hash(Config(parts=parts)) == config_hash(Config(parts=turned))
    assert config_hash(Config(seed=1)) != config_hash(Config())
