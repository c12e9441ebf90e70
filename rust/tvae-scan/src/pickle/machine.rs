//! The machine: its stack, its memo and what they may cost.

use std::collections::HashMap;

use super::arena::{DictData, EMPTY, Node, Run, Span};
use super::document::Document;
use super::hurry::{Names, Unmade};
use super::known::Known;
use super::pattern::ROOM as PATTERN_ROOM;
use super::reader::{Reader, narrow};
use super::traces::Traces;
use super::value::{DictKind, NodeId};
use super::{Budget, Import, PickleIssue, Safety, Unpickled, code};

/// Why the machine stops before STOP; the issue is already noted.
#[derive(Debug)]
pub(super) struct Halt;

/// Issues of one code that are kept.
const SAME_ISSUES: usize = 16;

/// Values for which the room is kept from one stream to the next.
const MOST_KEPT: usize = 1 << 16;

/// Values that may be added to what a broken stream had built.
const RESERVE: usize = 256;

/// Nothing is in this memo entry.
pub(super) const NOTHING: u32 = u32::MAX;

pub(super) struct Machine<'a> {
    pub doc: Document<'a>,
    pub reader: Reader<'a>,
    pub stack: Vec<NodeId>,
    /// Heights of the stack at the open marks.
    pub marks: Vec<usize>,
    pub memo: Vec<u32>,
    /// Entries far beyond the others, so that an id of `2^32 - 1` costs one entry.
    pub far: HashMap<u64, u32>,
    pub memo_len: usize,
    pub imports: Vec<Import>,
    pub found: HashMap<String, u32>,
    pub issues: Vec<PickleIssue>,
    /// The verdict apart from imports.
    pub floor: Safety,
    /// How often Python would have raised an error; it stops at the first.
    pub faults: usize,
    pub protocol: u8,
    pub frame_end: usize,
    /// Where the current opcode stands.
    pub at: usize,
    pub opcodes: u64,
    pub budget: Budget,
    /// How many pickles this one is inside of.
    pub level: usize,
    /// Where keys are compared.
    pub table: Vec<u64>,
    /// There are sets, the items of which are to be compared.
    pub sets: bool,
    /// What is easy is taken in a hurry.
    pub hurries: bool,
    /// How often, until it has to be looked at again what may be spent.
    pub rounds: usize,
    /// Bytes are followed a second time, for values that were not made the first time.
    pub repeats: bool,
    pub unmade: Vec<Unmade>,
    pub names: Names,
    pub traces: Traces,
}

/// What a machine needs to run, kept from one stream to the next.
#[derive(Debug, Default)]
pub(crate) struct Room {
    document: Document<'static>,
    stack: Vec<NodeId>,
    marks: Vec<usize>,
    memo: Vec<u32>,
    table: Vec<u64>,
    unmade: Vec<Unmade>,
    pub traces: Traces,
}

impl Room {
    /// Takes back what a document was made of, unless it is more than the usual one needs.
    pub(crate) fn take_back(&mut self, document: Document<'_>) {
        if document.len() <= MOST_KEPT {
            self.document = document.emptied();
        }
    }
}

/// Runs one stream, which is inside so many others; only the caller bounds that.
pub(super) fn run<'a>(bytes: &'a [u8], budget: &Budget, level: usize, kept: &mut Room) -> Unpickled<'a> {
    let limit = budget.bytes.min(1 << 31);
    let cut = bytes.len() > limit;
    let source = &bytes[..bytes.len().min(limit)];
    let Room { document, stack, marks, memo, table, unmade, mut traces } = std::mem::take(kept);
    traces.clear();
    traces.wanted &= budget.hurry && level == 0;
    let mut machine = Machine {
        doc: Document { source, ..document },
        reader: Reader { bytes: source, at: 0 },
        stack,
        marks,
        memo,
        far: HashMap::new(),
        memo_len: 0,
        imports: Vec::new(),
        found: HashMap::new(),
        issues: Vec::new(),
        floor: Safety::DataOnly,
        faults: 0,
        protocol: 0,
        frame_end: 0,
        at: 0,
        opcodes: 0,
        budget: *budget,
        level,
        table,
        sets: false,
        hurries: budget.hurry && level == 0,
        rounds: 0,
        repeats: false,
        unmade,
        names: Names::default(),
        traces,
    };
    let root = machine.execute().ok();
    if root.is_none() && cut {
        machine.fault(code::BUDGET, format!("only the first {limit} bytes were looked at"));
    }
    machine.finish(root, kept)
}

impl<'a> Machine<'a> {
    fn finish(mut self, root: Option<NodeId>, kept: &mut Room) -> Unpickled<'a> {
        let root = root.or_else(|| self.salvage());
        if root.is_some() {
            self.settle();
        }
        self.traces.odd |= !self.hurries
            || self.budget.nodes < PATTERN_ROOM
            || self.budget.opcodes - self.opcodes < PATTERN_ROOM as u64;
        kept.traces = self.traces;
        let mut safety = self.imports.iter().map(|import| import.class).fold(self.floor, Safety::max);
        if self.faults > 0 {
            safety = safety.max(Safety::Unparsed);
        }
        if self.memo.len() <= MOST_KEPT {
            (kept.stack, kept.marks, kept.memo, kept.table) = (self.stack, self.marks, self.memo, self.table);
            kept.stack.clear();
            kept.marks.clear();
            kept.memo.clear();
            kept.unmade = self.unmade;
            kept.unmade.clear();
        }
        let document = root.map(|root| {
            self.doc.root = root;
            self.doc
        });
        Unpickled {
            document,
            imports: self.imports,
            safety,
            issues: self.issues,
            end: self.reader.at,
            opcodes: self.opcodes,
            complete: self.faults == 0,
        }
    }

    /// What a broken stream had built: open marks above a container are taken for the items it was waiting for.
    fn salvage(&mut self) -> Option<NodeId> {
        // Enough for the open containers that come first, where the budget is what broke the stream.
        self.budget.nodes = self.budget.nodes.max(RESERVE);
        while let Some(mark) = self.marks.pop() {
            let waiting = self.stack.split_off(mark.min(self.stack.len()));
            let Some(&target) = self.stack.last() else {
                // The mark of a tuple or list at the very bottom: its first value is the best there is.
                return waiting.first().copied();
            };
            match self.doc.node(target) {
                Node::Dict(_) => {
                    let pairs = waiting.chunks_exact(2).map(|pair| (pair[0], pair[1]));
                    let pairs: Vec<_> = pairs.take_while(|pair| self.is_plain_key(pair.0)).collect();
                    let _ = self.dict_at(target).map(|at| self.doc.add_pairs(at, pairs.into_iter()));
                }
                Node::List(_) | Node::Set(_) => {
                    let _ = self.list_mut(target).map(|list| list.extend(waiting));
                }
                _ => {}
            }
        }
        // Pairs that are set one by one leave key and value above the container.
        if let [target, key, value] = self.stack[..]
            && matches!(self.doc.node(target), Node::Dict(_))
            && self.is_plain_key(key)
        {
            let _ = self.dict_at(target).map(|at| self.doc.add_pairs(at, [(key, value)].into_iter()));
        }
        self.stack.first().copied()
    }

    fn is_plain_key(&self, id: NodeId) -> bool {
        matches!(self.doc.node(id), Node::Text(_) | Node::Int(_))
    }

    /// Counts memory in values of 16 bytes.
    #[inline]
    pub fn charge(&mut self, nodes: usize) -> Result<(), Halt> {
        if let Some(left) = self.budget.nodes.checked_sub(nodes) {
            self.budget.nodes = left;
            return Ok(());
        }
        Err(self.overdrawn())
    }

    #[cold]
    fn overdrawn(&mut self) -> Halt {
        self.budget.nodes = 0;
        self.halt(code::BUDGET, "the values take more memory than the budget".into())
    }

    #[inline]
    pub fn add(&mut self, node: Node) -> Result<NodeId, Halt> {
        self.charge(1)?;
        let id = NodeId(narrow(self.doc.nodes.len()));
        self.doc.nodes.push(node);
        Ok(id)
    }

    #[inline]
    pub fn push(&mut self, node: Node) -> Result<(), Halt> {
        let id = self.add(node)?;
        self.stack.push(id);
        Ok(())
    }

    /// Lowest height that the innermost mark allows the stack.
    pub fn fence(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    /// The top value taken off, or a placeholder where there is none.
    pub fn pop(&mut self) -> Result<NodeId, Halt> {
        if self.stack.len() > self.fence() {
            return Ok(self.stack.pop().unwrap_or_default());
        }
        self.fault(code::STACK, "the stack is empty".into());
        self.add(Node::Invalid)
    }

    /// The top value left on, or a placeholder put there.
    pub fn top(&mut self) -> Result<NodeId, Halt> {
        let id = self.pop()?;
        self.stack.push(id);
        Ok(id)
    }

    /// Closes the innermost mark and gives the height of the stack where it stood.
    pub fn mark(&mut self) -> usize {
        if let Some(mark) = self.marks.pop() {
            return mark.min(self.stack.len());
        }
        self.fault(code::STACK, "there is no mark".into());
        self.stack.len()
    }

    /// The values from `start` on, moved off the stack.
    pub fn collect(&mut self, start: usize) -> Result<Run, Halt> {
        let len = self.stack.len() - start;
        self.charge(len.div_ceil(4))?;
        let run = Run { start: narrow(self.doc.items.len()), len: narrow(len) };
        self.doc.items.extend_from_slice(&self.stack[start..]);
        self.stack.truncate(start);
        Ok(run)
    }

    /// Bytes that are not in the stream as such.
    pub fn make(&mut self, bytes: &[u8]) -> Result<Span, Halt> {
        self.charge(bytes.len() / 16)?;
        let start = narrow(self.doc.source.len() + self.doc.made.len());
        self.doc.made.extend_from_slice(bytes);
        Ok(Span { start, len: narrow(bytes.len()) })
    }

    /// Which dictionary a value is, with one made if it had none.
    pub fn dict_at(&mut self, id: NodeId) -> Result<u32, Halt> {
        if let Node::Dict(at) = self.doc.node(id)
            && at != EMPTY
        {
            return Ok(at);
        }
        self.charge(3)?;
        let at = narrow(self.doc.dicts.len());
        self.doc.dicts.push(DictData::default());
        self.doc.nodes[id.index()] = Node::Dict(at);
        Ok(at)
    }

    pub fn new_dict(&mut self, kind: DictKind, pairs: Vec<(NodeId, NodeId)>) -> Result<Node, Halt> {
        self.charge(3)?;
        let at = narrow(self.doc.dicts.len());
        self.doc.dicts.push(DictData { kind, start: narrow(self.doc.pairs.len()), ..DictData::default() });
        self.doc.add_pairs(at, pairs.into_iter());
        Ok(Node::Dict(at))
    }

    /// The items of a list or set, with room made if it had none.
    pub fn list_mut(&mut self, id: NodeId) -> Result<&mut Vec<NodeId>, Halt> {
        let node = self.doc.node(id);
        let at = match node {
            Node::List(at) | Node::Set(at) if at != EMPTY => at,
            _ => {
                let at = self.new_list(Vec::new())?;
                let set = matches!(node, Node::Set(_));
                self.doc.nodes[id.index()] = if set { Node::Set(at) } else { Node::List(at) };
                at
            }
        };
        Ok(&mut self.doc.lists[at as usize])
    }

    pub fn new_list(&mut self, items: Vec<NodeId>) -> Result<u32, Halt> {
        self.charge(3 + items.len().div_ceil(4))?;
        self.doc.lists.push(items);
        Ok(narrow(self.doc.lists.len() - 1))
    }

    /// Notes something that Python accepts.
    pub fn note(&mut self, code: &'static str, message: String) {
        self.note_at(code, self.at as u64, message);
    }

    pub fn note_at(&mut self, code: &'static str, offset: u64, message: String) {
        if self.wants(code) {
            self.issues.push(PickleIssue { code, offset, message });
        }
    }

    /// Whether an issue of this code would still be kept.
    pub fn wants(&self, code: &str) -> bool {
        self.issues.iter().filter(|issue| issue.code == code).count() < SAME_ISSUES
    }

    /// Notes something that Python does not accept. The machine goes on as well as it can: what comes after is
    /// not reached by Python, but a scanner that stops here is a scanner that can be stopped.
    pub fn fault(&mut self, code: &'static str, message: String) {
        self.faults += 1;
        self.note(code, message);
    }

    /// Notes what the machine cannot go on after.
    pub fn halt(&mut self, code: &'static str, message: String) -> Halt {
        self.fault(code, message);
        Halt
    }

    pub fn raise(&mut self, safety: Safety) {
        self.floor = self.floor.max(safety);
    }

    /// What an imported name is, with the import that it counts under.
    pub fn known(&self, id: NodeId) -> Option<(Known, u32)> {
        match self.doc.node(id) {
            Node::Global(at) => {
                Some((self.doc.globals[at as usize].known, self.doc.globals[at as usize].import))
            }
            _ => None,
        }
    }
}
