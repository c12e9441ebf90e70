//! What a checkpoint keeps of its optimizers.

use std::sync::LazyLock;

use crate::convert::Converter;
use crate::pickle::{Document, NodeId, Value as Node};
use crate::record::Optimizer;
use crate::value::Word;

/// Where an optimizer's state may be; the last is a list of them.
pub(crate) const KEYS: [&str; 6] = [
    "optimizer",
    "optimizer_state",
    "optimizer_state_dict",
    "model_optimizer_state",
    "controller_optimizer_state",
    "optimizer_states",
];
/// Optimizers, and groups of one, that are kept.
const MOST: usize = 256;
/// Parameters whose state is asked for the kind.
const MOST_ASKED: usize = 4;

/// The words of optimizers: their keys and kinds.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    KEYS.into_iter().chain(KINDS.into_iter().map(|kind| kind.1))
}

/// Adds the optimizers under one of the keys.
pub(crate) fn read(document: &Document<'_>, key: &Word, item: NodeId, found: &mut Vec<Optimizer>) {
    match document.value(item) {
        Node::List(items) => {
            let each = items.iter().take(MOST).enumerate();
            found.extend(each.filter_map(|(at, &item)| one(document, format!("{key}[{at}]").into(), item)));
        }
        _ => found.extend(one(document, key.clone(), item)),
    }
    found.truncate(MOST);
}

fn one(document: &Document<'_>, key: Word, item: NodeId) -> Option<Optimizer> {
    let state = document.lookup(item, "state");
    let groups = document.lookup(item, "param_groups");
    if state.is_none() && groups.is_none() {
        return None;
    }
    let mut found = Optimizer { key, ..Optimizer::default() };
    if let Some(Node::Dict(state)) = state.map(|state| document.value(state)) {
        found.n_params = state.pairs.len() as u64;
        found.kind = Moments::of(document, state.pairs).kind().map(Into::into);
    }
    if let Some(Node::List(groups)) = groups.map(|groups| document.value(groups)) {
        let rates = groups.iter().take(MOST).filter_map(|&group| {
            let rate = document.lookup(group, "lr")?;
            Converter::new(document, 1).convert(rate).number().filter(|rate| rate.is_finite())
        });
        found.lr = rates.collect();
    }
    Some(found)
}

/// The names in the state of a parameter, as far as they tell the kind of the optimizer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Moments(u32);

/// Names that tell, each with the bit that stands for it.
const NAMES: [&str; 16] = [
    "exp_avg",
    "exp_avg_sq",
    "momentum_buffer",
    "square_avg",
    "acc_delta",
    "sum",
    "exp_inf",
    "mu_product",
    "prev",
    "step_size",
    "ax",
    "eta",
    "d",
    "func_evals",
    "row_var",
    "exp_avg_sq_row",
];

/// Names that a state must have, and the kind that has them; the first match counts.
const KINDS: [(&[&str], &str); 13] = [
    (&["exp_avg", "exp_avg_sq", "mu_product"], "NAdam"),
    (&["exp_avg", "exp_avg_sq"], "Adam"),
    (&["exp_avg", "exp_inf"], "Adamax"),
    (&["exp_avg_sq_row"], "Adafactor"),
    (&["row_var"], "Adafactor"),
    (&["square_avg", "acc_delta"], "Adadelta"),
    (&["square_avg"], "RMSprop"),
    (&["prev", "step_size"], "Rprop"),
    (&["ax", "eta"], "ASGD"),
    (&["d", "func_evals"], "LBFGS"),
    (&["exp_avg"], "Lion"),
    (&["sum"], "Adagrad"),
    (&["momentum_buffer"], "SGD"),
];

impl Moments {
    /// Those in the state of the first parameters.
    pub(crate) fn of(document: &Document<'_>, state: &[(NodeId, NodeId)]) -> Self {
        let mut moments = Self::default();
        for &(_, item) in state.iter().take(MOST_ASKED) {
            if let Node::Dict(each) = document.value(item) {
                let names = each.pairs.iter().take(MOST).filter_map(|(name, _)| document.as_text(*name));
                names.for_each(|name| moments.see(name));
            }
        }
        moments
    }

    /// Notes a name.
    pub(crate) fn see(&mut self, name: &str) {
        if let Some(bit) = NAMES.iter().position(|known| *known == name) {
            self.0 |= 1 << bit;
        }
    }

    /// The kind that keeps such a state. `AdamW`, `RAdam` and `AMSGrad` keep the same as `Adam`.
    pub(crate) fn kind(self) -> Option<&'static str> {
        BITS.iter().find(|(bits, _)| self.0 & bits == *bits).map(|(_, kind)| *kind)
    }
}

/// [`KINDS`] with the bits of their names.
static BITS: LazyLock<Vec<(u32, &str)>> = LazyLock::new(|| {
    let bits = |names: &[&str]| {
        let mut all = Moments::default();
        for name in names {
            all.see(name);
        }
        all.0
    };
    KINDS.iter().map(|(names, kind)| (bits(names), *kind)).collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_a_kind_has_its_bit() {
        assert!(
            KINDS.iter().zip(&*BITS).all(|((names, _), (bits, _))| bits.count_ones() as usize == names.len())
        );
    }

    #[test]
    fn the_state_tells_the_kind() {
        for (names, kind) in [
            (&["step", "exp_avg", "exp_avg_sq"][..], Some("Adam")),
            (&["exp_avg", "exp_avg_sq", "max_exp_avg_sq"], Some("Adam")),
            (&["exp_avg", "exp_avg_sq", "mu_product"], Some("NAdam")),
            (&["exp_avg", "exp_inf"], Some("Adamax")),
            (&["momentum_buffer"], Some("SGD")),
            (&["square_avg"], Some("RMSprop")),
            (&["square_avg", "acc_delta"], Some("Adadelta")),
            (&["sum"], Some("Adagrad")),
            (&["step"], None),
        ] {
            let mut moments = Moments::default();
            for name in names {
                moments.see(name);
            }
            assert_eq!(moments.kind(), kind, "{names:?}");
        }
    }
}
