"""A key that is written wrong is refused, with the one that was meant."""

from __future__ import annotations

import pytest

from legacy.files import migrated

TYPOS = [
    ("v5_12", "  epochs:", "  epoch:", "training.epoch", "training.epochs"),
    ("v5_12", "  lr:", "  learning_rate:", "training.learning_rate", "training.lr"),
    ("v5_12", "max_radius:", "max_radious:", "model.max_radious", "model.max_radius"),
    ("v5_12", "  batch_size:", "  batchsize:", "training.batchsize", "training.batch_size"),
    ("v5_12", "hidden_dim:", "hidden_size:", "model.hidden_size", "model.hidden_dim"),
    ("v5_12", "encoder_b_lr_scale:", "encoder_b_lr:", "option_c.encoder_b_lr", "option_c.encoder_b_lr_scale"),
    ("v5_12", "frozen_checkpoint:", "frozen_chekpoint:", "frozen_chekpoint.path", "frozen_checkpoint.path"),
    (
        "v5_12",
        "rich_hierarchy:",
        "rich_heirarchy:",
        "loss.rich_heirarchy.enabled",
        "loss.rich_hierarchy.enabled",
    ),
    ("v5_12", "T_0:", "T0:", "training.scheduler.T0", "training.scheduler.T_0"),
    ("v5_10", "total_epochs:", "total_epocs:", "total_epocs", "total_epochs"),
    ("v5_10", "temp_cyclic:", "temp_cycling:", "vae_a.temp_cycling", "vae_a.temp_cyclic"),
    ("valuation_optimal", "learning_rate:", "lr:", "lr", "learning_rate"),
]


@pytest.mark.parametrize(("name", "before", "after", "key", "meant"), TYPOS, ids=[typo[3] for typo in TYPOS])
def test_typos(name: str, before: str, after: str, key: str, meant: str) -> None:
    found = migrated(name, (before, after))
    refusals = {entry.old: entry.reason for entry in found.refused}
    assert refusals[key] == f"unknown key; did you mean {meant}?"


def test_a_misspelt_value_is_refused_too() -> None:
    found = migrated("v5_12_4", ("type: cosine_annealing", "type: cosine_anealing"))
    assert (
        "did you mean cosine_annealing?"
        in {entry.old: entry.reason for entry in found.refused}["training.scheduler.type"]
    )


def test_other_unknown_keys_say_what_they_are() -> None:
    found = migrated("v5_12", ("  latent_dim: 16", "  latent_dim: 16\n  decode: latent\n  zzz: 1"))
    reasons = {entry.old: entry.reason for entry in found.refused}
    assert "a key of today's schema" in reasons["model.decode"]
    assert "remove it" in reasons["model.zzz"]


def test_values_of_another_kind_are_refused_with_what_was_expected() -> None:
    found = migrated("v5_12", ("  epochs: ", "  epochs: many # "), ("  batch_size: 512", "  batch_size: 511"))
    reasons = {entry.old: entry.reason for entry in found.refused}
    assert 'expected integer >= 1, got the text "many"' in reasons["training.epochs"]
    assert "a multiple of 2" in reasons["training.batch_size"]


def test_a_refused_radius_leaves_what_a_missing_one_leaves() -> None:
    refused = migrated("v5_12", ("  max_radius: ", "  max_radius: abc # "))
    missing = migrated("v5_12", ("  max_radius: ", "  # "))
    assert refused.values["model"] == missing.values["model"]
    assert refused.values["model"]["r_max"] == pytest.approx(3.663562)
    (entry,) = refused.refused
    assert (entry.old, entry.sets) == ("model.max_radius", False)


def test_a_refused_value_names_its_new_key() -> None:
    found = migrated("v5_12", ("  epochs: ", "  epochs: many # "))
    assert [entry.new for entry in found.refused] == ["training.epochs"]


def test_a_key_of_another_section_is_no_suggestion() -> None:
    found = migrated("v5_12", ("loss:\n", "loss:\n  foo_loss: {enabled: true}\n"))
    reasons = {entry.old: entry.reason for entry in found.refused}
    assert "did you mean" not in reasons["loss.foo_loss.enabled"]
