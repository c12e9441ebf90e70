//! Imports, and pickles inside a pickle.

use super::arena::{GlobalData, Node, Span};
use super::known::{self, Known};
use super::machine::{self, Halt, Machine, Room};
use super::reader::narrow;
use super::value::NodeId;
use super::{Budget, Import, Safety, code, names, text};
use crate::words::{self, Word};

/// What a name costs: itself, its record and its place in the index.
const NAME_NODES: usize = 24;

/// Names up to here are found by comparing them all.
const FEW: usize = 24;

/// Pickles that follow each other in the bytes of one storage.
const STREAMS: usize = 5;

impl Machine<'_> {
    /// GLOBAL and INST: two lines, taken byte for byte.
    pub fn import(&mut self, module: Span, name: Span) -> Result<NodeId, Halt> {
        let (module, name) = (self.reader.slice(module), self.reader.slice(name));
        if let (Ok(module), Ok(name)) = (std::str::from_utf8(module), std::str::from_utf8(name)) {
            return self.named(module, name);
        }
        self.fault(code::TEXT, "an imported name is not UTF-8".into());
        let (module, name) = (text::lossy(module), text::lossy(name));
        self.named(&module, &name)
    }

    /// `STACK_GLOBAL`: whatever two strings are on the stack, wherever they came from.
    pub fn stack_global(&mut self) -> Result<(), Halt> {
        let (name, module) = (self.pop()?, self.pop()?);
        let (Node::Text(module), Node::Text(name)) = (self.doc.node(module), self.doc.node(name)) else {
            self.raise(Safety::UnknownCode);
            self.fault(code::TYPE, "STACK_GLOBAL finds no two strings".into());
            return self.push(Node::Invalid);
        };
        self.charge((module.len as usize + name.len as usize) / 16)?;
        let (module, name) = (self.doc.text(module).to_owned(), self.doc.text(name).to_owned());
        let id = self.named(&module, &name)?;
        self.stack.push(id);
        Ok(())
    }

    fn named(&mut self, module: &str, name: &str) -> Result<NodeId, Halt> {
        // No known word is an old name.
        let old = self.protocol < 3 && words::known(module.as_bytes()).is_none();
        let (module, name) = if old { names::modern(module, name) } else { (module, name) };
        if let Some(at) = self.find(module, name) {
            return self.add(Node::Global(at));
        }
        let (known, class) = known::classify(module, name);
        self.add_name(module, name, (known, class))
    }

    /// The value of an imported name; the same name is one import, however often it comes.
    pub fn declare(&mut self, module: &str, name: &str, class: Safety) -> Result<NodeId, Halt> {
        if let Some(at) = self.find(module, name) {
            return self.add(Node::Global(at));
        }
        let (known, _) = known::classify(module, name);
        self.add_name(module, name, (known, class))
    }

    /// A name that comes for the first time.
    fn add_name(
        &mut self,
        module: &str,
        name: &str,
        (known, class): (Known, Safety),
    ) -> Result<NodeId, Halt> {
        self.charge(NAME_NODES + (module.len() + name.len()) / 8)?;
        let (module_span, name_span) = (self.make(module.as_bytes())?, self.make(name.as_bytes())?);
        let import = narrow(self.imports.len());
        let limit = self.budget.text;
        let word = |text: &str| match words::known(text.as_bytes()).filter(|word| word.len() <= limit) {
            Some(word) => Word::Borrowed(word),
            None => Word::Owned(text::brief(text, limit)),
        };
        let (module, name) = (word(module), word(name));
        match class {
            Safety::Dangerous if known == Known::Unknown => {
                self.note(code::DANGEROUS, format!("imports {module}.{name}"));
            }
            Safety::UnknownCode => self.note(code::UNKNOWN, format!("imports {module}.{name}")),
            _ => {}
        }
        self.imports.push(Import { module, name, class, offset: self.at as u64 });
        self.doc.globals.push(GlobalData { module: module_span, name: name_span, import, known });
        let at = self.doc.globals.len() - 1;
        if at >= FEW {
            self.index(at);
        }
        self.add(Node::Global(narrow(at)))
    }

    pub fn find(&self, module: &str, name: &str) -> Option<u32> {
        if self.doc.globals.len() > FEW {
            return self.found.get(&format!("{module}\n{name}")).copied();
        }
        let same = |global: &GlobalData| {
            self.doc.bytes(global.name) == name.as_bytes()
                && self.doc.bytes(global.module) == module.as_bytes()
        };
        self.doc.globals.iter().position(same).map(narrow)
    }

    /// Indexes the names from the first on once there are many. No name of an import holds a newline, except
    /// those of `STACK_GLOBAL`, where two spellings of one key would only share an import that is not known.
    fn index(&mut self, last: usize) {
        let first = if last == FEW { 0 } else { last };
        for at in first..=last {
            let global = self.doc.globals[at];
            let key = format!("{}\n{}", self.doc.text(global.module), self.doc.text(global.name));
            self.found.insert(key, narrow(at));
        }
    }

    /// Makes an import worse than its name alone was.
    pub fn worsen(&mut self, import: u32, safety: Safety) {
        if let Some(import) = self.imports.get_mut(import as usize) {
            import.class = import.class.max(safety);
        }
    }

    /// Follows the pickles in bytes that the stream hands to a loader, one level deep, and takes over what they
    /// import. Gives the verdict on them, None if they are not all understood.
    pub fn nested(&mut self, span: Span) -> Result<Option<Safety>, Halt> {
        if self.level > 0 {
            self.note(code::NESTED, "a pickle inside a pickle inside a pickle".into());
            return Ok(None);
        }
        self.charge(span.len as usize / 16)?;
        let bytes = self.doc.bytes(span).to_vec();
        let base = if (span.start as usize) < self.doc.source.len() {
            u64::from(span.start)
        } else {
            self.at as u64
        };
        let (mut at, mut worst) = (0, Safety::DataOnly);
        for _ in 0..STREAMS {
            let budget = Budget { opcodes: self.budget.opcodes - self.opcodes, ..self.budget };
            let found = machine::run(&bytes[at..], &budget, self.level + 1, &mut Room::default());
            self.opcodes += found.opcodes;
            self.charge(found.document.as_ref().map_or(0, super::Document::len) / 4)?;
            worst = worst.max(found.safety);
            for import in found.imports {
                self.charge(NAME_NODES)?;
                let offset = base + at as u64 + import.offset;
                let again = |old: &Import| old.module == import.module && old.name == import.name;
                if self.imports.len() > 4096 || !self.imports.iter().any(again) {
                    self.imports.push(Import { offset, ..import });
                }
            }
            for issue in found.issues {
                self.note_at(issue.code, base + at as u64 + issue.offset, issue.message);
            }
            at += found.end;
            if !found.complete {
                self.note(code::NESTED, "the bytes given to a loader are no whole pickle".into());
                return Ok(if worst == Safety::Dangerous { Some(worst) } else { None });
            }
            if at >= bytes.len() {
                break;
            }
        }
        Ok(Some(worst))
    }
}
