//! Numbers that are written beside a checkpoint, against those that are stored in it.

use std::sync::LazyLock;

use regex_lite::Regex;

use crate::record::FileRecord;
use crate::rules::{Annotation, Stated};

use super::flags::{self, Level};
use super::records::Documented;

/// Metrics that are looked for in a text; the branch may follow.
const NAMES: &str = "coverage(?:[ _]sampled)?|kl[ _]nats|hierarchy|richness|dist[ _]corr|ultrametric|uniformity|\
                     (?:tree[ _])?inversions|Q";

/// A whole line: a bullet or a bar, the name, a sign between, one number, and at most the end of a sentence.
static LINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        r"^\s*(?:[-*+]\s+|\|\s*)?[`*_]*(?i:({NAMES}))(?:[ _-]\(?(?i:([AB]))\)?)?[`*_]*\s*(?:\||:|=|\bis\b)[`*_]*\s*[`*_]*([-+\u{{2212}}]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)\s*(%)?[`*_]*\s*\|?\s*[.,;]?\s*$"
    ))
    .ok()
});

/// What a README states in lines of its own: a name and one number.
pub(super) fn stated(text: &str) -> Vec<(String, Stated)> {
    let Some(line) = LINE.as_ref() else { return Vec::new() };
    let mut all: Vec<(String, Stated)> = Vec::new();
    let candidates =
        text.lines().filter(|line| line.len() <= 200 && line.contains(|sign: char| sign.is_ascii_digit()));
    for found in candidates.filter_map(|text| line.captures(text)) {
        let (Some(name), Some(number)) = (found.get(1), found.get(3)) else { continue };
        let mut name = match name.as_str() {
            "q" => continue,
            "Q" => "Q".to_owned(),
            name => name.to_ascii_lowercase().replace(' ', "_"),
        };
        if let Some(branch) = found.get(2) {
            name = format!("{name}_{}", branch.as_str().to_ascii_uppercase());
        }
        let Some(stated) = Stated::read(number.as_str()) else { continue };
        let stated = if found.get(4).is_some() { stated.percent() } else { stated };
        if !all.iter().any(|known| known.0 == name && known.1 == stated) {
            all.push((name, stated));
        }
    }
    all
}

/// Everything that is written about a directory, beside what its best file holds.
pub(super) fn compare(
    readme: Option<&str>,
    notes: &[&Annotation],
    best: Option<&FileRecord>,
) -> Vec<Documented> {
    let mut all: Vec<Documented> = Vec::new();
    for (name, stated) in readme.map(stated).unwrap_or_default() {
        all.push(against(name, stated, "README".into(), best));
    }
    for note in notes {
        let source =
            note.source.clone().or_else(|| note.origin.clone()).unwrap_or_else(|| "annotation".into());
        for (name, stated) in &note.documented {
            all.push(against(name.clone(), *stated, source.clone(), best));
        }
    }
    all
}

/// A text may leave out the branch, and so may a file. Of all values under the name the one counts that fits; else a
/// measurement before what may be of other weights, and of several the nearest.
fn against(name: String, stated: Stated, source: String, best: Option<&FileRecord>) -> Documented {
    let mut all = readings(&name, best);
    if let Some(stem) = name.strip_suffix("_A").or_else(|| name.strip_suffix("_B")) {
        if all.is_empty() {
            all = readings(stem, best);
        }
    } else {
        all.extend(["_B", "_A"].iter().flat_map(|branch| readings(&format!("{name}{branch}"), best)));
    }
    let rank = |found: &Found| (!stated.fits(found.value), found.level);
    let stored = all.into_iter().min_by(|one, other| {
        let apart = |found: &Found| (found.value - stated.value).abs();
        rank(one).cmp(&rank(other)).then(apart(one).total_cmp(&apart(other)))
    });
    Documented {
        documented: stated.value,
        stored: stored.as_ref().map(|found| found.value),
        differs: stored.as_ref().is_some_and(|found| !stated.fits(found.value)),
        stored_as: stored.map(|found| found.name).filter(|other| *other != name),
        metric: name,
        source,
    }
}

/// A value that a file holds.
struct Found {
    name: String,
    value: f64,
    level: Level,
}

/// Everything that a file says under a name.
fn readings(name: &str, file: Option<&FileRecord>) -> Vec<Found> {
    let metric = file.and_then(|file| flags::metric(file, name));
    let all = metric.into_iter().flat_map(|metric| std::iter::once(&metric.reading).chain(&metric.others));
    all.filter_map(|reading| {
        let value = reading.value.number()?;
        Some(Found { name: name.to_owned(), value, level: flags::level(reading) })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, f64)> {
        stated(text).into_iter().map(|(name, stated)| (name, stated.value)).collect()
    }

    #[test]
    fn a_line_with_a_name_and_a_number_is_a_statement() {
        for (line, name, value) in [
            ("- hierarchy_B: -0.832", "hierarchy_B", -0.832),
            ("| hierarchy | -0.83 |", "hierarchy", -0.83),
            ("coverage = 97.1 %", "coverage", 0.971),
            ("**Coverage**: 100%", "coverage", 1.0),
            ("* `hierarchy_A` = \u{2212}0.73.", "hierarchy_A", -0.73),
            ("Hierarchy (B): -0.8", "hierarchy_B", -0.8),
            ("Q: 1.96", "Q", 1.96),
            ("coverage_sampled: 0.9995", "coverage_sampled", 0.9995),
            ("  richness: .00787", "richness", 0.007_87),
        ] {
            assert_eq!(read(line), [(name.to_owned(), value)], "{line}");
        }
    }

    #[test]
    fn whatever_may_mean_something_else_is_none() {
        for line in [
            "hierarchy below -0.1 is inverted",
            "coverage: 19683/19683",
            "coverage: 0.97 to 0.99",
            "the coverage was 0.97",
            "hierarchy: -0.83 (target -0.80)",
            "hierarchy_weight: 5.0",
            "| hierarchy | -0.83 | -0.70 |",
            "coverage > 0.9",
            "q: 3",
            "richness",
            "hierarchy_C: 1",
        ] {
            assert_eq!(read(line), [], "{line}");
        }
    }
}
