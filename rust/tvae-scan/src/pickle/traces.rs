//! What has to be known of a stream to tell others by it; see `pattern`.

use super::arena::Span;
use super::machine::Machine;
use super::reader::narrow;
use super::value::NodeId;

/// Notes of the machine on its way through a stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Traces {
    /// They are kept.
    pub wanted: bool,
    /// Numbers, booleans and None, in order: the value, and where its opcode stands.
    pub numbers: Vec<(NodeId, u32)>,
    /// What GETs asked for, once for each. Of what tensors and scalars ask for, the first is enough.
    pub got: Vec<NodeId>,
    /// Where bytes that were made of text begin, and that text, which is a value unless it was taken in a hurry.
    pub encoded: Vec<(u32, Span, Option<NodeId>)>,
    /// There was an opcode, or a GET, that leaves values elsewhere than where they were made.
    pub odd: bool,
}

impl Traces {
    pub(super) fn clear(&mut self) {
        self.numbers.clear();
        self.got.clear();
        self.encoded.clear();
        self.odd = false;
    }

    /// Bytes that its vectors take.
    pub(super) fn size(&self) -> usize {
        size_of_val(&self.numbers[..]) + size_of_val(&self.got[..]) + size_of_val(&self.encoded[..])
    }

    #[inline]
    pub(super) fn get(&mut self, id: NodeId) {
        if self.wanted {
            self.got.push(id);
        }
    }

    #[inline]
    pub(super) fn encode(&mut self, bytes: Span, text: Span, value: Option<NodeId>) {
        if self.wanted {
            self.encoded.push((bytes.start, text, value));
        }
    }
}

/// Opcodes that a pattern may have: of the others some leave a value twice on the stack or take one off, and some are
/// rare.
const USUAL: [bool; 256] = {
    let mut usual = [false; 256];
    let all = b"(.)KMJGN\x88\x89X]}tuseahjqrcRQb\x80\x81\x85\x86\x87\x8aCUB";
    let mut at = 0;
    while at < all.len() {
        usual[all[at] as usize] = true;
        at += 1;
    }
    usual
};

/// Whether an opcode stands for a number, a boolean or None that a pattern may have in another place.
fn is_number(opcode: u8) -> bool {
    matches!(opcode, b'K' | b'M' | b'J' | b'G' | b'N' | 0x88 | 0x89)
}

impl Machine<'_> {
    /// Notes what an opcode did that was not taken in a hurry.
    pub fn trace(&mut self, opcode: u8) {
        if !self.traces.wanted {
            return;
        }
        self.traces.odd |= !USUAL[usize::from(opcode)];
        if is_number(opcode)
            && let Some(&top) = self.stack.last()
        {
            self.traces.numbers.push((top, narrow(self.at)));
        }
    }
}
