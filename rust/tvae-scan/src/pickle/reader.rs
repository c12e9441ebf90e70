//! The bytes of a stream, taken from front to back.

use super::arena::Span;

/// A cursor; every method gives None where the stream ends too early, and then moves nothing.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
}

impl<'a> Reader<'a> {
    pub fn rest(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let array = *self.bytes.get(self.at..)?.first_chunk::<N>()?;
        self.at += N;
        Some(array)
    }

    /// As many bytes as a length in the stream says, which is compared with what is there first.
    pub fn take(&mut self, len: u64) -> Option<Span> {
        let len = usize::try_from(len).ok().filter(|&len| len <= self.rest())?;
        let span = Span { start: narrow(self.at), len: narrow(len) };
        self.at += len;
        Some(span)
    }

    /// The bytes before the next newline.
    pub fn line(&mut self) -> Option<Span> {
        let len = self.bytes[self.at..].iter().position(|&byte| byte == b'\n')?;
        let span = Span { start: narrow(self.at), len: narrow(len) };
        self.at += len + 1;
        Some(span)
    }

    pub fn slice(&self, span: Span) -> &'a [u8] {
        &self.bytes[span.start as usize..][..span.len as usize]
    }
}

/// Positions fit: no stream is read beyond 2 GiB, and no vector here grows that far within a budget.
#[inline]
#[allow(clippy::cast_possible_truncation)] // see above
pub(super) fn narrow(position: usize) -> u32 {
    debug_assert!(u32::try_from(position).is_ok(), "no position is as far");
    position as u32
}
