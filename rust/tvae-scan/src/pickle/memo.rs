//! The memo: what PUT keeps and GET asks for.

use super::arena::Node;
use super::code;
use super::hurry::UNMADE;
use super::machine::{Halt, Machine, NOTHING};
use super::value::NodeId;

impl Machine<'_> {
    /// Keeps a value in an entry.
    pub fn memoize(&mut self, at: u64, id: NodeId) -> Result<(), Halt> {
        let dense = self.memo.len();
        let place = usize::try_from(at).unwrap_or(usize::MAX);
        if place < dense && self.memo[place] != NOTHING && self.hurries && !self.repeats {
            self.make_all()?;
        }
        let slot = if place < dense {
            &mut self.memo[place]
        } else if place <= dense * 2 + 64 {
            self.charge((place + 1 - dense).div_ceil(4))?;
            self.memo.resize(place + 1, NOTHING);
            &mut self.memo[place]
        } else {
            self.charge(4)?;
            self.far.entry(at).or_insert(NOTHING)
        };
        if *slot == NOTHING {
            self.memo_len += 1;
        }
        *slot = id.0;
        Ok(())
    }

    /// A memo entry, or a placeholder where there is none.
    pub fn recall(&mut self, at: u64) -> Result<NodeId, Halt> {
        let place = usize::try_from(at).unwrap_or(usize::MAX);
        if let Some(&entry) = self.memo.get(place)
            && entry != NOTHING
            && entry >= UNMADE
        {
            self.make_parts(entry - UNMADE)?;
        }
        let near = self.memo.get(place).copied();
        // An entry that was stored when it was far may have come near since.
        let found = near.filter(|&id| id != NOTHING).or_else(|| self.far.get(&at).copied());
        if let Some(id) = found {
            self.traces.get(NodeId(id));
            return Ok(NodeId(id));
        }
        self.fault(code::MEMO, format!("memo entry {at} was never stored"));
        self.add(Node::Invalid)
    }
}
