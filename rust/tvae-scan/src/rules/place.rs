//! Where in a file something is wrong, in one line.

use std::ops::Range;

/// A text with a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'t> {
    pub text: &'t str,
    pub name: &'t str,
}

impl Origin<'_> {
    /// A message about a place.
    pub fn say(self, place: &Range<usize>, message: &str) -> String {
        let before = self.text.get(..place.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        format!("{}:{line}:{column}: {message}", self.name)
    }

    /// What the parser found, in our words.
    pub fn explain(self, error: &toml::de::Error) -> String {
        let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
        let place = error.span().unwrap_or(0..0);
        let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        let text = match quoted.split_first() {
            Some((name, known)) if message.starts_with("unknown field") => unknown("key", name, known),
            Some((name, _)) if message.starts_with("missing field") => {
                format!("`{name}` is missing here: add it")
            }
            Some((name, _)) if message.starts_with("duplicate") => {
                format!("`{name}` comes twice: remove one")
            }
            _ => match message.split_once(", expected ") {
                Some((came, expected)) if came.starts_with("invalid type: ") => {
                    let came = &came["invalid type: ".len()..];
                    format!("expected {}, found {}: change it", wanted(expected), found(came))
                }
                _ => format!("this is not TOML: {message}"),
            },
        };
        self.say(&place, &text)
    }
}

/// That `name` is none of `known`, and which one was probably meant.
pub(super) fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let near = known
        .iter()
        .map(|word| (distance(name, word), word))
        .filter(|(steps, word)| *steps <= 1 + word.len() / 4)
        .min();
    match near {
        Some((_, word)) => format!("unknown {what} `{name}`: did you mean `{word}`?"),
        None => format!("unknown {what} `{name}`: use one of {}", known.join(", ")),
    }
}

fn wanted(expected: &str) -> String {
    match expected {
        "f64" => "a number".into(),
        "a boolean" => "true or false".into(),
        "a string" => "text in quotes".into(),
        "a sequence" => "a list ([\"a\", \"b\"], or [[two brackets]] around a rule's heading)".into(),
        _ if expected.starts_with("struct") => "a table of keys".into(),
        _ => expected.into(),
    }
}

fn found(came: &str) -> String {
    came.replace("floating point", "the number")
        .replace("integer", "the number")
        .replace("boolean", "the word")
        .replace("string", "the text")
}

/// Letters to add, drop, change or swap to get from one word to the other.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    if one.len() > 64 {
        return usize::MAX;
    }
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for (at, sign) in one.iter().enumerate() {
        let mut row = vec![at + 1];
        for (place, known) in other.iter().enumerate() {
            let changed = rows[at][place] + usize::from(sign != known);
            let mut best = changed.min(rows[at][place + 1] + 1).min(row[place] + 1);
            if at > 0 && place > 0 && one[at - 1] == *known && other[place - 1] == *sign {
                best = best.min(rows[at - 1][place - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_was_probably_meant() {
        assert_eq!(
            unknown("key", "staus", &["safety", "status"]),
            "unknown key `staus`: did you mean `status`?"
        );
        assert_eq!(unknown("key", "zebra", &["a", "b"]), "unknown key `zebra`: use one of a, b");
        assert_eq!(distance("flgas", "flags"), 1);
    }
}
