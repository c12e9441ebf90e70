//! From the text of a rules file to rules.

use std::ops::Range;

use toml::Spanned;

use super::place::{self, Origin};
use super::stated::Stated;
use super::toml_text::{Annotation as RawAnnotation, Entry, File, Number, Text, Words};
use super::{Annotation, Conditions, PLACEHOLDERS, Regex, Rule, Rules};
use crate::judge::{self, Action, DirStatus, Flag, GroupKind, Verdict};
use crate::pickle::Safety;
use crate::record::Status;

const SAFETIES: [Safety; 5] =
    [Safety::DataOnly, Safety::KnownTypes, Safety::UnknownCode, Safety::Unparsed, Safety::Dangerous];
const STATUSES: [Status; 6] =
    [Status::Ok, Status::Salvaged, Status::Corrupt, Status::Unsupported, Status::Unreadable, Status::Skipped];

/// A file of the user.
pub(super) fn read(text: &str, origin: &str) -> Result<Rules, String> {
    let origin = Origin { text, name: origin };
    let file: File = toml::from_str(text).map_err(|error| origin.explain(&error))?;
    let base = match &file.extends {
        None => Rules::default(),
        Some(base) => match base.get_ref().as_str() {
            "default" => Rules::default(),
            "legacy" => Rules::legacy(),
            "none" => Rules::none(),
            other => {
                let message = place::unknown("rules", other, &["default", "legacy", "none"]);
                return Err(origin.say(&base.span(), &message));
            }
        },
    };
    Reader { origin }.extend(file, &base, true)
}

/// A file that came with the program.
pub(super) fn built_in(text: &str, base: &Rules) -> Result<Rules, String> {
    let origin = Origin { text, name: "built-in" };
    let file: File = toml::from_str(text).map_err(|error| origin.explain(&error))?;
    Reader { origin }.extend(file, base, false)
}

struct Reader<'t> {
    origin: Origin<'t>,
}

impl Reader<'_> {
    fn extend(&self, file: File, base: &Rules, named: bool) -> Result<Rules, String> {
        let mut rules = base.clone();
        self.settings(&file, &mut rules)?;
        self.switch_off(&file.off, &mut rules)?;
        let base_names = rule_names(&rules);

        let categories = file.category.iter().map(|entry| self.category(entry));
        let mut categories = categories.collect::<Result<Vec<_>, _>>()?;
        categories.append(&mut rules.categories);
        rules.categories = categories;

        let mut actions = Vec::new();
        let lists = [
            (&file.keep, Action::Keep),
            (&file.delete, Action::Delete),
            (&file.archive, Action::Archive),
            (&file.review, Action::Review),
        ];
        for (entries, action) in lists {
            for entry in entries {
                actions.push(self.action(entry, action)?);
            }
            actions.extend(rules.actions.iter().filter(|rule| rule.gives == action).cloned());
        }
        rules.actions = actions;
        self.names(&file, base_names)?;
        self.categories(&file, &rules)?;

        if let Some(otherwise) = file.otherwise {
            let action = self.one(&otherwise.action, "action", &Action::ALL, Action::as_str)?;
            rules.otherwise = (action, self.reason(&otherwise.reason)?);
        }
        let mut annotations = file
            .annotation
            .into_iter()
            .map(|annotation| self.annotation(annotation, named))
            .collect::<Result<Vec<_>, _>>()?;
        annotations.append(&mut rules.annotations);
        rules.annotations = annotations;
        Ok(rules)
    }

    fn settings(&self, file: &File, rules: &mut Rules) -> Result<(), String> {
        let Rules { thresholds, files, groups, .. } = rules;
        let (part, any) = (0.0..=1.0, -1.0..=1.0);
        self.number(&file.thresholds.coverage_collapse, &part, &mut thresholds.coverage_collapse)?;
        self.number(&file.thresholds.coverage_warn, &part, &mut thresholds.coverage_warn)?;
        self.number(&file.thresholds.inverted, &any, &mut thresholds.inverted)?;
        self.number(&file.thresholds.divergence_coverage, &part, &mut thresholds.divergence_coverage)?;
        self.number(
            &file.thresholds.divergence_hierarchy,
            &(0.0..=2.0),
            &mut thresholds.divergence_hierarchy,
        )?;
        for (text, pattern) in [
            (&file.files.best, &mut files.best),
            (&file.files.latest, &mut files.latest),
            (&file.files.any, &mut files.any),
        ] {
            if let Some(new) = self.pattern(text)? {
                *pattern = new;
            }
        }
        self.number(&file.groups.near, &part, &mut groups.near)?;
        if let Some(smallest) = &file.groups.smallest_sweep {
            let value = *smallest.get_ref();
            if value.fract() != 0.0 || !(2.0..=1000.0).contains(&value) {
                let message = format!("expected a whole number from 2 to 1000, found {value}: change it");
                return Err(self.origin.say(&smallest.span(), &message));
            }
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // from 2 to 1000
            {
                groups.smallest_sweep = value as usize;
            }
        }
        if let Some(sweeps) = &file.groups.sweeps {
            groups.sweeps = sweeps.iter().map(|text| self.regex(text)).collect::<Result<_, _>>()?;
        }
        if let Some(value) = file.delete_only_copies {
            rules.delete_only_copies = value;
        }
        Ok(())
    }

    /// Drops the named rules of the base.
    fn switch_off(&self, off: &[Spanned<String>], rules: &mut Rules) -> Result<(), String> {
        for name in off {
            let known = rule_names(rules);
            if !known.contains(name.get_ref()) {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                let message = place::unknown("rule", name.get_ref(), &known);
                return Err(self.origin.say(&name.span(), &message));
            }
            rules.categories.retain(|rule| rule.name != *name.get_ref());
            rules.actions.retain(|rule| rule.name != *name.get_ref());
        }
        Ok(())
    }

    /// Refuses a second rule of a name: a record and `off` tell rules by their names.
    fn names(&self, file: &File, mut taken: Vec<String>) -> Result<(), String> {
        let inherited = taken.len();
        for name in file.category.iter().chain(file.actions()).filter_map(|rule| rule.get_ref().rule.as_ref())
        {
            let found = taken.iter().position(|one| one == name.get_ref());
            if let Some(place) = found {
                let text = name.get_ref();
                let message = if place < inherited {
                    format!(
                        "the rules that this file extends have a rule `{text}`: rename this one, or put that one into `off`"
                    )
                } else {
                    format!("a second rule `{text}`: rename one of them")
                };
                return Err(self.origin.say(&name.span(), &message));
            }
            taken.push(name.get_ref().clone());
        }
        Ok(())
    }

    /// Refuses a condition on a category that no rule gives.
    fn categories(&self, file: &File, rules: &Rules) -> Result<(), String> {
        let mut known: Vec<&str> = rules.categories.iter().map(|rule| rule.gives.as_str()).collect();
        known.push("other");
        known.sort_unstable();
        known.dedup();
        for word in file.actions().flat_map(|rule| rule.get_ref().category.iter().flatten()) {
            if !known.contains(&word.get_ref().as_str()) {
                let message = place::unknown("category", word.get_ref(), &known);
                return Err(self.origin.say(&word.span(), &message));
            }
        }
        Ok(())
    }

    fn category(&self, entry: &Spanned<Entry>) -> Result<Rule<String>, String> {
        let raw = entry.get_ref();
        let gives = self.needed(&raw.gives, "gives", "the category that it gives", &entry.span())?;
        for (given, key) in [(raw.category.is_some(), "category"), (raw.reason.is_some(), "reason")] {
            if given {
                let message = format!("`{key}` has no meaning in a [[category]]: remove it");
                return Err(self.origin.say(&entry.span(), &message));
            }
        }
        Ok(Rule { name: self.name(entry)?, gives, reason: String::new(), when: self.conditions(raw)? })
    }

    fn action(&self, entry: &Spanned<Entry>, action: Action) -> Result<Rule<Action>, String> {
        let raw = entry.get_ref();
        if let Some(gives) = &raw.gives {
            let message = "`gives` belongs into a [[category]]: remove it";
            return Err(self.origin.say(&gives.span(), message));
        }
        let Some(reason) = &raw.reason else {
            let message = "`reason` is missing here: say why in one sentence";
            return Err(self.origin.say(&entry.span(), message));
        };
        let when = self.conditions(raw)?;
        Ok(Rule { name: self.name(entry)?, gives: action, reason: self.reason(reason)?, when })
    }

    fn name(&self, entry: &Spanned<Entry>) -> Result<String, String> {
        self.needed(&entry.get_ref().rule, "rule", "a name for the rule", &entry.span())
    }

    fn needed(&self, text: &Text, key: &str, what: &str, place: &Range<usize>) -> Result<String, String> {
        match text {
            Some(text) if !text.get_ref().is_empty() => Ok(text.get_ref().clone()),
            _ => Err(self.origin.say(place, &format!("`{key}` is missing here: add {what}"))),
        }
    }

    fn conditions(&self, raw: &Entry) -> Result<Conditions, String> {
        let mut coverage_below = 0.0;
        self.number(&raw.coverage_below, &(0.0..=1.0), &mut coverage_below)?;
        let verdict = match &raw.verdict {
            Some(word) => Some(self.one(word, "verdict", &Verdict::ALL, Verdict::as_str)?),
            None => None,
        };
        let category = raw.category.iter().flatten().map(|word| word.get_ref().clone()).collect();
        Ok(Conditions {
            name: self.pattern(&raw.name)?,
            path: self.pattern(&raw.path)?,
            layout: self.pattern(&raw.layout)?,
            status: self.words(&raw.status, "status", &DirStatus::ALL, DirStatus::as_str)?,
            category,
            flags: self.words(&raw.flags, "flag", &Flag::ALL, Flag::as_str)?,
            safety: self.words(&raw.safety, "safety", &SAFETIES, Safety::as_str)?,
            group: self.words(&raw.group, "group", &GroupKind::ALL, GroupKind::as_str)?,
            any_file: self.words(&raw.any_file, "file status", &STATUSES, Status::as_str)?,
            all_files: self.words(&raw.all_files, "file status", &STATUSES, Status::as_str)?,
            verdict,
            coverage_below: raw.coverage_below.as_ref().map(|_| coverage_below),
            low_coverage: raw.low_coverage,
            duplicate: raw.duplicate,
            repeated: raw.repeated,
            redundant: raw.redundant,
            best_of_group: raw.best_of_group,
            sound: raw.sound,
            others: raw.others,
        })
    }

    fn words<T: Copy>(
        &self,
        words: &Words,
        what: &str,
        known: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Result<Vec<T>, String> {
        words.iter().flatten().map(|word| self.one(word, what, known, &name)).collect()
    }

    fn one<T: Copy>(
        &self,
        word: &Spanned<String>,
        what: &str,
        known: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Result<T, String> {
        known.iter().copied().find(|one| name(*one) == word.get_ref()).ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(|one| name(*one)).collect();
            self.origin.say(&word.span(), &place::unknown(what, word.get_ref(), &names))
        })
    }

    fn pattern(&self, text: &Text) -> Result<Option<Regex>, String> {
        text.as_ref().map(|text| self.regex(text)).transpose()
    }

    fn regex(&self, text: &Spanned<String>) -> Result<Regex, String> {
        Regex::new(text.get_ref()).map_err(|error| {
            let message = format!("expected a regular expression, found one that ends in error ({error})");
            self.origin.say(&text.span(), &format!("{message}: mend it, in 'single quotes'"))
        })
    }

    fn number(
        &self,
        number: &Number,
        range: &std::ops::RangeInclusive<f64>,
        place: &mut f64,
    ) -> Result<(), String> {
        let Some(number) = number else { return Ok(()) };
        if !range.contains(number.get_ref()) {
            let (low, high) = (range.start(), range.end());
            let message =
                format!("expected a number from {low} to {high}, found {}: change it", number.get_ref());
            return Err(self.origin.say(&number.span(), &message));
        }
        *place = *number.get_ref();
        Ok(())
    }

    fn reason(&self, text: &Spanned<String>) -> Result<String, String> {
        for part in text.get_ref().split('{').skip(1) {
            let word = part.split('}').next().unwrap_or(part);
            if !PLACEHOLDERS.contains(&word) {
                return Err(self
                    .origin
                    .say(&text.span(), &place::unknown("placeholder", word, &PLACEHOLDERS)));
            }
        }
        Ok(text.get_ref().clone())
    }

    fn metric(&self, name: &Spanned<String>) -> Result<(), String> {
        let word = name.get_ref();
        let (stem, branch) = word.split_at(judge::stem(word).len());
        let known = judge::known_metrics();
        if known.contains(&stem) {
            return Ok(());
        }
        let known: Vec<String> = known.iter().map(|stem| format!("{stem}{branch}")).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        Err(self.origin.say(&name.span(), &place::unknown("metric", word, &known)))
    }

    fn annotation(&self, raw: RawAnnotation, named: bool) -> Result<Annotation, String> {
        let path = raw.path.get_ref().replace('\\', "/");
        let path = path.trim_start_matches("./").trim_end_matches('/');
        if path.is_empty() || path.split('/').any(|part| part == "..") {
            let message =
                "expected the path of a directory below the tree: write it as `tvae scan` prints it";
            return Err(self.origin.say(&raw.path.span(), message));
        }
        let mut documented = Vec::new();
        for (name, number) in &raw.documented {
            self.metric(name)?;
            let written = self.origin.text.get(number.span()).and_then(Stated::read);
            let Some(stated) = written else {
                let message =
                    "expected a finite decimal number: write it with the digits that were published";
                return Err(self.origin.say(&number.span(), message));
            };
            documented.push((name.get_ref().clone(), stated));
        }
        Ok(Annotation {
            path: path.to_owned(),
            verdict: match &raw.verdict {
                Some(word) => Some(self.one(word, "verdict", &Verdict::ALL, Verdict::as_str)?),
                None => None,
            },
            note: raw.note,
            source: raw.source,
            documented,
            origin: named.then(|| self.origin.name.to_owned()),
        })
    }
}

/// The names of all rules.
fn rule_names(rules: &Rules) -> Vec<String> {
    let categories = rules.categories.iter().map(|rule| &rule.name);
    categories.chain(rules.actions.iter().map(|rule| &rule.name)).cloned().collect()
}
