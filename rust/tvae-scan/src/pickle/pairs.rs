//! Pairs of dictionaries under text and integers, taken in a hurry.

use super::arena::{EMPTY, Node};
use super::hurry::MOST;
use super::machine::Machine;
use super::value::NodeId;

impl Machine<'_> {
    /// The pair on top of the stack for the dictionary below it.
    #[inline]
    pub fn plain_pair(&mut self) -> Option<()> {
        let &[.., target, key, value] = &self.stack[..] else { return None };
        let (start, fence) = (self.stack.len() - 2, self.fence());
        if start <= fence || !matches!(self.doc.node(key), Node::Text(_) | Node::Int(_)) {
            return None;
        }
        if self.doc.node(target) != Node::Dict(EMPTY) {
            return self.plain_pairs(start, fence);
        }
        self.doc.fill(target, [(key, value)].into_iter());
        self.budget.nodes -= 4;
        self.stack.truncate(start);
        self.opcodes += 1;
        Some(())
    }

    /// Pairs from `start` on for the dictionary below them, if their keys are text or integers.
    pub fn plain_pairs(&mut self, start: usize, fence: usize) -> Option<()> {
        let pairs = self.stack.get(start..).filter(|pairs| !pairs.is_empty() && pairs.len() % 2 == 0)?;
        let target = *self.stack[..start].get(fence..)?.last()?;
        let Node::Dict(dict) = self.doc.node(target) else { return None };
        let plain = |id| matches!(self.doc.node(id), Node::Text(_) | Node::Int(_));
        let cost = pairs.len().div_ceil(4);
        // A dictionary that was empty until now is charged as it is made.
        if cost + 3 > MOST || !pairs.as_chunks::<2>().0.iter().all(|pair| plain(pair[0])) {
            return None;
        }
        let each = |pair: &[NodeId; 2]| (pair[0], pair[1]);
        if dict == EMPTY {
            self.doc.fill(target, pairs.as_chunks::<2>().0.iter().map(each));
            self.budget.nodes -= 3;
        } else {
            self.doc.add_pairs(dict, pairs.as_chunks::<2>().0.iter().map(each));
        }
        self.budget.nodes -= cost;
        self.stack.truncate(start);
        self.opcodes += 1;
        Some(())
    }
}
