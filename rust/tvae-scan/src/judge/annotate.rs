//! What people wrote about a directory: verdicts, notes and numbers.

use crate::rules::{Annotation, Rules};
use crate::scan::Scan;

use super::records::DirRecord;
use super::view::View;
use super::{Chosen, documented};

/// Fills in annotations and documented numbers; returns what the user should hear of.
pub(super) fn annotate(
    scan: &Scan,
    views: &[View<'_>],
    chosen: &[Chosen],
    rules: &Rules,
    dirs: &mut [DirRecord],
) -> Vec<String> {
    let mut used = vec![false; rules.annotations.len()];
    for ((view, chosen), dir) in views.iter().zip(chosen).zip(dirs) {
        let mut mine: Vec<&Annotation> = Vec::new();
        for (annotation, used) in rules.annotations.iter().zip(&mut used) {
            if is_about(annotation, view) {
                *used = true;
                mine.push(annotation);
            }
        }
        dir.verdict = mine.iter().find_map(|annotation| annotation.verdict);
        let words: Vec<String> = mine.iter().filter_map(|annotation| words(annotation)).collect();
        dir.note = (!words.is_empty()).then(|| words.join("; "));
        let best = chosen.best.map(|at| &scan.files[at]);
        dir.documented = documented::compare(view.folder.readme.as_deref(), &mine, best);
    }
    rules
        .annotations
        .iter()
        .zip(used)
        .filter(|(_, used)| !used)
        .filter_map(|(annotation, _)| {
            let origin = annotation.origin.as_ref()?;
            let path = &annotation.path;
            Some(format!("{origin}: the annotation of `{path}` is about no directory here: check its path"))
        })
        .collect()
}

/// Whether an annotation names a directory by its path below the argument, or by the path itself.
fn is_about(annotation: &Annotation, view: &View<'_>) -> bool {
    annotation.path == view.relative || view.folder.path.ends_with(&annotation.path)
}

fn words(annotation: &Annotation) -> Option<String> {
    let note = annotation.note.as_ref()?;
    Some(match &annotation.source {
        Some(source) => format!("{note} ({source})"),
        None => note.clone(),
    })
}
