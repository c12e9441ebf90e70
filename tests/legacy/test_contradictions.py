"""Where old files contradict themselves, a stated rule decides (docs/migration.md has them all)."""

from __future__ import annotations

import pytest

from legacy.files import fate, migrated, reason


def test_compile_means_the_section_of_the_file() -> None:
    found = migrated("v5_12_5_adaptive_lr")
    assert fate(found, "torch_compile.enabled") == ("converted", "training.compile", False)
    other = migrated("v5_12_5_adaptive_lr", ("backend: eager", "backend: inductor"))
    assert fate(other, "torch_compile.enabled") == ("mapped", "training.compile", True)


def test_the_width_that_the_class_read_wins() -> None:
    assert fate(migrated("v5_11_11"), "model.projection_hidden_dim")[0] == "mapped"
    found = migrated("v5_11_11", ("projection_hidden_dim: 64", "projection_hidden_dim: 32"))
    assert fate(found, "model.projection_hidden_dim")[0] == "refused"
    assert fate(found, "model.hidden_dim") == ("mapped", "model.projection.hidden", 64)


def test_the_newer_section_decides_about_precision() -> None:
    found = migrated("v5_12_4")
    assert fate(found, "device.use_amp")[:2] == ("converted", "training.autocast")
    assert fate(found, "mixed_precision.enabled") == ("mapped", "training.autocast", True)
    assert fate(migrated("v5_11_11"), "device.use_amp") == ("mapped", "training.autocast", True)


def test_plain_weights_are_not_put_into_improved_parts() -> None:
    found = migrated("v5_12_4")
    assert fate(found, "model.encoder_type")[0] == "dropped"
    assert fate(found, "model.encoder_dropout")[0] == "dropped"
    assert fate(migrated("v5_12_5_from_scratch"), "model.encoder_type") == (
        "mapped",
        "model.encoder.kind",
        "improved",
    )


def test_the_schedule_that_the_file_names_is_the_one() -> None:
    found = migrated("v5_12_4")
    assert fate(found, "training.scheduler.type") == ("converted", "optim.schedule", "cosine")
    assert fate(found, "training.scheduler.T_max")[:2] == ("mapped", "optim.cosine_epochs")
    mixed = migrated("v5_12_4", ("type: cosine_annealing", "type: cosine_warmup_restart"))
    assert fate(mixed, "training.scheduler.T_max")[0] == "dropped"
    grokking = migrated("v5_12_4_grokking")
    assert fate(grokking, "training.scheduler.type") == ("converted", "optim.schedule", "restarts")
    assert fate(grokking, "training.scheduler.phases")[0] == "dropped"


def test_a_rate_that_follows_a_metric_is_no_cosine() -> None:
    found = migrated("v5_12_5_adaptive_lr")
    assert found.values["optim"]["schedule"] == "constant"  # type: ignore[index]
    assert fate(found, "training.scheduler.type")[0] == "dropped"
    assert fate(found, "training.scheduler.adaptive_lr.min_lr")[:2] == ("converted", "training.plateau.floor")


def test_metrics_that_decide_about_the_best() -> None:
    assert fate(migrated("v5_11"), "checkpoints.best_metric") == (
        "converted",
        "training.best.metric",
        "hierarchy_A",
    )
    found = migrated("v5_12")
    assert fate(found, "checkpoints.best_metric")[0] == "dropped"
    assert found.implied["training.best.metric"][0] == "hierarchy_B"


def test_flat_ranking_keys_win_over_the_section_that_repeats_them() -> None:
    found = migrated("v5_10")
    assert fate(found, "padic_losses.ranking_loss.weight")[0] == "mapped"
    other = migrated("v5_10", ("ranking_loss_weight: 2", "ranking_loss_weight: 3"))
    assert fate(other, "padic_losses.ranking_loss_weight") == ("mapped", "loss.padic_ranking.weight", 3.0)
    assert fate(other, "padic_losses.ranking_loss.weight")[0] == "refused"
    assert "contradicts padic_losses.ranking_loss_weight" in reason(other, "padic_losses.ranking_loss.weight")


def test_one_ranking_loss() -> None:
    found = migrated("v5_9", ("enable_ranking_loss: false", "enable_ranking_loss: true"))
    assert fate(found, "padic_losses.enable_ranking_loss")[0] == "refused"
    assert fate(found, "padic_losses.enable_ranking_loss_hyperbolic")[0] == "mapped"


def test_one_ball() -> None:
    found = migrated("v5_10", ("use_hyperbolic_recon: false", "use_hyperbolic_recon: true"))
    assert found.values["model"]["curvature"] == 2.2  # type: ignore[index]
    assert fate(found, "padic_losses.hyperbolic_v10.recon.curvature")[0] == "refused"
    other = migrated("v5_12", ("    curvature: 1\n", "    curvature: 2.0\n"))
    assert fate(other, "loss.geodesic.curvature")[0] == "refused"


def test_steps_beyond_the_last_epoch_are_kept_and_said() -> None:
    found = migrated("v5_10")
    assert "beyond the last epoch" in reason(found, "optimizer.lr_schedule")
    assert "never comes" in reason(found, "vae_b.temp_phase4")


def test_zero_structure_counts_once() -> None:
    found = migrated("v5_12")
    assert fate(found, "loss.zero_structure.valuation_weight") == (
        "mapped",
        "loss.zero_structure.valuation_weight",
        0.5,
    )
    assert "once" in reason(found, "loss.zero_structure.valuation_weight")


def test_the_keys_of_a_radial_section_say_which_loss_it_is() -> None:
    assert "radial_hierarchy" in migrated("v5_12").values["loss"]  # type: ignore[operator]
    assert "radial_stratification" in migrated("v5_12_4").values["loss"]  # type: ignore[operator]
    assert "radial_stratification" in migrated("v5_11").values["loss"]  # type: ignore[operator]


def test_a_limit_outside_the_ball_is_refused() -> None:
    found = migrated("v5_12", ("curvature: 1\n  use", "curvature: 2\n  use"))
    assert fate(found, "model.max_radius")[0] == "refused"
    assert "outside the ball" in reason(found, "model.max_radius")


@pytest.mark.parametrize("key", ["model.learnable_curvature", "riemannian.enabled", "model.use_controller"])
def test_what_never_had_an_effect_has_none(key: str) -> None:
    assert fate(migrated("v5_12"), key)[0] == "dropped"
    assert "without effect" in reason(migrated("v5_12"), key)


def test_no_checkpoint_section_is_like_a_null_one() -> None:
    parts = migrated("v5_11_11_rtx").values["parts"]
    assert isinstance(parts, dict)
    assert parts["encoder_A"]["freeze"] is True


def test_two_ways_to_thaw_are_refused() -> None:
    section = "progressive_unfreeze:\n  enabled: "
    found = migrated("v5_11_11", (f"{section}false", f"{section}true"))
    assert fate(found, "progressive_unfreeze.enabled")[0] == "refused"
