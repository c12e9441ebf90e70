//! What each code of an issue means, for people.

mod archives;
mod files;
mod streams;
mod tensors;

/// A code, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// Its name, such as `Z030`.
    pub code: &'static str,
    /// A few words.
    pub title: &'static str,
    /// What it means, in two or three sentences.
    pub meaning: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

/// A row of a table.
const fn row(code: &'static str, title: &'static str, meaning: &'static str, remedy: &'static str) -> Code {
    Code { code, title, meaning, remedy }
}

const TABLES: [&[Code]; 4] = [files::CODES, streams::CODES, tensors::CODES, archives::CODES];

/// What a code means; `None` if there is no such code.
#[must_use]
pub fn explain(code: &str) -> Option<&'static Code> {
    all().find(|one| one.code.eq_ignore_ascii_case(code))
}

/// Every code there is: `F` files and folders, `M` metrics, `P` pickle streams, `S` what they would run, `T` tensors, `Z`
/// containers.
pub fn all() -> impl Iterator<Item = &'static Code> {
    TABLES.into_iter().flatten()
}
