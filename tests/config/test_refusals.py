"""Every refusal is one line that says where, what was expected, what came and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tvae.config import load
from tvae.errors import ConfigError


def refusal(path: Path, content: str | bytes) -> ConfigError:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError) as caught:
        load(path, env=None)
    error = caught.value
    assert error.code == 2
    assert "\n" not in str(error)
    assert str(path) in str(error)
    return error


FILES = {
    "unknown key": ("optim:\n  lrr: 1\n", ":2: optim.lrr: unknown key; did you mean optim.lr?"),
    "key of another section": ("lr: 1\n", ":1: lr: unknown key; did you mean optim.lr?"),
    "long name": ("optim: {learning_rate: 1}", "did you mean optim.lr?"),
    "dashes": (
        "training:\n  batch-size: 4",
        ":2: training.batch-size: unknown key; did you mean training.batch_size?",
    ),
    "another case": ("SEED: 1", "did you mean seed?"),
    "no likeness": ("zzz: 1", "the top level has seed, init"),
    "a section elsewhere": ("early_stop: {patience: 1}", "did you mean training.early_stop?"),
    "part": ("parts: {decodr: {freeze: true}}", "parts.decodr: unknown key; did you mean parts.decoder?"),
    "key of a part": ("parts: {decoder: {freez: true}}", "did you mean parts.decoder.freeze?"),
    "merge key": ("<<: {seed: 1}", "unknown key"),
    "text for a number": (
        "optim:\n  lr: fast",
        ':2: optim.lr: wrong type (expected number > 0, got the text "fast")',
    ),
    "quoted number": ("optim: {lr: '1e-3'}", "write it without quotes"),
    "float for an integer": ("seed: 1.0", "seed: wrong type (expected integer >= 0 and < 2^63, got 1.0)"),
    "true for an integer": ("seed: true", "got true"),
    "yes": ("training: {tensorboard: yes}", "write true or false"),
    "null": ("optim: {lr: null}", "expected number > 0, got null"),
    "section for a number": ("optim: {lr: {a: 1}}", "got a section"),
    "number for a section": ("optim: 3", "set one of its keys, such as optim.name"),
    "null for a section": ("optim:\n", "remove the key"),
    "below": ("space: {depth: 0}", "out of range (expected integer >= 1 and <= 19, got 0)"),
    "above": ("space: {depth: 40}", "got 40"),
    "beyond 64 bits": ("seed: 9223372036854775808", "< 2^63"),
    "very long": ("seed: " + "9" * 300, "a number of more than 20 digits"),
    "infinite": ("optim: {lr: .inf}", "not finite"),
    "nan": ("optim: {lr: .nan}", "optim.lr"),
    "choice": ("optim: {schedule: cosin}", "unknown choice"),
    "near choice": ("optim: {schedule: cosin}", "did you mean cosine?"),
    "number choice": ("model: {branches: 3}", "expected 1 | 2, got 3"),
    "device": ("training: {device: gpu}", "expected auto, cpu, cuda or cuda:N"),
    "list": ("model: {encoder: {hidden: [1, a]}}", 'got the list [1, "a"]'),
    "empty list": ("model: {encoder: {hidden: []}}", "list of 1 or more integers"),
    "across keys": ("model:\n  r_max: 50\n", ":2: model.r_max: sqrt(curvature) * r_max = 50 is beyond 14"),
    "across sections": ("model: {curvature: 9}\nspace: {depth: 19}", ":1: model.curvature"),
    "inside a section": (
        "loss:\n  bands:\n    inner: 0.99",
        ":3: loss.bands.inner: bands.inner must be below",
    ),
    "hint": ("model: {projection: null}", "; set decode: latent"),
    "duplicate": ("seed: 1\noptim: {}\nseed: 2", ":3: seed is given twice; it is on line 1 already"),
    "nested duplicate": ("optim:\n  lr: 1\n  lr: 2", ":3: optim.lr is given twice; it is on line 2 already"),
    "tab": ("optim:\n\tlr: 1", ":2: not YAML: a tab where YAML wants spaces"),
    "list at the top": ("- 1\n- 2", "a config is a mapping"),
    "scalar at the top": ("hello", "a config is a mapping"),
    "two documents": ("---\nseed: 1\n---\nseed: 2", ":3: a second document"),
    "not UTF-8": (b"seed: 1\n# \xff", ":2: byte 0xff is not UTF-8"),
    "UTF-16": ("seed: 1".encode("utf-16"), "is not UTF-8"),
    "control character": ("seed: 1\nx: \x01", ":2: not YAML: unacceptable character"),
    "open quote": ("seed: 'a\n", "not YAML"),
    "two colons": ("a: b: c", "quote text that holds a colon"),
    "tag": ("init: !!python/object/apply:os.system [ls]", "a config has no tags"),
    "alias of itself": ("parts: &a {decoder: *a}", "names no anchor before it"),
    "key that is a list": ("? [a]\n: 1", "a key must be a name"),
    "deep": ("seed: " + "[" * 5000, "nested deeper than 32 levels"),
}


@pytest.mark.parametrize(("content", "words"), FILES.values(), ids=FILES)
def test_a_file_is_refused(tmp_path: Path, content: str | bytes, words: str) -> None:
    assert words in str(refusal(tmp_path / "run.yaml", content))


def test_the_four_answers(tmp_path: Path) -> None:
    error = refusal(tmp_path / "run.yaml", "optim:\n  lr: '1'")
    assert error.path == f"{tmp_path / 'run.yaml'}:2: optim.lr"
    assert (error.expected, error.got) == ("number > 0", 'the text "1"')
    assert error.hint == "write it without quotes"


def test_a_bomb_of_aliases_is_cheap(tmp_path: Path) -> None:
    levels = ["a0: &a0 [1, 1]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 28))]
    assert "unknown key" in str(refusal(tmp_path / "run.yaml", "\n".join(levels)))


def test_an_alias_stands_for_its_value(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("model:\n  encoder: {hidden: &w [8, 4]}\n  decoder: {hidden: *w}\n")
    assert load(path, env=None).config.model.decoder.hidden == (8, 4)


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("optim.lr", "--set: not an assignment (expected KEY=VALUE"),
        ("=3", "not an assignment"),
        ("optim.lr=", "--set: optim.lr: wrong type (expected number > 0, got null)"),
        ("optm.lr=1", "--set: optm: unknown key; did you mean optim?"),
        ("training.lr=1", "did you mean optim.lr?"),
        ("optim=adamw", "set one of its keys"),
        ("seed=abc", 'got the text "abc"'),
        ("training.threads=true", "training.threads: wrong type"),
        ("optim.lr.x=1", "optim.lr: takes one value"),
        ("..=1", "unknown key"),
    ],
)
def test_an_assignment_is_refused(assignment: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, env=None, sets=[assignment])
    assert words in str(caught.value)
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (
            "TVAE_TRAINING__EPOC",
            "3",
            "TVAE_TRAINING__EPOC: training.epoc: unknown key; did you mean training.epochs?",
        ),
        ("TVAE_OPTIM__LR", "fast", "TVAE_OPTIM__LR: optim.lr: wrong type"),
        ("TVAE_SEED", "", "TVAE_SEED: seed: wrong type"),
        ("TVAE___", "1", "unknown key"),
    ],
)
def test_a_variable_is_refused(name: str, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, env={name: text})
    assert words in str(caught.value)


FLAT = ["model.projection=null", "model.decode=latent", "loss.radius_band=null", "loss.distance_band=null"]


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        ([*FLAT], "loss.spread acts on the ball, but the model has no projection"),
        (["loss.spread.branch=A"], "loss.spread.branch: A, but the model has one branch, B"),
        (
            ["model.branches=2", "loss.entropy.branch=B"],
            "loss.entropy.branch: it reads what branch B decodes",
        ),
        (["parts.encoder_A.lr_scale=0.1"], "parts.encoder_A: the model has no part encoder_A"),
        (["parts.curvature.freeze=true"], "parts.curvature: the model has no part curvature"),
        (["loss.centroid.max_level=9"], "depth 9 has no 3-adic balls of level 9"),
        (["loss.distance_band.pairs=all", "space.depth=12"], "every pair is too many at depth 12"),
        (["loss.distance_band.pairs=all", "training.compile=true"], "cannot hold the loop over every pair"),
    ],
)
def test_what_no_run_could_do_is_refused_before_one(sets: list[str], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, env=None, sets=sets)
    assert words in str(caught.value)
    assert caught.value.path is not None
    assert caught.value.path.startswith("--set: ")


def test_a_loss_without_weight_asks_for_nothing() -> None:
    load(None, env=None, sets=[*FLAT, "loss.spread.weight=0"])
    load(None, env=None, sets=["loss.geodesic.weight=0", "loss.geodesic.branch=A"])


def test_an_unknown_preset_lists_the_presets() -> None:
    with pytest.raises(ConfigError) as caught:
        load("defalt", env=None)
    assert caught.value.code == 2
    assert "smoke" in str(caught.value)
    assert "did you mean default?" in str(caught.value)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").touch()
    with pytest.raises(ConfigError, match=r"no such file; did you mean .*run.yaml"):
        load(tmp_path / "runn.yaml", env=None)
    with pytest.raises(ConfigError, match="a folder is no config"):
        load(f"{tmp_path}/", env=None)
    with pytest.raises(ConfigError, match="no file has this name"):
        load("a\0.yaml", env=None)


def test_a_checkpoint_is_no_config(tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    path.write_bytes(b"\x80\0\0\0")
    with pytest.raises(ConfigError, match="--resume"):
        load(path, env=None)


@pytest.mark.parametrize("name", ["empty.pt", "empty.PTH", "empty.safetensors", "empty.ckpt"])
def test_an_empty_checkpoint_is_no_empty_config(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(ConfigError, match="an empty file with the name of a checkpoint"):
        load(tmp_path / name, env=None)
    (tmp_path / name).write_text("seed: 3\n")
    with pytest.raises(ConfigError, match="a checkpoint by its name"):
        load(tmp_path / name, env=None)


def test_reading_stops_at_a_size_that_no_config_has(tmp_path: Path) -> None:
    assert "too large" in str(refusal(tmp_path / "run.yaml", b"#" * (1 << 18)))
