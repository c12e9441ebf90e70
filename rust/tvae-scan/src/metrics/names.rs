//! One name for each metric, whatever a file calls it; doubt is kept, not guessed away.

use crate::value::Word;

/// Spellings of the predecessor. An unqualified name stays unqualified: which branch it means is not known.
const NAMES: [(&str, &str); 18] = [
    ("accuracy", "coverage"),
    ("corr_euc", "corr_euclidean"),
    ("corr_hyp", "corr_hyperbolic"),
    ("correlation", "corr"),
    ("correlation_euc", "corr_euclidean"),
    ("correlation_hyp", "corr_hyperbolic"),
    ("distance_corr", "target_distance_corr"),
    ("distance_corr_A", "target_distance_corr_A"),
    ("distance_corr_B", "target_distance_corr_B"),
    ("distance_correlation", "dist_corr"),
    ("mean_radii", "level_mean_radii"),
    ("radial_corr", "hierarchy"),
    ("radial_corr_A", "hierarchy_A"),
    ("radial_corr_B", "hierarchy_B"),
    ("radius_v0", "r_v0_A"),
    ("radius_v9", "r_v9_A"),
    ("richness_per_level", "level_richness"),
    ("within_var", "richness"),
];

/// Names that are metrics also at the top of a file, where everything else has its keys too.
const TOP: [&str; 45] = [
    "Q",
    "Q_A",
    "Q_B",
    "accuracy",
    "addition_accuracy",
    "composite_score",
    "corr_euclidean",
    "corr_hyperbolic",
    "coverage",
    "coverage_A",
    "coverage_B",
    "dist_corr",
    "dist_corr_A",
    "dist_corr_B",
    "distance_corr_A",
    "distance_corr_B",
    "hierarchy",
    "hierarchy_A",
    "hierarchy_B",
    "loss",
    "mean_radius",
    "mean_radius_A",
    "mean_radius_B",
    "r_A",
    "r_B",
    "r_v0",
    "r_v0_A",
    "r_v0_B",
    "r_v9",
    "r_v9_A",
    "r_v9_B",
    "radial_corr",
    "radial_corr_A",
    "radial_corr_B",
    "radius_v0",
    "radius_v9",
    "richness",
    "richness_A",
    "richness_B",
    "richness_ratio",
    "self_model_quality",
    "std_radius",
    "train_loss",
    "val_loss",
    "within_var",
];

/// Further keys of the predecessor's metrics that need no copy.
const MORE: [&str; 18] = [
    "ce",
    "geo_loss",
    "geo_loss_A",
    "geo_loss_B",
    "kl",
    "rad_loss",
    "rad_loss_A",
    "rad_loss_B",
    "radius_max_A",
    "radius_min_A",
    "radius_range_A",
    "std_radius_A",
    "std_radius_B",
    "train_ce",
    "train_geo_loss",
    "train_kl",
    "train_rad_loss",
    "unique_radii",
];

/// A key as a word: the usual ones are not copied.
pub(super) fn word(key: &str) -> Word {
    let known = TOP.binary_search(&key).map(|at| TOP[at]);
    let known = known.or_else(|_| MORE.binary_search(&key).map(|at| MORE[at]));
    let known = known.or_else(|_| NAMES.binary_search_by(|pair| pair.0.cmp(key)).map(|at| NAMES[at].0));
    known.map_or_else(|_| Word::Owned(key.to_owned()), Word::Borrowed)
}

/// Whether a key at the top of a file is a metric.
pub(super) fn is_top(key: &str) -> bool {
    TOP.binary_search(&key).is_ok()
}

/// What `best_X` is the best of, if that is a metric.
pub(super) fn best(key: &str) -> Option<&str> {
    let stem = key.strip_prefix("best_")?;
    (!["epoch", "step", "iter", "iteration", "metric", "model", "state", "path"].contains(&stem))
        .then_some(stem)
}

/// What a history is of, if that is a metric and no setting: `coverage_A` for `coverage_A_history`.
pub(super) fn history(key: &str) -> Option<String> {
    let (stem, end) = is_history(key)?;
    let is_setting = ["weight", "lr", "temp", "beta"].iter().any(|end| stem.ends_with(end));
    (!is_setting && !stem.is_empty()).then(|| format!("{stem}{end}"))
}

/// The parts before and behind `_history`.
pub(super) fn is_history(key: &str) -> Option<(&str, &str)> {
    ["", "_hyp", "_euc", "_A", "_B"]
        .into_iter()
        .find_map(|end| Some((key.strip_suffix(end)?.strip_suffix("_history")?, end)))
}

/// The canonical name of `key`; `aliased` if `dist_corr_*` stands beside it.
pub(super) fn canonical(key: &str, aliased: bool) -> Word {
    // v5.12 wrote `distance_corr_*` as an alias of `dist_corr_*`; in v5.11 it was another quantity.
    match key {
        "distance_corr_A" if aliased => Word::Borrowed("dist_corr_A"),
        "distance_corr_B" if aliased => Word::Borrowed("dist_corr_B"),
        _ => NAMES
            .binary_search_by(|(name, _)| (*name).cmp(key))
            .map_or_else(|_| word(key), |at| Word::Borrowed(NAMES[at].1)),
    }
}

/// The canonical name of what stands at the top of a file, as a value, a history or a best.
pub(super) fn canonical_at_top(key: &str, aliased: bool) -> Word {
    // The correlation that v5.7 trained for with its `ranking_weight`; elsewhere `r` is a radius.
    match key {
        "r" => Word::Borrowed("ranking_r"),
        "r_A" => Word::Borrowed("ranking_r_A"),
        "r_B" => Word::Borrowed("ranking_r_B"),
        _ => canonical(key, aliased),
    }
}

/// The branch that a group of metrics is called after.
pub(super) fn branch(group: &str) -> Option<char> {
    let rest = ["vae_", "vae-", "VAE_", "VAE-", "branch_", "encoder_"]
        .iter()
        .find_map(|start| group.strip_prefix(start))
        .unwrap_or(group);
    match rest {
        "A" | "a" => Some('A'),
        "B" | "b" => Some('B'),
        _ => None,
    }
}

/// Whether a group of metrics is of the training, not of an evaluation.
pub(super) fn is_training(group: &str) -> bool {
    matches!(group, "train" | "training" | "train_metrics" | "training_metrics")
}

/// Whether the values of a table stand for levels: `0`, `v3`, `level_9`.
pub(super) fn is_level(key: &str) -> bool {
    let digits = key.strip_prefix("level_").or_else(|| key.strip_prefix('v')).unwrap_or(key);
    digits.len() <= 3 && digits.parse::<u8>().is_ok()
}

/// Whether a key stands for a table by level, whatever the table's own keys.
pub(super) fn is_table(key: &str) -> bool {
    key.starts_with("level_") || key == "mean_radii" || key.ends_with("_per_level")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(TOP.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(MORE.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn every_spelling_of_the_predecessor_has_its_name() {
        for (key, name) in [
            ("coverage", "coverage"),
            ("accuracy", "coverage"),
            ("radial_corr_A", "hierarchy_A"),
            ("radial_corr_B", "hierarchy_B"),
            ("hierarchy", "hierarchy"),
            ("radial_corr", "hierarchy"),
            ("within_var", "richness"),
            ("distance_corr_A", "target_distance_corr_A"),
            ("distance_correlation", "dist_corr"),
            ("radius_v0", "r_v0_A"),
            ("radius_v9", "r_v9_A"),
            ("r_v0", "r_v0"),
            ("mean_radii", "level_mean_radii"),
            ("richness_per_level", "level_richness"),
            ("hierarchy_snapped", "hierarchy_snapped"),
            ("unique_radii", "unique_radii"),
        ] {
            assert_eq!(canonical(key, false), name);
        }
        assert_eq!(canonical("distance_corr_B", true), "dist_corr_B");
    }

    #[test]
    fn histories_and_bests_are_told_from_settings() {
        assert_eq!(history("coverage_A_history").as_deref(), Some("coverage_A"));
        assert_eq!(history("correlation_history_hyp").as_deref(), Some("correlation_hyp"));
        assert_eq!(history("ranking_weight_history"), None);
        assert_eq!(history("_history"), None);
        assert_eq!(best("best_corr_hyp"), Some("corr_hyp"));
        assert_eq!(best("best_epoch"), None);
    }
}
