//! Numbers of half a word, of which a census has thousands.

/// Nothing has this number.
pub(crate) const NONE: u32 = u32::MAX;

/// A stretch of the text of all keys.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Piece {
    pub start: u32,
    pub len: u32,
}

/// Positions fit: there are fewer tensors, and shorter keys, than that.
pub(crate) fn index(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(NONE)
}
