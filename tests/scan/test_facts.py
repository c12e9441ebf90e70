"""What `tvae.inspect` tells of layouts, optimizers and lineage; expected is what was saved."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tvae
from tvae.records import FileRecord


def look(folder: Path, content: object) -> FileRecord:
    path = folder / "best.pt"
    torch.save(content, path)
    record = tvae.inspect(path)
    assert record.status == "ok"
    return record


def projection(
    start: str, matrices: Mapping[int, tuple[int, int]], norms: list[int]
) -> dict[str, torch.Tensor]:
    weights = {f"{start}direction_net.{at}.weight": torch.zeros(shape) for at, shape in matrices.items()}
    return weights | {f"{start}direction_net.{at}.weight": torch.zeros(64) for at in norms}


PLAIN = {"encoder_A.encoder.4.weight": torch.zeros(64, 128)}
IMPROVED = {"encoder_A.encoder.4.weight": torch.zeros(128, 256)}
SHIFTED = projection("projection.proj_A.", {0: (64, 16), 4: (64, 64), 8: (16, 64)}, [1, 5])


@pytest.mark.parametrize(
    ("key", "weights", "layout"),
    [
        ("model", PLAIN, "v5.5"),
        (
            "model_state_dict",
            {"encoder_A.0.weight": torch.zeros(256, 9), "fc_mu_A.weight": torch.zeros(16, 64)},
            "v5.5 flat",
        ),
        (
            "model_state",
            PLAIN | projection("projection.", {0: (64, 16), 3: (16, 64)}, [1]),
            "v5.11 single n1",
        ),
        (
            "model_state_dict",
            PLAIN | SHIFTED | {"projection.proj_A.manifold.isp_c": torch.tensor(1.0)},
            "v5.11 dual n2 dropout ball",
        ),
        ("model_state_dict", IMPROVED | SHIFTED, "v5.12 improved dual n2 dropout"),
        ("soft_proj_state_dict", {"shift": torch.zeros(10)}, "soft projection"),
        (
            "controller_state",
            {"net.0.weight": torch.zeros(32, 8), "net.5.weight": torch.zeros(6, 32)},
            "controller",
        ),
    ],
)
def test_layouts_are_told_by_names_and_shapes(
    tmp_path: Path, key: str, weights: dict[str, torch.Tensor], layout: str
) -> None:
    record = look(tmp_path, {"epoch": 1, key: weights})
    assert {one.key: one.layout for one in record.state_dicts} == {key: layout}


def test_bare_state_dicts_have_layouts_too(tmp_path: Path) -> None:
    for letters, name in ((64, "codon VAE"), (21, "amino-acid VAE")):
        weights = {
            "embed.embedding.weight": torch.zeros(letters, 16),
            "encoder.0.weight": torch.zeros(128, 1600),
        }
        record = look(tmp_path, weights)
        assert [one.layout for one in record.state_dicts] == [name]


@pytest.mark.parametrize(
    ("beside", "layout"),
    [
        ({"appetitive_phase": 2, "appetite_weights": {"ranking": 0.5}}, "v5.5 appetitive"),
        ({"addition_accuracy_history": [0.1]}, "v5.5 purposeful"),
    ],
)
def test_experiments_are_named(tmp_path: Path, beside: dict[str, Any], layout: str) -> None:
    record = look(tmp_path, {"model": PLAIN, **beside})
    assert record.state_dicts[0].layout == layout


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda groups: torch.optim.AdamW(groups), "Adam"),
        (lambda groups: torch.optim.SGD(groups, lr=1e-3, momentum=0.9), "SGD"),
        (lambda groups: torch.optim.RMSprop(groups), "RMSprop"),
        (lambda groups: torch.optim.Adagrad(groups), "Adagrad"),
        (lambda groups: torch.optim.NAdam(groups), "NAdam"),
    ],
)
def test_optimizers_are_told_by_their_state(tmp_path: Path, make: Any, kind: str) -> None:
    weights = [torch.nn.Parameter(torch.zeros(3)) for _ in range(3)]
    optimizer = make([{"params": weights[:2], "lr": 0.01}, {"params": weights[2:], "lr": 0.002}])
    sum(weight.sum() for weight in weights).backward()  # type: ignore[union-attr]
    optimizer.step()
    [found] = look(tmp_path, {"optimizer_state": optimizer.state_dict()}).optimizers
    assert (found.key, found.kind, found.n_params, found.lr) == ("optimizer_state", kind, 3, [0.01, 0.002])


def test_every_optimizer_counts_and_a_fresh_one_has_no_kind(tmp_path: Path) -> None:
    fresh = torch.optim.SGD([torch.nn.Parameter(torch.zeros(3))], lr=0.1).state_dict()
    record = look(
        tmp_path,
        {"model_optimizer_state": fresh, "controller_optimizer_state": fresh, "optimizer_states": [fresh]},
    )
    assert [(one.key, one.kind, one.n_params, one.lr) for one in record.optimizers] == [
        ("model_optimizer_state", None, 0, [0.1]),
        ("controller_optimizer_state", None, 0, [0.1]),
        ("optimizer_states[0]", None, 0, [0.1]),
    ]


def test_lineage_is_what_the_file_says_of_itself(tmp_path: Path) -> None:
    record = look(
        tmp_path,
        {
            "epoch": 4,
            "version": "v5.12",
            "run_id": 7,
            "phase": "consolidation",
            "global_step": np.int64(900),
            "base_checkpoint": Path("runs/v5_5/best.pt"),
            "git_revision": None,
            "torch_version": torch.__version__,
            "recommended_usage": "x" * 5000,
            "usage_metadata": {"best_for": "hierarchy"},
            "config": {"v5_5_checkpoint": "a.pt", "frozen_checkpoint": {"path": "b.pt"}, "lr": 0.1},
        },
    )
    usage = record.lineage.pop("recommended_usage")
    assert isinstance(usage, str)
    assert len(usage) == 513
    assert record.lineage == {
        "version": "v5.12",
        "run_id": 7,
        "phase": "consolidation",
        "global_step": 900,
        "base_checkpoint": "runs/v5_5/best.pt",
        "torch_version": str(torch.__version__),
        "usage_metadata": {"best_for": "hierarchy"},
        "config.frozen_checkpoint.path": "b.pt",
        "config.v5_5_checkpoint": "a.pt",
    }


def test_our_own_record_says_how_it_measured() -> None:
    record = tvae.inspect(Path(__file__).parents[2] / "configs" / "default.safetensors")
    assert record.lineage["training_script"] == "tvae train"
    assert {one.family for one in record.metrics.values()} == {"tvae 1"}
    assert [one.layout for one in record.state_dicts] == ["tvae"]
    assert record.metrics["hierarchy_A"].value is None


def test_our_resume_state_is_told_from_the_weights(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    names = ["encoder.B.hidden.linear.0.weight", "decoder.logits.weight", "projection.B.out.weight"]
    moments = {
        f"state/optim/adam/{name}/{moment}": torch.zeros(4)
        for name in names
        for moment in ("exp_avg", "exp_avg_sq")
    }
    path = tmp_path / "latest.safetensors"
    save_file({name: torch.zeros(4) for name in names} | moments | {"state/rng/cpu": torch.zeros(9)}, path)
    record = tvae.inspect(path)
    assert [(one.key, one.n_params, one.layout) for one in record.state_dicts] == [
        ("", 12, "tvae"),
        ("state", 33, None),
    ]
    [found] = record.optimizers
    assert (found.key, found.kind, found.n_params, found.lr) == ("state/optim/adam", "Adam", 3, [])
