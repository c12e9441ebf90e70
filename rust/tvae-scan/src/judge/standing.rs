//! How a file compares with others: by values of the same names and families, or not at all.

use std::cmp::Ordering;

use crate::metrics::Reading;
use crate::record::FileRecord;

use super::flags::{self, Level};

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
}

/// Every metric of which one end is the good one, without the suffix of the branch.
const DIRECTIONS: [(&str, Direction); 17] = [
    ("Q", Direction::Higher),
    ("best_val_loss", Direction::Lower),
    ("corr_euclidean", Direction::Higher),
    ("corr_hyperbolic", Direction::Higher),
    ("coverage", Direction::Higher),
    ("coverage_sampled", Direction::Higher),
    ("dist_corr", Direction::Higher),
    ("geo_loss", Direction::Lower),
    ("hierarchy", Direction::Lower),
    ("inversions", Direction::Lower),
    ("kl_nats", Direction::Lower),
    ("rad_loss", Direction::Lower),
    ("richness", Direction::Higher),
    ("target_distance_corr", Direction::Higher),
    ("tree_inversions", Direction::Lower),
    ("ultrametric", Direction::Higher),
    ("uniformity", Direction::Higher),
];

/// Metrics that only describe, likewise.
const DESCRIBING: [&str; 19] = [
    "addition_accuracy",
    "composite_score",
    "corr",
    "loss",
    "mean_radius",
    "r_v0",
    "r_v1",
    "r_v2",
    "r_v3",
    "r_v4",
    "r_v5",
    "r_v6",
    "r_v7",
    "r_v8",
    "r_v9",
    "ranking_r",
    "richness_ratio",
    "self_model_quality",
    "std_radius",
];

/// Every metric that a person may write about, without the suffix of the branch.
pub(crate) fn known_metrics() -> Vec<&'static str> {
    DIRECTIONS.iter().map(|(name, _)| *name).chain(DESCRIBING).collect()
}

/// The name of a metric without the suffix of the branch.
pub(crate) fn stem(name: &str) -> &str {
    name.strip_suffix("_A").or_else(|| name.strip_suffix("_B")).unwrap_or(name)
}

/// Which end of a metric is the good one; none for those that only describe, such as radii.
#[must_use]
pub fn direction(name: &str) -> Option<Direction> {
    let stem = stem(name);
    DIRECTIONS.iter().find(|(known, _)| *known == stem).map(|(_, direction)| *direction)
}

/// One value to compare by.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mark {
    pub name: String,
    pub value: f64,
    /// What the file stores, if the value was measured instead.
    pub stored: Option<f64>,
    /// The branch whose value it is, where the better of two counts.
    pub branch: Option<&'static str>,
    /// With a remark if it is no measurement.
    pub family: String,
    pub direction: Direction,
}

/// The values that a file is compared by, the weightiest first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Standing(pub Vec<Mark>);

/// Names by falling preference; the branch whose hierarchy counts is the branch whose richness counts.
const ORDER: [(&[&str], Direction); 3] = [
    (&["coverage"], Direction::Higher),
    (&["hierarchy_B", "hierarchy", "hierarchy_A"], Direction::Lower),
    (&["richness_B", "richness", "richness_A"], Direction::Higher),
];

impl Standing {
    /// By coverage, then hierarchy, then richness, as far as they are stored; none without the first two.
    pub fn of(record: &FileRecord) -> Option<Self> {
        let mut marks: Vec<Mark> = Vec::new();
        let mut place = None;
        for (names, direction) in ORDER {
            let mut found =
                names.iter().enumerate().filter_map(|(at, name)| Some((at, mark(record, name, direction)?)));
            let found = match place {
                Some(branch) if names.len() > 1 => found.find(|(at, _)| *at == branch),
                _ => found.next(),
            };
            match found {
                Some((at, mark)) => {
                    if names.len() > 1 {
                        place = Some(at);
                    }
                    marks.push(mark);
                }
                None if names == ["coverage"] => marks.extend(better_branch(record)),
                None => {}
            }
        }
        let enough = marks.iter().any(|mark| !mark.name.starts_with("richness"));
        enough.then_some(Self(marks))
    }

    /// By one metric.
    pub fn by(record: &FileRecord, name: &str, direction: Direction) -> Option<Self> {
        mark(record, name, direction).map(|mark| Self(vec![mark]))
    }

    /// What must be equal for two to be comparable.
    pub fn class(&self) -> String {
        let words = self.0.iter().flat_map(|mark| [mark.name.as_str(), mark.family.as_str()]);
        words.collect::<Vec<_>>().join("\0")
    }

    /// The families, for people: one word if there is one only.
    pub fn family(&self) -> String {
        let mut families: Vec<&str> = Vec::new();
        for mark in &self.0 {
            if !families.contains(&mark.family.as_str()) {
                families.push(&mark.family);
            }
        }
        families.join(" + ")
    }

    /// The better one is the lesser. Only for two of the same class.
    pub fn order(&self, other: &Self) -> Ordering {
        let pairs = self.0.iter().zip(&other.0);
        pairs.map(|(one, other)| one.order(other)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

impl Mark {
    /// A number of it, with the branch.
    pub fn say(&self, number: &str) -> String {
        self.branch.map_or_else(|| number.to_owned(), |branch| format!("{number} ({branch})"))
    }

    /// Whether a stored metric gave it.
    pub fn is_of(&self, metric: &str) -> bool {
        self.name == metric || (self.name == BETTER_BRANCH && stem(metric) == "coverage")
    }

    pub fn order(&self, other: &Self) -> Ordering {
        match self.direction {
            Direction::Higher => other.value.total_cmp(&self.value),
            Direction::Lower => self.value.total_cmp(&other.value),
        }
    }
}

/// What stands for the coverage then.
const BETTER_BRANCH: &str = "coverage of the better branch";

/// Where the branches have a coverage each and the model has none.
fn better_branch(record: &FileRecord) -> Option<Mark> {
    // Of equals B, as elsewhere.
    let branches = ["B", "A"].into_iter().filter_map(|branch| {
        let mark = mark(record, &format!("coverage_{branch}"), Direction::Higher)?;
        Some(Mark { name: BETTER_BRANCH.into(), branch: Some(branch), ..mark })
    });
    branches.min_by(Mark::order)
}

fn mark(record: &FileRecord, name: &str, direction: Direction) -> Option<Mark> {
    let reading = &flags::metric(record, name)?.reading;
    let value = reading.value.number().filter(|value| value.is_finite())?;
    Some(Mark { name: name.into(), value, stored: None, branch: None, family: family(reading), direction })
}

fn family(reading: &Reading) -> String {
    let remark = match flags::level(reading) {
        Level::Measured => return reading.family.to_string(),
        Level::History => "history",
        Level::BestSoFar => "best so far",
    };
    if reading.family.contains(remark) {
        reading.family.to_string()
    } else {
        format!("{}, {remark}", reading.family)
    }
}

/// The best of those that compare with the most others; among equals the first.
pub(super) fn leader<T: Copy>(standings: &[(T, Standing)]) -> Option<T> {
    let mut classes: Vec<(String, usize, &(T, Standing))> = Vec::new();
    for one in standings {
        let class = one.1.class();
        match classes.iter_mut().find(|(known, _, _)| *known == class) {
            Some((_, number, best)) => {
                *number += 1;
                if one.1.order(&best.1).is_lt() {
                    *best = one;
                }
            }
            None => classes.push((class, 1, one)),
        }
    }
    classes.into_iter().rev().max_by_key(|(_, number, _)| *number).map(|(_, _, best)| best.0)
}
