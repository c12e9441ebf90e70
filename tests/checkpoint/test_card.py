"""The model card says what a reader of the run's folder needs."""

from __future__ import annotations

from tvae.checkpoint import Record, model_card


def test_says_what_a_reader_needs() -> None:
    ours = Record(
        architecture={"model_class": "TernaryVAE", "depth": 9},
        metrics={"coverage": 1.0, "ultrametric_B": 0.832, "hierarchy_A": None},
        command="tvae train --seed 1",
        config_hash="abc123",
        metric_version=1,
        epoch=4,
    )
    card = model_card(ours)
    assert card.startswith("---\nlibrary_name: tvae\n")
    for text in ("19,683", 'tvae.load("best.safetensors")', "| `ultrametric_B` | 0.832 | 0.8320221 |"):
        assert text in card
    for text in ("`abc123`", "tvae train --seed 1", "definition version 1"):
        assert text in card
    assert "hierarchy_A" not in card


def test_of_a_poor_record() -> None:
    assert "None recorded." in model_card(Record(architecture={}))
