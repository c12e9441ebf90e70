//! The predecessor's verdicts on the directories of a real tree.

use std::collections::BTreeMap;

use tvae_scan::judge::{Action, judge};
use tvae_scan::rules::Rules;

use crate::trees::{Tree, advice, dir, file};

/// Name, status and category of each directory.
fn golden() -> Vec<[&'static str; 3]> {
    let lines = include_str!("../data/legacy_categories.txt").lines();
    lines
        .map(|line| {
            let mut words = line.split(' ');
            [(); 3].map(|()| words.next().unwrap_or(""))
        })
        .collect()
}

fn tree() -> Tree {
    golden().iter().fold(Tree::default(), |tree, [name, status, _]| {
        let names: &[&str] = match *status {
            "complete" => &["best.pt", "latest.pt"],
            "partial" => &["best_Q.pt", "latest.pt"],
            "crashed" => &["checkpoint_10.pt", "final.pt"],
            _ => &[],
        };
        tree.dir(name, names.iter().map(|name| file(name, &[("coverage", 1.0)])).collect())
    })
}

#[test]
fn every_directory_has_its_golden_status_and_category() {
    let judgement = judge(&tree().0, &Rules::legacy());
    assert_eq!(judgement.dirs.len(), 119);
    for [name, status, category] in golden() {
        let dir = dir(&judgement, name);
        assert_eq!((dir.status.as_str(), dir.category.as_str()), (status, category), "{name}");
    }
    let counts = |tallies: &BTreeMap<String, tvae_scan::judge::Tally>| {
        tallies.iter().map(|(word, tally)| format!("{word} {}", tally.count)).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(counts(&judgement.summary.statuses), "complete 104, crashed 8, empty 4, partial 3");
    assert_eq!(
        counts(&judgement.summary.categories),
        "FINAL_PUSH 6, HOMEOSTATIC_EXPERIMENT 1, LOSS_EXPERIMENT 11, OTHER 10, PRODUCTION 28, SWEEP_TEST 45, \
         TEST 12, TRAINING_EXPERIMENT 6"
    );
}

#[test]
fn statuses_do_not_depend_on_the_rules() {
    let (legacy, ours) = (judge(&tree().0, &Rules::legacy()), tree().judge());
    for (one, other) in legacy.dirs.iter().zip(&ours.dirs) {
        assert_eq!(one.status, other.status, "{}", one.path.display());
    }
}

#[test]
fn recommendations_are_those_of_the_audit() {
    let judgement = judge(&tree().0, &Rules::legacy());
    for (name, action) in [
        ("v5_5", Action::Keep),
        ("final_rich_lr3e4", Action::Keep),
        ("stable_run_3", Action::Delete),
        ("sweep2_balanced", Action::Delete),
        ("scratch_run_1", Action::Delete),
        ("v5_6", Action::Archive),
        ("v5_9_2", Action::Archive),
        ("sweep3_cosine", Action::Archive),
        ("adamw_test", Action::Archive),
        ("v5_12", Action::Review),
        ("ternary", Action::Review),
    ] {
        assert_eq!(dir(&judgement, name).recommendation, action, "{name}");
    }
    // A missing directory that came with the rules is no news.
    assert_eq!(judgement.notes, [""; 0]);
}

#[test]
fn only_pt_files_count() {
    let tree =
        Tree::default().dir("a", vec![file("best.safetensors", &[])]).dir("b", vec![file("best.PT", &[])]);
    let judgement = judge(&tree.0, &Rules::legacy());
    for name in ["a", "b"] {
        assert_eq!(dir(&judgement, name).status.as_str(), "empty");
        assert_eq!(advice(&judgement, name), "keep: holds no checkpoint, but one other file");
    }
}

#[test]
fn a_collapse_is_deleted_and_its_coverage_told() {
    let tree = Tree::default().dir("progressive_tiny_lr", vec![file("best.pt", &[("coverage", 0.6039)])]);
    let judgement = judge(&tree.0, &Rules::legacy());
    assert_eq!(advice(&judgement, "progressive_tiny_lr"), "delete: its best file has a coverage of 0.6039");
}
