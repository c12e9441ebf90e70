//! Which definition a reading was computed by, as far as spelling, neighbours and place tell.
//!
//! The predecessor's versions used the same names for different quantities, so a value is comparable only with
//! values of its own family. Nothing is guessed: what is not told is `unknown`.

use crate::value::Word;

/// The families of metrics, each with the sentence that a legend needs. Our own are `tvae N`, where N is the
/// `metric_version` of the record.
const FAMILIES: [(&str, &str); 12] = [
    (
        "tvae 1",
        "Written by tvae, metric version 1: every operation, posterior means, hyperbolic radii, exact pairs.",
    ),
    (
        "v5.12",
        "Full evaluation of v5.12 on sampled latents: coverage through decoder A of mu, dist_corr of ball \
         points over 1000 of them, Q = dist_corr + 1.5 |hierarchy| of the same branch; the radius is not told.",
    ),
    (
        "v5.12 hyperbolic",
        "As v5.12, with radii that are hyperbolic: one of 1 or more stands beside them, which no Euclidean norm \
         in the ball has.",
    ),
    (
        "v5.12.1",
        "As v5.12, but coverage is measured through the ball point of a sampled latent, and radii are hyperbolic.",
    ),
    (
        "v5.12 quick",
        "Best so far of what the v5.12 trainer watched: branch B, Euclidean radii, dist_corr between radii, \
         Q = dist_corr_B + 1.5 |hierarchy_B|.",
    ),
    (
        "v5.11",
        "Evaluation of the v5.11 trainer: hierarchy is its radial_corr, radii are Euclidean norms, \
         target_distance_corr is Pearson's with a target distance inside a batch, composite_score is \
         -radial_corr_A - 0.5 loss.",
    ),
    (
        "epsilon coupled",
        "The v5.11 experiment with a coupled controller: unqualified values are of branch A, \
         Q = dist_corr_A + 1.5 |hierarchy_A|, composite_score = coverage + |hierarchy_A|.",
    ),
    (
        "sweep",
        "Scripts of the sweeps: unqualified values are of branch B, radii are Euclidean norms, \
         Q = dist_corr + 1.5 |hierarchy|.",
    ),
    (
        "unqualified",
        "Experiments that evaluated one branch and do not say which (A in the homeostatic ones, B in others); \
         radii are Euclidean norms.",
    ),
    (
        "v5.5 sampled",
        "Histories of v5.5 to v5.10: distinct operations that sampling produced, as count, percent or fraction.",
    ),
    (
        "best so far",
        "The best value that the run had seen when it saved; other weights than these may have it.",
    ),
    ("unknown", "Nothing in the file tells how it was computed."),
];

/// Ranking concordance and training values: they have no other definition that they could be confused with.
const MORE: [(&str, &str); 2] = [
    (
        "concordance",
        "Histories of v5.6 to v5.10: share of random triplets whose order the distances keep; ties in the \
         tree are coin flips, so 0.5 is chance and 0.75 the best of an order without ties.",
    ),
    (
        "training",
        "Of the last epoch of training, not of an evaluation: means over batches of sampled latents.",
    ),
];

/// Every family with its meaning, in one sentence each.
pub fn families() -> impl Iterator<Item = (&'static str, &'static str)> {
    FAMILIES.into_iter().chain(MORE)
}

/// The family of a value that nothing tells anything about.
pub(super) const UNKNOWN: &str = "unknown";

/// The keys that lead from the config of a .pt that was exported here to the version that measured its metrics.
pub(super) const EXPORTED: [&str; 2] = ["tvae", "metric_version"];

/// The family of our own record.
pub(super) fn ours(version: Option<i64>) -> Word {
    match version {
        Some(1) => Word::Borrowed("tvae 1"),
        Some(version) => Word::Owned(format!("tvae {version}")),
        None => Word::Borrowed(UNKNOWN),
    }
}

/// Which of the telling keys are in a dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tells(u8);

impl Tells {
    const RADIAL: Self = Self(1);
    const TRAINER: Self = Self(1 << 1);
    const QUALIFIED: Self = Self(1 << 2);
    const FULL: Self = Self(1 << 3);
    const Q: Self = Self(1 << 4);
    const PLAIN: Self = Self(1 << 5);
    const BESIDE: Self = Self(1 << 6);
    /// `dist_corr_*`, of which another key is an alias.
    pub(super) const ALIASED: Self = Self(1 << 7);

    /// What one key tells.
    pub(super) fn of(key: &str) -> Self {
        match key {
            "radial_corr_A" | "radial_corr_B" => Self::RADIAL,
            "distance_corr_A" | "distance_corr_B" | "geo_loss_A" | "radius_v0" | "radius_v9" => Self::TRAINER,
            "hierarchy_A" | "hierarchy_B" => Self::QUALIFIED,
            "Q_A" | "Q_B" | "richness_A" | "richness_B" => Self::FULL,
            "Q" => Self::Q,
            "hierarchy" | "hierarchy_original" => Self::PLAIN,
            "coverage" | "richness" | "r_v0" | "r_v9" | "dist_corr" => Self::BESIDE,
            "dist_corr_A" | "dist_corr_B" => Self::ALIASED,
            _ => Self::default(),
        }
    }

    /// Notes what another key tells.
    pub(super) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether a key of this kind is there.
    pub(super) fn has(self, kind: Self) -> bool {
        self.0 & kind.0 != 0
    }
}

/// What a canonical name is of, as far as the families differ in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantity {
    Radius,
    Coverage,
    /// Hierarchy, Q and the correlation of distances.
    Common,
    Composite,
    /// What only the trainer of v5.11 evaluates.
    Trainer,
    /// Variants that only experiments have.
    Variant,
    Other,
}

impl Quantity {
    pub(super) fn of(name: &str) -> Self {
        let mut stem = name;
        while let Some(rest) = stem.strip_suffix("_A") {
            stem = rest;
        }
        while let Some(rest) = stem.strip_suffix("_B") {
            stem = rest;
        }
        match stem.strip_prefix("level_").unwrap_or(stem) {
            "r_v0" | "r_v9" | "mean_radius" | "std_radius" | "mean_radii" | "radius_min" | "radius_max"
            | "radius_range" | "richness" => Self::Radius,
            "coverage" => Self::Coverage,
            "hierarchy" | "Q" | "dist_corr" => Self::Common,
            "composite_score" => Self::Composite,
            "target_distance_corr" | "geo_loss" | "rad_loss" => Self::Trainer,
            "avg_intra_variance" => Self::Variant,
            stem if VARIANTS.iter().any(|start| stem.starts_with(start)) => Self::Variant,
            _ => Self::Other,
        }
    }
}

/// How the names of variants begin.
const VARIANTS: [&str; 4] = ["hierarchy_", "richness_", "variance_", "unique_radii"];

/// Who wrote a dictionary of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Dialect {
    #[default]
    Unknown,
    V512,
    V5121,
    V511,
    Epsilon,
    Sweep,
    Unqualified,
}

/// What the rest of a file tells about a dictionary of metrics.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Evidence {
    /// The config names the run, as only the sweeps do.
    pub named: bool,
    /// The file says that v5.12.1 wrote it.
    pub v5121: bool,
}

impl Dialect {
    /// The dialect of a dictionary with such keys; `comprehensive` if it is an instance of `ComprehensiveMetrics`, or
    /// stands where those do.
    /// The evidence is asked for where it matters.
    pub(super) fn of(tells: Tells, comprehensive: bool, evidence: impl FnOnce() -> Evidence) -> Self {
        let has = |kind| tells.has(kind);
        match (has(Tells::QUALIFIED), has(Tells::RADIAL), has(Tells::PLAIN)) {
            (true, _, _) if has(Tells::FULL) || comprehensive => {
                if evidence().v5121 {
                    Self::V5121
                } else {
                    Self::V512
                }
            }
            (true, false, false) if has(Tells::Q) => Self::Epsilon,
            (false, true, false) if has(Tells::TRAINER) => Self::V511,
            (false, false, true) if has(Tells::BESIDE) => {
                if evidence().named {
                    Self::Sweep
                } else {
                    Self::Unqualified
                }
            }
            _ => Self::Unknown,
        }
    }

    /// The family of a metric of this quantity; `large` if a radius of 1 or more is among them.
    pub(super) fn family(self, quantity: Quantity, large: bool) -> &'static str {
        let common = matches!(quantity, Quantity::Radius | Quantity::Coverage | Quantity::Common);
        match (self, quantity) {
            (Self::V512, Quantity::Radius) if large => "v5.12 hyperbolic",
            (Self::V5121, Quantity::Radius) => "v5.12 hyperbolic",
            (Self::V5121, Quantity::Coverage) => "v5.12.1",
            (Self::V512 | Self::V5121, _) if common => "v5.12",
            (Self::V511, Quantity::Trainer | Quantity::Composite) => "v5.11",
            (Self::V511, _) if common => "v5.11",
            (Self::Epsilon, Quantity::Composite) => "epsilon coupled",
            (Self::Epsilon, _) if common => "epsilon coupled",
            (Self::Sweep, _) if common => "sweep",
            (Self::Unqualified, Quantity::Variant) => "unqualified",
            (Self::Unqualified, _) if common => "unqualified",
            _ => UNKNOWN,
        }
    }
}

/// The family of the last value of a history.
pub(super) fn of_history(name: &str) -> &'static str {
    match name {
        "coverage" | "coverage_A" | "coverage_B" => "v5.5 sampled",
        "corr_hyperbolic" | "corr_euclidean" => "concordance",
        _ => UNKNOWN,
    }
}

/// The family of a best value; `quick` if the trainer of v5.12 kept it.
pub(super) fn of_best(name: &str, quick: bool) -> &'static str {
    if quick && matches!(name, "Q" | "hierarchy") { "v5.12 quick" } else { "best so far" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tells(keys: &[&str]) -> Tells {
        keys.iter().fold(Tells::default(), |mut all, key| {
            all.add(Tells::of(key));
            all
        })
    }

    fn told(keys: &[&str], evidence: Evidence) -> Dialect {
        Dialect::of(tells(keys), false, || evidence)
    }

    #[test]
    fn neighbours_tell_who_wrote_a_dictionary() {
        let none = Evidence::default();
        let full = ["coverage", "hierarchy_A", "radial_corr_A", "distance_corr_A", "Q_B"];
        assert_eq!(told(&full, none), Dialect::V512);
        assert_eq!(told(&full, Evidence { v5121: true, ..none }), Dialect::V5121);
        assert_eq!(Dialect::of(tells(&["hierarchy_A"]), true, || none), Dialect::V512);
        assert_eq!(told(&["coverage", "radial_corr_A", "radius_v0"], none), Dialect::V511);
        assert_eq!(told(&["hierarchy_A", "hierarchy_B", "dist_corr_A", "Q"], none), Dialect::Epsilon);
        assert_eq!(told(&["coverage", "hierarchy"], none), Dialect::Unqualified);
        assert_eq!(told(&["coverage", "hierarchy"], Evidence { named: true, ..none }), Dialect::Sweep);
        assert_eq!(told(&["hierarchy"], none), Dialect::Unknown);
        assert_eq!(told(&["radial_corr_A"], none), Dialect::Unknown);
        assert_eq!(told(&["coverage", "loss"], none), Dialect::Unknown);
    }

    #[test]
    fn every_family_that_is_given_has_a_meaning() {
        let names = ["coverage", "hierarchy_A", "r_v0_B", "target_distance_corr_A", "corr_hyperbolic", "tau"];
        let dialects = [
            Dialect::Unknown,
            Dialect::V512,
            Dialect::V5121,
            Dialect::V511,
            Dialect::Epsilon,
            Dialect::Sweep,
            Dialect::Unqualified,
        ];
        for name in names {
            let mut given = vec![of_history(name), of_best("Q", true), of_best(name, false), "training"];
            given.extend(
                dialects
                    .iter()
                    .flat_map(|one| [true, false].map(|large| one.family(Quantity::of(name), large))),
            );
            for family in given {
                assert!(families().any(|(known, _)| known == family), "{family}");
            }
        }
        assert!(families().all(|(_, meaning)| meaning.ends_with('.')));
    }

    #[test]
    fn a_radius_of_one_or_more_is_hyperbolic_and_the_rest_stays_comparable() {
        assert_eq!(Dialect::V512.family(Quantity::of("r_v0_A"), true), "v5.12 hyperbolic");
        assert_eq!(Dialect::V512.family(Quantity::of("richness_B"), false), "v5.12");
        assert_eq!(Dialect::V512.family(Quantity::of("hierarchy_B"), true), "v5.12");
        assert_eq!(Dialect::V5121.family(Quantity::of("coverage"), false), "v5.12.1");
        assert_eq!(Dialect::V512.family(Quantity::of("homemade"), false), UNKNOWN);
    }
}
