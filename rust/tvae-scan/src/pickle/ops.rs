//! The opcodes.

use super::arena::{EMPTY, Node, Run};
use super::machine::{Halt, Machine};
use super::text::{self, Integer};
use super::value::NodeId;
use super::{Safety, code};

/// Highest protocol there is.
const NEWEST: u8 = 5;

/// After so many errors the stream is noise.
const MOST_FAULTS: usize = 1000;

impl Machine<'_> {
    /// Executes to the STOP and gives the value that is left.
    pub fn execute(&mut self) -> Result<NodeId, Halt> {
        loop {
            self.hurry();
            self.at = self.reader.at;
            let Some(opcode) = self.reader.byte() else { return Err(self.truncated()) };
            if self.opcodes == self.budget.opcodes {
                self.reader.at = self.at;
                return Err(self.halt(code::BUDGET, "more opcodes than the budget".into()));
            }
            self.opcodes += 1;
            if self.faults > MOST_FAULTS {
                return Err(Halt);
            }
            if opcode == b'.' {
                return self.stop();
            }
            if let Err(halt) = self.step(opcode) {
                // What was not understood was not consumed.
                self.reader.at = self.at;
                return Err(halt);
            }
            self.trace(opcode);
            // Python's two unpicklers refuse this, the one in C only where one read straddles.
            if self.at < self.frame_end && self.reader.at > self.frame_end && opcode != 0x95 {
                self.fault(code::FRAME, "an opcode straddles the end of its frame".into());
            }
        }
    }

    fn stop(&mut self) -> Result<NodeId, Halt> {
        if self.stack.len() <= self.fence() {
            return Err(self.halt(code::STACK, "STOP finds no value".into()));
        }
        let root = self.pop()?;
        if !self.stack.is_empty() || !self.marks.is_empty() {
            self.note(code::STACK, format!("{} values are left below the last one", self.stack.len()));
        }
        Ok(root)
    }

    #[allow(clippy::too_many_lines, clippy::cast_possible_truncation)] // one arm per opcode, each a byte or a line
    pub fn step(&mut self, opcode: u8) -> Result<(), Halt> {
        match opcode {
            // Constants and numbers.
            b'N' => self.push(Node::None),
            0x88 => self.push(Node::Bool(true)),
            0x89 => self.push(Node::Bool(false)),
            b'J' => {
                let value = self.number::<4>()? as u32;
                self.push(Node::Int(i64::from(value.cast_signed())))
            }
            b'K' => {
                let value = self.number::<1>()?;
                self.push(Node::Int(value.cast_signed()))
            }
            b'M' => {
                let value = self.number::<2>()?;
                self.push(Node::Int(value.cast_signed()))
            }
            b'I' => self.int_line(),
            b'L' => self.long_line(),
            0x8A => {
                let len = self.number::<1>()?;
                self.long(len)
            }
            0x8B => {
                let len = self.length()?;
                self.long(len)
            }
            b'G' => {
                let Some(bytes) = self.reader.array::<8>() else { return Err(self.truncated()) };
                self.push(Node::Float(f64::from_be_bytes(bytes)))
            }
            b'F' => self.float_line(),
            // Text and bytes.
            b'X' => {
                let len = self.number::<4>()?;
                self.text(len)
            }
            0x8C => {
                let len = self.number::<1>()?;
                self.text(len)
            }
            0x8D => {
                let len = self.number::<8>()?;
                self.text(len)
            }
            b'V' => self.unicode_line(),
            b'S' => self.string_line(),
            b'T' | b'U' => {
                let len = if opcode == b'T' { self.length()? } else { self.number::<1>()? };
                let span = self.take(len)?;
                self.string(span)
            }
            b'B' | b'C' | 0x8E => {
                let len = match opcode {
                    b'B' => self.number::<4>()?,
                    b'C' => self.number::<1>()?,
                    _ => self.number::<8>()?,
                };
                let span = self.take(len)?;
                self.push(Node::Bytes(span))
            }
            0x96 => {
                let len = self.number::<8>()?;
                let span = self.take(len)?;
                self.push(Node::ByteArray(span))
            }
            // Containers.
            b']' => self.push(Node::List(EMPTY)),
            b'}' => self.push(Node::Dict(EMPTY)),
            0x8F => {
                self.sets = true;
                self.push(Node::Set(EMPTY))
            }
            b')' => self.push(Node::Tuple(Run::default())),
            0x85 => self.tuple(1),
            0x86 => self.tuple(2),
            0x87 => self.tuple(3),
            b't' => {
                let start = self.mark();
                let run = self.collect(start)?;
                self.push(Node::Tuple(run))
            }
            b'l' => {
                let start = self.mark();
                let items = self.stack.split_off(start);
                let at = self.new_list(items)?;
                self.push(Node::List(at))
            }
            b'd' => {
                let start = self.mark();
                let id = self.add(Node::Dict(EMPTY))?;
                self.stack.insert(start, id);
                self.set_items(start + 1)
            }
            0x91 => {
                let start = self.mark();
                let run = self.collect(start)?;
                self.sets = true;
                self.push(Node::FrozenSet(run))
            }
            b'a' => {
                let value = self.pop()?;
                self.top()?;
                self.stack.push(value);
                self.append_items(self.stack.len() - 1)
            }
            b'e' => {
                let start = self.mark();
                self.append_items(start)
            }
            0x90 => {
                let start = self.mark();
                self.add_items(start)
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.top()?;
                self.stack.extend([key, value]);
                self.set_items(self.stack.len() - 2)
            }
            b'u' => {
                let start = self.mark();
                self.set_items(start)
            }
            // Stack and memo.
            b'(' => {
                if self.marks.len() >= self.budget.depth {
                    return Err(self.halt(code::BUDGET, "more open marks than the budget".into()));
                }
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'0' => {
                // As in C: a mark that nothing stands on is what POP takes.
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                    return Ok(());
                }
                self.pop().map(drop)
            }
            b'1' => {
                let start = self.mark();
                self.stack.truncate(start);
                Ok(())
            }
            b'2' => {
                let top = self.top()?;
                self.charge(1)?;
                self.stack.push(top);
                Ok(())
            }
            b'p' | b'g' => {
                let span = self.line()?;
                let Some(Integer::Small(at @ 0..)) = text::decimal(self.reader.slice(span)) else {
                    return Err(self.bad("memo entry", span));
                };
                self.memo(opcode == b'p', at.unsigned_abs())
            }
            b'q' | b'h' => {
                let at = self.number::<1>()?;
                self.memo(opcode == b'q', at)
            }
            b'r' | b'j' => {
                let at = self.number::<4>()?;
                self.memo(opcode == b'r', at)
            }
            0x94 => self.memo(true, self.memo_len as u64),
            // Imports and calls.
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                let id = self.import(module, name)?;
                self.stack.push(id);
                Ok(())
            }
            0x93 => self.stack_global(),
            b'i' => {
                let (module, name) = (self.line()?, self.line()?);
                let class = self.import(module, name)?;
                let start = self.mark();
                let args = self.collect(start)?;
                self.call(class, args)
            }
            b'o' => {
                let start = self.mark();
                if start == self.stack.len() {
                    self.fault(code::STACK, "OBJ finds no class".into());
                    return self.push(Node::Invalid);
                }
                let args = self.collect(start + 1)?;
                let class = self.stack.pop().unwrap_or_default();
                self.call(class, args)
            }
            b'R' => {
                let (args, callee) = (self.pop()?, self.pop()?);
                let args = self.arguments(args);
                self.call(callee, args)
            }
            0x81 => {
                let (args, class) = (self.pop()?, self.pop()?);
                let args = self.arguments(args);
                self.instantiate(class, args, None)
            }
            0x92 => {
                let (kwargs, args, class) = (self.pop()?, self.pop()?, self.pop()?);
                let args = self.arguments(args);
                self.instantiate(class, args, Some(kwargs))
            }
            b'b' => {
                let state = self.pop()?;
                let target = self.top()?;
                self.build(target, state)
            }
            b'P' => {
                let span = self.line()?;
                let id = self.add(Node::Text(span))?;
                if !self.reader.slice(span).is_ascii() {
                    self.fault(code::PERSISTENT, "a persistent id is not ASCII".into());
                }
                if std::str::from_utf8(self.reader.slice(span)).is_err() {
                    self.doc.nodes[id.index()] = Node::Bytes(span);
                }
                self.persistent(id)
            }
            b'Q' => {
                let id = self.pop()?;
                self.persistent(id)
            }
            0x82 => {
                let entry = self.number::<1>()?;
                self.extension(entry)
            }
            0x83 => {
                let entry = self.number::<2>()?;
                self.extension(entry)
            }
            0x84 => {
                let entry = self.number::<4>()?;
                self.extension(entry)
            }
            // The stream itself.
            0x80 => {
                self.protocol = self.number::<1>()? as u8;
                if self.protocol > NEWEST {
                    self.fault(code::PROTOCOL, format!("protocol {} does not exist", self.protocol));
                }
                Ok(())
            }
            0x95 => self.frame(),
            0x97 => {
                self.fault(code::BUFFER, "the value is in a buffer outside the stream".into());
                self.push(Node::Invalid)
            }
            0x98 => {
                let top = self.top()?;
                if !matches!(self.doc.node(top), Node::Bytes(_) | Node::ByteArray(_) | Node::Object(_)) {
                    self.fault(code::TYPE, "READONLY_BUFFER meets a value that is no buffer".into());
                }
                Ok(())
            }
            _ => Err(self.halt(code::BAD_OPCODE, format!("0x{opcode:02x} is no opcode"))),
        }
    }

    fn tuple(&mut self, len: usize) -> Result<(), Halt> {
        let have = self.stack.len() - self.fence().min(self.stack.len());
        if have < len {
            self.fault(code::STACK, format!("a tuple of {len} finds {have} values"));
        }
        let run = self.collect(self.stack.len() - len.min(have))?;
        self.push(Node::Tuple(run))
    }

    fn memo(&mut self, put: bool, at: u64) -> Result<(), Halt> {
        if put {
            let top = self.top()?;
            return self.memoize(at, top);
        }
        let id = self.recall(at)?;
        self.stack.push(id);
        Ok(())
    }

    /// The unpickler in C asks that the frame is there, and does not mind one inside another.
    fn frame(&mut self) -> Result<(), Halt> {
        let len = self.number::<8>()?;
        if len > self.reader.rest() as u64 {
            self.fault(code::FRAME, format!("a frame of {len} bytes is cut off"));
            return Ok(());
        }
        if self.reader.at < self.frame_end {
            self.note(code::FRAME, "a frame begins inside another".into());
        }
        self.frame_end = self.reader.at + usize::try_from(len).unwrap_or(0);
        Ok(())
    }

    fn extension(&mut self, entry: u64) -> Result<(), Halt> {
        self.raise(Safety::Dangerous);
        self.charge(4)?;
        self.note(code::EXTENSION, format!("entry {entry} of the extension registry may be any callable"));
        let name = format!("extension {entry}");
        let id = self.declare("copyreg", &name, Safety::Dangerous)?;
        self.stack.push(id);
        Ok(())
    }
}
