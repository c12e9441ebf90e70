//! The arguments of opcodes that stand for themselves: numbers, text and bytes.

use super::arena::{Node, Span};
use super::code;
use super::machine::{Halt, Machine};
use super::text::{self, Integer};

impl Machine<'_> {
    pub fn truncated(&mut self) -> Halt {
        self.halt(code::TRUNCATED, "the stream ends before STOP".into())
    }

    pub fn number<const N: usize>(&mut self) -> Result<u64, Halt> {
        let Some(bytes) = self.reader.array::<N>() else { return Err(self.truncated()) };
        let mut wide = [0; 8];
        wide[..N].copy_from_slice(&bytes);
        Ok(u64::from_le_bytes(wide))
    }

    pub fn line(&mut self) -> Result<Span, Halt> {
        let line = self.reader.line();
        line.ok_or_else(|| self.truncated())
    }

    pub fn take(&mut self, len: u64) -> Result<Span, Halt> {
        let span = self.reader.take(len);
        span.ok_or_else(|| self.halt(code::TRUNCATED, format!("{len} bytes are announced and not there")))
    }

    pub fn bad(&mut self, what: &str, span: Span) -> Halt {
        let line = text::brief(&text::lossy(self.reader.slice(span)), self.budget.text.min(64));
        self.halt(code::BAD_OPCODE, format!("'{line}' is no {what}"))
    }

    pub fn unicode_line(&mut self) -> Result<(), Halt> {
        let span = self.line()?;
        let Some(value) = text::raw_unicode(self.reader.slice(span)) else {
            return Err(self.bad("text", span));
        };
        let span = self.make(value.as_bytes())?;
        self.push(Node::Text(span))
    }

    pub fn string_line(&mut self) -> Result<(), Halt> {
        let span = self.line()?;
        let Some(value) = text::unquote(self.reader.slice(span)) else {
            return Err(self.bad("string", span));
        };
        let span = self.make(&value)?;
        self.string(span)
    }

    /// A length of four bytes that C reads as signed.
    pub fn length(&mut self) -> Result<u64, Halt> {
        let len = self.number::<4>()?;
        if len > u64::from(u32::MAX / 2) {
            return Err(self.halt(code::BAD_OPCODE, "a length is negative".into()));
        }
        Ok(len)
    }

    pub fn int_line(&mut self) -> Result<(), Halt> {
        let span = self.line()?;
        match text::int(self.reader.slice(span)) {
            Some(Ok(value)) => self.push(Node::Bool(value)),
            Some(Err(value)) => self.integer(value),
            None => Err(self.bad("integer", span)),
        }
    }

    pub fn long_line(&mut self) -> Result<(), Halt> {
        let span = self.line()?;
        let line = self.reader.slice(span);
        match text::literal(line.strip_suffix(b"L").unwrap_or(line)) {
            Some(value) => self.integer(value),
            None => Err(self.bad("integer", span)),
        }
    }

    pub fn float_line(&mut self) -> Result<(), Halt> {
        let span = self.line()?;
        match text::float(self.reader.slice(span)) {
            Some(value) => self.push(Node::Float(value)),
            None => Err(self.bad("float", span)),
        }
    }

    pub fn long(&mut self, len: u64) -> Result<(), Halt> {
        let span = self.take(len)?;
        self.integer(text::long(self.reader.slice(span)))
    }

    pub fn integer(&mut self, value: Integer) -> Result<(), Halt> {
        match value {
            Integer::Small(value) => self.push(Node::Int(value)),
            Integer::Big(value) => {
                let span = self.make(value.as_bytes())?;
                self.push(Node::BigInt(span))
            }
        }
    }

    pub fn text(&mut self, len: u64) -> Result<(), Halt> {
        let span = self.take(len)?;
        let bytes = self.reader.slice(span);
        if std::str::from_utf8(bytes).is_ok() {
            return self.push(Node::Text(span));
        }
        let decoded = if let Some(decoded) = text::decode(bytes) {
            self.note(code::TEXT, "text has lone surrogates".into());
            decoded.into_owned()
        } else {
            self.fault(code::TEXT, "text is not UTF-8".into());
            text::lossy(bytes)
        };
        let span = self.make(decoded.as_bytes())?;
        self.push(Node::Text(span))
    }

    /// A string of Python 2, which may have been bytes. torch reads it as UTF-8.
    pub fn string(&mut self, span: Span) -> Result<(), Halt> {
        if std::str::from_utf8(self.doc.bytes(span)).is_ok() {
            return self.push(Node::Text(span));
        }
        self.note(code::TEXT, "a string of Python 2 is not UTF-8 and was kept as bytes".into());
        self.push(Node::Bytes(span))
    }
}
