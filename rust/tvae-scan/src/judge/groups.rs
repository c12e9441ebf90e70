//! Runs that belong together: sweeps, and one version under several names.

use std::collections::{BTreeMap, HashMap};

use crate::record::FileRecord;
use crate::rules::Grouping;

use super::flags::{self, Level};
use super::records::GroupKind;
use super::standing::Standing;

/// What is needed of a directory to group it.
#[derive(Debug)]
pub(super) struct Member<'a> {
    /// The path of the folder that it is in, as bytes: paths compare slowly.
    pub parent: &'a [u8],
    pub name: &'a str,
    /// Its best file.
    pub best: Option<&'a FileRecord>,
    /// It holds checkpoints.
    pub filled: bool,
    /// Its run came to an end.
    pub complete: bool,
    /// Nothing speaks against it.
    pub sound: bool,
}

/// The place of a directory in its group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    pub group: String,
    pub kind: GroupKind,
    /// The best of those that it compares with; itself if it is the best of several, none if it is better itself.
    pub best: Option<usize>,
}

/// For each directory its group.
pub(super) fn groups(members: &[Member<'_>], rules: &Grouping) -> Vec<Option<Place>> {
    let mut keys: Vec<Option<(String, GroupKind)>> = vec![None; members.len()];
    let mut sets: BTreeMap<(&[u8], String), Vec<usize>> = BTreeMap::new();
    for (at, member) in members.iter().enumerate().filter(|(_, member)| member.filled) {
        let named = rules.sweeps.iter().find_map(|pattern| {
            let found = pattern.captures(member.name)?;
            let start = found.get(1).or(found.get(0))?.as_str();
            Some(format!("{start}*"))
        });
        for key in named.map_or_else(|| patterns(member.name), |key| vec![key]) {
            sets.entry((member.parent, key)).or_default().push(at);
        }
    }
    // The pattern that most names share first.
    let mut sets: Vec<_> = sets.into_iter().collect();
    sets.sort_by_key(|(_, all)| std::cmp::Reverse(all.len()));
    for ((_, key), all) in sets {
        let free: Vec<usize> = all.into_iter().filter(|at| keys[*at].is_none()).collect();
        if free.len() >= rules.smallest_sweep {
            for at in free {
                keys[at] = Some((key.clone(), GroupKind::Sweep));
            }
        }
    }
    versions(members, rules.near, &mut keys);
    places(members, &keys)
}

/// The name with each of its parameters in turn left open: `lr_1e3_b64` is a `lr_#_b64` and a `lr_1e3_b#`.
fn patterns(name: &str) -> Vec<String> {
    let tokens = tokens(name);
    let versions = version_tokens(&tokens);
    let mut all = Vec::new();
    for (at, (start, token)) in tokens.iter().enumerate() {
        let Some(letters) = parameter(token).filter(|_| !versions.contains(&at)) else { continue };
        let (before, behind) = (&name[..start + letters], &name[start + token.len()..]);
        all.push(format!("{before}#{behind}"));
    }
    all
}

/// The parts between underscores and hyphens, with their offsets. The hyphen of `1e-3` is part of a number.
fn tokens(name: &str) -> Vec<(usize, &str)> {
    let bytes = name.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let exponent = |at: usize| {
        digit(Some(at + 1))
            && at.checked_sub(1).is_some_and(|at| bytes[at] == b'e')
            && digit(at.checked_sub(2))
    };
    let mut start = 0;
    let mut all = Vec::new();
    for (at, sign) in bytes.iter().enumerate() {
        if *sign == b'_' || (*sign == b'-' && !exponent(at)) {
            all.push((start, &name[start..at]));
            start = at + 1;
        }
    }
    all.push((start, &name[start..]));
    all
}

/// Letters in front of the number if a part is a parameter: `lr1e3`, `npairs8k`, `0.5`. Dates are none.
fn parameter(token: &str) -> Option<usize> {
    let letters = token.len() - token.trim_start_matches(|sign: char| sign.is_ascii_alphabetic()).len();
    let number = token[letters..].trim_end_matches(['k', 'K', 'm', 'M']);
    let whole = number.bytes().all(|sign| sign.is_ascii_digit());
    let plain =
        !number.is_empty() && number.bytes().all(|sign| sign.is_ascii_digit() || b".e-".contains(&sign));
    let numeric =
        plain && number.starts_with(|sign: char| sign.is_ascii_digit()) && number.parse::<f64>().is_ok();
    (numeric && !(whole && number.len() >= 6)).then_some(letters)
}

/// Places of the parts that are a version: `v5` and the numbers right behind it.
fn version_tokens(tokens: &[(usize, &str)]) -> Vec<usize> {
    let numeric =
        |text: &str| !text.is_empty() && text.bytes().all(|sign| sign.is_ascii_digit() || sign == b'.');
    let Some(first) =
        tokens.iter().position(|(_, token)| token.strip_prefix(['v', 'V']).is_some_and(numeric))
    else {
        return Vec::new();
    };
    let more = tokens[first + 1..].iter().take_while(|(_, token)| numeric(token)).count();
    (first..=first + more).collect()
}

/// The name up to the first two numbers of its version: `v5_11` of `v5_11_9_zero`.
fn stem(name: &str) -> Option<&str> {
    let tokens = tokens(name);
    let versions = version_tokens(&tokens);
    let first = *versions.first()?;
    let last = if tokens[first].1.contains('.') { first } else { *versions.get(1).unwrap_or(&first) };
    Some(&name[..tokens[last].0 + tokens[last].1.len()])
}

/// Groups versions of one stem whose metrics hardly differ from those of the first of them. A name with a parameter is
/// none: the best of a sweep would become one when the others have gone.
fn versions(members: &[Member<'_>], near: f64, keys: &mut [Option<(String, GroupKind)>]) {
    let mut stems: BTreeMap<(&[u8], &str), Vec<usize>> = BTreeMap::new();
    for (at, member) in members.iter().enumerate() {
        let free = keys[at].is_none() && member.sound && member.best.is_some();
        if let Some(stem) = stem(member.name).filter(|_| free && patterns(member.name).is_empty()) {
            stems.entry((member.parent, stem)).or_default().push(at);
        }
    }
    for all in stems.into_values() {
        let mut clusters: Vec<Vec<usize>> = Vec::new();
        for at in all {
            let Some(mine) = members[at].best else { continue };
            let found = clusters.iter_mut().find(|cluster| {
                members[cluster[0]].best.is_some_and(|first| hardly_differ(first, mine, near))
            });
            match found {
                Some(cluster) => cluster.push(at),
                None => clusters.push(vec![at]),
            }
        }
        for cluster in clusters.into_iter().filter(|cluster| cluster.len() > 1) {
            let name = format!("versions like {}", members[cluster[0]].name);
            for at in cluster {
                keys[at] = Some((name.clone(), GroupKind::Versions));
            }
        }
    }
}

/// Whether two files hold models of one shape whose coverage, hierarchies and richness are as good as equal.
fn hardly_differ(one: &FileRecord, other: &FileRecord, near: f64) -> bool {
    let shape = |file: &FileRecord| {
        let mut all: Vec<_> =
            file.state_dicts.iter().map(|state| (state.n_tensors, state.n_params)).collect();
        all.sort_unstable();
        all
    };
    if shape(one) != shape(other) {
        return false;
    }
    let mut compared = 0;
    for metric in &one.metrics {
        let stem = metric.name.split('_').next().unwrap_or("");
        if !["coverage", "hierarchy", "richness"].contains(&stem) {
            continue;
        }
        let Some(same) = flags::metric(other, &metric.name) else { return false };
        let (first, second) = (&metric.reading, &same.reading);
        if [first, second].iter().any(|reading| flags::level(reading) != Level::Measured) {
            continue;
        }
        let (Some(one), Some(other)) = (first.value.number(), second.value.number()) else { return false };
        let apart = (one - other).abs();
        if first.family != second.family || apart > near || apart.is_nan() {
            return false;
        }
        compared += 1;
    }
    compared >= 2
}

/// Who is the best in each group, among those that compare.
fn places(members: &[Member<'_>], keys: &[Option<(String, GroupKind)>]) -> Vec<Option<Place>> {
    let standing =
        |(member, key): (&Member<'_>, &Option<_>)| key.as_ref().and(member.best).and_then(Standing::of);
    let standings: Vec<Option<Standing>> = members.iter().zip(keys).map(standing).collect();
    let worse = |one: usize, other: usize| match (&standings[one], &standings[other]) {
        (Some(one), Some(other)) => one.order(other).is_gt(),
        _ => false,
    };
    let mut best: HashMap<(&[u8], &str, String), (usize, usize)> = HashMap::new();
    for (at, key) in keys.iter().enumerate() {
        let (Some((group, _)), Some(standing)) = (key, &standings[at]) else { continue };
        if !members[at].sound {
            continue;
        }
        let entry = best.entry((members[at].parent, group, standing.class())).or_insert((at, 0));
        entry.1 += 1;
        // A run that came to an end leads before any that did not.
        let (leads, first) = (members[at].complete, members[entry.0].complete);
        if (leads && !first) || (leads == first && worse(entry.0, at)) {
            entry.0 = at;
        }
    }
    let best_of = |at: usize, group: &str| {
        let class = standings[at].as_ref()?.class();
        let (first, number) = best.get(&(members[at].parent, group, class))?;
        let several = *first != at || *number > 1;
        (several && !worse(*first, at)).then_some(*first)
    };
    let place = |(at, key): (usize, &Option<(String, GroupKind)>)| {
        let (group, kind) = key.as_ref()?;
        Some(Place { group: group.clone(), kind: *kind, best: best_of(at, group) })
    };
    keys.iter().enumerate().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_left_open_and_a_version_is_not() {
        assert_eq!(patterns("stability_run_10"), ["stability_run_#"]);
        assert_eq!(patterns("v5_11_npairs8k"), ["v5_11_npairs#"]);
        assert_eq!(patterns("final_homeo_lr1e3"), ["final_homeo_lr#"]);
        assert_eq!(patterns("max_radius_096_test"), ["max_radius_#_test"]);
        assert_eq!(patterns("a-lr_1e-3_b64"), ["a-lr_#_b64", "a-lr_1e-3_b#"]);
        for none in ["v5_12_4", "run-20240101", "homeostatic_rich", "purposeful_v5.10", "", "é_ß"] {
            assert_eq!(patterns(none), [""; 0], "{none}");
        }
    }

    #[test]
    fn a_stem_ends_behind_the_minor_version() {
        assert_eq!(stem("v5_11_9_zero"), Some("v5_11"));
        assert_eq!(stem("purposeful_v5.10"), Some("purposeful_v5.10"));
        assert_eq!(stem("ternary"), None);
    }
}
