//! What the keys at the top of a checkpoint stand for.

use std::sync::LazyLock;

use crate::{lineage, metrics, optimizer, words};

/// Where a configuration may be, by falling precedence.
pub(crate) const CONFIGS: [&str; 4] = ["config", "args", "hparams", "hyper_parameters"];

/// What is under a key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Role {
    Epoch,
    /// A configuration, by its place among [`CONFIGS`].
    Config(usize),
    /// The version of what wrote the file, which is of its lineage too.
    Version,
    Lineage,
    /// Optimizers.
    Optimizer,
    Metrics(metrics::Role),
    /// Something else.
    Other,
}

static ROLES: LazyLock<Vec<Role>> = LazyLock::new(|| words::all().iter().map(|word| of(word)).collect());

/// The role of a key.
pub(crate) fn of(key: &str) -> Role {
    if let Some(place) = CONFIGS.iter().position(|name| *name == key) {
        return Role::Config(place);
    }
    match key {
        "epoch" => Role::Epoch,
        "version" => Role::Version,
        _ if lineage::KEYS.contains(&key) => Role::Lineage,
        _ if optimizer::KEYS.contains(&key) => Role::Optimizer,
        _ => metrics::role(key).map_or(Role::Other, Role::Metrics),
    }
}

/// A key that is one of the usual words, and its role.
#[inline]
pub(crate) fn usual(key: &[u8]) -> Option<(&'static str, Role)> {
    let place = words::place(key)?;
    Some((words::all()[place], ROLES[place]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_has_two_roles() {
        for key in words::all() {
            let other = [
                metrics::role(key).is_some(),
                lineage::KEYS.contains(key),
                optimizer::KEYS.contains(key),
                CONFIGS.contains(key),
                *key == "epoch",
            ];
            assert!(other.iter().filter(|is| **is).count() < 2, "{key}");
        }
    }

    #[test]
    fn every_key_that_has_a_role_of_its_own_is_a_word() {
        let names = CONFIGS.iter().chain(&lineage::KEYS).chain(&optimizer::KEYS);
        assert!(
            names.chain(&["epoch"]).all(|key| usual(key.as_bytes()).is_some_and(|(word, _)| word == *key))
        );
    }
}
