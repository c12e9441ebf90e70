//! The verdict over all pickle streams of a file: the worst of them counts, read by torch or not.

use std::io;

use crate::issue::{Issue, Issues, Severity};
use crate::pickle::{self, Budget, Document, Found, Import, Pattern, Room, Safety, Unpickled};
use crate::source::Source;

/// Opcodes and bytes of streams that are large.
const LARGE_OPCODES: u64 = 100_000;
const LARGE_BYTES: u64 = 4 << 20;

/// Imports that are kept.
const MOST_IMPORTS: usize = 10_000;

/// Imports of several streams up to which those that come again are told apart.
const FEW_IMPORTS: usize = 1000;
/// Opcodes that are followed in one file, and bytes that are unpacked for it: not much more than for one stream.
const MOST_OPCODES: u64 = 8_000_000;
const MOST_BYTES: u64 = 20 << 20;

/// Streams behind a STOP that are followed.
const MOST_BEHIND: usize = 64;
/// Read first of a stream of unknown length.
const FIRST: u64 = 1 << 16;

/// The bytes of a stream that begins at `start` and ends nobody knows where: a little at first, and more
/// until they hold its STOP or are as many as a stream may have.
pub(crate) fn bytes_of_stream(source: &Source, start: u64) -> io::Result<Vec<u8>> {
    let most = Budget::default().bytes as u64;
    let mut length = FIRST;
    loop {
        let bytes = source.read_up_to(start, length)?;
        let all = length >= most || start.saturating_add(length) >= source.size();
        let cut =
            |found: Unpickled<'_>| found.issues.iter().any(|issue| issue.code == pickle::code::TRUNCATED);
        if all || !cut(pickle::scan(&bytes, &Budget::default())) {
            return Ok(bytes);
        }
        length = (length * 8).min(most);
    }
}

/// What the streams so far amount to.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    pub safety: Safety,
    pub imports: Vec<Import>,
    pub issues: Issues,
    pub opcodes: u64,
    bytes: u64,
    room: Box<Room>,
}

/// What the streams amounted to at some point.
#[derive(Debug)]
pub(crate) struct SoFar {
    safety: Safety,
    imports: usize,
    opcodes: u64,
    issues: Issues,
}

impl Streams {
    /// No stream yet, and room for one.
    pub(crate) fn new(room: Box<Room>) -> Self {
        let (safety, imports, issues) = (Safety::DataOnly, Vec::new(), Issues::default());
        Self { safety, imports, issues, opcodes: 0, bytes: 0, room }
    }

    /// Whether following them may have taken many megabytes.
    pub(crate) fn is_large(&self) -> bool {
        self.opcodes > LARGE_OPCODES || self.bytes > LARGE_BYTES
    }

    /// The room, for the next file.
    pub(crate) fn into_room(self) -> Box<Room> {
        self.room
    }

    /// Follows one stream, the first byte of which is at `base` of the file. Its imports and issues are counted here, and
    /// not among what it gives.
    pub(crate) fn load<'a>(&mut self, bytes: &'a [u8], base: u64) -> Unpickled<'a> {
        let mut found = pickle::load_in(bytes, &self.budget(), &mut self.room);
        self.absorb(&mut found, base);
        found
    }

    /// The stream at `at`, if what is kept of the file holds all of it. It gives the same whatever comes behind its STOP.
    pub(crate) fn load_kept<'s>(&mut self, source: &'s Source<'_>, at: u64) -> Option<Unpickled<'s>> {
        let mut found = pickle::load_in(source.kept(at), &self.budget(), &mut self.room);
        if !found.complete {
            return None;
        }
        self.absorb(&mut found, at);
        Some(found)
    }

    /// [`Streams::load`], with traces if others may be told by this stream.
    pub(crate) fn load_traced<'a>(&mut self, bytes: &'a [u8], base: u64, wanted: bool) -> Unpickled<'a> {
        self.room.traces.wanted = wanted;
        let found = self.load(bytes, base);
        self.room.traces.wanted = false;
        found
    }

    /// How far it has come.
    pub(crate) fn so_far(&self) -> SoFar {
        SoFar {
            safety: self.safety,
            imports: self.imports.len(),
            opcodes: self.opcodes,
            issues: self.issues.clone(),
        }
    }

    /// Forgets what came since.
    pub(crate) fn back_to(&mut self, before: SoFar) {
        self.safety = before.safety;
        self.imports.truncate(before.imports);
        self.opcodes = before.opcodes;
        self.issues = before.issues;
    }

    /// Whether nothing was followed yet.
    pub(crate) fn is_first(&self) -> bool {
        self.opcodes == 0 && self.imports.is_empty() && self.safety == Safety::DataOnly
    }

    /// Issues but those of metrics, which are about the values of one file.
    pub(crate) fn issues_of_form(&self) -> usize {
        self.issues.iter().filter(|issue| !issue.code.starts_with('M')).count()
    }

    /// The pattern of the stream that was loaded last, the first byte of which was at `base`, if it is the only one.
    pub(crate) fn pattern(
        &mut self,
        bytes: &[u8],
        base: u64,
        document: &Document<'_>,
        (safety, opcodes): (Safety, u64),
    ) -> Option<Pattern> {
        let from = |import: &Import| Import { offset: import.offset - base, ..import.clone() };
        let imports = self.imports.iter().map(from).collect();
        let found = Found { imports, safety, opcodes };
        Pattern::of(bytes, document, &found, &mut self.room.traces)
    }

    /// Takes back the room that a document took.
    pub(crate) fn recycle(&mut self, document: Document<'_>) {
        self.room.take_back(document);
    }

    /// Follows one stream of which only the verdict matters, at a quarter of the cost.
    pub(crate) fn judge<'a>(&mut self, bytes: &'a [u8], base: u64) -> Unpickled<'a> {
        let mut found = pickle::scan(bytes, &self.small_budget());
        self.absorb(&mut found, base);
        found
    }

    /// What one more stream may cost: many small ones cost no more than two large ones.
    fn budget(&self) -> Budget {
        let all = Budget::default();
        Budget { opcodes: all.opcodes.min(MOST_OPCODES.saturating_sub(self.opcodes)), ..all }
    }

    /// What a stream may cost of which only the verdict matters.
    fn small_budget(&self) -> Budget {
        let all = self.budget();
        Budget { nodes: all.nodes / 4, ..all }
    }

    /// Counts bytes that are about to be unpacked; false if they are too many for one file.
    pub(crate) fn spend(&mut self, bytes: u64) -> bool {
        self.bytes = self.bytes.saturating_add(bytes);
        self.bytes <= MOST_BYTES && self.opcodes < MOST_OPCODES
    }

    /// Follows the streams behind the STOP of another one, which torch does not read. Bytes that are no
    /// pickle are reported and nothing more.
    pub(crate) fn behind(&mut self, bytes: &[u8], base: u64) {
        let mut rest = bytes;
        for _ in 0..MOST_BEHIND {
            let at = base + (bytes.len() - rest.len()) as u64;
            let mut found = pickle::scan(rest, &self.small_budget());
            if found.complete || found.safety == Safety::Dangerous {
                self.absorb(&mut found, at);
            } else {
                self.opcodes += found.opcodes;
            }
            rest = match rest.get(found.end..) {
                Some(left) if found.complete && found.end > 0 && !left.is_empty() => left,
                _ => return,
            };
        }
        self.worsen(Safety::Unparsed);
    }

    /// Follows bytes that may be a stream, and counts it if it is one, or imports something on its way to an error.
    pub(crate) fn perhaps(&mut self, bytes: &[u8], base: u64) {
        let mut found = pickle::scan(bytes, &self.small_budget());
        let named = |import: &Import| {
            !import.module.is_empty()
                && import
                    .module
                    .bytes()
                    .all(|byte| byte == b'.' || byte == b'_' || byte.is_ascii_alphanumeric())
        };
        if found.complete || bytes.first() == Some(&0x80) || found.imports.iter().any(named) {
            self.absorb(&mut found, base);
        } else {
            self.opcodes += found.opcodes;
        }
    }

    /// Counts what one stream amounts to.
    pub(crate) fn absorb(&mut self, found: &mut Unpickled<'_>, base: u64) {
        self.worsen(found.safety);
        self.opcodes += found.opcodes;
        // Within a stream each name comes once.
        let others = self.imports.len().min(FEW_IMPORTS);
        if others == 0 && found.imports.len() <= MOST_IMPORTS {
            self.imports = std::mem::take(&mut found.imports);
            self.imports.iter_mut().for_each(|import| import.offset = import.offset.saturating_add(base));
        }
        for import in found.imports.drain(..) {
            let known = self.imports[..others].iter().any(|one| {
                one.module == import.module && one.name == import.name && one.class >= import.class
            });
            if !known && self.imports.len() < MOST_IMPORTS {
                self.imports.push(Import { offset: import.offset.saturating_add(base), ..import });
            }
        }
        for issue in found.issues.drain(..) {
            self.issues.push(Issue {
                code: issue.code.into(),
                severity: severity(issue.code),
                message: issue.message,
                offset: Some(issue.offset.saturating_add(base)),
                hint: None,
            });
        }
    }

    /// At least `safety`.
    pub(crate) fn worsen(&mut self, safety: Safety) {
        self.safety = self.safety.max(safety);
    }
}

fn severity(code: &str) -> Severity {
    use pickle::code;
    match code {
        code::DANGEROUS | code::EXTENSION => Severity::High,
        code::TRUNCATED
        | code::BAD_OPCODE
        | code::STACK
        | code::TYPE
        | code::MEMO
        | code::VALUE
        | code::BUDGET => Severity::Error,
        code::DUPLICATE_KEY | code::FRAME => Severity::Info,
        _ => Severity::Warning,
    }
}
