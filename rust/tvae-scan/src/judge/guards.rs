//! What holds whatever the rules say: no recommendation takes away more than it looked at.

use std::collections::HashMap;
use std::path::Path;

use crate::pickle::Safety;
use crate::rules::Rules;

use super::copies::Copies;
use super::number::count;
use super::records::{Action, DirRecord};
use super::view::View;

/// Takes back what would go too far, and says why.
pub(super) fn restrain(views: &[View<'_>], copies: &Copies, rules: &Rules, dirs: &mut [DirRecord]) {
    for (view, dir) in views.iter().zip(dirs.iter_mut()) {
        alone(view, dir);
    }
    if !rules.delete_only_copies {
        last_copies(views, copies, dirs);
    }
    subtrees(views, dirs);
}

/// Lets no reason pass over a dangerous file.
pub(super) fn name_dangerous(dirs: &mut [DirRecord]) {
    for dir in dirs.iter_mut().filter(|dir| dir.safety == Safety::Dangerous) {
        if dir.recommendation != Action::Review {
            dir.reason.push_str("; holds a dangerous file: do not load it");
        }
    }
}

/// What a directory holds beside the checkpoints that were looked at.
fn alone(view: &View<'_>, dir: &mut DirRecord) {
    if let Some(trouble) = &view.folder.unreadable {
        dir.recommendation = Action::Review;
        dir.reason = format!("could not be listed: {trouble}");
        return;
    }
    if dir.recommendation != Action::Delete {
        return;
    }
    // No checkpoint by the names that count.
    let unseen = view.folder.n_others + dir.n_files;
    if dir.status.as_str() == "empty" && unseen > 0 {
        dir.recommendation = Action::Keep;
        dir.reason = format!("{}, but {}", dir.reason, count(unseen, "other file"));
    }
}

/// The first directory of those that hold a save is archived if all of them were to be deleted.
fn last_copies(views: &[View<'_>], copies: &Copies, dirs: &mut [DirRecord]) {
    if dirs.iter().all(|dir| dir.recommendation != Action::Delete) {
        return;
    }
    let mut survives = vec![false; copies.content.len()];
    for (view, dir) in views.iter().zip(dirs.iter()) {
        for (at, _) in &view.files {
            let stays = dir.recommendation != Action::Delete;
            survives[copies.content[*at]] |= stays;
        }
    }
    for (view, dir) in views.iter().zip(dirs.iter_mut()) {
        if dir.recommendation != Action::Delete {
            continue;
        }
        let lost = |at: usize| !survives[copies.content[at]];
        if view.files.iter().any(|(at, record)| record.status.is_decoded() && lost(*at)) {
            dir.recommendation = Action::Archive;
            dir.reason.push_str("; not deleted: its checkpoints exist nowhere else");
            for (at, _) in &view.files {
                survives[copies.content[*at]] = true;
            }
        }
    }
}

/// A directory does not go with folders that stay, and is not deleted with any.
fn subtrees(views: &[View<'_>], dirs: &mut [DirRecord]) {
    let goes = |dir: &DirRecord| matches!(dir.recommendation, Action::Archive | Action::Delete);
    if !views.iter().zip(dirs.iter()).any(|(view, dir)| view.folder.n_folders > 0 && goes(dir)) {
        return;
    }
    let mut staying: HashMap<&Path, usize> = HashMap::new();
    for (view, dir) in views.iter().zip(dirs.iter()) {
        if !goes(dir) && dir.n_files > 0 {
            for above in view.folder.path.ancestors().skip(1).take_while(|path| !path.as_os_str().is_empty())
            {
                *staying.entry(above).or_default() += 1;
            }
        }
    }
    for (view, dir) in views.iter().zip(dirs.iter_mut()) {
        let number = staying.get(view.folder.path.as_path()).copied().unwrap_or(0);
        let why = match dir.recommendation {
            Action::Archive | Action::Delete if number > 0 => {
                format!("{} below it should stay", count(number as u64, "folder"))
            }
            Action::Delete if view.folder.n_folders > 0 => "it has folders of its own".into(),
            _ => continue,
        };
        dir.reason = format!("{}; but {why}", dir.reason);
        dir.recommendation = Action::Review;
    }
}
