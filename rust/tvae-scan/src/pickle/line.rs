//! What is in a slot of a pattern: a number, a text, or numbers that fill a list.

use super::arena::Node;

/// Numbers in the lists of one stream.
pub(super) const MOST_NUMBERS: usize = 50_000;

/// The number that bytes begin with, if all of it is there, and what is behind it.
#[inline]
#[allow(clippy::many_single_char_names)] // the bytes of a float
fn number(bytes: &[u8]) -> Option<(Node, &[u8])> {
    let (node, rest) = match bytes {
        &[b'G', a, b, c, d, e, f, g, h, ref rest @ ..] => {
            (Node::Float(f64::from_be_bytes([a, b, c, d, e, f, g, h])), rest)
        }
        &[b'K', a, ref rest @ ..] => (Node::Int(a.into()), rest),
        &[b'M', a, b, ref rest @ ..] => (Node::Int(u16::from_le_bytes([a, b]).into()), rest),
        &[b'J', a, b, c, d, ref rest @ ..] => (Node::Int(i32::from_le_bytes([a, b, c, d]).into()), rest),
        [b'N', rest @ ..] => (Node::None, rest),
        [opcode @ (0x88 | 0x89), rest @ ..] => (Node::Bool(*opcode == 0x88), rest),
        _ => return None,
    };
    Some((node, rest))
}

/// Goes through what is in a slot.
pub(super) struct Line<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
}

impl Line<'_> {
    #[inline]
    pub fn number(&mut self) -> Option<Node> {
        let (node, rest) = number(self.bytes.get(self.at..)?)?;
        self.at = self.bytes.len() - rest.len();
        Some(node)
    }

    #[inline]
    pub fn text(&mut self) -> Option<&[u8]> {
        let [b'X', len @ ..] = *self.bytes.get(self.at..)?.first_chunk::<5>()? else { return None };
        let start = self.at + 5;
        self.at = start.checked_add(u32::from_le_bytes(len) as usize)?;
        self.bytes.get(start..self.at)
    }

    /// What fills a list with numbers: each with an APPEND, or batches of them behind a MARK. Gives how many opcodes that were.
    pub fn numbers(&mut self, nodes: &mut Vec<Node>) -> Option<u64> {
        let (first, mut opcodes) = (nodes.len(), 0);
        loop {
            let bytes = self.bytes.get(self.at..)?;
            let batch = bytes.strip_prefix(b"(");
            let Some((node, mut rest)) = number(batch.unwrap_or(bytes)) else { return Some(opcodes) };
            let before = nodes.len();
            nodes.push(node);
            while batch.is_some()
                && let Some((node, behind)) = number(rest)
            {
                nodes.push(node);
                rest = behind;
            }
            let end = if batch.is_some() { b"e" } else { b"a" };
            rest = rest.strip_prefix(end).filter(|_| nodes.len() - first <= MOST_NUMBERS)?;
            self.at = self.bytes.len() - rest.len();
            opcodes += (nodes.len() - before) as u64 + 1 + u64::from(batch.is_some());
        }
    }
}
