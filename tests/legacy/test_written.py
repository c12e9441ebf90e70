"""The new file: short, readable, and with what people wrote beside their settings."""

from __future__ import annotations

from tvae.config.yaml import parse
from tvae.legacy.config import migrate
from tvae.legacy.config.comments import comments
from tvae.legacy.config.written import written

OLD = """\
# The run for the paper
# -----------------------
# second line

# What it is
model:
  name: TernaryVAEV5_11_PartialFreeze
  hidden_dim: 32  # narrow: "it's #1"
  learnable_curvature: true  # goes with its key

# How long
training:
  epochs: 7       # not longer
                  # than a week
  # the peak
  lr: 1.0e-3
  print_every: 5  # said nothing

frozen_checkpoint:
  path: "checkpoints/a #b/best.pt"  # by hand
checkpoints:
  checkpoint_name: paper
  save_dir: checkpoints/my runs
loss:
  rich_hierarchy:
    enabled: true
"""


def new(old: str = OLD) -> str:
    document = parse(old, name="old.yaml")
    return written(migrate(document), comments(old, document.lines), old="old.yaml", new="new.yaml")


def test_comments_go_along_with_their_keys() -> None:
    text = new()
    assert '    hidden: 32  # narrow: "it\'s #1"\n' in text
    assert '\ninit: "checkpoints/a #b/best.pt"  # by hand\n' in text
    assert "  epochs: 7  # not longer; than a week\n" in text
    assert "  # the peak\n  lr: 0.001\n" in text
    assert "# What it is\n" in text
    assert "said nothing" not in text
    assert "goes with its key" not in text


def test_the_header_says_where_it_comes_from_and_how_to_run_it() -> None:
    lines = new().splitlines()
    assert lines[0] == "# tvae train new.yaml --name paper --out 'checkpoints/my runs'"
    assert lines[1].startswith("# Migrated from old.yaml (dialect 5.12): ")
    assert "#   The run for the paper" in lines
    assert "#   second line" in lines
    assert not any("----" in line for line in lines)


def test_refusals_stand_in_the_header() -> None:
    assert "# Refused: training.epocs: unknown key; did you mean training.epochs?\n" in new(
        OLD.replace("  epochs:", "  epocs:")
    )


def test_only_what_differs_from_the_defaults_is_written() -> None:
    text = new()
    assert "latent_dim" not in text
    assert "curvature" not in text
    assert "rich_hierarchy:\n" in text


def test_writing_is_deterministic() -> None:
    assert new() == new()
