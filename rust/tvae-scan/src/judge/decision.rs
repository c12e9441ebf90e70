//! Groups, categories and recommendations, in rounds.
//!
//! What goes in one round takes no part in the next. So nothing that stays would be told to go by a scan of what is left.

use crate::rules::Rules;
use crate::scan::Scan;

use super::Chosen;
use super::copies::{Copies, Homes};
use super::groups::{self, Member, Place};
use super::guards;
use super::measured::Contradicted;
use super::names::Names;
use super::recommend::{self, Case};
use super::records::{Action, DirRecord, DirStatus};
use super::view::View;

/// Fills in groups, categories and recommendations.
pub(super) fn decide(
    scan: &Scan,
    views: &[View<'_>],
    chosen: &[Chosen],
    copies: &Copies,
    rules: &Rules,
    contradicted: &Contradicted,
    dirs: &mut [DirRecord],
) {
    let names = Names::of(views);
    let sound: Vec<bool> =
        views.iter().zip(dirs.iter()).map(|(view, dir)| recommend::sound(view, dir)).collect();
    let mut members: Vec<Member<'_>> = views
        .iter()
        .enumerate()
        .map(|(at, view)| Member {
            parent: view.folder.path.parent().map_or(&[][..], |path| path.as_os_str().as_encoded_bytes()),
            name: &view.name,
            best: chosen[at].best.map(|at| &scan.files[at]),
            filled: !view.files.is_empty(),
            complete: dirs[at].status == DirStatus::Complete,
            sound: sound[at],
        })
        .collect();
    let goes = |dir: &DirRecord| matches!(dir.recommendation, Action::Archive | Action::Delete);
    let mut known: Option<Vec<Option<Place>>> = None;
    let mut gone = vec![false; views.len()];
    // Those that a rule would let go, and a guard held back.
    let mut held = vec![false; views.len()];
    loop {
        let places = groups::groups(&members, &rules.groups);
        let staying = views.iter().zip(&gone).filter(|(_, gone)| !**gone);
        let mut homes = Homes::of(copies, staying.map(|(view, _)| view));
        for (at, view) in views.iter().enumerate() {
            let place = places[at].as_ref();
            let before = match &known {
                None => None,
                Some(known) if !gone[at] && (held[at] || known[at].as_ref() != place) => {
                    Some(dirs[at].clone())
                }
                Some(_) => continue,
            };
            let better = place.and_then(|place| place.best).filter(|best| *best != at);
            dirs[at].better = better.map(|best| dirs[best].path.clone());
            dirs[at].group = place.map(|place| place.group.clone());
            dirs[at].group_kind = place.map(|place| place.kind);
            let coverage = recommend::coverage(view, chosen[at].best);
            let (unique, names, sound) = (&homes.unique(view)[..], &names, sound[at]);
            let case = Case { view, dir: &dirs[at], place, at, coverage, unique, names, sound, contradicted };
            let (category, rule) = case.category(rules);
            (dirs[at].category, dirs[at].rule) = (category, rule);
            let case = Case { view, dir: &dirs[at], place, at, coverage, unique, names, sound, contradicted };
            let (action, reason, rule) = case.recommendation(rules);
            let dir = &mut dirs[at];
            (dir.recommendation, dir.reason, dir.recommended_by) = (action, reason, rule);
            held[at] = goes(dir);
            if held[at] {
                // The next one that holds the same is to be a home of it.
                homes.leave(view);
            }
            // What stays is told as it was beside all the others.
            if let Some(before) = before.filter(|_| !goes(dir)) {
                *dir = before;
            }
        }
        known = Some(places);
        guards::restrain(views, copies, rules, dirs);
        let mut more = false;
        for at in (0..dirs.len()).filter(|at| goes(&dirs[*at])) {
            held[at] = false;
            if !gone[at] {
                (gone[at], more) = (true, true);
                members[at] = Member { best: None, filled: false, sound: false, ..members[at] };
            }
        }
        if !more {
            break;
        }
    }
    guards::name_dangerous(dirs);
}
