//! A stored value as a reading under its canonical name; coverage as a fraction.

use super::family::Quantity;
use super::names::{self, Name};
use super::stored::{Gather, Key, Owner, Stored};
use super::{Metric, Reading};
use crate::pickle::NodeId;
use crate::value::Value;
use crate::words::{self, Word};

/// Operations of the space of the files that store counts.
const OPERATIONS: f64 = 19_683.0;
/// A fraction may be above one by rounding.
const ONE: f64 = 1.0 + 1e-6;

/// The largest value of the history of a coverage, as far as it tells the unit.
pub(super) fn largest(gather: &Gather<'_, '_>, name: &str, item: NodeId) -> f64 {
    match name {
        // Those of v5.5 are counts, however few.
        "coverage_A" | "coverage_B" => {
            let largest = gather.largest(item, ONE);
            if largest > ONE { OPERATIONS } else { largest }
        }
        _ => gather.largest(item, OPERATIONS),
    }
}

/// A metric under its canonical name.
pub(super) fn metric(one: Stored, aliased: bool, family: impl FnOnce(Quantity) -> &'static str) -> Metric {
    let name = match &one.key {
        Key::Usual(usual) => {
            let name = usual.name(aliased);
            if one.owner == Owner::Model {
                let family = family(name.quantity);
                return named(one, name, family);
            }
            Word::Borrowed(name.text)
        }
        Key::Other(key) => {
            let stem = names::history(key);
            names::canonical(stem.as_deref().unwrap_or(key), aliased)
        }
    };
    let name = match one.owner {
        Owner::Branch(branch) if !name.ends_with("_A") && !name.ends_with("_B") => {
            words::word(&format!("{name}_{branch}"))
        }
        Owner::Training if !name.starts_with("train_") => words::word(&format!("train_{name}")),
        _ => name,
    };
    let training = one.owner == Owner::Training;
    let family = if training { "training" } else { family(Quantity::of(&name)) };
    let is_coverage = names::is_coverage(name.strip_prefix("train_").unwrap_or(&name));
    finished(one, name, is_coverage, family)
}

/// A metric under a name that is known.
pub(super) fn named(one: Stored, name: &Name, family: &'static str) -> Metric {
    finished(one, Word::Borrowed(name.text), name.is_coverage, family)
}

/// A metric, coverage as a fraction.
pub(super) fn finished(mut one: Stored, name: Word, is_coverage: bool, family: &'static str) -> Metric {
    if is_coverage && let Some(number) = one.value.number() {
        divide(&mut one, number);
    }
    let Stored { key, source, value, dtype, .. } = one;
    let (dtype, family) = (Word::Borrowed(dtype), Word::Borrowed(family));
    let reading = Reading { value, raw_key: key.into_word(), source, dtype, family };
    Metric { name, reading, others: Vec::new() }
}

/// What a coverage that is no fraction counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Percent,
    Operations,
}

impl Unit {
    /// The unit of a coverage, by the largest of its values.
    pub(super) fn of(largest: f64) -> Option<Self> {
        match largest {
            largest if largest > 100.0 && largest <= OPERATIONS => Some(Self::Operations),
            largest if largest > ONE && largest <= 100.0 => Some(Self::Percent),
            _ => None,
        }
    }

    pub(super) fn size(self) -> f64 {
        if self == Self::Percent { 100.0 } else { OPERATIONS }
    }
}

/// Makes a coverage a fraction, and says so in its source.
pub(super) fn divide(one: &mut Stored, largest: f64) {
    if let (Some(unit), Some(number)) = (Unit::of(largest), one.value.number()) {
        one.value = Value::Float(number / unit.size());
        one.source.to_mut().push_str(if unit == Unit::Percent { " / 100" } else { " / 19683" });
    }
}
