//! The histories that checkpoints usually keep at the top.

use std::sync::LazyLock;

use super::names::Name;
use crate::words;

/// A usual history of a metric.
#[derive(Debug, PartialEq)]
pub(crate) struct History {
    pub(super) key: &'static str,
    /// The canonical name of what it is of.
    pub(super) name: Name,
    pub(super) sources: Sources,
}

/// What the source of its last value says: as it is stored, and divided to be a fraction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sources {
    pub plain: &'static str,
    pub percent: &'static str,
    pub count: &'static str,
}

macro_rules! history {
    ($key:literal, $name:literal) => {
        (
            $key,
            $name,
            Sources {
                plain: concat!($key, "[-1]"),
                percent: concat!($key, "[-1] / 100"),
                count: concat!($key, "[-1] / 19683"),
            },
        )
    };
}

/// The keys of histories, what they are of, and the sources of their last values.
const HISTORIES: [(&str, &str, Sources); 13] = [
    history!("H_A_history", "H_A"),
    history!("H_B_history", "H_B"),
    history!("addition_accuracy_history", "addition_accuracy"),
    history!("correlation_euc_history", "corr_euclidean"),
    history!("correlation_history", "corr"),
    history!("correlation_history_euc", "corr_euclidean"),
    history!("correlation_history_hyp", "corr_hyperbolic"),
    history!("correlation_hyp_history", "corr_hyperbolic"),
    history!("coverage_A_history", "coverage_A"),
    history!("coverage_B_history", "coverage_B"),
    history!("coverage_history", "coverage"),
    history!("r_A_history", "ranking_r_A"),
    history!("r_B_history", "ranking_r_B"),
];

static USUAL: LazyLock<Vec<Option<History>>> = LazyLock::new(|| {
    let find = |word: &&str| HISTORIES.binary_search_by(|one| one.0.cmp(word)).ok();
    let usual = |at: usize| {
        let (key, name, sources) = HISTORIES[at];
        History { key, name: Name::of(name), sources }
    };
    words::all().iter().map(|word| find(word).map(usual)).collect()
});

/// What is known of the key of a history.
pub(super) fn find(key: &[u8]) -> Option<&'static History> {
    USUAL[words::place(key)?].as_ref()
}

/// The usual keys, what they are of, and the sources.
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    let each = |(key, name, Sources { plain, percent, count })| [key, name, plain, percent, count];
    HISTORIES.into_iter().flat_map(each)
}

#[cfg(test)]
mod tests {
    use super::super::names;
    use super::*;

    #[test]
    fn the_usual_histories_are_told_as_all_others() {
        assert!(HISTORIES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (key, name, _) in HISTORIES {
            let stem = names::history(key).unwrap_or_default();
            assert_eq!(names::canonical_at_top(&stem), name, "{key}");
            assert!(find(key.as_bytes()).is_some_and(|one| one.key == key));
        }
    }
}
