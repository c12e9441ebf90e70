//! One name for each metric, whatever a file calls it; doubt is kept, not guessed away.

use std::sync::LazyLock;

use super::family::{Quantity, Tells};
use crate::words::{self, Word};

/// A key that metrics are usually stored under.
#[derive(Debug, PartialEq)]
struct Spelling {
    key: &'static str,
    /// What it is called here. An unqualified name stays unqualified: which branch it means is not known.
    name: &'static str,
    /// It is a metric also at the top of a file, where everything else has its keys too.
    top: bool,
}

const fn top(key: &'static str, name: &'static str) -> Spelling {
    Spelling { key, name, top: true }
}

const fn inner(key: &'static str, name: &'static str) -> Spelling {
    Spelling { key, name, top: false }
}

/// The usual keys, in order.
static KEYS: [Spelling; 72] = [
    top("Q", "Q"),
    top("Q_A", "Q_A"),
    top("Q_B", "Q_B"),
    top("accuracy", "coverage"),
    top("addition_accuracy", "addition_accuracy"),
    inner("ce", "ce"),
    top("composite_score", "composite_score"),
    inner("corr_euc", "corr_euclidean"),
    top("corr_euclidean", "corr_euclidean"),
    inner("corr_hyp", "corr_hyperbolic"),
    top("corr_hyperbolic", "corr_hyperbolic"),
    inner("correlation", "corr"),
    inner("correlation_euc", "corr_euclidean"),
    inner("correlation_hyp", "corr_hyperbolic"),
    top("coverage", "coverage"),
    top("coverage_A", "coverage_A"),
    top("coverage_B", "coverage_B"),
    top("dist_corr", "dist_corr"),
    top("dist_corr_A", "dist_corr_A"),
    top("dist_corr_B", "dist_corr_B"),
    inner("distance_corr", "target_distance_corr"),
    top("distance_corr_A", "target_distance_corr_A"),
    top("distance_corr_B", "target_distance_corr_B"),
    inner("distance_correlation", "dist_corr"),
    inner("geo_loss", "geo_loss"),
    inner("geo_loss_A", "geo_loss_A"),
    inner("geo_loss_B", "geo_loss_B"),
    top("hierarchy", "hierarchy"),
    top("hierarchy_A", "hierarchy_A"),
    top("hierarchy_B", "hierarchy_B"),
    inner("kl", "kl"),
    top("loss", "loss"),
    inner("mean_radii", "level_mean_radii"),
    top("mean_radius", "mean_radius"),
    top("mean_radius_A", "mean_radius_A"),
    top("mean_radius_B", "mean_radius_B"),
    top("r_A", "r_A"),
    top("r_B", "r_B"),
    top("r_v0", "r_v0"),
    top("r_v0_A", "r_v0_A"),
    top("r_v0_B", "r_v0_B"),
    top("r_v9", "r_v9"),
    top("r_v9_A", "r_v9_A"),
    top("r_v9_B", "r_v9_B"),
    inner("rad_loss", "rad_loss"),
    inner("rad_loss_A", "rad_loss_A"),
    inner("rad_loss_B", "rad_loss_B"),
    top("radial_corr", "hierarchy"),
    top("radial_corr_A", "hierarchy_A"),
    top("radial_corr_B", "hierarchy_B"),
    inner("radius_max_A", "radius_max_A"),
    inner("radius_min_A", "radius_min_A"),
    inner("radius_range_A", "radius_range_A"),
    top("radius_v0", "r_v0_A"),
    top("radius_v9", "r_v9_A"),
    top("richness", "richness"),
    top("richness_A", "richness_A"),
    top("richness_B", "richness_B"),
    inner("richness_per_level", "level_richness"),
    top("richness_ratio", "richness_ratio"),
    top("self_model_quality", "self_model_quality"),
    top("std_radius", "std_radius"),
    inner("std_radius_A", "std_radius_A"),
    inner("std_radius_B", "std_radius_B"),
    inner("train_ce", "train_ce"),
    inner("train_geo_loss", "train_geo_loss"),
    inner("train_kl", "train_kl"),
    top("train_loss", "train_loss"),
    inner("train_rad_loss", "train_rad_loss"),
    inner("unique_radii", "unique_radii"),
    top("val_loss", "val_loss"),
    top("within_var", "richness"),
];

/// A canonical name and what it tells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Name {
    pub text: &'static str,
    pub quantity: Quantity,
    pub is_coverage: bool,
}

impl Name {
    pub(super) fn of(text: &'static str) -> Self {
        Self { text, quantity: Quantity::of(text), is_coverage: is_coverage(text) }
    }
}

/// One of the usual keys and what it tells.
#[derive(Debug, PartialEq)]
pub(crate) struct Usual {
    pub(super) key: &'static str,
    name: Name,
    /// Its name where `dist_corr_*` stands beside it.
    aliased: Name,
    /// It is a metric also at the top of a file.
    pub(super) top: bool,
    /// Its name there, if that is another.
    ranking: Option<Name>,
    pub(super) tells: Tells,
    pub(super) is_table: bool,
    pub(super) is_radius: bool,
}

impl Usual {
    fn of(spelling: &Spelling) -> Self {
        let Spelling { key, name, top } = *spelling;
        let aliased = alias(key).unwrap_or(name);
        Self {
            key,
            name: Name::of(name),
            aliased: Name::of(aliased),
            top,
            ranking: ranking(key).map(Name::of),
            tells: Tells::of(key),
            is_table: is_table(key),
            is_radius: is_radius(key),
        }
    }

    /// Its name; `aliased` if `dist_corr_*` stands beside it.
    pub(super) fn name(&self, aliased: bool) -> &Name {
        if aliased { &self.aliased } else { &self.name }
    }

    /// Its name at the top of a file.
    pub(super) fn name_at_top(&self, aliased: bool) -> &Name {
        self.ranking.as_ref().unwrap_or_else(|| self.name(aliased))
    }
}

/// The usual keys, by their places among all words.
static USUAL: LazyLock<Vec<Option<Usual>>> = LazyLock::new(|| {
    let find = |word: &&str| KEYS.binary_search_by(|one| one.key.cmp(word)).ok();
    words::all().iter().map(|word| find(word).map(|at| Usual::of(&KEYS[at]))).collect()
});

/// What is known of a key.
#[inline]
pub(super) fn find(key: &[u8]) -> Option<&'static Usual> {
    USUAL[words::place(key)?].as_ref()
}

/// The usual keys and their names.
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    let ranking = ["r", "r_A", "r_B"].into_iter().filter_map(ranking);
    KEYS.iter().flat_map(|one| [one.key, one.name]).chain(ranking)
}

/// Whether a canonical name is of a coverage, which is kept as a fraction.
pub(super) fn is_coverage(name: &str) -> bool {
    matches!(name, "coverage" | "coverage_A" | "coverage_B" | "coverage_sampled")
}

/// Whether a key is that of a radius.
pub(super) fn is_radius(key: &str) -> bool {
    key.starts_with("r_v") || key.starts_with("mean_radius") || key.starts_with("radius_v")
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

/// What v5.12 wrote as an alias of `dist_corr_*`; in v5.11 it was another quantity.
fn alias(key: &str) -> Option<&'static str> {
    match key {
        "distance_corr_A" => Some("dist_corr_A"),
        "distance_corr_B" => Some("dist_corr_B"),
        _ => None,
    }
}

/// The correlation that v5.7 trained for with its `ranking_weight`; elsewhere `r` is a radius.
fn ranking(key: &str) -> Option<&'static str> {
    match key {
        "r" => Some("ranking_r"),
        "r_A" => Some("ranking_r_A"),
        "r_B" => Some("ranking_r_B"),
        _ => None,
    }
}

/// The canonical name of `key`; `aliased` if `dist_corr_*` stands beside it.
pub(super) fn canonical(key: &str, aliased: bool) -> Word {
    find(key.as_bytes()).map_or_else(|| words::word(key), |usual| Word::Borrowed(usual.name(aliased).text))
}

/// The canonical name of what stands at the top of a file as a history or a best.
pub(super) fn canonical_at_top(key: &str) -> Word {
    ranking(key).map_or_else(|| canonical(key, false), Word::Borrowed)
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
    fn every_key_is_found() {
        assert!(KEYS.windows(2).all(|pair| pair[0].key < pair[1].key));
        let plain = |key| is_history(key).is_none() && branch(key).is_none() && !is_training(key);
        assert!(KEYS.iter().all(|one| plain(one.key)));
        assert!(KEYS.iter().all(|one| find(one.key.as_bytes()).is_some_and(|found| found.key == one.key)));
        assert!(find(b"epoch").is_none() && find(b"hierarchy_snapped").is_none());
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
        assert_eq!(canonical_at_top("r_A"), "ranking_r_A");
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
