//! Patterns of names. Nearly all are simple enough to be followed in all their places at once, one bit for each; this is
//! far quicker than the engine of the library, which has the last word on all others.

use std::sync::Arc;

use regex_lite::{Captures, Error, Regex};

/// A regular expression.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    regex: Regex,
    places: Option<Places>,
}

impl Pattern {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`Error`] if it is none.
    pub fn new(text: &str) -> Result<Self, Error> {
        let regex = Regex::new(text)?;
        Ok(Self(Arc::new(Inner { regex, places: Places::of(text) })))
    }

    /// Whether it matches anywhere in a text.
    pub fn is_match(&self, text: &str) -> bool {
        match &self.0.places {
            Some(places) => places.is_match(text),
            None => self.0.regex.is_match(text),
        }
    }

    /// The first match in a text with its groups.
    pub fn captures<'t>(&self, text: &'t str) -> Option<Captures<'t>> {
        self.is_match(text).then(|| self.0.regex.captures(text)).flatten()
    }
}

/// Signs that are told apart: those of ASCII, all others as one, the start and the end of the text.
const SIGNS: usize = 131;
const OTHER: usize = 128;
const START: usize = 129;
const END: usize = 130;

/// The places of an expression that take a sign each, as a set of bits.
type Set = u128;

/// An expression of at most 128 places (Glushkov's automaton).
#[derive(Debug)]
struct Places {
    /// It matches a text without signs, and so anywhere.
    empty: bool,
    /// It begins at the start of the text or nowhere.
    anchored: bool,
    first: Set,
    last: Set,
    /// For each place those that may come next.
    next: Vec<Set>,
    /// For each sign the places that take it.
    takes: [Set; SIGNS],
}

impl Places {
    /// None for what is not understood here.
    fn of(text: &str) -> Option<Self> {
        let (any_case, text) = text.strip_prefix("(?i)").map_or((false, text), |rest| (true, rest));
        let places =
            Self { empty: false, anchored: false, first: 0, last: 0, next: Vec::new(), takes: [0; SIGNS] };
        let mut reader = Reader { rest: text.as_bytes(), any_case, depth: 0, places };
        let whole = reader.either()?;
        let mut places = reader.places;
        if !reader.rest.is_empty() || !places.ends_come_once() {
            return None;
        }
        (places.empty, places.first, places.last) = (whole.empty, whole.first, whole.last);
        places.anchored = whole.first & !places.takes[START] == 0;
        Some(places)
    }

    /// Start and end take a sign here, which is there once.
    fn ends_come_once(&self) -> bool {
        let (start, end) = (self.takes[START], self.takes[END]);
        bits(start).all(|at| self.next[at] & start == 0)
            && bits(end).all(|at| self.next[at] & (start | end) == 0)
    }

    fn is_match(&self, text: &str) -> bool {
        if self.empty {
            return true;
        }
        let mut here = self.first & self.takes[START];
        if here & self.last != 0 {
            return true;
        }
        for byte in text.bytes() {
            if self.anchored && here == 0 {
                return false;
            }
            let sign = match byte {
                0..0x80 => usize::from(byte),
                // The bytes of a sign behind its first one.
                0x80..0xC0 => continue,
                _ => OTHER,
            };
            here = self.after(here) & self.takes[sign];
            if here & self.last != 0 {
                return true;
            }
        }
        self.after(here) & self.takes[END] & self.last != 0
    }

    /// The places behind some, and the first ones: a match begins anywhere.
    fn after(&self, here: Set) -> Set {
        bits(here).fold(self.first, |all, at| all | self.next[at])
    }

    fn follow(&mut self, last: Set, first: Set) {
        for at in bits(last) {
            self.next[at] |= first;
        }
    }
}

/// The numbers of the bits that are set.
fn bits(mut set: Set) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let at = (set != 0).then(|| set.trailing_zeros() as usize);
        set &= set.wrapping_sub(1);
        at
    })
}

/// A part of an expression.
#[derive(Debug, Clone, Copy)]
struct Part {
    empty: bool,
    first: Set,
    last: Set,
}

const NOTHING: Part = Part { empty: true, first: 0, last: 0 };
/// Groups in groups that are followed.
const DEEPEST: usize = 16;

struct Reader<'t> {
    rest: &'t [u8],
    any_case: bool,
    depth: usize,
    places: Places,
}

impl Reader<'_> {
    fn take(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn skip(&mut self, sign: u8) -> bool {
        let there = self.rest.first() == Some(&sign);
        self.rest = &self.rest[usize::from(there)..];
        there
    }

    /// Parts between bars.
    fn either(&mut self) -> Option<Part> {
        let mut all = self.sequence()?;
        while self.skip(b'|') {
            let one = self.sequence()?;
            all = Part {
                empty: all.empty || one.empty,
                first: all.first | one.first,
                last: all.last | one.last,
            };
        }
        Some(all)
    }

    fn sequence(&mut self) -> Option<Part> {
        let mut all = NOTHING;
        while let Some(sign) = self.rest.first()
            && !b"|)".contains(sign)
        {
            let one = self.repeated()?;
            self.places.follow(all.last, one.first);
            all = Part {
                empty: all.empty && one.empty,
                first: if all.empty { all.first | one.first } else { all.first },
                last: if one.empty { all.last | one.last } else { one.last },
            };
        }
        Some(all)
    }

    fn repeated(&mut self) -> Option<Part> {
        let mut one = self.single()?;
        if let Some(sign @ (b'?' | b'*' | b'+')) = self.rest.first().copied() {
            self.take();
            one.empty |= sign != b'+';
            if sign != b'?' {
                self.places.follow(one.last, one.first);
            }
        }
        // Counted or lazy, or a sign that is no sign.
        (!self.rest.first().is_some_and(|sign| b"?*+{".contains(sign))).then_some(one)
    }

    fn single(&mut self) -> Option<Part> {
        match self.take()? {
            b'(' => {
                self.depth += 1;
                let flags = self.rest.first() == Some(&b'?');
                if self.depth > DEEPEST || (flags && !self.rest.starts_with(b"?:")) {
                    return None;
                }
                self.rest = &self.rest[if flags { 2 } else { 0 }..];
                let inner = self.either()?;
                self.depth -= 1;
                self.skip(b')').then_some(inner)
            }
            b'[' => {
                let negated = self.skip(b'^');
                let set = self.class()?;
                self.place(|sign| sign <= OTHER && set[sign] != negated)
            }
            b'^' => self.place(|sign| sign == START),
            b'$' => self.place(|sign| sign == END),
            b'.' => self.place(|sign| sign <= OTHER && sign != usize::from(b'\n')),
            b'\\' => {
                let set = self.escaped()?;
                self.place(|sign| sign <= OTHER && set[sign])
            }
            b'?' | b'*' | b'+' | b'{' | b'}' | b']' | 0x80.. => None,
            letter => {
                let set = self.cased([letter].into_iter().collect());
                self.place(|sign| sign <= OTHER && set[sign])
            }
        }
    }

    /// What a backslash makes of the next sign.
    fn escaped(&mut self) -> Option<Signs> {
        match self.take()? {
            b'd' => Some((b'0'..=b'9').collect()),
            // The two are ends of words.
            b'<' | b'>' => None,
            sign if sign.is_ascii_punctuation() => Some([sign].into_iter().collect()),
            _ => None,
        }
    }

    /// Up to the bracket that closes it.
    fn class(&mut self) -> Option<Signs> {
        let mut all = Signs::default();
        loop {
            let sign = match self.take()? {
                b']' if !all.is_empty() => return Some(self.cased(all)),
                b'\\' => {
                    all.add(&self.escaped()?);
                    continue;
                }
                sign if sign.is_ascii_alphanumeric() || b"._ #@%=,:;!/".contains(&sign) => sign,
                // At the end; elsewhere it may be a range from a class.
                b'-' if self.rest.first() == Some(&b']') => b'-',
                _ => return None,
            };
            let to = match self.rest {
                [b'-', to, ..] if to.is_ascii_alphanumeric() => {
                    let to = *to;
                    self.rest = &self.rest[2..];
                    to
                }
                _ => sign,
            };
            all.add(&(sign..=to).collect());
        }
    }

    /// With the letters of the other case, if the case does not matter.
    fn cased(&self, mut signs: Signs) -> Signs {
        if self.any_case {
            for (small, large) in (b'a'..=b'z').zip(b'A'..=b'Z') {
                let (small, large) = (usize::from(small), usize::from(large));
                let any = signs[small] || signs[large];
                (signs.0[small], signs.0[large]) = (any, any);
            }
        }
        signs
    }

    /// A new place.
    fn place(&mut self, takes: impl Fn(usize) -> bool) -> Option<Part> {
        let at = self.places.next.len();
        let bit = 1_u128.checked_shl(u32::try_from(at).ok()?)?;
        self.places.next.push(0);
        let taking = self.places.takes.iter_mut().enumerate().filter(|(sign, _)| takes(*sign));
        taking.for_each(|(_, places)| *places |= bit);
        Some(Part { empty: false, first: bit, last: bit })
    }
}

/// A set of signs of ASCII.
#[derive(Debug)]
struct Signs([bool; OTHER + 1]);

impl Default for Signs {
    fn default() -> Self {
        Self([false; OTHER + 1])
    }
}

impl Signs {
    fn is_empty(&self) -> bool {
        !self.0.contains(&true)
    }

    fn add(&mut self, other: &Self) {
        for (mine, one) in self.0.iter_mut().zip(other.0) {
            *mine |= one;
        }
    }
}

impl FromIterator<u8> for Signs {
    fn from_iter<I: IntoIterator<Item = u8>>(signs: I) -> Self {
        let mut all = Self::default();
        for sign in signs {
            all.0[usize::from(sign)] = true;
        }
        all
    }
}

impl std::ops::Index<usize> for Signs {
    type Output = bool;

    fn index(&self, sign: usize) -> &bool {
        &self.0[sign]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn same(pattern: &str, text: &str) {
        let Ok(regex) = Regex::new(pattern) else { return };
        if let Some(places) = Places::of(pattern) {
            assert_eq!(places.is_match(text), regex.is_match(text), "{pattern:?} in {text:?}");
        }
    }

    /// Every text between single quotes after one of the keys that are patterns.
    fn built_in() -> Vec<&'static str> {
        let lines = [super::super::DEFAULT, super::super::LEGACY]
            .into_iter()
            .flat_map(str::lines)
            .filter(|line| !line.contains('#'));
        lines.flat_map(|line| line.split('\'').skip(1).step_by(2)).collect()
    }

    #[test]
    fn the_built_in_patterns_are_followed_here() {
        let all = built_in();
        assert!(all.len() > 20, "{all:?}");
        for pattern in &all {
            assert!(Places::of(pattern).is_some(), "{pattern}");
            for text in [
                "",
                "best.pt",
                "Best.pth.tar",
                "last.ckpt",
                "best.pt\n",
                "v5_11_annealing",
                "v5_12",
                "v5_11_11_production",
                "sweep2_lr1",
                "SWEEP",
                "my-grid",
                "x_tests_2",
                "dry-run",
                "codon",
                "ternary-v2",
                "x_prod_é",
                "releases",
                "progressive_tiny_lr",
                "a_run_1",
                "latest.pt",
            ] {
                same(pattern, text);
            }
        }
    }

    #[test]
    fn what_is_not_followed_is_left_to_the_library() {
        for pattern in [
            "a{2}",
            "a+?",
            r"\bx",
            "é",
            "[é]",
            "(?x) a",
            "^^a",
            "a$$",
            "a|(?i:b)",
            "[[:alpha:]]",
            "[a&&b]",
            r"\<a",
            r"\w",
        ] {
            assert!(Places::of(pattern).is_none(), "{pattern}");
        }
        let long = "x".repeat(129);
        assert!(Places::of(&long).is_none() && Places::of(&long[1..]).is_some());
        let pattern = Pattern::new("a{2}").expect("a pattern");
        assert!(pattern.is_match("baab") && !pattern.is_match("aba"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn both_agree(
            pattern in r"(\(\?i\))?([abAé_0^$.|()?*+\[\]-]|\\d|\\\.|\[ab-\]|\[\^a\]|\[0-9\]|\(a\||\(b\|\^\)|\)){0,9}",
            text in "[abABé_0.\n-]{0,6}",
        ) {
            same(&pattern, &text);
        }
    }
}
